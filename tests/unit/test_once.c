// SPDX-License-Identifier: Apache-2.0
/* A router with eth1 (1), eth2 (2), eth3 (3) metered both ways unless said, lo is 9. */
#include <malloc.h>

#include "flow/once.h"
#include "flows.h"
#include "test.h"

#define SEC UINT64_C(1000000000)

static const struct hook_id both[] = {
	{ 1, FLOW_INGRESS }, { 1, FLOW_EGRESS }, { 2, FLOW_INGRESS }, { 2, FLOW_EGRESS },
	{ 3, FLOW_INGRESS }, { 3, FLOW_EGRESS }, { 9, FLOW_INGRESS }, { 9, FLOW_EGRESS },
};

static struct once *metered(const struct hook_id *hooks, size_t n, uint64_t keep_ns)
{
	struct once *o = NULL;

	if (once_new(keep_ns, &o) == 0)
		once_set_hooks(o, hooks, n, 9);
	return o;
}

static size_t filter(const struct hook_id *hooks, size_t n_hooks, struct record *v, size_t n)
{
	struct once *o = metered(hooks, n_hooks, UINT64_MAX);

	n = once_filter(o, v, n);
	once_free(o);
	return n;
}

static struct record tcp(void)
{
	return flow(6, "10.0.0.1", 1000, "10.0.1.1", 80);
}

TEST(a_forwarded_packet_is_in_its_ingress_record_with_the_way_it_went)
{
	struct record v[] = { leaving(tcp(), 1, 2, 5), arriving(tcp(), 1, 5) };

	CHECK(filter(both, 8, v, 2) == 1);
	CHECK(v[0].key.direction == FLOW_INGRESS && v[0].key.ingress_ifindex == 1);
	CHECK(v[0].key.egress_ifindex == 2 && v[0].packets == 5 && v[0].ifindex == 1);
}

TEST(what_was_not_forwarded_has_no_egress_interface)
{
	struct record v[] = { arriving(tcp(), 1, 5), leaving(tcp(), 3, 2, 5) };

	CHECK(filter(both, 8, v, 2) == 1 && v[0].key.egress_ifindex == 0);
}

TEST(what_the_box_sent_itself_is_in_its_egress_record)
{
	struct record v[] = { leaving(tcp(), 0, 2, 5) };

	CHECK(filter(both, 8, v, 1) == 1 && v[0].key.egress_ifindex == 2);
}

TEST(what_came_in_unmetered_is_in_its_egress_record)
{
	static const struct hook_id egress_only[] = { { 1, FLOW_EGRESS }, { 2, FLOW_EGRESS } };
	struct record v[] = { leaving(tcp(), 1, 2, 5), leaving(tcp(), 7, 2, 6) };

	CHECK(filter(egress_only, 2, v, 2) == 2);
}

TEST(lo_is_counted_coming_in)
{
	struct record v[] = { leaving(tcp(), 0, 9, 5), arriving(tcp(), 9, 5) };
	static const struct hook_id egress_only[] = { { 9, FLOW_EGRESS } };
	struct record w[] = { leaving(tcp(), 0, 9, 5) };

	CHECK(filter(both, 8, v, 2) == 1 && v[0].key.direction == FLOW_INGRESS);
	CHECK(filter(egress_only, 1, w, 1) == 1);
}

TEST(of_several_ways_the_one_with_most_packets_is_told)
{
	for (int turn = 0; turn < 2; turn++) {
		struct record v[] = {
			arriving(tcp(), 1, 10), leaving(tcp(), 1, turn ? 2 : 3, turn ? 4 : 6),
			leaving(tcp(), 1, turn ? 3 : 2, turn ? 6 : 4),
		};

		CHECK(filter(both, 8, v, 3) == 1 && v[0].key.egress_ifindex == 3);
	}
}

TEST(vlans_do_not_matter_and_their_records_do_not_hide_each_other)
{
	struct record v[] = {
		arriving(tcp(), 1, 10), leaving(tcp(), 1, 2, 6), leaving(tcp(), 1, 2, 1),
		leaving(tcp(), 1, 3, 3),
	};

	v[0].key.vlan_outer = VLAN_PRESENT | 5;
	v[1].key.vlan_outer = VLAN_PRESENT | 6;
	CHECK(filter(both, 8, v, 4) == 1 && v[0].key.egress_ifindex == 2);
}

TEST(another_tuple_is_another_way)
{
	struct record v[7];
	size_t n = 0;

	v[n++] = arriving(tcp(), 1, 1);
	v[n++] = leaving(flow(17, "10.0.0.1", 1000, "10.0.1.1", 80), 1, 2, 1);
	v[n++] = leaving(flow(6, "10.0.0.1", 1001, "10.0.1.1", 80), 1, 2, 1);
	v[n++] = leaving(flow(6, "10.0.0.1", 1000, "10.0.1.1", 81), 1, 2, 1);
	v[n++] = leaving(flow(6, "10.0.0.2", 1000, "10.0.1.1", 80), 1, 2, 1);
	v[n++] = leaving(flow(6, "10.0.0.1", 1000, "10.0.1.2", 80), 1, 2, 1);
	v[n] = leaving(tcp(), 1, 2, 1);
	v[n++].key.family = 6;		/* a00:1:: is not 10.0.0.1 */
	CHECK(filter(both, 8, v, n) == 1 && v[0].key.egress_ifindex == 0);
}

/* Every packet once, whatever the mixture: packets kept = packets arrived + sent by the box. */
TEST(a_hundred_thousand_flows_each_once)
{
	enum { N = 100000 };
	struct record *v = calloc(3 * N, sizeof(*v));
	size_t n = 0;

	CHECK(v);
	for (uint32_t i = 0; i < N; i++) {
		struct record r = flow(17, "10.0.0.1", i & 0xffff, "10.0.1.1", i >> 16);

		v[n++] = leaving(r, 1, 2 + i % 2, 3);
		v[n++] = arriving(r, 1, 3);
		v[n++] = leaving(r, 0, 2, 1);
	}
	CHECK(filter(both, 8, v, n) == 2 * N);
	for (uint32_t i = 0; i < 2 * N; i += 2) {
		CHECK(v[i].key.direction == FLOW_INGRESS &&
		      v[i].key.egress_ifindex == 2 + i / 2 % 2);
		CHECK(v[i + 1].key.direction == FLOW_EGRESS && v[i + 1].key.ingress_ifindex == 0);
	}
	free(v);
}

static uint32_t way_of(struct once *o, uint64_t first_ns, uint64_t last_ns)
{
	struct record r = arriving(tcp(), 1, 1);
	uint32_t egress = 0;

	r.first_ns = first_ns;
	r.last_ns = last_ns;
	return once_classify(o, &r, &egress) == ONCE_KEEP ? egress : 77;
}

static void learn(struct once *o, uint32_t out, uint64_t packets, uint64_t first_ns,
		  uint64_t last_ns)
{
	struct record r = leaving(tcp(), 1, out, packets);

	r.first_ns = first_ns;
	r.last_ns = last_ns;
	once_learn(o, &r);
}

TEST(an_old_way_says_nothing_of_new_packets)
{
	struct once *o = metered(both, 8, 15 * SEC);

	CHECK(o);
	learn(o, 2, 1000, 100 * SEC, 110 * SEC);
	CHECK(way_of(o, 100 * SEC, 110 * SEC) == 2 && way_of(o, 120 * SEC, 130 * SEC) == 2);
	CHECK(way_of(o, 126 * SEC, 130 * SEC) == 0);
	/* and gives way to a smaller new one */
	learn(o, 3, 1, 126 * SEC, 127 * SEC);
	CHECK(way_of(o, 126 * SEC, 127 * SEC) == 3);
	once_free(o);
}

TEST(a_flow_that_moves_to_another_way_is_followed)
{
	struct once *o = metered(both, 8, 15 * SEC);

	CHECK(o);
	learn(o, 2, 1000, 100 * SEC, 160 * SEC);	/* one active timeout's worth */
	learn(o, 2, 10, 161 * SEC, 162 * SEC);		/* the record after it */
	learn(o, 3, 500, 163 * SEC, 170 * SEC);
	CHECK(way_of(o, 161 * SEC, 170 * SEC) == 3);
	once_free(o);
}

static void learn_many(struct once *o, uint32_t base, uint64_t now_ns)
{
	for (uint32_t i = 0; i < 20000; i++) {
		struct record r = leaving(flow(17, "10.0.0.1", (base + i) & 0xffff, "10.0.1.1",
					       (base + i) >> 16), 1, 2, 1);

		r.first_ns = r.last_ns = now_ns;
		once_learn(o, &r);
	}
}

static size_t memory_used(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* A round, if it is due, is of what is held: the last 20,000. */
static void learn_held(struct once *o, uint32_t base, uint64_t now_ns)
{
	bool due = once_begin(o);

	learn_many(o, base, now_ns);
	if (due)
		once_end(o);
}

/* Two million flows in 100 rounds of 20,000, two rounds alive at a time. */
TEST(what_is_forgotten_takes_no_room)
{
	struct once *o = metered(both, 8, SEC);
	struct record r = arriving(flow(17, "10.0.0.1", 0, "10.0.1.1", 0), 1, 1);
	size_t before = memory_used();
	uint32_t egress = 0;

	CHECK(o);
	for (uint32_t i = 0; i < 100; i++)
		learn_held(o, i * 20000, (100 + i) * SEC);
	CHECK(memory_used() < before + 64 * 1024 * 1024);
	r.key.sport = htons((99 * 20000) & 0xffff);
	r.key.dport = htons((99 * 20000) >> 16);
	r.first_ns = r.last_ns = 199 * SEC;
	CHECK(once_classify(o, &r, &egress) == ONCE_KEEP && egress == 2);
	once_free(o);
}

/* An agent that starts late: records of an hour, the newest and the oldest of which leave now. */
TEST(what_is_told_is_known_until_the_next_round_however_old)
{
	struct once *o = metered(both, 8, 15 * SEC);

	CHECK(o);
	for (uint32_t i = 0; i < 3600; i++) {
		struct record r = leaving(flow(6, "10.0.0.1", 1, "10.0.1.1", i), 1, 2, 1);

		r.first_ns = r.last_ns = (100 + i) * SEC;
		once_learn(o, &r);
	}
	for (uint32_t i = 0; i < 3600; i++) {
		struct record r = arriving(flow(6, "10.0.0.1", 1, "10.0.1.1", i), 1, 1);
		uint32_t egress = 0;

		r.first_ns = r.last_ns = (100 + i) * SEC;
		CHECK(once_classify(o, &r, &egress) == ONCE_KEEP && egress == 2);
	}
	once_free(o);
}

static bool is_known(struct once *o, uint32_t i)
{
	struct record r = arriving(flow(6, "10.0.0.1", 1, "10.0.1.1", i), 1, 1);
	uint32_t egress = 0;

	r.first_ns = r.last_ns = 100 * SEC;
	once_classify(o, &r, &egress);
	return egress == 2;
}

TEST(a_round_forgets_what_is_neither_held_nor_new)
{
	struct once *o = metered(both, 8, 15 * SEC);
	struct record r;

	CHECK(o && !once_begin(o));
	for (uint32_t i = 0; i < 5000; i++) {
		r = leaving(flow(6, "10.0.0.1", 1, "10.0.1.1", i), 1, 2, 1);
		r.first_ns = r.last_ns = 100 * SEC;
		once_learn(o, &r);
	}
	CHECK(once_begin(o));
	r.key.dport = htons(7);			/* one of them is held still */
	once_learn(o, &r);
	r.key.dport = htons(6000);
	r.first_ns = r.last_ns = 120 * SEC;
	once_learn(o, &r);
	once_end(o);
	CHECK(is_known(o, 7) && !is_known(o, 8) && is_known(o, 6000));
	CHECK(!once_begin(o));
	once_free(o);
}
