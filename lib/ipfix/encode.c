// SPDX-License-Identifier: Apache-2.0
/*
 * An element becomes one operation {from, to}, or joins the one before: elements that lie
 * side by side in record and message alike are one copy. The place of an element in the
 * message is known, so the order of the writes is free, and operations are sorted by kind:
 * a kind is a short loop whose body does one thing. No operation branches or is called
 * through a pointer, but for the few values that are computed (ie.put, NTP times).
 *
 * Zeroes are written first, sixteen at a time, and what they cover too much is overwritten.
 *
 * Behind a value of variable length nothing has a known place: there the program ends and
 * the next begins. Values of the reverse record (RFC 5103) are a program too. So a template
 * of neither is one program.
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
	SWAP16,			/* host order, less the bits in @more, as below */
	SWAP32, SWAP64,
	MSEC,			/* of 64 bits of ns */
	SEC,
	CALL,			/* ie_put() of field number @more */
	KINDS
};

struct op {
	uint16_t from;		/* in struct record */
	uint16_t to;		/* in the message, from where the program begins */
	uint16_t more;
};

struct program {
	bool reverse;		/* of the reverse record */
	/* Where each kind's operations end, in bytes of all; they begin where those before end. */
	uint16_t begin, end[KINDS];
	uint16_t len;		/* bytes to go on by, */
	const struct ie_field *tail;	/* and then there is this of variable length, or NULL */
};

struct encoder {
	const struct ie_field *fields;	/* borrowed */
	const uint8_t *ops;		/* struct op, behind the programs */
	uint16_t raw_len;		/* of those with no program, which copy what there is */
	uint16_t whole_len;		/* of those with one program and no more, else 0 */
	uint16_t n_programs;
	struct program programs[];
};

/* A field of up to 255 bytes is 16 operations at the most, then they are zeroes. */
#define OPS_MAX (16 * ENCODE_ELEMENTS_MAX)
#define PROGRAMS_MAX (2 * (ENCODE_ELEMENTS_MAX + 1))

/* Operations as they come, of one program. */
struct draft {
	struct {
		enum kind kind;
		struct op op;
	} v[OPS_MAX];
	size_t n;
	/* a run of bytes to be copied, or (from is -1) zeroed, not yet an operation */
	int from, to, len;
};

/* What becomes an encoder. */
struct compiler {
	struct draft drafts[2];		/* of the record, of its reverse */
	struct program programs[PROGRAMS_MAX];
	size_t n_programs;
	struct op ops[OPS_MAX];
	size_t n_ops;
	unsigned applies;
	int to;				/* where the program at hand has come */
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

/* Bytes of the number that lies in the record; 0: it is none, or has to be worked out. */
static unsigned width_of(const struct ie *e)
{
	static const uint8_t widths[] = {
		[IE_U8] = 1, [IE_U16] = 2, [IE_U32] = 4, [IE_U64] = 8, [IE_BE16] = 2,
		[IE_SEC] = 4, [IE_MSEC] = 8, [IE_NTP_NS] = 0,
	};

	return e->get ? 0 : widths[e->type];
}

static bool is_bytes(const struct ie *e)
{
	return e->type == IE_IPV4 || e->type == IE_IPV6 || e->type == IE_MAC;
}

/* A number in its own width, at @to. */
static void compile_number(struct draft *d, const struct ie *e, int to)
{
	static const enum kind kinds[] = {
		[IE_U16] = SWAP16, [IE_U32] = SWAP32, [IE_U64] = SWAP64, [IE_SEC] = SEC,
		[IE_MSEC] = MSEC,
	};

	if (e->type == IE_BE16 || (e->type == IE_U8 && !e->shift))
		run(d, e->offset, to, width_of(e));
	else if (e->type == IE_U8)
		add(d, SHIFT, e->offset, to, e->shift);
	else
		add(d, kinds[e->type], e->offset, to, e->without);
}

static void compile(struct compiler *c, const struct ie_field *f, size_t number)
{
	const struct ie *e = f->ie;
	struct draft *d = &c->drafts[e->reverse];
	unsigned len = f->len_bytes, width = width_of(e);

	if (e->applies & IE_GATES & ~c->applies) {
		run(&c->drafts[0], -1, c->to, len);
	} else if (is_bytes(e)) {
		run(d, e->offset, c->to, len);
	} else if (width && width <= len) {
		if (width < len)
			run(&c->drafts[0], -1, c->to, len - width);
		compile_number(d, e, c->to + len - width);
	} else {
		add(&c->drafts[0], CALL, 0, c->to, number);
	}
	c->to += len;
}

/* The operations of @d by kind, as one program more. */
static struct program *end_draft(struct compiler *c, struct draft *d)
{
	struct program *p = &c->programs[c->n_programs++];

	end_run(d);
	*p = (struct program) { .begin = c->n_ops * sizeof(struct op) };
	for (enum kind kind = 0; kind < KINDS; kind++) {
		for (size_t i = 0; i < d->n; i++) {
			if (d->v[i].kind == kind)
				c->ops[c->n_ops++] = d->v[i].op;
		}
		p->end[kind] = c->n_ops * sizeof(struct op);
	}
	d->n = 0;
	return p;
}

/* The zeroes of a program cover what comes behind it: reverse values go after it. */
static void end_program(struct compiler *c, const struct ie_field *tail)
{
	struct program *p = end_draft(c, &c->drafts[0]);

	end_run(&c->drafts[1]);
	if (c->drafts[1].n) {
		p = end_draft(c, &c->drafts[1]);
		p->reverse = true;
	}
	p->len = c->to;
	p->tail = tail;
	c->to = 0;
}

static struct encoder *link_up(const struct compiler *c, const struct ie_field *fields)
{
	size_t programs = c->n_programs * sizeof(c->programs[0]);
	struct encoder *new = calloc(1, sizeof(*new) + programs + c->n_ops * sizeof(c->ops[0]));
	uint8_t *ops;

	if (!new)
		return NULL;
	ops = (uint8_t *)(new + 1) + programs;
	memcpy(new->programs, c->programs, programs);
	memcpy(ops, c->ops, c->n_ops * sizeof(c->ops[0]));
	new->fields = fields;
	new->ops = ops;
	new->n_programs = c->n_programs;
	if (c->n_programs == 1)
		new->whole_len = c->programs[0].len;
	return new;
}

struct encoder *encoder_new(const struct ie_field *fields, size_t n, unsigned applies)
{
	_cleanup_(freep) struct compiler *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->applies = applies;
	for (size_t i = 0; i < n; i++) {
		if (fields[i].len_bytes == IE_VARLEN)
			end_program(c, &fields[i]);
		else
			compile(c, &fields[i], i);
	}
	end_program(c, NULL);
	return link_up(c, fields);
}

struct encoder *encoder_new_raw(size_t len)
{
	struct encoder *new = calloc(1, sizeof(*new));

	if (new)
		new->raw_len = len;
	return new;
}

void encoder_free(struct encoder *e)
{
	free(e);
}

#define OP_AT(bytes_) ((const struct op *)(ops + (bytes_)))

/* @to and @from are where the operation at hand writes and reads. */
#define EACH(kind_, do_)                                                         \
	for (end = OP_AT(p->end[kind_]); op < end; op++) {                     \
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

/* @r: the record that the values are of; @whole: that which has both directions. */
static inline __attribute__((always_inline)) void
do_program(const struct encoder *e, const struct program *p, const struct record *r,
	   const struct record *whole, uint8_t *out)
{
	const uint8_t *ops = e->ops;
	const struct op *op = OP_AT(p->begin), *end;

	EACH(ZERO, memset(to, 0, 16));
	EACH(COPY1, memcpy(to, from, 1));
	EACH(COPY2, memcpy(to, from, 2));
	EACH(COPY4, memcpy(to, from, 4));
	EACH(COPY8, memcpy(to, from, 8));
	EACH(COPY16, memcpy(to, from, 16));
	EACH(SHIFT, *to = *from >> op->more);
	EACH(SWAP16, put_be16(to, LOAD(uint16_t) & ~op->more));
	EACH(SWAP32, put_be32(to, LOAD(uint32_t) & ~op->more));
	EACH(SWAP64, put_be64(to, LOAD(uint64_t)));
	EACH(MSEC, put_be64(to, LOAD(uint64_t) / NSEC_PER_MSEC));
	EACH(SEC, put_be32(to, LOAD(uint64_t) / NSEC_PER_SEC));
	EACH(CALL, ie_put(&e->fields[op->more], whole, to));
}

static size_t encode_raw(const struct encoder *e, const struct record_raw *raw, uint8_t *out)
{
	size_t len = raw->len_bytes ? raw->len_bytes : e->raw_len;

	memcpy(out, raw->bytes, len);
	return len;
}

/* Of its own, so that the usual record does not pay for its registers. */
static __attribute__((noinline)) size_t
encode_parts(const struct encoder *e, const struct record *r, uint8_t *out)
{
	const struct program *p = e->programs, *end = p + e->n_programs;
	uint8_t *at = out;

	if (p == end)
		return encode_raw(e, r->raw, out);
	for (; p < end; p++) {
		do_program(e, p, p->reverse ? r->reverse : r, r, at);
		at += p->len;
		if (p->tail)
			at += ie_put(p->tail, r, at);
	}
	return at - out;
}

size_t encode(const struct encoder *e, const struct record *r, uint8_t *out)
{
	if (!e->whole_len)
		return encode_parts(e, r, out);
	do_program(e, e->programs, r, r, out);
	return e->whole_len;
}
