// SPDX-License-Identifier: Apache-2.0
/*
 * The rows of ie_table.c, looked up. To them come the reverse ones, which nobody has to write
 * down: RFC 5103 6.1 makes them of their forward counterparts, by name and number, and so are
 * they here, once.
 */
#include "flow/ie.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "flow/ie_registry.h"

#define NAME_MAX_LEN 48

static struct ie rows[2 * IE_ROWS_MAX];
static char reverse_names[IE_ROWS_MAX][NAME_MAX_LEN];
static size_t n_rows;

/*
 * RFC 5103 6.1: not of what identifies a flow or its domain, nor of what is about the whole
 * biflow. An enterprise's own elements it leaves to the enterprise: of ours the same holds,
 * and the two halves of a handshake are the connection's.
 */
static bool is_reversible(const struct ie *e)
{
	static const struct {
		bool own;
		uint16_t id;
	} whole[] = {
		{ false, 148 }, { false, 149 }, { false, 239 },
		{ true, 2 }, { true, 4 }, { true, 5 }, { true, 6 },
		/* the tunnel: its other direction's addresses are these, the other way round */
		{ true, 30 }, { true, 31 }, { true, 32 }, { true, 33 }, { true, 34 }, { true, 35 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(whole); i++) {
		if (e->id == whole[i].id && !e->pen == !whole[i].own)
			return false;
	}
	return true;
}

/* IANA's have an enterprise for that (6.1), of the enterprise's own it is a bit (6.2). */
static void make_reverse(const struct ie *of, struct ie *ret, char name[NAME_MAX_LEN])
{
	*ret = *of;
	snprintf(name, NAME_MAX_LEN, "reverse%c%s", toupper((unsigned char)*of->name), of->name + 1);
	ret->name = name;
	ret->reverse = true;
	ret->applies |= IE_BIFLOW;
	if (of->pen)
		ret->id |= IE_REVERSE_BIT;
	else
		ret->pen = IE_PEN_REVERSE;
}

static void make_rows(void)
{
	size_t n, n_reverse = 0;
	const struct ie *written = ie_rows(&n);

	memcpy(rows, written, n * sizeof(*rows));
	n_rows = n;
	for (int of_iana = 0; of_iana <= 1; of_iana++) {
		for (size_t i = 0; i < n; i++) {
			if ((written[i].pen == 0) != of_iana || !is_reversible(&written[i]))
				continue;
			make_reverse(&written[i], &rows[n_rows++], reverse_names[n_reverse++]);
		}
	}
}

const struct ie *ie_all(size_t *ret_n)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_rows);
	*ret_n = n_rows;
	return rows;
}

void ie_set_enterprise(uint32_t pen)
{
	size_t n;

	ie_all(&n);
	for (size_t i = 0; i < n; i++) {
		if (rows[i].pen && rows[i].pen != IE_PEN_REVERSE)
			rows[i].pen = pen;
	}
}

const struct ie *ie_find(const char *name)
{
	size_t n;
	const struct ie *all = ie_all(&n);

	for (size_t i = 0; i < n; i++) {
		const char *own = all[i].name;

		if (tolower((unsigned char)name[0]) == own[0] && strcmp(name + 1, own + 1) == 0)
			return &all[i];
	}
	return NULL;
}

int ie_require(const char *name, const struct ie **ret)
{
	const char *names[2 * IE_ROWS_MAX + 1] = { NULL }, *meant;
	const struct ie *e = ie_find(name), *all;
	size_t n;

	if (e) {
		*ret = e;
		return 0;
	}
	if (ie_is_registered(name))
		return fail_usage("the information element '%s' is not exported by this version",
				  name);
	all = ie_all(&n);
	for (size_t i = 0; i < n; i++)
		names[i] = all[i].name;
	fail_usage("'%s' is no information element of the IANA registry", name);
	meant = parse_nearest(name, names);
	if (meant)
		error_hint("did you mean '%s'?", meant);
	return -EINVAL;
}

const char *ie_type_name(const struct ie *e)
{
	return ie_data_type(e->data_type)->name;
}

const char *ie_semantics_name(const struct ie *e)
{
	static const char *const names[] = {
		"default", "quantity", "totalCounter", "deltaCounter", "identifier", "flags",
	};

	return names[e->semantics];
}

const char *ie_units_name(const struct ie *e)
{
	static const char *const names[] = {
		[IE_UNITS_NONE] = "none", [IE_UNITS_BITS] = "bits", [IE_UNITS_OCTETS] = "octets",
		[IE_UNITS_PACKETS] = "packets", [IE_UNITS_SECONDS] = "seconds",
		[IE_UNITS_MILLISECONDS] = "milliseconds", [IE_UNITS_MICROSECONDS] = "microseconds",
		[IE_UNITS_NANOSECONDS] = "nanoseconds", [IE_UNITS_HOPS] = "hops",
	};

	return names[e->units];
}

static bool is_unsigned(const struct ie *e)
{
	return (e->data_type >= DATA_U8 && e->data_type <= DATA_U64) || e->data_type == DATA_U256;
}

int ie_check_len(const struct ie *e, uint16_t len_bytes)
{
	uint16_t most = ie_data_type(e->data_type)->len_bytes;

	if (e->type == IE_STRING) {
		if (len_bytes == IE_VARLEN || (len_bytes && len_bytes <= IE_STRING_MAX))
			return 0;
		return fail_usage("'%s' has 1 to %d octets, or 65535 for a variable length",
				  e->name, IE_STRING_MAX);
	}
	if (!is_unsigned(e) && len_bytes != e->len_bytes)
		return fail_usage("'%s' has %u octets, no more and no less", e->name, e->len_bytes);
	if (!len_bytes || len_bytes > most)
		return fail_usage("'%s' has 1 to %u octets", e->name, most);
	return 0;
}

uint16_t ie_field_max(const struct ie_field *f)
{
	return f->len_bytes == IE_VARLEN ? f->ie->max_bytes : f->len_bytes;
}

/* By family (not 4, 4) and protocol. */
static const uint8_t kinds[2][256] = {
	[0 ... 1] = {
		[IPPROTO_TCP] = IE_PORTS | IE_TCP, [IPPROTO_UDP] = IE_PORTS | IE_UDP,
		[IPPROTO_SCTP] = IE_PORTS, [IPPROTO_DCCP] = IE_PORTS, [IPPROTO_UDPLITE] = IE_PORTS,
	},
	[1][IPPROTO_ICMP] = IE_ICMP,
	[0][IPPROTO_ICMPV6] = IE_ICMP,
};

static unsigned tunnel_applies(const struct record *r)
{
	return IE_TUNNEL | (r->outer.family == 6 ? IE_OUTER_V6 : IE_OUTER_V4);
}

unsigned ie_record_applies(const struct record *r)
{
	const struct flow_key *k = &r->key;
	bool is_v4 = k->family == 4;

	return (is_v4 ? IE_V4 : IE_V6) | kinds[is_v4][k->proto] |
	       (k->vlan_outer & VLAN_PRESENT ? IE_VLAN : 0) |
	       (k->vlan_inner & VLAN_PRESENT ? IE_QINQ : 0) | (r->reverse ? IE_BIFLOW : 0) |
	       (k->tunnel ? tunnel_applies(r) : 0) |
	       (r->tcp.known || (r->reverse && r->reverse->tcp.known) ? IE_HEALTH : 0);
}
