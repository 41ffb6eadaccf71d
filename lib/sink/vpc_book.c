// SPDX-License-Identifier: Apache-2.0
/*
 * A piece is counted into the line of its flow, interface and interval. It gets a line of its own,
 * at once, when that interval is over already or when there are too many lines: nothing waits for
 * room, and nothing is lost for the want of it.
 */
#include "sink/vpc_book.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "sink/vpc_spool.h"

#define OUT_LONG (256 * 1024)

void vpc_book_init(struct vpc_book *b, const struct vpc_format *format, size_t max_lines)
{
	*b = (struct vpc_book) { .format = *format };
	vpc_lines_init(&b->lines, max_lines);
}

static void known_deinit(struct vpc_known *k)
{
	free(k->strings);
}

void vpc_book_deinit(struct vpc_book *b)
{
	for (size_t i = 0; i < b->n_places; i++)
		known_deinit(&b->places[i]);
	free(b->places);
	vpc_lines_deinit(&b->lines);
	strbuf_deinit(&b->out);
	strbuf_deinit(&b->told);
	*b = (struct vpc_book) { 0 };
}

size_t vpc_book_find(const struct vpc_book *b, const char *strings, size_t len)
{
	size_t i;

	for (i = 0; i < b->n_places; i++) {
		if (b->places[i].len == len && memcmp(b->places[i].strings, strings, len) == 0)
			break;
	}
	return i;
}

/* Where the strings lie; false: there are not so many. */
static bool known_parse(struct vpc_known *k)
{
	const char **of[VPC_PLACE_STRINGS] = {
		NULL, NULL, &k->place.account, &k->place.interface, &k->place.vpc,
		&k->place.subnet, &k->place.instance, &k->place.az_id, &k->place.region,
	};
	size_t at = 0;

	for (size_t i = 0; i < VPC_PLACE_STRINGS; i++) {
		size_t len = strnlen(k->strings + at, k->len - at);

		if (at + len >= k->len)
			return false;
		if (of[i])
			*of[i] = len ? k->strings + at : NULL;
		at += len + 1;
	}
	return at == k->len;
}

static int add_place(struct vpc_book *b, const char *strings, size_t len)
{
	struct vpc_known *grown = reallocarray(b->places, b->n_places + 1, sizeof(*grown));
	struct vpc_known k = { .len = len };

	if (!grown)
		return -ENOMEM;
	b->places = grown;
	k.strings = malloc(len + 1);
	if (!k.strings)
		return -ENOMEM;
	memcpy(k.strings, strings, len);
	if (!known_parse(&k)) {
		known_deinit(&k);
		return -EBADMSG;
	}
	b->places[b->n_places++] = k;
	return 0;
}

static void first_of(uint32_t *first, uint32_t interval)
{
	if (!*first || interval < *first)
		*first = interval;
}

static void write_line(struct vpc_book *b, const struct vpc_piece *p)
{
	const struct vpc_line line = {
		.key = p->key,
		.packets = p->packets,
		.bytes = p->bytes,
		.first_ns = p->first_ns,
		.last_ns = p->last_ns,
		.tcp_flags = p->tcp_flags,
	};

	vpc_line_put(&b->out, &b->format, &line, &b->places[p->place].place);
	b->n_out++;
	first_of(&b->places[p->place].fresh, p->interval);
	if (b->out.len - b->tried > OUT_LONG && b->full)
		b->full(b->arg);
}

static int add_piece(struct vpc_book *b, const struct vpc_piece *p)
{
	if (p->place >= b->n_places)
		return -EBADMSG;
	if (p->interval >= b->ended && vpc_lines_add(&b->lines, p))
		return 0;
	write_line(b, p);
	b->places[p->place].wrote = p->interval;
	return 0;
}

static int add_told(struct vpc_book *b, const struct vpc_told *t)
{
	const struct vpc_line line = {
		.status = t->status, .first_ns = t->from_ns, .last_ns = t->to_ns,
	};

	if (t->place >= b->n_places || t->status > VPC_SKIPDATA)
		return -EBADMSG;
	vpc_line_put(&b->told, &b->format, &line, &b->places[t->place].place);
	first_of(&b->places[t->place].fresh, t->from_ns / NSEC_PER_SEC);
	if (t->status == VPC_SKIPDATA)
		b->places[t->place].lost = 0;
	b->n_told++;
	return 0;
}

/* All lines of before @interval, into out; UINT32_MAX: all. */
static void write_lines(struct vpc_book *b, uint32_t interval)
{
	for (size_t i = 0; i < b->lines.n; i++) {
		if (b->lines.v[i].interval < interval)
			write_line(b, &b->lines.v[i]);
	}
	vpc_lines_drop(&b->lines, interval);
	strbuf_add(&b->out, strbuf_str(&b->told), b->told.len);
	b->n_out += b->n_told;
	b->n_told = 0;
	b->out.failed |= b->told.failed;
	strbuf_reset(&b->told);
}

static int end(struct vpc_book *b, uint32_t type, uint32_t real_s)
{
	if (type == VPC_ENTRY_END) {
		write_lines(b, real_s);
		b->ended = real_s;
	} else if (type == VPC_ENTRY_ALL) {
		write_lines(b, UINT32_MAX);
	}
	return 0;
}

int vpc_book_enter(struct vpc_book *b, uint32_t type, const void *data, size_t len)
{
	switch (type) {
	case VPC_ENTRY_PLACE:
		return add_place(b, data, len);
	case VPC_ENTRY_PIECE:
		return len == sizeof(struct vpc_piece) ? add_piece(b, data) : -EBADMSG;
	case VPC_ENTRY_STATUS:
		return len == sizeof(struct vpc_told) ? add_told(b, data) : -EBADMSG;
	case VPC_ENTRY_END:
	case VPC_ENTRY_FILE:
	case VPC_ENTRY_ALL:
		return len == sizeof(uint32_t) ? end(b, type, *(const uint32_t *)data) : -EBADMSG;
	default:
		return -EBADMSG;
	}
}

uint64_t vpc_book_count_lines(const char *data, size_t len)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += data[i] == '\n';
	return n;
}

size_t vpc_book_took(struct vpc_book *b, size_t bytes)
{
	const char *end = bytes ? memrchr(b->out.data, '\n', bytes) : NULL;
	size_t whole = end ? end + 1 - b->out.data : 0;

	b->n_out -= vpc_book_count_lines(b->out.data, whole);
	b->out.len -= whole;
	if (whole)
		memmove(b->out.data, b->out.data + whole, b->out.len);
	b->tried = b->out.len;
	for (size_t i = 0; i < b->n_places; i++)
		b->places[i].fresh = 0;
	return bytes - whole;
}

uint64_t vpc_book_lose(struct vpc_book *b)
{
	uint64_t n = vpc_book_count_lines(b->out.data + b->tried, b->out.len - b->tried);

	b->out.len = b->tried;
	b->n_out -= n;
	for (size_t i = 0; i < b->n_places; i++) {
		if (b->places[i].fresh)
			first_of(&b->places[i].lost, b->places[i].fresh);
		b->places[i].fresh = 0;
	}
	return n;
}

void vpc_book_missed(struct vpc_book *b, const struct vpc_piece *p)
{
	if (p->place < b->n_places)
		first_of(&b->places[p->place].lost, p->interval);
}

int vpc_book_put_back(struct vpc_book *b, const struct strbuf *lines)
{
	struct strbuf all = STRBUF_NULL;

	strbuf_add(&all, strbuf_str(lines), lines->len);
	strbuf_add(&all, strbuf_str(&b->out), b->out.len);
	if (all.failed || lines->failed) {
		strbuf_deinit(&all);
		return -ENOMEM;
	}
	strbuf_deinit(&b->out);
	b->out = all;
	b->tried += lines->len;
	b->n_out += vpc_book_count_lines(lines->data, lines->len);
	return 0;
}

void vpc_book_has(const struct vpc_book *b, uint32_t interval, bool *ret)
{
	for (size_t i = 0; i < b->n_places; i++)
		ret[i] = b->places[i].wrote == interval;
	for (size_t i = 0; i < b->lines.n; i++) {
		if (b->lines.v[i].interval == interval)
			ret[b->lines.v[i].place] = true;
	}
}

/* Keep the places that have lines, or lost some, under new numbers. */
static int forget_places(struct vpc_book *b)
{
	_cleanup_(freep) uint32_t *to = calloc(b->n_places + 1, sizeof(*to));
	size_t kept = 0;

	if (!to)
		return -ENOMEM;
	for (size_t i = 0; i < b->lines.n; i++)
		to[b->lines.v[i].place] = 1;
	for (size_t i = 0; i < b->n_places; i++)
		to[i] |= b->places[i].lost != 0;
	for (size_t i = 0; i < b->n_places; i++) {
		if (!to[i]) {
			known_deinit(&b->places[i]);
			continue;
		}
		to[i] = kept;
		b->places[kept++] = b->places[i];
	}
	b->n_places = kept;
	vpc_lines_renumber(&b->lines, to);
	return 0;
}

int vpc_book_entries(struct vpc_book *b, struct strbuf *entries)
{
	int r = forget_places(b);

	if (r < 0)
		return r;
	for (size_t i = 0; i < b->n_places; i++)
		vpc_spool_entry(entries, VPC_ENTRY_PLACE, b->places[i].strings, b->places[i].len);
	for (size_t i = 0; i < b->lines.n; i++)
		vpc_spool_entry(entries, VPC_ENTRY_PIECE, &b->lines.v[i], sizeof(b->lines.v[i]));
	return entries->failed ? -ENOMEM : 0;
}
