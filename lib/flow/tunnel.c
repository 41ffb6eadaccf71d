// SPDX-License-Identifier: Apache-2.0
/*
 * Tunnels by name. What may be chosen is a row of `choices`: a word, the bit that the program is
 * given, and, where packets are known by a UDP port, which one that is by default and where
 * another one goes. Reading and writing a choice both go by these rows.
 */
#include "flow/tunnel.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/parse.h"

static const struct kind {
	const char *name;
	bool has_vni;
} kinds[TUNNEL_KINDS] = {
	[TUNNEL_GENEVE] = { "geneve", true },
	[TUNNEL_VXLAN] = { "vxlan", true },
	[TUNNEL_GRE] = { "gre" },
	[TUNNEL_ERSPAN] = { "erspan", true },
	[TUNNEL_IPIP] = { "ipip" },
	[TUNNEL_6IN4] = { "6in4" },
	[TUNNEL_4IN6] = { "4in6" },
	[TUNNEL_6IN6] = { "6in6" },
};

static const char *const results[DECAP_RESULTS] = {
	[DECAP_DONE] = "decapsulated",
	[DECAP_FRAGMENT] = "fragment",
	[DECAP_SHORT] = "short",
	[DECAP_VERSION] = "version",
	[DECAP_CONTROL] = "control",
	[DECAP_PROTOCOL] = "protocol",
	[DECAP_NON_IP] = "non_ip",
	[DECAP_INNER] = "inner",
	[DECAP_SEVERAL] = "several",
};

static const struct choice {
	const char *word;
	uint8_t decap;
	uint16_t port;		/* the usual one; 0: not known by a port */
	size_t port_offset;	/* in struct tunnel_choice */
} choices[] = {
	{ "geneve", DECAP_GENEVE, DECAP_GENEVE_PORT, offsetof(struct tunnel_choice, geneve_port) },
	{ "vxlan", DECAP_VXLAN, DECAP_VXLAN_PORT, offsetof(struct tunnel_choice, vxlan_port) },
	{ "gre", DECAP_GRE },
	{ "ipip", DECAP_IPIP },
};
#define N_CHOICES (sizeof(choices) / sizeof(choices[0]))

/* Longer than any word and its port. */
#define ITEM_MAX 32

const char *tunnel_name(enum tunnel kind)
{
	return (unsigned)kind < TUNNEL_KINDS ? kinds[kind].name : NULL;
}

bool tunnel_has_vni(enum tunnel kind)
{
	return (unsigned)kind < TUNNEL_KINDS && kinds[kind].has_vni;
}

const char *tunnel_result_name(enum decap_result result)
{
	return (unsigned)result < DECAP_RESULTS ? results[result] : NULL;
}

static const struct choice *find(const char *word)
{
	for (size_t i = 0; i < N_CHOICES; i++) {
		if (strcmp(choices[i].word, word) == 0)
			return &choices[i];
	}
	return NULL;
}

static int unknown(const char *word)
{
	static const char *const words[] = { "none", "all", "geneve", "vxlan", "gre", "ipip", NULL };
	const char *meant = parse_nearest(word, words);
	int r = fail_usage("'%s' is no tunnel: none, all, or some of " TUNNEL_CHOICES, word);

	if (meant)
		error_hint("did you mean '%s'?", meant);
	return r;
}

static uint16_t *port_of(struct tunnel_choice *c, const struct choice *row)
{
	return (uint16_t *)((char *)c + row->port_offset);
}

static int parse_port(const char *port, const struct choice *row, struct tunnel_choice *to)
{
	uint64_t n;

	if (!row->port)
		return fail_usage("%s has no port: '%s'", row->word, port);
	if (parse_u64(port, UINT16_MAX, &n) < 0 || n == 0)
		return fail_usage("'%s' is no port of %s: 1 to 65535", port, row->word);
	*port_of(to, row) = n;
	return 0;
}

/* One of the list; @item is changed. */
static int parse_item(char *item, struct tunnel_choice *to)
{
	char *port = strchr(item, ':');
	const struct choice *row;

	if (port)
		*port++ = '\0';
	row = find(item);
	if (strcmp(item, "none") == 0)
		return fail_usage("'none' stands alone, not in a list of tunnels");
	if (strcmp(item, "all") == 0) {
		to->decap = DECAP_ALL;
		return port ? fail_usage("all has no port: '%s'", port) : 0;
	}
	if (!row)
		return unknown(item);
	to->decap |= row->decap;
	return port ? parse_port(port, row, to) : 0;
}

/* Of one port a packet would be of either. */
static int check_ports(const struct tunnel_choice *c)
{
	uint16_t geneve = c->geneve_port ? c->geneve_port : DECAP_GENEVE_PORT;
	uint16_t vxlan = c->vxlan_port ? c->vxlan_port : DECAP_VXLAN_PORT;

	if (!(c->decap & DECAP_GENEVE) || !(c->decap & DECAP_VXLAN))
		return 0;
	if (geneve == vxlan || geneve == DECAP_VXLAN_GPE_PORT)
		return fail_usage("geneve and vxlan cannot both have port %u", geneve);
	return 0;
}

int tunnel_choice_parse(const char *text, struct tunnel_choice *ret)
{
	struct tunnel_choice c = { 0 };
	int r = 0;

	if (strcmp(text, "none") == 0) {
		*ret = c;
		return 0;
	}
	for (const char *at = text; r == 0 && at; at = strchr(at, ',')) {
		char item[ITEM_MAX];
		size_t len;

		at += *at == ',' && at != text;
		len = strcspn(at, ",");
		snprintf(item, sizeof(item), "%.*s", (int)len, at);
		r = parse_item(item, &c);
	}
	if (r == 0)
		r = check_ports(&c);
	if (r == 0)
		*ret = c;
	return r;
}

const char *tunnel_choice_format(const struct tunnel_choice *choice, char *buf, size_t size)
{
	struct tunnel_choice c = *choice;
	bool ports = false;
	size_t n = 0;

	snprintf(buf, size, "none");
	for (size_t i = 0; i < N_CHOICES; i++) {
		const struct choice *row = &choices[i];
		uint16_t port = row->port ? *port_of(&c, row) : 0;

		if (!(c.decap & row->decap) || n >= size)
			continue;
		n += snprintf(buf + n, size - n, "%s%s", n ? "," : "", row->word);
		if (port == 0 || port == row->port || n >= size)
			continue;
		ports = true;
		n += snprintf(buf + n, size - n, ":%u", port);
	}
	if ((c.decap & DECAP_ALL) == DECAP_ALL && !ports)
		snprintf(buf, size, "all");
	return buf;
}
