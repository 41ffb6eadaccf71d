// SPDX-License-Identifier: Apache-2.0
/*
 * The parsers of the kernel program, compiled for the host and run under the sanitizers:
 * every frame lies at the very end of its own allocation, so that a byte too far is seen.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "frames.h"
#include "test.h"
#include "walks.h"

/* A packet was more than its frame, before it counted as many. */
static bool too_long;

/* As the program does it, with @linear of the @len bytes of @f at hand. */
static enum ledger_reason look(const struct frame *f, const uint8_t *data, size_t linear,
			       size_t len, struct facts *ret)
{
	struct packet p = {
		.f = ret,
		.data = data,
		.end = data + linear,
		.left = len,
		.stop = len,
		.gso_size = f->gso_size,
		.gso_segs = f->gso_segs,
	};
	struct facts inner;
	enum ledger_reason reason;
	uint32_t end = 0, inner_end = 0;

	memset(ret, 0xa5, sizeof(*ret)); /* as the stack may be */
	facts_init(ret);
	ret->vlan_outer = f->tag;
	reason = parse(&p, !f->l3, bpf_htons(f->l3));
	too_long |= ret->bytes > len;
	if (!is_gso(&p) || ret->beyond)
		return reason;
	gso_forget_jumbo(ret);
	if (reason == LEDGER_SEEN && !is_fragment(ret)) {
		end = l4_end(ret);
		if (is_tunnel(ret->proto, ret->dport)) {
			struct packet q = p;

			q.f = &inner;
			facts_init(&inner);
			inner_end = gso_inner(&q, ret->proto, ret->dport);
		}
		if (inner_end) {
			end = inner_end;
			ret->jumbo_len += inner.jumbo_len;
		}
	}
	gso_header(&p, end);
	gso_count(&p);
	return reason;
}

/* The same, with the bytes in an allocation of just their size. */
static enum ledger_reason look_at(const struct frame *f, const uint8_t *bytes, size_t linear,
				  size_t len, struct facts *ret)
{
	uint8_t *exact = malloc(linear ? linear : 1);
	enum ledger_reason reason;

	memcpy(exact, bytes, linear);
	reason = look(f, exact, linear, len, ret);
	free(exact);
	return reason;
}

static int same(const char *frame, const char *what, unsigned is, unsigned wanted)
{
	if (is != wanted)
		printf("# %s: %s is %#x (%u), wanted %#x (%u)\n", frame, what, is, is, wanted,
		       wanted);
	return is == wanted;
}

static bool addresses_right(const struct facts *f)
{
	static const uint8_t src4[16] = { 10, 0, 0, 1 }, dst4[16] = { 10, 0, 0, 2 };
	static const uint8_t src6[16] = { 0x20, 1, 0x0d, 0xb8, [15] = 1 };
	static const uint8_t dst6[16] = { 0x20, 1, 0x0d, 0xb8, [15] = 2 };

	return memcmp(f->src, f->family == 4 ? src4 : src6, 16) == 0 &&
	       memcmp(f->dst, f->family == 4 ? dst4 : dst6, 16) == 0;
}

static bool as_wanted(const struct frame *w, enum ledger_reason reason, const struct facts *f)
{
	int ok = same(w->name, "reason", reason, w->reason) &
		 same(w->name, "bytes", f->bytes, w->bytes) &
		 same(w->name, "packets", f->packets, w->packets ? w->packets : 1);

	if (reason != LEDGER_SEEN)
		return ok;
	return ok & same(w->name, "family", f->family, w->family) &
	       same(w->name, "transport within the packet",
		    f->l4_off > f->ip_off && f->l4_off <= f->ip_off + f->bytes, true) &
	       same(w->name, "proto", f->proto, w->proto) &
	       same(w->name, "sport", bpf_ntohs(f->sport), w->sport) &
	       same(w->name, "dport", bpf_ntohs(f->dport), w->dport) &
	       same(w->name, "outer VLAN", f->vlan_outer, w->vlan_outer) &
	       same(w->name, "inner VLAN", f->vlan_inner, w->vlan_inner) &
	       same(w->name, "TCP flags", f->tcp_flags, w->tcp_flags) &
	       same(w->name, "ToS", f->tos, w->tos) &
	       same(w->name, "options", word_second(f->seen), w->proto == 6 ? w->options : 0) &
	       same(w->name, "headers", word_first(f->seen), w->headers) &
	       same(w->name, "TTL", f->ttl, w->ttl ? w->ttl : 64) &
	       same(w->name, "addresses", addresses_right(f), true);
}

TEST(every_frame_gives_what_its_row_says)
{
	uint8_t buf[FRAME_MAX];
	struct facts f;
	bool ok = true;

	for (size_t i = 0; i < n_frames; i++) {
		size_t len = frame_bytes(&frames[i], buf);
		enum ledger_reason reason = look_at(&frames[i], buf, len, len, &f);

		ok &= as_wanted(&frames[i], reason, &f);
	}
	CHECK(ok);
}

/* What is cut off is not known; what is still there is not read wrongly. */
static bool cut_is_right(const struct frame *w, enum ledger_reason reason, const struct facts *f,
			 size_t len)
{
	uint16_t sport = bpf_ntohs(f->sport), dport = bpf_ntohs(f->dport);

	if (reason != LEDGER_SEEN)
		return true;
	return (!w->packets ? f->bytes <= len : true) && (sport == w->sport || sport == 0) &&
	       (dport == w->dport || dport == 0) &&
	       (f->tcp_flags == w->tcp_flags || !f->tcp_flags) && addresses_right(f);
}

TEST(a_frame_cut_at_any_byte_is_never_misread)
{
	uint8_t buf[FRAME_MAX];
	struct facts f;

	for (size_t i = 0; i < n_frames; i++) {
		size_t len = frame_bytes(&frames[i], buf);

		for (size_t n = 0; n < len; n++) {
			enum ledger_reason reason = look_at(&frames[i], buf, n, n, &f);

			if (!cut_is_right(&frames[i], reason, &f, n))
				printf("# %s, cut at %zu\n", frames[i].name, n);
			CHECK(cut_is_right(&frames[i], reason, &f, n));
			CHECK(!f.beyond);
		}
	}
}

TEST(headers_behind_the_linear_part_are_missed_and_told)
{
	uint8_t buf[FRAME_MAX];
	struct facts f;

	for (size_t i = 0; i < n_frames; i++) {
		size_t len = frame_bytes(&frames[i], buf);

		for (size_t n = 0; n < len; n++) {
			enum ledger_reason reason = look_at(&frames[i], buf, n, len, &f);

			/* Inner headers of a tunnel are pulled before they are looked at. */
			if (f.beyond || (frames[i].packets && is_tunnel(f.proto, f.dport)))
				continue;
			CHECK(as_wanted(&frames[i], reason, &f));
		}
	}
}

TEST(no_single_wrong_byte_leads_out_of_the_frame)
{
	static const uint8_t wrong[] = { 0x00, 0x01, 0x0f, 0x40, 0x60, 0x7f, 0x80, 0xff };
	uint8_t buf[FRAME_MAX];
	struct facts f;

	for (size_t i = 0; i < n_frames; i++) {
		size_t len = frame_bytes(&frames[i], buf);

		for (size_t at = 0; at < len && at < 160; at++) {
			uint8_t right = buf[at];

			for (size_t k = 0; k < sizeof(wrong); k++) {
				buf[at] = wrong[k];
				look_at(&frames[i], buf, len, len, &f);
				CHECK(!too_long);
				CHECK(frames[i].gso_segs || frames[i].gso_size || f.bytes <= len);
			}
			buf[at] = right;
		}
	}
}
