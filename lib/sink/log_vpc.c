// SPDX-License-Identifier: Apache-2.0
/*
 * Records become entries of a book (vpc_book.h) as they are put. At flush() the entries are
 * spooled, before any line that came of them is written; at the end of an interval its lines are
 * written, and the spool begins anew with what is left. Of a folder's file that is not complete
 * the spool keeps all, so that the next process can make the same file again.
 *
 * After a kill the entries are read again, and give the same bytes: those that the file has
 * already, behind where the first of them would lie, are left out.
 */
#include "sink/log_vpc_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"

#define BATCH_BYTES (256 * 1024)

static uint64_t count_lines(const char *data, size_t len)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += data[i] == '\n';
	return n;
}

/* The lines that come next begin where the file ends now. */
static void set_base(struct sink_vpc *v)
{
	int64_t size = 0;

	vpc_dest_where(v->dest, &v->header.dev, &v->header.ino, &size);
	v->header.base = size - (int64_t)v->made;
	v->header.ended = v->book.ended;
}

static void count_trouble(struct sink_vpc *v, int err, uint64_t lost)
{
	struct sink *s = &v->sink;

	s->stats.errors++;
	s->stats.lost_records += lost;
	snprintf(s->trouble, sizeof(s->trouble), "cannot write: %s", strerror(-err));
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
	if (r < 0) {
		count_trouble(v, r, lines - written);
		set_base(v);
		vpc_spool_set(&v->spool, &v->header);
	} else if (len) {
		v->sink.trouble[0] = '\0';
	}
	return r;
}

/* What the book has to be written. */
int sink_vpc_write(struct sink_vpc *v)
{
	struct strbuf *out = &v->book.out;
	size_t left_out = v->skip < out->len ? v->skip : out->len;
	uint64_t lines = v->book.n_out;
	int r;

	if (out->failed) {
		count_trouble(v, -ENOMEM, lines);
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
		count_trouble(v, r, v->open_lines);
	else
		count_written(v, v->open_lines);
	v->open_lines = 0;
	return r;
}

int sink_vpc_enter(void *arg, uint32_t type, const void *data, size_t len)
{
	struct sink_vpc *v = arg;
	int r = vpc_book_enter(&v->book, type, data, len);

	if (r < 0 || type != VPC_ENTRY_END)
		return r;
	sink_vpc_write(v);
	end_file(v, v->book.ended, false);
	return 0;
}

/* The spool holds what the book does, and nothing else. */
int sink_vpc_begin_anew(struct sink_vpc *v)
{
	_cleanup_(strbuf_deinit) struct strbuf entries = STRBUF_NULL;
	int r = vpc_book_entries(&v->book, &entries);

	v->last_iface = NULL;
	if (r < 0)
		return r;
	v->made = 0;
	set_base(v);
	r = vpc_spool_restart(&v->spool, &v->header, &entries);
	v->stale = r < 0;
	return r;
}

/* Of a file of a folder that is not complete the entries stay. */
static void forget_written(struct sink_vpc *v)
{
	if (v->folder && vpc_dest_is_open(v->dest))
		return;
	if (sink_vpc_begin_anew(v) < 0)
		v->stale = true;
}

static const char *interface_id(const struct sink_vpc *v, const char *iface)
{
	for (size_t i = 0; iface && i < v->n_interfaces; i++) {
		if (strcmp(v->interfaces[i].iface, iface) == 0)
			return v->interfaces[i].id;
	}
	return NULL;
}

static void add_string(struct strbuf *out, const char *s, const char *else_s)
{
	s = s ? s : else_s ? else_s : "";
	strbuf_add(out, s, strlen(s) + 1);
}

static void put_strings(struct sink_vpc *v, const char *netns, const char *iface,
			const struct record_cloud *cloud)
{
	static const struct record_cloud nothing;
	const struct record_cloud *c = cloud ? cloud : &nothing;
	struct strbuf *b = &v->strings;

	strbuf_reset(b);
	add_string(b, netns, NULL);
	add_string(b, iface, NULL);
	add_string(b, c->account, v->account);
	add_string(b, c->interface, interface_id(v, iface));
	add_string(b, c->vpc, NULL);
	add_string(b, c->subnet, NULL);
	add_string(b, c->instance, NULL);
	add_string(b, c->az_id, NULL);
	add_string(b, c->region, v->region);
}

/* An entry of the open batch. Whatever becomes of the spool, the book has it. */
static int enter_spooled(struct sink_vpc *v, uint32_t type, const void *data, size_t len)
{
	int r = vpc_book_enter(&v->book, type, data, len);

	if (r == 0)
		vpc_spool_entry(&v->entries, type, data, len);
	return r;
}

static int place_of(struct sink_vpc *v, const char *netns, const char *iface,
		    const struct record_cloud *cloud, uint32_t *ret)
{
	size_t i;
	int r = 0;

	put_strings(v, netns, iface, cloud);
	if (v->strings.failed)
		return -ENOMEM;
	i = vpc_book_find(&v->book, v->strings.data, v->strings.len);
	if (i == v->book.n_places)
		r = enter_spooled(v, VPC_ENTRY_PLACE, v->strings.data, v->strings.len);
	if (r == 0)
		*ret = i;
	return r;
}

/* Names are the same as long as a batch lasts: pointers tell. */
static int place_of_record(struct sink_vpc *v, const struct record *r, uint32_t *ret)
{
	int err;

	if (v->last_iface && r->iface == v->last_iface && r->netns == v->last_netns &&
	    r->cloud == v->last_cloud) {
		*ret = v->last_place;
		return 0;
	}
	err = place_of(v, r->netns, r->iface, r->cloud, ret);
	if (err < 0)
		return err;
	v->last_iface = r->iface;
	v->last_netns = r->netns;
	v->last_cloud = r->cloud;
	v->last_place = *ret;
	return 0;
}

static bool vpc_room(struct sink *s, const struct record *r)
{
	return ((struct sink_vpc *)s)->entries.len < BATCH_BYTES;
}

static uint32_t interval_of(const struct sink_vpc *v, uint64_t real_ns)
{
	return (real_ns - real_ns % v->interval_ns) / NSEC_PER_SEC;
}

static int vpc_put(struct sink *s, const struct record *r)
{
	struct sink_vpc *v = (struct sink_vpc *)s;
	struct vpc_piece p = { .interval = interval_of(v, r->first_ns) };
	struct vpc_line line;
	int err = place_of_record(v, r, &p.place);

	vpc_line_of(r, &line);
	p.key = line.key;
	p.packets = line.packets;
	p.bytes = line.bytes;
	p.first_ns = line.first_ns;
	p.last_ns = line.last_ns;
	p.tcp_flags = line.tcp_flags;
	if (err == 0)
		err = enter_spooled(v, VPC_ENTRY_PIECE, &p, sizeof(p));
	if (err < 0)
		count_trouble(v, err, 1);
	return 0;
}

/* What was entered is on disk, before anything that came of it is written. */
static void spool_batch(struct sink_vpc *v)
{
	if (!v->entries.len)
		return;
	if (v->stale || vpc_spool_append(&v->spool, &v->entries) < 0)
		v->stale = true;
	if (v->entries.failed)
		strbuf_deinit(&v->entries);
	strbuf_reset(&v->entries);
}

static int vpc_flush(struct sink *s)
{
	struct sink_vpc *v = (struct sink_vpc *)s;

	v->last_iface = NULL;
	spool_batch(v);
	return v->book.out.len ? sink_vpc_write(v) : 0;
}

static void vpc_tick(struct sink *s, uint64_t now_ns)
{
	struct sink_vpc *v = (struct sink_vpc *)s;

	if (v->stale)
		forget_written(v);
}

static uint64_t vpc_interval_ns(struct sink *s)
{
	return ((struct sink_vpc *)s)->interval_ns;
}

/* One interface's line, if it gets one. */
static int tell(struct sink_vpc *v, const struct sink_interval *i, const struct sink_place *p,
		uint32_t place, bool has)
{
	struct vpc_told told = {
		.place = place,
		.status = p->lost ? VPC_SKIPDATA : VPC_NODATA,
		.from_ns = p->since_ns > i->from_ns ? p->since_ns : i->from_ns,
		.to_ns = i->to_ns,
	};

	if (!p->lost && (has || p->seen))
		return 0;
	return enter_spooled(v, VPC_ENTRY_STATUS, &told, sizeof(told));
}

static int tell_all(struct sink_vpc *v, const struct sink_interval *in)
{
	_cleanup_(freep) uint32_t *places = calloc(in->n + 1, sizeof(*places));
	_cleanup_(freep) bool *has = NULL;
	int r = places ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < in->n; i++)
		r = place_of(v, in->v[i].netns, in->v[i].iface, in->v[i].cloud, &places[i]);
	has = calloc(v->book.n_places + 1, sizeof(*has));
	if (r < 0 || !has)
		return -ENOMEM;
	vpc_book_has(&v->book, interval_of(v, in->to_ns - 1), has);
	for (size_t i = 0; r == 0 && i < in->n; i++)
		r = tell(v, in, &in->v[i], places[i], has[places[i]]);
	return r;
}

/* Its own multiples: another output may want shorter intervals. */
static int vpc_interval(struct sink *s, const struct sink_interval *i)
{
	struct sink_vpc *v = (struct sink_vpc *)s;
	uint32_t end_s = i->to_ns / NSEC_PER_SEC;
	int r;

	if (end_s <= v->book.ended)
		return 0;
	r = tell_all(v, i);
	vpc_spool_entry(&v->entries, VPC_ENTRY_END, &end_s, sizeof(end_s));
	spool_batch(v);
	sink_vpc_enter(v, VPC_ENTRY_END, &end_s, sizeof(end_s));
	forget_written(v);
	return r;
}

static int vpc_reopen(struct sink *s)
{
	struct sink_vpc *v = (struct sink_vpc *)s;
	int r = vpc_dest_reopen(v->dest);

	if (r < 0)
		return r;
	set_base(v);
	vpc_spool_set(&v->spool, &v->header);
	return 0;
}

void sink_vpc_free(struct sink_vpc *v)
{
	vpc_spool_close(&v->spool);
	vpc_dest_free(v->dest);
	vpc_book_deinit(&v->book);
	strbuf_deinit(&v->entries);
	strbuf_deinit(&v->strings);
	for (size_t i = 0; i < v->n_interfaces; i++) {
		free((char *)v->interfaces[i].iface);
		free((char *)v->interfaces[i].id);
	}
	free(v->interfaces);
	free(v->account);
	free(v->region);
	free(v);
}

/* Nothing is left to be counted up: the spool has done its work. */
static void vpc_close(struct sink *s)
{
	struct sink_vpc *v = (struct sink_vpc *)s;

	spool_batch(v);
	vpc_book_write(&v->book, UINT32_MAX);
	sink_vpc_write(v);
	end_file(v, clock_real_ns() / NSEC_PER_SEC, true);
	if (v->spool.fd >= 0)
		unlink(v->spool.path);
	sink_vpc_free(v);
}

const struct sink_ops sink_vpc_ops = {
	.name = "vpc",
	.room = vpc_room,
	.put = vpc_put,
	.flush = vpc_flush,
	.tick = vpc_tick,
	.interval_ns = vpc_interval_ns,
	.interval = vpc_interval,
	.reopen = vpc_reopen,
	.close = vpc_close,
};
