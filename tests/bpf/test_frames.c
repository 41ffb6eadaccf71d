// SPDX-License-Identifier: Apache-2.0
/*
 * The frames of tests/frames.c through the loaded program: the record that each leaves in
 * the table, what the ledger says, and that no verdict ever differs.
 */
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>
#include <string.h>

#include "frames.h"
#include "harness.h"
#include "test.h"

/* Verdicts of frames that the test run itself refuses do not count. */
static bool refused(int verdict)
{
	return verdict < -1;
}

static int same(const char *frame, const char *what, uint64_t is, uint64_t wanted)
{
	if (is != wanted)
		printf("# %s: %s is %#llx, wanted %#llx\n", frame, what, (unsigned long long)is,
		       (unsigned long long)wanted);
	return is == wanted;
}

static bool macs_right(const struct flow_counters *c)
{
	static const uint8_t dst[6] = { 2, 0, 0, 0, 0, 2 }, src[6] = { 2, 0, 0, 0, 0, 1 };

	return memcmp(c->dst_mac, dst, 6) == 0 && memcmp(c->src_mac, src, 6) == 0;
}

static bool slot_right(const struct frame *w, const struct harness *h)
{
	const struct flow_slot *s = harness_nth(h, 0);
	struct flow_key key = frame_key(w);
	unsigned ttl = w->ttl ? w->ttl : 64;

	return same(w->name, "key", memcmp(&s->key, &key, sizeof(key)), 0) &
	       same(w->name, "gen", s->gen, 2) & same(w->name, "idx", s->idx, s - h->slots) &
	       same(w->name, "packets", s->c.packets, w->packets ? w->packets : 1) &
	       same(w->name, "bytes", s->c.bytes, w->bytes) &
	       same(w->name, "flags", s->c.w.tcp_flags, w->tcp_flags) &
	       same(w->name, "tos", s->c.w.tos, w->tos) &
	       same(w->name, "min ttl", s->c.w.min_ttl, ttl) &
	       same(w->name, "max ttl", s->c.w.max_ttl, ttl) &
	       same(w->name, "extra", s->c.extra.word, frame_extra(w)) &
	       same(w->name, "mark", s->c.mark, h->xdp ? 0 : 0x1234) &
	       same(w->name, "ticks", s->c.w.last_tick, s->c.first_tick) &
	       same(w->name, "first", s->c.first_ns > 0, true) &
	       same(w->name, "epoch", s->c.epoch, 5) &
	       same(w->name, "MACs", macs_right(&s->c), true);
}

static int right_verdict(const struct harness *h)
{
	return h->xdp ? XDP_PASS : TC_ACT_UNSPEC;
}

/* What comes to XDP is neither joined nor has its tags beside it. */
static bool runs(const struct harness *h, const struct frame *f)
{
	return !f->host_only && (!h->xdp || !(f->gso_segs || f->gso_size || f->tag));
}

static bool row_right(struct harness *h, const struct frame *w)
{
	uint8_t buf[FRAME_MAX];
	struct harness_packet p = {
		.data = buf,
		.len = frame_bytes(w, buf),
		.gso_segs = w->gso_segs,
		.gso_size = w->gso_size,
		.mark = 0x1234,
	};
	struct ledger_count lost;
	int verdict;

	harness_clear(h);
	h->ctl->epoch = 5;
	verdict = harness_run(h, &p);
	if (refused(verdict))
		return same(w->name, "kernel's answer", verdict, 0);
	if (!same(w->name, "verdict", verdict, right_verdict(h)) || !harness_balances(h))
		return false;
	if (w->reason == LEDGER_SEEN)
		return slot_right(w, h);
	lost = harness_ledger(h, w->reason);
	return same(w->name, "slot", harness_nth(h, 0)->gen, 0) &
	       same(w->name, "lost packets", lost.packets, w->packets ? w->packets : 1) &
	       same(w->name, "lost bytes", lost.bytes, w->bytes);
}

static bool all_rows_right(struct harness *h)
{
	bool ok = true;

	for (size_t i = 0; i < n_frames; i++)
		ok &= !runs(h, &frames[i]) || row_right(h, &frames[i]);
	harness_close(h);
	return ok;
}

TEST(every_frame_leaves_the_record_its_row_says)
{
	struct harness h = { 0 };
	const char *why = harness_open(&h);

	if (why)
		SKIP(why);
	CHECK(all_rows_right(&h));
}

TEST(and_so_it_does_by_xdp)
{
	struct harness h = { .xdp = true };
	const char *why = harness_open(&h);

	if (why)
		SKIP(why);
	CHECK(all_rows_right(&h));
}

/* Every row again, with each of its first bytes wrong in two ways, and cut at every length. */
static bool no_verdict_differs(struct harness *h)
{
	unsigned ran = 0, wrong = 0;
	uint8_t buf[FRAME_MAX];
	bool balances;

	for (size_t i = 0; i < n_frames; i++) {
		struct harness_packet p = { .data = buf,
					    .gso_segs = frames[i].gso_segs,
					    .gso_size = frames[i].gso_size };
		size_t len = frame_bytes(&frames[i], buf);

		for (size_t at = 0; at < len && at < 100; at++) {
			uint8_t right = buf[at];

			for (int k = 0; k < 3; k++) {
				int verdict;

				buf[at] = (uint8_t[]){ right, 0xff, right ^ 0x41 }[k];
				p.len = k ? len : at;
				verdict = harness_run(h, &p);
				ran += !refused(verdict);
				wrong += !refused(verdict) && verdict != right_verdict(h);
			}
			buf[at] = right;
		}
	}
	balances = harness_balances(h);
	harness_close(h);
	printf("# %u packets\n", ran);
	return ran > 5000 && wrong == 0 && balances;
}

TEST(no_frame_however_odd_changes_the_verdict)
{
	struct harness h = { .ring_bytes = 1 << 20 };
	const char *why = harness_open(&h);

	if (why)
		SKIP(why);
	CHECK(no_verdict_differs(&h));
}

TEST(nor_does_it_by_xdp)
{
	struct harness h = { .ring_bytes = 1 << 20, .xdp = true };
	const char *why = harness_open(&h);

	if (why)
		SKIP(why);
	CHECK(no_verdict_differs(&h));
}

/* Whatever part of the headers is in the first buffer, the packet and its length count. */
TEST(a_header_behind_the_first_buffer_is_not_parsed_and_is_counted)
{
	struct harness h = { .xdp = true };
	const char *why = harness_open(&h);
	uint8_t buf[FRAME_MAX];
	/* Ethernet, IPv4 and UDP: 42 bytes, then 400. */
	struct harness_packet p = { .data = buf, .len = 442 };
	struct ledger_count seen, lost;

	if (why)
		SKIP(why);
	memset(buf, 0, sizeof(buf));
	memcpy(buf + 12, "\x08\x00\x45\x00\x01\xac", 6);
	memcpy(buf + 22, "\x40\x11", 2);
	for (p.linear = 14; p.linear <= 60; p.linear++) {
		if (refused(harness_run(&h, &p)))
			break;
	}
	seen = harness_ledger(&h, LEDGER_SEEN);
	lost = harness_ledger(&h, LEDGER_UNPARSED);
	CHECK(harness_balances(&h));
	harness_close(&h);
	if (!seen.packets)
		SKIP("this kernel's test run makes no buffers of a chosen length");
	CHECK(seen.packets == 60 - 14 + 1);
	CHECK(seen.bytes == seen.packets * 428);
	/* The ports are enough of UDP. */
	CHECK(lost.packets == 38 - 14 && lost.bytes == lost.packets * 428);
}

/* A hundred interfaces are attached in a row by `meter attach --all`: loading has to be quick. */
TEST(the_verifier_has_little_to_do)
{
	for (int i = 0; i < 4; i++) {
		struct harness h = { .xdp = i & 1, .tcp_buckets = i / 2, .tcp_more_buckets = i / 2 };
		const char *why = harness_verify(&h);

		if (why)
			SKIP(why);
		CHECK(h.verified_insns < (h.tcp_buckets ? 180000 : 45000));
	}
}
