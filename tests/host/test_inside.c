// SPDX-License-Identifier: Apache-2.0
/*
 * The parsers of tunnels, compiled for the host and run under the sanitizers: every frame lies at
 * the very end of its own allocation. What is inside is judged by its row of frames.c, as if it
 * had come alone.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "tunnel.h"
#include "tunnels.h"
#include "walks.h"

#define OUTSIDE -1

struct look {
	struct facts outer;
	struct tunnel_work w;
	int result;	/* enum decap_result; OUTSIDE: it does not look like a tunnel's */
};

static bool at(struct packet *p, struct look *l, uint32_t off, uint32_t stop)
{
	p->f = &l->w.inner;
	facts_init(p->f);
	if (off > stop)
		return false;
	p->off = off;
	packet_cut(p, stop - off);
	return true;
}

/* As the program does it. */
static void go_in(struct packet p, uint8_t kind, bool super, struct look *l)
{
	struct tunnel_work *w = &l->w;

	tunnel_work_init(w, &l->outer, kind, super);
	l->result = at(&p, l, w->off, w->stop) ? enter(&p, w) : DECAP_SHORT;
	if (l->result != DECAP_DONE)
		return;
	if (w->options && at(&p, l, w->options, w->inside))
		walk_geneve(&p, w);
	l->result = at(&p, l, w->inside, w->stop) ? look_inside(&p, w) : DECAP_SHORT;
}

static void look_at(const uint8_t *bytes, size_t linear, size_t len, bool super, struct look *l)
{
	uint8_t *exact = malloc(linear ? linear : 1);
	struct packet p = {
		.f = &l->outer, .data = exact, .end = exact + linear, .left = len, .stop = len,
	};
	uint8_t kind;

	memcpy(exact, bytes, linear);
	memset(l, 0, sizeof(*l));
	l->result = OUTSIDE;
	facts_init(&l->outer);
	if (parse(&p, true, 0) == LEDGER_SEEN && !l->outer.beyond && !is_fragment(&l->outer)) {
		kind = tunnel_of(&l->outer, DECAP_ALL, DECAP_GENEVE_PORT, DECAP_VXLAN_PORT);
		if (kind)
			go_in(p, kind, super, l);
	}
	free(exact);
}

static int same(const char *what, unsigned is, unsigned wanted)
{
	if (is != wanted)
		printf("# %s is %#x (%u), wanted %#x (%u)\n", what, is, is, wanted, wanted);
	return is == wanted;
}

static bool inner_right(const struct tunnel_row *t, const struct frame *w, const struct look *l)
{
	static const uint8_t src4[16] = { 10, 0, 0, 1 }, dst4[16] = { 10, 0, 0, 2 };
	static const uint8_t src6[16] = { 0x20, 1, 0x0d, 0xb8, [15] = 1 };
	static const uint8_t dst6[16] = { 0x20, 1, 0x0d, 0xb8, [15] = 2 };
	const struct facts *f = &l->w.inner;

	return same("kind", l->w.tunnel, t->kind) & same("VNI", l->w.vni, t->vni) &
	       same("options", l->w.outer.has, t->has) & same("family", f->family, w->family) &
	       same("proto", f->proto, w->proto) & same("sport", bpf_ntohs(f->sport), w->sport) &
	       same("dport", bpf_ntohs(f->dport), w->dport) &
	       same("outer VLAN", f->vlan_outer, tunnel_vlan_outer(t, w)) &
	       same("inner VLAN", f->vlan_inner, tunnel_vlan_inner(t, w)) &
	       same("TCP flags", f->tcp_flags, w->tcp_flags) & same("ToS", f->tos, w->tos) &
	       same("TTL", f->ttl, w->ttl ? w->ttl : 64) &
	       same("TCP options", word_second(f->seen), w->proto == 6 ? w->options : 0) &
	       same("extension headers", word_first(f->seen), w->headers) &
	       same("source", memcmp(f->src, w->family == 4 ? src4 : src6, 16), 0) &
	       same("destination", memcmp(f->dst, w->family == 4 ? dst4 : dst6, 16), 0) &
	       same("outer family", l->w.outer.family, t->outer6 ? 6 : 4) &
	       same("outer ToS", l->w.outer.tos, 0xb8) & same("outer source", l->w.outer.src[0], t->outer6 ? 0xfd : 0xc0);
}

/* What cannot be parsed inside stays outside, and is not called decapsulated. */
static bool row_right(const struct tunnel_row *t, const struct frame *w)
{
	uint8_t inner[FRAME_MAX], buf[TUNNEL_FRAME_MAX];
	size_t n = tunnel_inside(t, w, inner), at, len;
	struct look l;
	bool ok;

	if (!n || w->gso_segs || w->gso_size)
		return true;
	len = tunnel_frame(t, inner, n, buf, &at);
	look_at(buf, len, len, false, &l);
	if (w->reason == LEDGER_SEEN)
		ok = same("result", l.result, DECAP_DONE) && inner_right(t, w, &l) &&
		     same("bytes", l.w.inner.bytes, w->bytes);
	else if (w->reason == LEDGER_NON_IP)
		ok = l.result == DECAP_NON_IP || l.result == DECAP_SHORT;
	else
		ok = l.result == DECAP_INNER || l.result == DECAP_SHORT;
	if (!ok)
		printf("# %s in %s: %d\n", w->name, t->name, l.result);
	return ok;
}

TEST(every_frame_in_every_tunnel_is_what_it_is_alone)
{
	bool ok = true;

	for (size_t i = 0; i < n_tunnel_rows; i++) {
		for (size_t k = 0; k < n_frames; k++)
			ok &= row_right(&tunnel_rows[i], &frames[k]);
	}
	CHECK(ok);
}

TEST(the_words_of_a_load_balancer_are_told)
{
	uint8_t inner[FRAME_MAX], buf[TUNNEL_FRAME_MAX];
	struct look l;
	unsigned seen = 0;

	for (size_t i = 0; i < n_tunnel_rows; i++) {
		const struct tunnel_row *t = &tunnel_rows[i];
		size_t at, len;

		if (!t->has)
			continue;
		for (size_t k = 0; k < n_frames; k++) {
			size_t n = tunnel_inside(t, &frames[k], inner);

			if (!n || frames[k].reason != LEDGER_SEEN || frames[k].gso_segs || frames[k].gso_size)
				continue;
			len = tunnel_frame(t, inner, n, buf, &at);
			look_at(buf, len, len, false, &l);
			CHECK(!(t->has & OUTER_GWLB_ENDPOINT) || l.w.outer.gwlb_endpoint == 0x1122334455667788);
			CHECK(l.w.outer.gwlb_attachment == 0x99aabbccddeeff00);
			CHECK(l.w.outer.gwlb_flow == (t->has & OUTER_GWLB_FLOW ? 0xcafe0001 : 0));
			seen++;
		}
	}
	CHECK(seen > 50);
}

TEST(what_has_no_way_in_has_a_reason)
{
	uint8_t buf[TUNNEL_FRAME_MAX];
	struct look l;
	bool ok = true;

	for (size_t i = 0; i < n_tunnel_faults; i++) {
		size_t len = tunnel_fault_frame(&tunnel_faults[i], buf);

		look_at(buf, len, len, false, &l);
		if (!same("result", l.result, tunnel_faults[i].why)) {
			printf("# %s\n", tunnel_faults[i].name);
			ok = false;
		}
	}
	CHECK(ok);
}

struct inside {
	const struct tunnel_row *t;
	const struct frame *w;
	size_t at, len;			/* where the packet inside begins, and all of the frame */
	uint8_t buf[TUNNEL_FRAME_MAX];
};

/*
 * The next frame in a tunnel after number *@i, of at most @max bytes inside. Few rows of each
 * kind: cutting at every byte takes the square of the length.
 */
static bool next_inside(size_t *i, size_t max, struct inside *ret)
{
	uint8_t inner[FRAME_MAX];
	size_t n;

	for (; *i < n_tunnel_rows * n_frames; ++*i) {
		ret->t = &tunnel_rows[*i % n_tunnel_rows];
		ret->w = &frames[*i / n_tunnel_rows];
		n = *i / n_tunnel_rows % 5 ? 0 : tunnel_inside(ret->t, ret->w, inner);
		if (!n || n > max)
			continue;
		ret->len = tunnel_frame(ret->t, inner, n, ret->buf, &ret->at);
		++*i;
		return true;
	}
	return false;
}

TEST(a_frame_cut_at_any_byte_is_never_misread)
{
	struct inside in;
	struct look l;

	for (size_t i = 0; next_inside(&i, 200, &in);) {
		for (size_t cut = 0; cut < in.len; cut++) {
			const struct facts *f = &l.w.inner;

			look_at(in.buf, cut, cut, false, &l);
			/* Its IP header would lie behind the end. */
			CHECK(cut >= in.at + 20 || l.result != DECAP_DONE);
			if (l.result != DECAP_DONE)
				continue;
			CHECK(!f->beyond && f->bytes <= cut - in.at && l.w.vni == in.t->vni);
			CHECK(bpf_ntohs(f->sport) == in.w->sport || f->sport == 0);
			CHECK(bpf_ntohs(f->dport) == in.w->dport || f->dport == 0);
		}
	}
}

TEST(headers_behind_the_linear_part_are_missed_and_told)
{
	struct inside in;
	struct look l, all;

	for (size_t i = 0; next_inside(&i, 200, &in);) {
		look_at(in.buf, in.len, in.len, false, &all);
		for (size_t linear = 0; linear < in.len; linear++) {
			look_at(in.buf, linear, in.len, false, &l);
			if (l.outer.beyond || l.w.inner.beyond)
				continue;
			/* Options that are no matter but to whoever is told of them are glanced at. */
			if (l.result != all.result || (all.result == DECAP_DONE && l.w.outer.has == in.t->has &&
						       memcmp(&l.w.inner, &all.w.inner, sizeof(l.w.inner)) != 0))
				printf("# %s in %s, %zu linear\n", in.w->name, in.t->name, linear);
			CHECK(l.result == all.result);
			CHECK(all.result != DECAP_DONE ||
			      memcmp(&l.w.inner, &all.w.inner, sizeof(l.w.inner)) == 0);
		}
	}
}

TEST(no_single_wrong_byte_leads_out_of_the_frame)
{
	static const uint8_t wrong[] = { 0x00, 0x01, 0x0f, 0x40, 0x60, 0x7f, 0x80, 0xff };
	struct inside in;
	struct look l;

	for (size_t i = 0; next_inside(&i, 120, &in);) {
		for (size_t byte = 12; byte < in.len && byte < in.at + 60; byte++) {
			uint8_t right = in.buf[byte];

			for (size_t k = 0; k < sizeof(wrong); k++) {
				in.buf[byte] = wrong[k];
				look_at(in.buf, in.len, in.len, false, &l);
				CHECK(l.result != DECAP_DONE || l.w.inner.bytes <= l.outer.bytes);
			}
			in.buf[byte] = right;
		}
	}
}

TEST(of_packets_that_were_joined_the_first_is_not_taken_for_all)
{
	uint8_t inner[FRAME_MAX], buf[TUNNEL_FRAME_MAX];
	struct look l;
	size_t at, len;

	/* 28 bytes of IP, and 28 that are not its own. */
	size_t n = frame_bytes(&(struct frame) {
		.hex = "45 00 001c 1234 0000 40 11 0000 0a000001 0a000002 0050 1f90 0008 0000", .zeros = 28,
	}, inner);

	for (int super = 0; super < 2; super++) {
		len = tunnel_frame(&(struct tunnel_row) { .head = "0000 0800 00002a00", .port = 6081 }, inner,
				   n, buf, &at);
		look_at(buf, len, len, super, &l);
		CHECK(l.result == (super ? DECAP_SEVERAL : DECAP_DONE));
	}
}

TEST(a_meter_looks_into_what_it_is_told_and_nothing_else)
{
	static const struct {
		struct facts f;
		uint32_t decap;
	} rows[] = {
		{ { .proto = 17, .family = 4 }, 0 },
		{ { .proto = 47, .family = 4 }, DECAP_GRE },
		{ { .proto = 4, .family = 6 }, DECAP_IPIP },
		{ { .proto = 41, .family = 4 }, DECAP_IPIP },
		{ { .proto = 6, .family = 4 }, 0 },
	};
	struct facts udp = { .proto = 17, .family = 4, .dport = bpf_htons(8472) };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK(!tunnel_of(&rows[i].f, DECAP_ALL & ~rows[i].decap, 6081, 4789));
		CHECK(!!tunnel_of(&rows[i].f, rows[i].decap, 6081, 4789) == !!rows[i].decap);
	}
	CHECK(tunnel_of(&udp, DECAP_ALL, 6081, 4789) == TUNNEL_NONE);
	CHECK(tunnel_of(&udp, DECAP_VXLAN, 6081, 8472) == TUNNEL_VXLAN);
	CHECK(tunnel_of(&udp, DECAP_GENEVE, 8472, 4789) == TUNNEL_GENEVE);
	CHECK(tunnel_of(&udp, DECAP_GENEVE, 6081, 8472) == TUNNEL_NONE);
}
