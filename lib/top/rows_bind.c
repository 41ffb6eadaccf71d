// SPDX-License-Identifier: Apache-2.0
/*
 * Which lines a flow is of: by a key of which what the kind of line does not ask for is 0. It is
 * searched for once in a flow's life; from then on the flow knows its lines' numbers.
 *
 * Every packet of the box is to be in one line only: of a forwarded one what the egress hook saw
 * is left out where the ingress hook is looked at, too. Interfaces alone show all they see.
 */
#include "top/rows_parts.h"

#include <endian.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

static const struct top_iface *find_iface(const struct top_place *p, uint32_t ifindex)
{
	for (size_t i = 0; i < p->n_ifaces; i++) {
		if (p->ifaces[i].ifindex == ifindex)
			return &p->ifaces[i];
	}
	return NULL;
}

/* Of the packets that it counts, another flow counts each as well. */
static bool is_second_sight(const struct top_place *p, const struct flow_key *key)
{
	const struct top_iface *in = find_iface(p, key->ingress_ifindex);
	const struct top_iface *out = find_iface(p, key->egress_ifindex);

	if (key->direction != FLOW_EGRESS)
		return false;
	if (out && out->loopback)
		return out->metered[FLOW_INGRESS];
	return in && in->metered[FLOW_INGRESS];
}

/* Is the destination the end that was asked? By the handshake, else by the lesser port. */
static bool is_to_server(const struct follow_flow *f)
{
	uint16_t sport = be16toh(f->key.sport), dport = be16toh(f->key.dport);

	if (f->key.proto == IPPROTO_TCP && f->tcp_flags & TH_SYN)
		return !f->syn_ack;
	/* An echo's reply comes from whom it was sent to. */
	if (proto_is_icmp(&f->key))
		return dport >> 8 != (f->key.family == 4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY);
	return dport <= sport;
}

/* Both ends, in the order in which they are. */
static struct flow_key ends_key(const struct flow_key *key, uint16_t place)
{
	struct flow_key k = { 0 };

	memcpy(k.src, key->src, sizeof(k.src));
	memcpy(k.dst, key->dst, sizeof(k.dst));
	k.sport = proto_has_ports(key->proto) ? key->sport : 0;
	k.dport = proto_has_ports(key->proto) ? key->dport : 0;
	k.proto = key->proto;
	k.family = key->family;
	k.tunnel = key->tunnel;
	k.vni = key->vni;
	k.ingress_ifindex = place;
	return k;
}

static bool is_swapped(const struct flow_key *k)
{
	int by = memcmp(k->src, k->dst, sizeof(k->src));

	return by ? by > 0 : be16toh(k->sport) > be16toh(k->dport);
}

static void swap_ends(struct flow_key *k)
{
	struct flow_key old = *k;

	memcpy(k->src, old.dst, sizeof(k->src));
	memcpy(k->dst, old.src, sizeof(k->dst));
	k->sport = old.dport;
	k->dport = old.sport;
}

static struct top_row *add_row(struct top_rows *r, const struct flow_key *key, uint32_t hash,
			       uint16_t place, const struct follow_flow *f)
{
	struct top_row *row;

	if (r->n == r->cap) {
		uint32_t cap = r->cap ? 2 * r->cap : TOP_FIRST_ROWS;
		struct top_row *v = reallocarray(r->v, cap, sizeof(*v));

		if (!v)
			return NULL;
		r->v = v;
		r->cap = cap;
	}
	if (key_index_add(&r->by_key, hash, r->n) < 0)
		return NULL;
	row = &r->v[r->n++];
	*row = (struct top_row) {
		.key = *key, .place = place, .first_ns = f->first_ns, .last_ns = f->last_ns,
		.flow = { FOLLOW_NONE, FOLLOW_NONE }, .reading = r->reading - 1,
	};
	return row;
}

/* The last one of that key: of connections the newest. */
static struct top_row *find_row(const struct top_rows *r, const struct flow_key *key, uint32_t hash)
{
	struct top_row *last = NULL;
	uint32_t at = hash, i;

	while ((i = key_index_next(&r->by_key, hash, &at)) != KEY_INDEX_NONE) {
		if (key_is(&r->v[i].key, key) && (!last || &r->v[i] > last))
			last = &r->v[i];
	}
	return last;
}

static int take_row(struct top_rows *r, const struct flow_key *key, uint16_t place,
		    const struct follow_flow *f, uint32_t *ret)
{
	uint32_t hash = key_index_hash(key);
	struct top_row *row = find_row(r, key, hash);

	if (!row)
		row = add_row(r, key, hash, place, f);
	if (!row)
		return top_rows_no_memory();
	row->flows++;
	*ret = row - r->v;
	return 0;
}

/* Does @row have another connection's flow of that very key already? */
static bool is_taken(const struct top_rows *r, const struct top_row *row, int way,
		     const struct follow_flow *f)
{
	const struct follow_flow *has = top_row_flow(r, row, way);

	return has && has != f && key_is(&has->key, &f->key);
}

/* owner: the line's number, and one bit that says which way of it. */
static uint32_t owner_of(uint32_t row, int way)
{
	return row << 1 | way;
}

static int bind_connection(struct top_rows *r, uint16_t place, struct follow_flow *f)
{
	struct flow_key key = ends_key(&f->key, place);
	bool swapped = is_swapped(&key);
	struct top_row *row;
	uint32_t hash;
	int way;

	if (swapped)
		swap_ends(&key);
	hash = key_index_hash(&key);
	row = find_row(r, &key, hash);
	way = row ? row->swapped != swapped : 0;
	if (!row || is_taken(r, row, way, f)) {
		row = add_row(r, &key, hash, place, f);
		if (!row)
			return top_rows_no_memory();
		row->swapped = swapped == is_to_server(f);
		way = row->swapped != swapped;
	}
	row->flow[way] = f - r->places[place].follow->flows;
	row->flows++;
	f->owner[0] = owner_of(row - r->v, way);
	return 0;
}

static int bind_host(struct top_rows *r, uint16_t place, struct follow_flow *f)
{
	const uint8_t *ends[2] = { f->key.src, f->key.dst };
	uint32_t row = 0;
	int err = 0;

	for (int i = 0; err == 0 && i < 2; i++) {
		struct flow_key key = { .family = f->key.family, .ingress_ifindex = place };

		memcpy(key.src, ends[i], sizeof(key.src));
		err = take_row(r, &key, place, f, &row);
		if (err == 0)
			f->owner[i] = owner_of(row, i);
	}
	return err;
}

static int bind_port(struct top_rows *r, uint16_t place, struct follow_flow *f)
{
	bool to = is_to_server(f);
	struct flow_key key = { .proto = f->key.proto, .ingress_ifindex = place };
	uint32_t row;
	int err;

	/* ICMP's and ICMPv6's numbers say the family; for the others it does not matter. */
	if (proto_has_ports(f->key.proto))
		key.dport = to ? f->key.dport : f->key.sport;
	err = take_row(r, &key, place, f, &row);
	if (err == 0)
		f->owner[0] = owner_of(row, !to);
	return err;
}

static int bind_place(struct top_rows *r, uint16_t place, struct follow_flow *f)
{
	struct flow_key key = { .ingress_ifindex = place };
	uint32_t row;
	int err;

	if (r->by == TOP_BY_INTERFACE)
		key.egress_ifindex = key_ifindex(&f->key);
	err = take_row(r, &key, place, f, &row);
	if (err == 0)
		f->owner[0] = owner_of(row, f->key.direction);
	return err;
}

static int bind_ends(struct top_rows *r, uint16_t place, struct follow_flow *f)
{
	struct flow_key key = ends_key(&f->key, place);
	uint32_t row;
	int err;

	/* The namespace is not shown: of two the same ends are one line. */
	key.ingress_ifindex = 0;
	err = take_row(r, &key, place, f, &row);
	if (err < 0)
		return err;
	/* Whose interface is shown, on request. */
	if (r->v[row].place == place && r->v[row].flow[0] == FOLLOW_NONE)
		r->v[row].flow[0] = f - r->places[place].follow->flows;
	f->owner[0] = owner_of(row, 0);
	return 0;
}

static int bind_flow(struct top_rows *r, uint16_t place, struct follow_flow *f)
{
	struct flow_key key = ends_key(&f->key, place);
	uint32_t hash = key_index_hash(&key);
	struct top_row *row = find_row(r, &key, hash);

	if (!row || is_taken(r, row, 0, f))
		row = add_row(r, &key, hash, place, f);
	if (!row)
		return top_rows_no_memory();
	row->flow[0] = f - r->places[place].follow->flows;
	row->flows++;
	f->owner[0] = owner_of(row - r->v, 0);
	return 0;
}

static int (*const binds[])(struct top_rows *r, uint16_t place, struct follow_flow *f) = {
	[TOP_BY_CONNECTION] = bind_connection, [TOP_BY_HOST] = bind_host, [TOP_BY_PORT] = bind_port,
	[TOP_BY_INTERFACE] = bind_place, [TOP_BY_NETNS] = bind_place, [TOP_BY_ENDS] = bind_ends,
	[TOP_BY_FLOW] = bind_flow,
};

static bool is_wanted(const struct top_rows *r, const struct top_place *p, const struct follow_flow *f)
{
	const struct top_iface *iface = find_iface(p, key_ifindex(&f->key));

	if (r->by != TOP_BY_INTERFACE && is_second_sight(p, &f->key))
		return false;
	return !r->words || top_words_match(r->words, &f->key, iface ? iface->name : NULL);
}

int top_rows_bind(struct top_rows *r, uint16_t place, struct follow_flow *f)
{
	f->owner[0] = f->owner[1] = TOP_FLOW_HIDDEN;
	return is_wanted(r, &r->places[place], f) ? binds[r->by](r, place, f) : 0;
}
