// SPDX-License-Identifier: Apache-2.0
/*
 * Out of the book and to where the lines go; and what is on disk of it. An entry is spooled before
 * it is carried out, so that whatever is written can be made again, to the byte.
 */
#include "sink/log_vpc_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* A spool does not grow much beyond what its lines need. */
#define SPOOL_BYTES (64 * 1024 * 1024)
/* So much waits for room, in memory; and of a folder's file so much is kept until it is complete. */
#define WAITING_BYTES (16 * 1024 * 1024)

static void set_base(struct sink_vpc *v)
{
	int64_t size = 0;

	vpc_dest_where(v->dest, &v->header.dev, &v->header.ino, &size);
	v->header.base = size - (int64_t)(v->made - (v->book.tried - v->skip));
	v->header.ended = v->book.ended;
}

void sink_vpc_set_base(struct sink_vpc *v)
{
	set_base(v);
	vpc_spool_set(&v->spool, &v->header);
}

void sink_vpc_count_trouble(struct sink_vpc *v, int err, uint64_t lost)
{
	v->sink.stats.errors++;
	v->sink.stats.lost_records += lost;
	v->write_err = err;
}

void sink_vpc_tell(struct sink_vpc *v)
{
	char *trouble = v->sink.trouble;
	size_t size = sizeof(v->sink.trouble);

	trouble[0] = '\0';
	if (v->write_err)
		snprintf(trouble, size, "cannot write: %s%s", strerror(-v->write_err),
			 v->lossy ? "; no more lines can wait, new ones are lost" :
			 v->book.tried ? "; lines wait for that to end" : "");
	else if (v->spool_err)
		snprintf(trouble, size, "cannot write its spool, a kill would lose lines: %s",
			 strerror(-v->spool_err));
}

static void count_written(struct sink_vpc *v, uint64_t lines)
{
	v->sink.stats.records += lines;
	v->sink.stats.last_export_ns = clock_real_ns();
}

/* What is in a folder's file may have to be written once more: with it, all is lost. */
static void remember(struct sink_vpc *v, const char *data, size_t len, uint64_t lines)
{
	v->open_lines += lines;
	v->open_long |= v->open_text.len + len > WAITING_BYTES;
	if (v->open_long)
		strbuf_deinit(&v->open_text);
	else
		strbuf_add(&v->open_text, data, len);
}

static void forget_file(struct sink_vpc *v)
{
	v->open_lines = 0;
	v->open_long = false;
	strbuf_deinit(&v->open_text);
}

/* The folder's file is gone. */
static void put_back(struct sink_vpc *v)
{
	if (v->open_long || vpc_book_put_back(&v->book, &v->open_text) < 0) {
		v->sink.stats.lost_records += v->open_lines;
		for (size_t i = 0; i < v->book.n_places; i++)
			v->book.places[i].lost = v->book.ended ? v->book.ended - 1 : 1;
	}
	forget_file(v);
}

static void lose_new(struct sink_vpc *v)
{
	v->made -= v->book.out.len - v->book.tried;
	v->sink.stats.lost_records += vpc_book_lose(&v->book);
	v->lossy = true;
}

/* @done bytes of what is to be written are where they belong, and no more can be written now. */
static void keep(struct sink_vpc *v, int err, size_t done)
{
	sink_vpc_count_trouble(v, err, 0);
	if (v->folder)
		put_back(v);
	if (v->book.out.len - done > WAITING_BYTES && v->book.tried > done)
		lose_new(v);
	v->skip = vpc_book_took(&v->book, done);
}

/* How much of it got there, and the count of that. */
static int write_bytes(struct sink_vpc *v, const char *data, size_t len, size_t *ret_done)
{
	int r = len ? vpc_dest_write(v->dest, data, len, !v->write_err, ret_done) : 0;
	uint64_t lines = vpc_book_count_lines(data, *ret_done);

	v->sink.stats.bytes += *ret_done;
	if (v->folder && r == 0)
		remember(v, data, len, lines);
	else if (lines)
		count_written(v, lines);
	if (r == 0 && len)
		v->write_err = 0;
	return r;
}

/* Not even kept. */
static int no_memory(struct sink_vpc *v)
{
	sink_vpc_count_trouble(v, -ENOMEM, v->book.n_out);
	v->book.tried = v->skip = 0;
	vpc_book_lose(&v->book);
	strbuf_deinit(&v->book.out);
	v->book.n_out = 0;
	return -ENOMEM;
}

int sink_vpc_write(struct sink_vpc *v)
{
	struct strbuf *out = &v->book.out;
	size_t there, done = 0;
	int r;

	if (out->failed)
		return no_memory(v);
	v->made += out->len - v->book.tried;
	if (v->lossy)
		lose_new(v);
	there = v->skip < out->len ? v->skip : out->len;
	if (there && there < out->len)
		vpc_dest_goes_on(v->dest);
	r = write_bytes(v, strbuf_str(out) + there, out->len - there, &done);
	if (r < 0) {
		keep(v, r, there + done);
		return r;
	}
	v->skip -= there;
	vpc_book_took(&v->book, out->len);
	return 0;
}

/* A folder's file is named after the first interface that the cloud, or the user, tells of. */
static const char *known_or(const struct sink_vpc *v, const char *given, size_t offset)
{
	for (size_t i = 0; i < v->book.n_places; i++) {
		const char *s = *(const char **)((const char *)&v->book.places[i].place + offset);

		if (s)
			return s;
	}
	return given;
}

/* Complete the folder's file, if it is due, or @now. */
static void end_file(struct sink_vpc *v, uint32_t end_s, bool now)
{
	int r;

	if (!v->folder)
		return;
	if (v->book.tried) {
		v->due_s = now || end_s % v->period_s == 0 ? end_s : v->due_s;
		return;
	}
	r = vpc_dest_end(v->dest, end_s, now || v->due_s,
			 known_or(v, v->account, offsetof(struct vpc_place, account)),
			 known_or(v, v->region, offsetof(struct vpc_place, region)));
	if (!v->open_lines || (r == 0 && vpc_dest_is_open(v->dest)))
		return;
	if (r < 0) {
		v->due_s = end_s;
		keep(v, r, 0);
		return;
	}
	count_written(v, v->open_lines);
	forget_file(v);
	v->due_s = 0;
}

void sink_vpc_retry(struct sink_vpc *v)
{
	if (!v->book.tried && !v->lossy && !v->due_s)
		return;
	if (v->book.tried && sink_vpc_write(v) < 0)
		return;
	if (v->due_s)
		end_file(v, v->due_s, true);
	/* As long as its spool has what was lost, so would all that follows be. */
	else if (v->lossy && v->folder && vpc_dest_is_open(v->dest))
		sink_vpc_do(v, VPC_ENTRY_FILE, clock_real_ns() / NSEC_PER_SEC);
	sink_vpc_forget_written(v);
}

int sink_vpc_enter(void *arg, uint32_t type, const void *data, size_t len)
{
	struct sink_vpc *v = arg;
	int r = vpc_book_enter(&v->book, type, data, len);

	if (r < 0 || type == VPC_ENTRY_PLACE || type == VPC_ENTRY_PIECE || type == VPC_ENTRY_STATUS)
		return r;
	sink_vpc_write(v);
	end_file(v, *(const uint32_t *)data, type != VPC_ENTRY_END);
	return 0;
}

int sink_vpc_begin_anew(struct sink_vpc *v)
{
	_cleanup_(strbuf_deinit) struct strbuf entries = STRBUF_NULL;
	int r = vpc_book_entries(&v->book, &entries);

	/* Places have other numbers now. */
	v->last_iface = NULL;
	v->lossy = false;
	if (r == 0) {
		v->made = 0;
		set_base(v);
		r = vpc_spool_restart(&v->spool, &v->header, &entries);
	}
	v->spooled = entries.len;
	v->spool_err = r;
	return r;
}

void sink_vpc_spool(struct sink_vpc *v)
{
	if (!v->entries.len)
		return;
	if (!v->spool_err)
		v->spool_err = vpc_spool_append(&v->spool, &v->entries);
	v->spooled += v->entries.len;
	if (v->entries.failed)
		strbuf_deinit(&v->entries);
	strbuf_reset(&v->entries);
}

void sink_vpc_do(struct sink_vpc *v, uint32_t type, uint32_t real_s)
{
	vpc_spool_entry(&v->entries, type, &real_s, sizeof(real_s));
	sink_vpc_spool(v);
	sink_vpc_enter(v, type, &real_s, sizeof(real_s));
}

void sink_vpc_forget_written(struct sink_vpc *v)
{
	if (!v->book.tried && (!v->folder || !vpc_dest_is_open(v->dest)))
		sink_vpc_begin_anew(v);
}

void sink_vpc_bound(struct sink_vpc *v)
{
	bool open = v->folder && vpc_dest_is_open(v->dest);

	if (v->spool.fd < 0 || v->spooled < SPOOL_BYTES + 2 * v->book.lines.n * sizeof(struct vpc_piece))
		return;
	if (v->book.tried) {	/* its lines are in memory; it begins anew when they are written */
		v->spool_err = v->spool_err ? v->spool_err : -EFBIG;
		return;
	}
	if (open)
		sink_vpc_do(v, VPC_ENTRY_FILE, clock_real_ns() / NSEC_PER_SEC);
	sink_vpc_forget_written(v);
}
