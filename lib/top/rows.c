// SPDX-License-Identifier: Apache-2.0
/*
 * Each flow knows its lines by number (follow_flow.owner), so a reading costs a look at each flow
 * that changed and at its lines. Only a new flow's lines are searched for, by a key of which what
 * the kind of line does not ask for is 0.
 *
 * Every packet of the box is to be in one line only: of a forwarded one what the egress hook saw
 * is left out where the ingress hook is looked at, too. Interfaces alone show all they see.
 */
#include "top/rows.h"

#include <endian.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

/* follow_flow.owner: nobody wants it. */
#define HIDDEN (FOLLOW_NONE - 1)
#define FIRST_ROWS 1024

const char *const top_by_names[] = { "connection", "host", "port", "interface", "netns", NULL };

static int no_memory(void)
{
	return fail(-ENOMEM, "cannot hold the lines");
}

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

static bool ports_matter(const struct flow_key *key)
{
	return proto_has_ports(key->proto);
}

/* Both ends, in the order in which they are. */
static struct flow_key ends_key(const struct flow_key *key, uint16_t place)
{
	struct flow_key k = { 0 };

	memcpy(k.src, key->src, sizeof(k.src));
	memcpy(k.dst, key->dst, sizeof(k.dst));
	k.sport = ports_matter(key) ? key->sport : 0;
	k.dport = ports_matter(key) ? key->dport : 0;
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
		uint32_t cap = r->cap ? 2 * r->cap : FIRST_ROWS;
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
		return no_memory();
	row->flows++;
	*ret = row - r->v;
	return 0;
}

static const struct follow_flow *flow_at(const struct top_rows *r, uint16_t place, uint32_t number)
{
	const struct follow *follow = r->places[place].follow;

	return number < follow->n ? &follow->flows[number] : NULL;
}

/* Does @row have another connection's flow of that very key already? */
static bool is_taken(const struct top_rows *r, const struct top_row *row, int way,
		     const struct follow_flow *f)
{
	const struct follow_flow *has = flow_at(r, row->place, row->flow[way]);

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
			return no_memory();
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
	if (ports_matter(&f->key))
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
		return no_memory();
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

static int bind_lines(struct top_rows *r, uint16_t place, struct follow_flow *f)
{
	f->owner[0] = f->owner[1] = HIDDEN;
	return is_wanted(r, &r->places[place], f) ? binds[r->by](r, place, f) : 0;
}

static void add_count(struct ledger_count *to, uint64_t packets, uint64_t bytes)
{
	to->packets += packets;
	to->bytes += bytes;
}

static void touch(struct top_rows *r, struct top_row *row, const struct follow_flow *f, int way,
		  bool fresh)
{
	if (f->first_ns < row->first_ns)
		row->first_ns = f->first_ns;
	if (f->last_ns > row->last_ns)
		row->last_ns = f->last_ns;
	if (!fresh)
		return;
	if (row->reading != r->reading) {
		row->reading = r->reading;
		memset(row->fresh, 0, sizeof(row->fresh));
	}
	add_count(&row->fresh[way], f->new_packets, f->new_bytes);
}

/* All that @f has counted, or only what is new. */
static int take_flow(struct top_rows *r, uint16_t place, struct follow_flow *f, bool all)
{
	bool fresh = f->reading == r->places[place].follow->reading;
	int err = 0;

	if (f->owner[0] == FOLLOW_NONE) {
		err = bind_lines(r, place, f);
		/* Bound late: what it counted before is in no line yet. */
		all = true;
	}
	for (int i = 0; err == 0 && i < 2; i++) {
		struct top_row *row;

		if (f->owner[i] >= HIDDEN)
			continue;
		row = &r->v[f->owner[i] >> 1];
		add_count(&row->total[f->owner[i] & 1], all ? f->packets : f->new_packets,
			  all ? f->bytes : f->new_bytes);
		touch(r, row, f, f->owner[i] & 1, fresh);
	}
	return err;
}

static int take_all(struct top_rows *r)
{
	int err = 0;

	r->n = 0;
	key_index_clear(&r->by_key);
	for (size_t p = 0; err == 0 && p < r->n_places; p++) {
		struct follow *follow = r->places[p].follow;

		r->layouts[p] = follow->layout;
		for (uint32_t i = 0; err == 0 && i < follow->n; i++) {
			follow->flows[i].owner[0] = FOLLOW_NONE;
			err = take_flow(r, p, &follow->flows[i], true);
		}
	}
	return err;
}

static int take_changed(struct top_rows *r)
{
	int err = 0;

	for (size_t p = 0; err == 0 && p < r->n_places; p++) {
		struct follow *follow = r->places[p].follow;

		for (uint32_t i = 0; err == 0 && i < follow->n_changed; i++) {
			struct follow_flow *f = &follow->flows[follow->changed[i]];

			if (i + 16 < follow->n_changed)
				__builtin_prefetch(&follow->flows[follow->changed[i + 16]]);
			err = take_flow(r, p, f, false);
		}
	}
	return err;
}

static bool has_new_layout(const struct top_rows *r)
{
	for (size_t p = 0; p < r->n_places; p++) {
		if (r->places[p].follow->layout != r->layouts[p])
			return true;
	}
	return false;
}

int top_rows_init(struct top_rows *r, struct top_place *places, size_t n, enum top_by by)
{
	*r = (struct top_rows) {
		.places = places, .n_places = n, .by = by, .reading = 1,
		.began_ns = clock_boot_ns(),
	};
	r->layouts = calloc(n + 1, sizeof(*r->layouts));
	if (!r->layouts || key_index_init(&r->by_key, FIRST_ROWS) < 0) {
		top_rows_deinit(r);
		return no_memory();
	}
	return 0;
}

void top_rows_deinit(struct top_rows *r)
{
	free(r->v);
	free(r->layouts);
	key_index_deinit(&r->by_key);
	*r = (struct top_rows) { 0 };
}

int top_rows_update(struct top_rows *r, uint64_t now_ns)
{
	r->reading++;
	r->interval_ns = r->now_ns ? now_ns - r->now_ns : 0;
	r->now_ns = now_ns;
	r->others = (struct ledger_count) { 0 };
	for (size_t p = 0; p < r->n_places; p++) {
		const struct ledger_count *o = &r->places[p].follow->others;

		add_count(&r->others, o->packets, o->bytes);
	}
	return has_new_layout(r) ? take_all(r) : take_changed(r);
}

int top_rows_choose(struct top_rows *r, enum top_by by, const struct top_words *words)
{
	r->by = by;
	r->words = words;
	return take_all(r);
}

struct ledger_count top_row_fresh(const struct top_rows *r, const struct top_row *row, int way)
{
	return row->reading == r->reading ? row->fresh[way] : (struct ledger_count) { 0 };
}

const struct follow_flow *top_row_flow(const struct top_rows *r, const struct top_row *row, int way)
{
	return flow_at(r, row->place, row->flow[way]);
}

enum top_state top_row_state(const struct top_rows *r, const struct top_row *row)
{
	const struct follow_flow *f[2] = { top_row_flow(r, row, 0), top_row_flow(r, row, 1) };
	uint8_t flags[2] = { f[0] ? f[0]->tcp_flags : 0, f[1] ? f[1]->tcp_flags : 0 };
	bool both;

	if (row->key.proto != IPPROTO_TCP || (!f[0] && !f[1]))
		return TOP_NONE;
	both = flags[0] & TH_FIN && flags[1] & TH_FIN;
	if (both || (flags[0] | flags[1]) & TH_RST || (f[0] && f[0]->closed) || (f[1] && f[1]->closed))
		return TOP_CLOSED;
	if ((flags[0] | flags[1]) & TH_FIN)
		return TOP_CLOSING;
	/* The end that opens has sent nothing but its SYN. */
	if ((flags[0] ^ TH_SYN) == 0 || (flags[1] ^ TH_SYN) == 0)
		return TOP_OPENING;
	return TOP_OPEN;
}
