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
	if (err == 0) {
		err = enter_spooled(v, VPC_ENTRY_PIECE, &p, sizeof(p));
		if (err < 0)
			vpc_book_missed(&v->book, &p);
	}
	if (err < 0)
		sink_vpc_count_trouble(v, err, 1);
	return 0;
}

static int vpc_flush(struct sink *s)
{
	struct sink_vpc *v = (struct sink_vpc *)s;
	int r;

	v->last_iface = NULL;
	sink_vpc_spool(v);
	/* What waits is tried again by tick(). */
	r = v->book.out.len > v->book.tried ? sink_vpc_write(v) : 0;
	if (!v->book.tried)
		sink_vpc_retry(v);
	sink_vpc_bound(v);
	sink_vpc_tell(v);
	return r;
}

/* What could not be spooled is, as soon as there is room. */
static void vpc_tick(struct sink *s, uint64_t now_ns)
{
	struct sink_vpc *v = (struct sink_vpc *)s;

	sink_vpc_retry(v);
	if (v->spool_err)
		sink_vpc_forget_written(v);
	sink_vpc_tell(v);
}

static uint64_t vpc_interval_ns(struct sink *s)
{
	return ((struct sink_vpc *)s)->interval_ns;
}

/* One interface's line, if it gets one. */
static int tell(struct sink_vpc *v, const struct sink_interval *i, const struct sink_place *p,
		uint32_t place, bool has)
{
	uint64_t since_ns = v->book.places[place].lost * NSEC_PER_SEC;
	bool lost = p->lost || since_ns;
	struct vpc_told told = {
		.place = place,
		.status = lost ? VPC_SKIPDATA : VPC_NODATA,
		.from_ns = since_ns && since_ns < i->from_ns ? since_ns :
			   p->since_ns > i->from_ns ? p->since_ns : i->from_ns,
		.to_ns = i->to_ns,
	};

	if (!lost && (has || p->seen))
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

/* The clock may be set back: an hour is believed to be no accident. */
static int vpc_interval(struct sink *s, const struct sink_interval *i)
{
	struct sink_vpc *v = (struct sink_vpc *)s;
	uint32_t end_s = i->to_ns / NSEC_PER_SEC;
	int r;

	if (end_s <= v->book.ended && v->book.ended - end_s < 3600)
		return 0;
	r = tell_all(v, i);
	sink_vpc_do(v, VPC_ENTRY_END, end_s);
	sink_vpc_forget_written(v);
	sink_vpc_tell(v);
	return r;
}

static int vpc_reopen(struct sink *s)
{
	struct sink_vpc *v = (struct sink_vpc *)s;
	uint64_t dev = 0, ino = 0, new_dev = 0, new_ino = 0;
	int64_t size;
	int r;

	vpc_dest_where(v->dest, &dev, &ino, &size);
	r = vpc_dest_reopen(v->dest);
	/* A line that was cut when there was no room is whole in one of the files; where there is
	 * none for its header, it is another one all the same. */
	vpc_dest_where(v->dest, &new_dev, &new_ino, &size);
	if (v->book.tried && (dev != new_dev || ino != new_ino))
		v->skip = 0;
	sink_vpc_set_base(v);
	return r;
}

/* Nothing is left to be counted up: the spool has done its work, unless lines wait for room. */
static void vpc_close(struct sink *s)
{
	struct sink_vpc *v = (struct sink_vpc *)s;

	sink_vpc_do(v, VPC_ENTRY_ALL, clock_real_ns() / NSEC_PER_SEC);
	if (v->book.tried)
		sink_vpc_set_base(v);
	else if (v->spool.fd >= 0)
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
