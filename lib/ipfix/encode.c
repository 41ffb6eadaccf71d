// SPDX-License-Identifier: Apache-2.0
/*
 * An element becomes one operation {from, to}, or joins the one before: elements that lie
 * side by side in record and message alike are one copy. The place of an element in the
 * message is known, so the order of the writes is free, and operations are sorted by kind:
 * a kind is a short loop whose body does one thing. No operation branches or is called
 * through a pointer, but for the few values that are computed (ie.put, NTP times).
 *
 * Zeroes are written first, sixteen at a time, and what they cover too much is overwritten.
 */
#include "ipfix/encode.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "ipfix/template.h"

/* In the order in which they are done. */
enum kind {
	ZERO,
	COPY1, COPY2, COPY4, COPY8, COPY16,
	SHIFT,			/* a byte, to the right by @more */
	SWAP16,			/* host order, less the bits in @more */
	SWAP32, SWAP64,
	MSEC,			/* of 64 bits of ns */
	SEC,
	CALL,			/* ie_put() of element number @more */
	RAW,			/* @more bytes that the record brings */
	KINDS
};

struct op {
	uint16_t from;		/* in struct record */
	uint16_t to;		/* in the message's record */
	uint16_t more;
};

struct encoder {
	const struct ie *const *elements;
	uint16_t end[KINDS];	/* of each kind's operations, which begin where those before end */
	struct op ops[];
};

/* Operations as they come. An element of up to 16 bytes is three copies at the most. */
struct draft {
	struct {
		enum kind kind;
		struct op op;
	} v[3 * ENCODE_ELEMENTS_MAX];
	size_t n;
	/* a run of bytes to be copied, or (from is -1) zeroed, not yet an operation */
	int from, to, len;
};

static void add(struct draft *d, enum kind kind, unsigned from, unsigned to, unsigned more)
{
	d->v[d->n].kind = kind;
	d->v[d->n++].op = (struct op) { from, to, more };
}

static void end_run(struct draft *d)
{
	static const struct {
		enum kind kind;
		int len;
	} copies[] = { { COPY16, 16 }, { COPY8, 8 }, { COPY4, 4 }, { COPY2, 2 }, { COPY1, 1 } };

	for (int at = 0; d->from < 0 && at < d->len; at += 16)
		add(d, ZERO, 0, d->to + at, 0);
	for (size_t i = 0, at = 0; d->from >= 0 && i < ARRAY_SIZE(copies); i++) {
		for (; d->len - (int)at >= copies[i].len; at += copies[i].len)
			add(d, copies[i].kind, d->from + at, d->to + at, 0);
	}
	d->len = 0;
}

static void run(struct draft *d, int from, int to, int len)
{
	bool goes_on = d->len && to == d->to + d->len &&
		       (from < 0 ? d->from < 0 : d->from >= 0 && from == d->from + d->len);

	if (!goes_on) {
		end_run(d);
		d->from = from;
		d->to = to;
	}
	d->len += len;
}

static void compile(struct draft *d, const struct ie *e, size_t number, unsigned applies, int to)
{
	static const enum kind kinds[] = {
		[IE_U16] = SWAP16, [IE_U32] = SWAP32, [IE_U64] = SWAP64, [IE_SEC] = SEC,
		[IE_MSEC] = MSEC, [IE_NTP_US] = CALL, [IE_NTP_NS] = CALL,
	};

	if (e->gate & ~applies) {
		run(d, -1, to, e->len_bytes);
		return;
	}
	if (e->put) {
		add(d, CALL, 0, to, number);
		return;
	}
	switch (e->type) {
	case IE_U8:
	case IE_BE16:
	case IE_IPV4:
	case IE_IPV6:
	case IE_MAC:
		if (e->shift)
			add(d, SHIFT, e->offset, to, e->shift);
		else
			run(d, e->offset, to, e->len_bytes);
		break;
	default:
		add(d, kinds[e->type], e->offset, to, kinds[e->type] == CALL ? number : e->without);
	}
}

struct encoder *encoder_new(const struct ie *const *elements, size_t n, unsigned applies)
{
	struct draft d = { .n = 0 };
	struct encoder *new;
	size_t done = 0;
	int to = 0;

	for (size_t i = 0; i < n; i++) {
		compile(&d, elements[i], i, applies, to);
		to += elements[i]->len_bytes;
	}
	end_run(&d);
	new = calloc(1, sizeof(*new) + d.n * sizeof(new->ops[0]));
	if (!new)
		return NULL;
	new->elements = elements;
	for (enum kind kind = 0; kind < KINDS; kind++) {
		for (size_t i = 0; i < d.n; i++) {
			if (d.v[i].kind == kind)
				new->ops[done++] = d.v[i].op;
		}
		new->end[kind] = done;
	}
	return new;
}

struct encoder *encoder_new_raw(size_t len)
{
	struct encoder *new = calloc(1, sizeof(*new) + sizeof(new->ops[0]));

	if (!new)
		return NULL;
	new->end[RAW] = 1;
	new->ops[0].more = len;
	return new;
}

void encoder_free(struct encoder *e)
{
	free(e);
}

/* @to and @from are where the operation at hand writes and reads. */
#define EACH(kind_, do_)                                                         \
	for (end = &e->ops[e->end[kind_]]; op < end; op++) {                     \
		uint8_t *to = out + op->to;                                      \
		const uint8_t *from = (const uint8_t *)r + op->from;             \
		(void)from;                                                      \
		do_;                                                             \
	}

#define LOAD(type_)                                                              \
	({                                                                       \
		type_ v_;                                                        \
		memcpy(&v_, from, sizeof(v_));                                   \
		v_;                                                              \
	})

void encode(const struct encoder *e, const struct record *r, uint8_t *out)
{
	const struct op *op = e->ops, *end;

	EACH(ZERO, memset(to, 0, 16));
	EACH(COPY1, memcpy(to, from, 1));
	EACH(COPY2, memcpy(to, from, 2));
	EACH(COPY4, memcpy(to, from, 4));
	EACH(COPY8, memcpy(to, from, 8));
	EACH(COPY16, memcpy(to, from, 16));
	EACH(SHIFT, *to = *from >> op->more);
	EACH(SWAP16, put_be16(to, LOAD(uint16_t) & ~op->more));
	EACH(SWAP32, put_be32(to, LOAD(uint32_t)));
	EACH(SWAP64, put_be64(to, LOAD(uint64_t)));
	EACH(MSEC, put_be64(to, LOAD(uint64_t) / NSEC_PER_MSEC));
	EACH(SEC, put_be32(to, LOAD(uint64_t) / NSEC_PER_SEC));
	EACH(CALL, ie_put(e->elements[op->more], r, to));
	EACH(RAW, memcpy(to, r->raw->bytes, op->more));
}
