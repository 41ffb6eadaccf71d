// SPDX-License-Identifier: Apache-2.0
/*
 * The frames of tests/frames.c in the tunnels of tests/tunnels.c, through the loaded program: the
 * record that each leaves is that of the frame alone, but for what tells that it was in a
 * tunnel; what cannot be looked into is in the outer flow, and counted.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>
#include <string.h>

#include "harness.h"
#include "test.h"
#include "tunnels.h"

static int same(const char *what, uint64_t is, uint64_t wanted)
{
	if (is != wanted)
		printf("# %s is %#llx, wanted %#llx\n", what, (unsigned long long)is,
		       (unsigned long long)wanted);
	return is == wanted;
}

static struct flow_key wanted_key(const struct tunnel_row *t, const struct frame *w)
{
	struct flow_key k = frame_key(w);

	k.vlan_outer = tunnel_vlan_outer(t, w);
	k.vlan_inner = tunnel_vlan_inner(t, w);
	k.tunnel = t->kind;
	k.vni = t->vni;
	return k;
}

static int outer_right(const struct harness *h, const struct tunnel_row *t, const struct flow_key *k)
{
	struct outer o = { 0 };
	uint8_t src[16] = { 0 }, dst[16] = { 0 };

	inet_pton(t->outer6 ? AF_INET6 : AF_INET, t->outer6 ? "fd00::1" : "192.0.2.1", src);
	inet_pton(t->outer6 ? AF_INET6 : AF_INET, t->outer6 ? "fd00::2" : "192.0.2.2", dst);
	return same("outer packet", bpf_map_lookup_elem(h->outers_fd, k, &o), 0) &
	       same("outer family", o.family, t->outer6 ? 6 : 4) &
	       same("outer source", memcmp(o.src, src, 16), 0) &
	       same("outer destination", memcmp(o.dst, dst, 16), 0) & same("outer ToS", o.tos, 0xb8) &
	       same("options", o.has, t->has) &
	       same("attachment", o.gwlb_attachment,
		    t->has & OUTER_GWLB_ATTACHMENT ? 0x99aabbccddeeff00 : 0) &
	       same("cookie", o.gwlb_flow, t->has & OUTER_GWLB_FLOW ? 0xcafe0001 : 0);
}

static int slot_right(const struct harness *h, const struct tunnel_row *t, const struct frame *w)
{
	const struct flow_slot *s = harness_nth(h, 0);
	struct flow_key key = wanted_key(t, w);
	unsigned ttl = w->ttl ? w->ttl : 64;

	return same("key", memcmp(&s->key, &key, sizeof(key)), 0) &
	       same("packets", s->c.packets, w->packets ? w->packets : 1) &
	       same("bytes", s->c.bytes, w->bytes) & same("flags", s->c.w.tcp_flags, w->tcp_flags) &
	       same("ToS", s->c.w.tos, w->tos) & same("TTL", s->c.w.min_ttl, ttl) &
	       same("extra", s->c.extra.word, frame_extra(w)) &
	       same("decapsulated", harness_decap(h, DECAP_DONE), w->packets ? w->packets : 1) &
	       outer_right(h, t, &key);
}

/* In the outer flow, with all its bytes. */
static int outside_right(const struct harness *h, const struct tunnel_row *t, size_t bytes)
{
	const struct flow_slot *s = harness_nth(h, 0);

	return same("decapsulated", harness_decap(h, DECAP_DONE), 0) &
	       same("tunnel", s->key.tunnel, TUNNEL_NONE) & same("VNI", s->key.vni, 0) &
	       same("outer flow", s->key.proto, t->port ? 17 : t->proto) &
	       same("outer VLAN", s->key.vlan_outer, OUTER_TAG) &
	       same("outer bytes", s->c.bytes, bytes);
}

static bool runs(const struct harness *h, const struct frame *w)
{
	return !h->xdp || !(w->gso_segs || w->gso_size);
}

static bool row_right(struct harness *h, const struct tunnel_row *t, const struct frame *w)
{
	uint8_t inner[FRAME_MAX], buf[TUNNEL_FRAME_MAX];
	size_t n = tunnel_inside(t, w, inner), at;
	struct harness_packet p = { .data = buf, .gso_segs = w->gso_segs, .gso_size = w->gso_size };
	int ok;

	if (!n || !runs(h, w))
		return true;
	p.len = tunnel_frame(t, inner, n, buf, &at);
	harness_clear(h);
	if (harness_run(h, &p) < -1)
		return same("the kernel's answer", 1, 0);
	ok = harness_balances(h);
	if (w->reason == LEDGER_SEEN)
		ok &= slot_right(h, t, w);
	else if (!w->gso_segs)
		ok &= outside_right(h, t, p.len - 18);
	if (!ok)
		printf("# %s in %s\n", w->name, t->name);
	return ok;
}

static bool all_rows_right(struct harness *h)
{
	bool ok = true;

	for (size_t i = 0; i < n_tunnel_rows; i++) {
		for (size_t k = 0; k < n_frames; k++)
			ok &= row_right(h, &tunnel_rows[i], &frames[k]);
	}
	return ok;
}

static bool all_faults_right(struct harness *h)
{
	uint8_t buf[TUNNEL_FRAME_MAX];
	bool ok = true;

	for (size_t i = 0; i < n_tunnel_faults; i++) {
		const struct tunnel_fault *f = &tunnel_faults[i];
		struct harness_packet p = { .data = buf, .len = tunnel_fault_frame(f, buf) };

		harness_clear(h);
		harness_run(h, &p);
		if (!(same("counted", harness_decap(h, f->why), 1) & harness_balances(h) &
		      outside_right(h, &f->t, p.len - 18))) {
			printf("# %s\n", f->name);
			ok = false;
		}
	}
	return ok;
}

static const char *try_all(bool xdp, bool *ret_ok)
{
	struct harness h = { .decap = DECAP_ALL, .xdp = xdp };
	const char *why = harness_open(&h);

	if (why)
		return why;
	*ret_ok = all_rows_right(&h);
	*ret_ok &= all_faults_right(&h);
	harness_close(&h);
	return NULL;
}

TEST(every_frame_in_every_tunnel_leaves_the_record_its_row_says)
{
	bool ok;
	const char *why = try_all(false, &ok);

	if (why)
		SKIP(why);
	CHECK(ok);
}

TEST(and_so_it_does_by_xdp)
{
	bool ok;
	const char *why = try_all(true, &ok);

	if (why)
		SKIP(why);
	CHECK(ok);
}

TEST(without_decap_all_are_in_the_outer_flow)
{
	uint8_t buf[TUNNEL_FRAME_MAX], inner[FRAME_MAX];
	struct harness h = { .decap = 0 };
	const char *why = harness_open(&h);
	size_t at;

	if (why)
		SKIP(why);
	for (size_t i = 0; i < n_tunnel_rows; i++) {
		struct harness_packet p = { .data = buf };

		p.len = tunnel_frame(&tunnel_rows[i], inner, frame_bytes(&frames[0], inner), buf, &at);
		harness_clear(&h);
		harness_run(&h, &p);
		CHECK(outside_right(&h, &tunnel_rows[i], p.len - 18) && harness_balances(&h));
	}
	harness_close(&h);
}

/* UDP of 28 bytes, and 28 bytes that are not its own. */
#define JOINED "45 00 001c 1234 0000 40 11 0000 0a000001 0a000002 0050 1f90 0008 0000"

TEST(joined_packets_that_are_each_in_a_tunnel_stay_outside)
{
	const struct tunnel_row t = { .head = "0000 0800 00002a00", .port = 6081 };
	uint8_t buf[TUNNEL_FRAME_MAX], inner[FRAME_MAX];
	size_t n = frame_bytes(&(struct frame) { .hex = JOINED, .zeros = 28 }, inner), at;
	struct harness h = { .decap = DECAP_ALL };
	const char *why = harness_open(&h);
	struct harness_packet p = { .data = buf, .gso_segs = 2, .gso_size = 36 };

	if (why)
		SKIP(why);
	p.len = tunnel_frame(&t, inner, n, buf, &at);
	harness_run(&h, &p);
	CHECK(harness_decap(&h, DECAP_SEVERAL) == 2 && harness_decap(&h, DECAP_DONE) == 0);
	CHECK(harness_nth(&h, 0)->c.packets == 2 && harness_nth(&h, 0)->key.dport == htons(6081));
	CHECK(harness_nth(&h, 0)->c.bytes == 20 + 8 + 8 + 56 + 28 && harness_balances(&h));
	harness_close(&h);
}

static void run_hex(struct harness *h, const struct tunnel_row *t, const char *inside, int fragment)
{
	uint8_t buf[TUNNEL_FRAME_MAX], inner[FRAME_MAX];
	size_t n = frame_bytes(&(struct frame) { .hex = inside }, inner), at;
	struct harness_packet p = { .data = buf };

	p.len = tunnel_frame(t, inner, n, buf, &at);
	if (fragment >= 0)
		buf[18 + 6] = fragment >> 8, buf[18 + 7] = fragment;
	harness_run(h, &p);
}

#define FRAGMENT(frag_) "45 00 001c 0007 " frag_ " 40 11 0000 0a000001 0a000002 0050 1f90 0010 0000"

TEST(inner_fragments_are_of_their_own_tunnel)
{
	const struct tunnel_row one = { .head = "0000 0800 00000100", .port = 6081 };
	const struct tunnel_row two = { .head = "0000 0800 00000200", .port = 6081 };
	struct harness h = { .decap = DECAP_ALL, .buckets = 4 };
	const char *why = harness_open(&h);

	if (why)
		SKIP(why);
	run_hex(&h, &one, FRAGMENT("2000"), -1);
	run_hex(&h, &one, FRAGMENT("0001"), -1);
	CHECK(harness_nth(&h, 0)->c.packets == 2 && harness_nth(&h, 0)->key.dport == htons(8080));
	run_hex(&h, &two, FRAGMENT("0001"), -1);
	CHECK(harness_nth(&h, 1)->c.packets == 1 && harness_nth(&h, 1)->key.dport == 0);
	CHECK(harness_nth(&h, 1)->key.vni == 2);
	harness_close(&h);
}

TEST(outer_fragments_are_in_the_outer_flow_and_counted)
{
	const struct tunnel_row t = { .head = "0000 0800 00000100", .port = 6081 };
	const struct tunnel_row gre = { .head = "0000 0800", .proto = 47 };
	struct harness h = { .decap = DECAP_ALL, .buckets = 4 };
	const char *why = harness_open(&h);

	if (why)
		SKIP(why);
	run_hex(&h, &t, JOINED, 0x2000);
	run_hex(&h, &t, JOINED, 0x0002);
	CHECK(harness_decap(&h, DECAP_FRAGMENT) == 2 && harness_decap(&h, DECAP_DONE) == 0);
	CHECK(harness_nth(&h, 0)->c.packets == 2 && harness_nth(&h, 0)->key.dport == htons(6081));
	run_hex(&h, &gre, JOINED, 0x0002);
	CHECK(harness_decap(&h, DECAP_FRAGMENT) == 3 && harness_balances(&h));
	harness_close(&h);
}

TEST(in_a_tunnel_in_the_tunnel_the_second_packet_is_the_flow)
{
	const struct tunnel_row t = { .head = "0000 0800 00000100", .port = 6081 };
	struct harness h = { .decap = DECAP_ALL };
	const char *why = harness_open(&h);
	const struct flow_slot *s;

	if (why)
		SKIP(why);
	run_hex(&h, &t, "45 00 0034 1234 0000 40 2f 0000 0a000001 0a000002 00000800 " JOINED, -1);
	s = harness_nth(&h, 0);
	CHECK(s->key.proto == 47 && s->key.tunnel == TUNNEL_GENEVE && s->c.bytes == 52);
	harness_close(&h);
}

/* Whatever part of the headers is in the first buffer, the packet counts, inside or outside. */
TEST(headers_behind_the_first_buffer_leave_the_packet_outside)
{
	uint8_t buf[TUNNEL_FRAME_MAX], inner[FRAME_MAX];
	struct harness h = { .decap = DECAP_ALL, .xdp = true, .ring_bytes = 1 << 16 };
	const char *why = harness_open(&h);
	unsigned inside = 0, outside = 0, refused = 0;
	size_t at;

	if (why)
		SKIP(why);
	for (size_t i = 0; i < n_tunnel_rows; i++) {
		const struct tunnel_row *t = &tunnel_rows[i];
		size_t n = 0, k = 0;
		struct harness_packet p = { .data = buf };

		while (!(n = tunnel_inside(t, &frames[k], inner)))
			k++;
		p.len = tunnel_frame(t, inner, n, buf, &at);
		for (p.linear = 14; p.linear < p.len; p.linear++) {
			harness_clear(&h);
			if (harness_run(&h, &p) < -1) {
				refused++;
				continue;
			}
			CHECK(harness_balances(&h) && harness_ledger(&h, LEDGER_SEEN).packets == 1);
			inside += harness_decap(&h, DECAP_DONE);
			outside += harness_decap(&h, DECAP_SHORT);
			if (!harness_decap(&h, DECAP_DONE))
				continue;
			CHECK(p.linear >= at + 20 && harness_nth(&h, 0)->c.bytes == frames[k].bytes);
			CHECK(harness_nth(&h, 0)->key.dport == htons(frames[k].dport));
		}
	}
	harness_close(&h);
	printf("# %u inside, %u outside, %u refused\n", inside, outside, refused);
	if (!inside)
		SKIP("this kernel's test run makes no buffers of a chosen length");
	CHECK(outside > inside);
}

TEST(the_verifier_has_little_more_to_do)
{
	for (int i = 0; i < 4; i++) {
		struct harness h = { .xdp = i & 1, .tcp_buckets = i / 2, .decap = DECAP_ALL };
		const char *why = harness_verify(&h);

		if (why)
			SKIP(why);
		CHECK(h.verified_insns < (h.tcp_buckets ? 200000 : 130000));
	}
}
