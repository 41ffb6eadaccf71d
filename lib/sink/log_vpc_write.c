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

static uint64_t count_lines(const char *data, size_t len)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += data[i] == '\n';
	return n;
}

static void set_base(struct sink_vpc *v)
{
	int64_t size = 0;

	vpc_dest_where(v->dest, &v->header.dev, &v->header.ino, &size);
	v->header.base = size - (int64_t)v->made;
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
		snprintf(trouble, size, "cannot write: %s", strerror(-v->write_err));
	else if (v->spool_err)
		snprintf(trouble, size, "cannot write its spool, a kill would lose lines: %s",
			 strerror(-v->spool_err));
}

static void count_written(struct sink_vpc *v, uint64_t lines)
{
	v->sink.stats.records += lines;
	v->sink.stats.last_export_ns = clock_real_ns();
}

static int write_bytes(struct sink_vpc *v, const char *data, size_t len, uint64_t lines)
{
	size_t done = 0;
	int r = len ? vpc_dest_write(v->dest, data, len, &done) : 0;
	uint64_t written = r == 0 ? lines : count_lines(data, done);

	v->sink.stats.bytes += done;
	if (v->folder)
		v->open_lines += written;
	else if (written)
		count_written(v, written);
	if (r == 0) {
		v->write_err = len ? 0 : v->write_err;
		return 0;
	}
	/* With it all of a folder's file is gone. */
	sink_vpc_count_trouble(v, r, lines - written + v->open_lines);
	v->open_lines = 0;
	sink_vpc_set_base(v);
	return r;
}

int sink_vpc_write(struct sink_vpc *v)
{
	struct strbuf *out = &v->book.out;
	size_t left_out = v->skip < out->len ? v->skip : out->len;
	uint64_t lines = v->book.n_out;
	int r;

	if (out->failed) {
		sink_vpc_count_trouble(v, -ENOMEM, lines);
		strbuf_deinit(out);
		v->book.n_out = 0;
		return -ENOMEM;
	}
	if (left_out)
		lines -= count_lines(out->data, left_out);
	v->made += out->len;
	v->skip -= left_out;
	if (left_out && left_out < out->len)
		vpc_dest_goes_on(v->dest);
	r = write_bytes(v, strbuf_str(out) + left_out, out->len - left_out, lines);
	strbuf_reset(out);
	v->book.n_out = 0;
	return r;
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
static int end_file(struct sink_vpc *v, uint32_t end_s, bool now)
{
	int r = vpc_dest_end(v->dest, end_s, now,
			     known_or(v, v->account, offsetof(struct vpc_place, account)),
			     known_or(v, v->region, offsetof(struct vpc_place, region)));

	if (!v->folder || !v->open_lines || (r == 0 && vpc_dest_is_open(v->dest)))
		return r;
	if (r < 0)
		sink_vpc_count_trouble(v, r, v->open_lines);
	else
		count_written(v, v->open_lines);
	v->open_lines = 0;
	return r;
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
	if (!v->folder || !vpc_dest_is_open(v->dest))
		sink_vpc_begin_anew(v);
}

void sink_vpc_bound(struct sink_vpc *v)
{
	bool open = v->folder && vpc_dest_is_open(v->dest);

	if (v->spool.fd < 0 || v->spooled < SPOOL_BYTES + 2 * v->book.lines.n * sizeof(struct vpc_piece))
		return;
	if (open)
		sink_vpc_do(v, VPC_ENTRY_FILE, clock_real_ns() / NSEC_PER_SEC);
	sink_vpc_forget_written(v);
}
