// SPDX-License-Identifier: Apache-2.0
/*
 * See words.h. While somebody types, every beginning of a word is a filter, too: what does not
 * parse yet is refused, and the caller stays with what it had.
 */
#include "top/words.h"

#include <endian.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

static int port_of(const char *s, uint16_t *ret)
{
	uint64_t v;

	if (parse_u64(s, 65535, &v) < 0)
		return -EINVAL;
	*ret = v;
	return 0;
}

#define SET(name_, body_)                                               \
	static int set_##name_(struct top_words *w, const char *s)      \
	{                                                               \
		body_;                                                  \
	}

SET(proto, w->filter.has_proto = true; return filter_proto(s, &w->filter.proto))
SET(saddr, w->filter.has_saddr = true; return parse_prefix(s, &w->filter.saddr))
SET(daddr, w->filter.has_daddr = true; return parse_prefix(s, &w->filter.daddr))
SET(sport, w->filter.has_sport = true; return port_of(s, &w->filter.sport))
SET(dport, w->filter.has_dport = true; return port_of(s, &w->filter.dport))
SET(idle, return parse_duration(s, &w->filter.idle_ns))

static int set_ifindex(struct top_words *w, const char *s)
{
	uint64_t v;

	if (parse_u64(s, UINT32_MAX, &v) < 0)
		return -EINVAL;
	w->filter.has_ifindex = true;
	w->filter.ifindex = v;
	return 0;
}

static int set_direction(struct top_words *w, const char *s)
{
	bool in = strcmp(s, "ingress") == 0;

	if (!in && strcmp(s, "egress") != 0)
		return -EINVAL;
	w->filter.has_direction = true;
	w->filter.direction = in ? FLOW_INGRESS : FLOW_EGRESS;
	return 0;
}

static int set_host(struct top_words *w, const char *s)
{
	if (w->n_hosts == TOP_ANY_MAX || parse_prefix(s, &w->hosts[w->n_hosts]) < 0)
		return -EINVAL;
	w->n_hosts++;
	return 0;
}

static int set_port(struct top_words *w, const char *s)
{
	if (w->n_ports == TOP_ANY_MAX || port_of(s, &w->ports[w->n_ports]) < 0)
		return -EINVAL;
	w->n_ports++;
	return 0;
}

static int set_name(struct top_words *w, const char *s)
{
	if (strlen(s) >= sizeof(w->iface))
		return -EINVAL;
	snprintf(w->iface, sizeof(w->iface), "%s", s);
	return 0;
}

static const struct {
	const char *name;
	char letter;
	int (*set)(struct top_words *w, const char *s);
} words[] = {
	{ "proto", 'p', set_proto }, { "saddr", 's', set_saddr }, { "sport", 'S', set_sport },
	{ "daddr", 'd', set_daddr }, { "dport", 'D', set_dport }, { "ifindex", 'i', set_ifindex },
	{ "idle", 0, set_idle }, { "direction", 0, set_direction },
	/* At either end; dump has no such words. */
	{ "host", 0, set_host }, { "port", 0, set_port }, { "name", 'n', set_name },
};

/* "saddr", "--saddr", "-s"; what is behind an equals sign is in *ret_value. */
static int find_word(const char *word, const char **ret_value)
{
	size_t dashes = strspn(word, "-"), len;

	word += dashes;
	len = strcspn(word, "=");
	*ret_value = word[len] ? word + len + 1 : NULL;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (dashes == 1 && len == 1 && words[i].letter && word[0] == words[i].letter)
			return i;
		if (dashes != 1 && strlen(words[i].name) == len && strncmp(word, words[i].name, len) == 0)
			return i;
	}
	return -ENOENT;
}

/* A word that stands for itself. */
static int set_bare(struct top_words *w, const char *word)
{
	uint8_t proto;

	if (set_port(w, word[0] == ':' ? word + 1 : word) == 0 || set_host(w, word) == 0)
		return 0;
	if (filter_proto(word, &proto) == 0)
		return set_proto(w, word);
	if (strcmp(word, "ingress") == 0 || strcmp(word, "egress") == 0)
		return set_direction(w, word);
	return -EINVAL;
}

static int take_word(struct top_words *w, const char *word, char **save)
{
	const char *value;
	int i = find_word(word, &value);

	if (i < 0)
		return set_bare(w, word) == 0 ? 0 :
		       fail_usage("filter: '%s' is no key, protocol, address or port", word);
	if (!value)
		value = strtok_r(NULL, " \t", save);
	if (!value)
		return fail_usage("filter: '%s' needs a value", words[i].name);
	if (words[i].set(w, value) < 0)
		return fail_usage("filter: '%s' is no value of '%s'", value, words[i].name);
	return 0;
}

int top_words_parse(const char *line, struct top_words *ret)
{
	_cleanup_(freep) char *copy = strdup(line);
	struct top_words w = { 0 };
	char *save = NULL;
	int r = 0;

	if (!copy)
		return fail(-ENOMEM, "cannot read the filter");
	for (char *word = strtok_r(copy, " \t", &save); r == 0 && word; word = strtok_r(NULL, " \t", &save))
		r = take_word(&w, word, &save);
	if (r == 0)
		*ret = w;
	return r;
}

static bool prefix_match(const struct parse_prefix *p, uint8_t family, const uint8_t addr[16])
{
	struct filter f = { .has_saddr = true, .saddr = *p };
	struct record r = { .key.family = family };

	memcpy(r.key.src, addr, sizeof(r.key.src));
	return filter_match(&f, &r);
}

static bool ends_match(const struct top_words *w, const struct flow_key *key)
{
	bool ports = proto_has_ports(key->proto);

	for (size_t i = 0; i < w->n_hosts; i++) {
		if (!prefix_match(&w->hosts[i], key->family, key->src) &&
		    !prefix_match(&w->hosts[i], key->family, key->dst))
			return false;
	}
	for (size_t i = 0; i < w->n_ports; i++) {
		if (!ports || (be16toh(key->sport) != w->ports[i] && be16toh(key->dport) != w->ports[i]))
			return false;
	}
	return true;
}

static bool way_matches(const struct filter *f, const struct flow_key *key)
{
	struct record r = { .key = *key, .ifindex = key_ifindex(key) };
	struct filter timeless = *f;

	timeless.idle_ns = 0;
	return filter_match(&timeless, &r);
}

static bool other_way_matches(const struct filter *f, const struct flow_key *key)
{
	struct flow_key back = *key;

	memcpy(back.src, key->dst, sizeof(back.src));
	memcpy(back.dst, key->src, sizeof(back.dst));
	back.sport = key->dport;
	back.dport = key->sport;
	return way_matches(f, &back);
}

bool top_words_match(const struct top_words *w, const struct flow_key *key, const char *iface)
{
	if (w->iface[0] && (!iface || fnmatch(w->iface, iface, 0) != 0))
		return false;
	return ends_match(w, key) && (way_matches(&w->filter, key) ||
				      (w->either_way && other_way_matches(&w->filter, key)));
}
