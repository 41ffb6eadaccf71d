// SPDX-License-Identifier: Apache-2.0
/*
 * The maps of one namespace's table: made once, pinned, opened by everyone else. User
 * space makes them rather than the object's loader, because their sizes follow from
 * --max-flows and the number of CPUs, and because every program of the namespace shares them.
 */
#include "kernel/table.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "kernel/ring.h"
#include "kernel/store.h"
#include "kernel/table_outer.h"

/* Idle records give way after this long while no agent runs; an agent brings its own time-out. */
#define RECLAIM_NS (15 * NSEC_PER_SEC)
#define FRAGS_ENTRIES 8192
#define AGED_ENTRIES 4096
#define INGRESS_ENTRIES 4096

struct map_row {
	const char *pin;
	const char *name;	/* in the kernel, 15 characters at most */
	enum bpf_map_type type;
	uint32_t key_size, value_size;
	uint32_t flags;
	size_t fd_offset;	/* in struct table */
};

static const struct map_row map_rows[] = {
	{ "ctl", "flowctl_ctl", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct table_ctl), BPF_F_MMAPABLE,
	  offsetof(struct table, ctl_fd) },
	{ "slots", "flowctl_slots", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct flow_bucket), BPF_F_MMAPABLE,
	  offsetof(struct table, slots_fd) },
	{ "journal", "flowctl_journal", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct journal_entry),
	  BPF_F_MMAPABLE, offsetof(struct table, journal_fd) },
	{ "store", "flowctl_store", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct store_entry), BPF_F_MMAPABLE,
	  offsetof(struct table, store_fd) },
	{ "frags", "flowctl_frags", BPF_MAP_TYPE_LRU_HASH, sizeof(struct frag_key),
	  sizeof(struct frag_ports), 0, offsetof(struct table, frags_fd) },
	{ "aged", "flowctl_aged", BPF_MAP_TYPE_HASH, sizeof(struct aged_key),
	  sizeof(struct ledger_count), 0, offsetof(struct table, aged_fd) },
	{ "tcp", "flowctl_tcp", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct tcp_bucket), BPF_F_MMAPABLE,
	  offsetof(struct table, tcp_fd) },
	{ "tcp_conns", "flowctl_conns", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct tcp_conn),
	  BPF_F_MMAPABLE, offsetof(struct table, tcp_conns_fd) },
	{ "tcp_ends", "flowctl_ends", BPF_MAP_TYPE_RINGBUF, 0, 0, 0,
	  offsetof(struct table, tcp_ends_fd) },
	{ "tcp_events", "flowctl_events", BPF_MAP_TYPE_RINGBUF, 0, 0, 0,
	  offsetof(struct table, tcp_events_fd) },
	{ "tcp_stats", "flowctl_tcpstat", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct tcp_cpu),
	  BPF_F_MMAPABLE, offsetof(struct table, tcp_stats_fd) },
	{ "tcp_ingress", "flowctl_ingress", BPF_MAP_TYPE_HASH, 4, 1, 0,
	  offsetof(struct table, tcp_ingress_fd) },
};

static uint32_t at_least(uint32_t n, uint32_t least)
{
	return n > least ? n : least;
}

/* Without TCP metrics the maps are there all the same, as small as they can be. */
static uint32_t tcp_row_entries(const struct map_row *row, const struct table_geometry *g)
{
	uint32_t page = sysconf(_SC_PAGESIZE);
	uint32_t buckets = g->tcp_buckets + g->tcp_more_buckets + g->tcp_half_buckets;

	switch (row->fd_offset) {
	case offsetof(struct table, tcp_fd):
		return at_least(buckets, 1);
	case offsetof(struct table, tcp_conns_fd):
		return at_least(buckets * TCP_WAYS, 1);
	case offsetof(struct table, tcp_ends_fd):
		return at_least(g->tcp_ends_bytes, page);
	case offsetof(struct table, tcp_events_fd):
		return at_least(g->tcp_events_bytes, page);
	case offsetof(struct table, tcp_stats_fd):
		return g->parts;
	case offsetof(struct table, tcp_ingress_fd):
		return INGRESS_ENTRIES;
	default:
		return 1;
	}
}

static uint32_t map_row_entries(const struct map_row *row, const struct table_geometry *g)
{
	uint32_t buckets = g->buckets * g->parts;

	switch (row->fd_offset) {
	case offsetof(struct table, slots_fd):
		return buckets;
	case offsetof(struct table, journal_fd):
		return buckets * FLOW_WAYS;
	case offsetof(struct table, store_fd):
		return g->store_entries;
	case offsetof(struct table, frags_fd):
		return FRAGS_ENTRIES;
	case offsetof(struct table, aged_fd):
		return AGED_ENTRIES;
	default:
		return tcp_row_entries(row, g);
	}
}

static int pin_map(const struct pin_dir *dir, int fd, const char *pin)
{
	char path[512];

	if (bpf_obj_pin(fd, pin_path(dir, pin, path)) < 0)
		return fail(-errno, "cannot pin '%s'", path);
	return 0;
}

static int create_map(const struct map_row *row, const struct table_geometry *g, int *ret_fd)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = row->flags);
	_cleanup_(closep) int fd = -1;

	fd = bpf_map_create(row->type, row->name, row->key_size, row->value_size,
			    map_row_entries(row, g), &opts);
	if (fd < 0)
		return fail(-errno, "cannot make the map '%s' for %u flows", row->name, g->max_flows);
	*ret_fd = take_fd(&fd);
	return 0;
}

static void ring_pin_name(uint32_t part, char buf[32])
{
	snprintf(buf, 32, "ring_%u", part);
}

static int create_ring(const struct pin_dir *dir, int outer, uint32_t part, uint32_t bytes)
{
	_cleanup_(closep) int fd = -1;
	char name[32];
	int r;

	fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "flowctl_ring", 0, 0, bytes, NULL);
	if (fd < 0)
		return fail(-errno, "cannot make a ring of %u bytes", bytes);
	if (bpf_map_update_elem(outer, &part, &fd, 0) < 0)
		return fail(-errno, "cannot put a ring in its place");
	ring_pin_name(part, name);
	r = pin_map(dir, fd, name);
	return r;
}

static int create_rings(const struct pin_dir *dir, const struct table_geometry *g)
{
	_cleanup_(closep) int inner = -1, outer = -1;
	int r;

	inner = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "flowctl_ring", 0, 0, g->ring_bytes, NULL);
	if (inner < 0)
		return fail(-errno, "cannot make a ring of %u bytes", g->ring_bytes);
	LIBBPF_OPTS(bpf_map_create_opts, opts, .inner_map_fd = inner);
	outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "flowctl_rings", 4, 4, g->parts, &opts);
	if (outer < 0)
		return fail(-errno, "cannot make the map of rings");
	for (uint32_t part = 0; part < g->parts; part++) {
		r = create_ring(dir, outer, part, g->ring_bytes);
		if (r < 0)
			return r;
	}
	return pin_map(dir, outer, "rings");
}

static int write_ctl(int fd, const struct pin_dir *dir, const struct table_geometry *g,
		     uint64_t inode, const char *name)
{
	struct table_ctl ctl = {
		.abi = FLOWCTL_ABI,
		.epoch = 1,
		.parts = g->parts,
		.buckets = g->buckets,
		.ring_bytes = g->ring_bytes,
		.store_entries = g->store_entries,
		.max_flows = g->max_flows,
		.max_connections = g->max_connections,
		.tcp_buckets = g->tcp_buckets,
		.tcp_more_buckets = g->tcp_more_buckets,
		.tcp_half_buckets = g->tcp_half_buckets,
		.tcp_ends_bytes = g->tcp_ends_bytes,
		.tcp_events_bytes = g->tcp_events_bytes,
		.spread = g->spread,
		.boot_ns = clock_boot_offset_ns(),
		.reclaim_ticks = RECLAIM_NS / clock_tick_ns(),
		.netns_cookie = dir->cookie,
		.netns_inode = inode,
	};
	uint32_t zero = 0;

	snprintf(ctl.netns_name, sizeof(ctl.netns_name), "%s", name);
	if (bpf_map_update_elem(fd, &zero, &ctl, 0) < 0)
		return fail(-errno, "cannot write the table's control block");
	return 0;
}

/* The control block comes last: a folder without it has no table, whatever else a killed
 * command has left there. */
static int create_all(const struct pin_dir *dir, const struct table_geometry *g, uint64_t inode,
		      const char *name)
{
	int r = create_rings(dir, g);

	for (size_t i = ARRAY_SIZE(map_rows); r == 0 && i-- > 0;) {
		_cleanup_(closep) int fd = -1;

		r = create_map(&map_rows[i], g, &fd);
		if (r == 0 && i == 0)
			r = write_ctl(fd, dir, g, inode, name);
		if (r == 0)
			r = pin_map(dir, fd, map_rows[i].pin);
	}
	return r;
}

static void unpin(const struct pin_dir *dir, const char *name)
{
	char path[512];

	unlink(pin_path(dir, name, path));
}

static void unpin_all(const struct pin_dir *dir, uint32_t parts)
{
	for (size_t i = 0; i < ARRAY_SIZE(map_rows); i++)
		unpin(dir, map_rows[i].pin);
	unpin(dir, "rings");
	table_outers_unpin(dir);
	for (uint32_t part = 0; part < parts; part++) {
		char ring[32];

		ring_pin_name(part, ring);
		unpin(dir, ring);
	}
}

int table_create(const struct pin_dir *dir, const struct table_geometry *g, uint64_t inode,
		 const char *name)
{
	int r;

	unpin_all(dir, g->parts);	/* of one who was killed */
	r = create_all(dir, g, inode, name);
	if (r < 0)
		unpin_all(dir, g->parts);
	return r;
}

static int foreign_layout(const struct pin_dir *dir)
{
	error_hint("flowctl meter attach --force replaces it, and drops the flows it holds");
	return fail_system(-EPROTO, "the table in '%s' is of another layout version", dir->path);
}

static int open_pin(const struct pin_dir *dir, const char *name, int *ret)
{
	char path[512];
	int fd;

	fd = bpf_obj_get(pin_path(dir, name, path));
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : fail(-errno, "cannot open '%s'", path);
	*ret = fd;
	return 0;
}

/* A map of another shape was made by another version, whatever its control block says. */
static int check_shape(int fd, const struct map_row *row)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return -errno;
	return info.type == row->type && info.key_size == row->key_size &&
	       info.value_size == row->value_size ? 0 : -EPROTO;
}

static int *row_fd(struct table *t, const struct map_row *row)
{
	return (int *)((char *)t + row->fd_offset);
}

static int open_maps(struct table *t)
{
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(map_rows); i++) {
		int *fd = row_fd(t, &map_rows[i]);

		r = open_pin(&t->dir, map_rows[i].pin, fd);
		if (r == -ENOENT)
			return i == 0 ? -ENOENT : foreign_layout(&t->dir);
		if (r == 0)
			r = check_shape(*fd, &map_rows[i]);
		if (r < 0)
			return r == -EPROTO ? foreign_layout(&t->dir) : r;
	}
	r = open_pin(&t->dir, "rings", &t->rings_fd);
	return r == -ENOENT ? foreign_layout(&t->dir) : r;
}

static int map_array(int fd, size_t size, bool writable, void *ret)
{
	int prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
	void *p = mmap(NULL, size, prot, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return fail(-errno, "cannot map a table of %zu bytes", size);
	*(void **)ret = p;
	return 0;
}

static int map_rings(struct table *t)
{
	int r;

	t->rings = calloc(t->ctl->parts, sizeof(*t->rings));
	if (!t->rings)
		return fail(-ENOMEM, "cannot map the rings");
	for (uint32_t part = 0; part < t->ctl->parts; part++) {
		_cleanup_(closep) int fd = -1;
		char name[32];

		ring_pin_name(part, name);
		r = open_pin(&t->dir, name, &fd);
		if (r == 0)
			r = ring_map(fd, t->ctl->ring_bytes, t->writable, &t->rings[part]);
		if (r < 0)
			return r == -ENOENT ? foreign_layout(&t->dir) : r;
	}
	return 0;
}

static int map_tcp(struct table *t)
{
	size_t buckets = table_tcp_buckets(t->ctl);
	int r;

	r = map_array(t->tcp_fd, buckets * sizeof(*t->tcp), t->writable, &t->tcp);
	if (r == 0)
		r = map_array(t->tcp_conns_fd, buckets * TCP_WAYS * sizeof(*t->conns), t->writable,
			      &t->conns);
	return r;
}

static int map_all(struct table *t)
{
	int r;

	r = map_array(t->ctl_fd, sizeof(*t->ctl), t->writable, &t->ctl);
	if (r < 0)
		return r;
	if (t->ctl->abi != FLOWCTL_ABI)
		return foreign_layout(&t->dir);
	t->n_slots = t->ctl->parts * t->ctl->buckets * FLOW_WAYS;
	r = map_array(t->slots_fd, (size_t)t->n_slots * sizeof(struct flow_slot), false, &t->slots);
	if (r == 0)
		r = map_array(t->journal_fd, (size_t)t->n_slots * sizeof(*t->journal), t->writable,
			      &t->journal);
	if (r == 0)
		r = map_array(t->store_fd, (size_t)t->ctl->store_entries * sizeof(*t->store),
			      t->writable, &t->store);
	if (r == 0 && t->ctl->tcp_buckets)
		r = map_tcp(t);
	return r;
}

DEFINE_CLEANUP(struct table, table_close)

static int table_new(const struct pin_dir *dir, bool writable, struct table **ret)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return fail(-ENOMEM, "cannot open a table");
	t->dir = *dir;
	t->dir.fd = -1;
	t->writable = writable;
	t->rings_fd = t->outers_fd = -1;
	for (size_t i = 0; i < ARRAY_SIZE(map_rows); i++)
		*row_fd(t, &map_rows[i]) = -1;
	*ret = t;
	return 0;
}

int table_open_in(const struct pin_dir *dir, bool writable, struct table **ret)
{
	_cleanup_(table_closep) struct table *t = NULL;
	int r;

	r = table_new(dir, writable, &t);
	if (r == 0)
		r = open_maps(t);
	if (r == 0)
		r = map_all(t);
	if (r == 0)
		r = map_rings(t);
	if (r == 0)
		r = table_outers_open(t);
	if (r < 0)
		return r;
	*ret = take_ptr(t);
	return 0;
}

/* One that is just being made or removed looks like a foreign one: look again under the lock. */
int table_open(uint64_t cookie, bool writable, struct table **ret)
{
	_cleanup_(pin_dir_close) struct pin_dir dir = PIN_DIR_NULL;
	int r;

	r = pin_dir_open(cookie, false, &dir);
	if (r == 0)
		r = table_open_in(&dir, writable, ret);
	if (r == -EPROTO) {
		error_clear();
		r = pin_dir_lock(&dir);
		if (r == 0)
			r = table_open_in(&dir, writable, ret);
		pin_dir_unlock(&dir);
	}
	if (r < 0)
		return r;
	(*ret)->dir.locked = false;
	(*ret)->dir.fd = take_fd(&dir.fd);
	return 0;
}

/* The ring of the only part, and the map that holds it. */
static int create_private_ring(struct table *t, const struct table_geometry *g)
{
	_cleanup_(closep) int ring = -1;
	uint32_t part = 0;

	ring = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "flowctl_ring", 0, 0, g->ring_bytes, NULL);
	if (ring < 0)
		return fail(-errno, "cannot make a ring of %u bytes", g->ring_bytes);
	LIBBPF_OPTS(bpf_map_create_opts, opts, .inner_map_fd = ring);
	t->rings_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "flowctl_rings", 4, 4, 1, &opts);
	if (t->rings_fd < 0 || bpf_map_update_elem(t->rings_fd, &part, &ring, 0) < 0)
		return fail(-errno, "cannot make the map of rings");
	t->rings = calloc(1, sizeof(*t->rings));
	if (!t->rings)
		return fail(-ENOMEM, "cannot map the rings");
	return ring_map(ring, g->ring_bytes, true, &t->rings[0]);
}

int table_create_private(const struct table_geometry *g, struct table **ret)
{
	const struct pin_dir none = PIN_DIR_NULL;
	_cleanup_(table_closep) struct table *t = NULL;
	int r;

	r = table_new(&none, true, &t);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(map_rows); i++)
		r = create_map(&map_rows[i], g, row_fd(t, &map_rows[i]));
	if (r == 0)
		r = write_ctl(t->ctl_fd, &none, g, 0, "");
	if (r == 0)
		r = map_all(t);
	if (r == 0)
		r = create_private_ring(t, g);
	if (r < 0)
		return r;
	*ret = take_ptr(t);
	return 0;
}

static void unmap(void *p, size_t size)
{
	if (p)
		munmap(p, size);
}

void table_close(struct table *t)
{
	if (!t)
		return;
	table_hooks_close(t);
	if (t->rings && t->ctl) {
		for (uint32_t part = 0; part < t->ctl->parts; part++)
			ring_unmap(&t->rings[part]);
	}
	free(t->rings);
	ring_unmap(&t->tcp_ends);
	store_close(t);
	if (t->ctl) {
		unmap(t->store, (size_t)t->ctl->store_entries * sizeof(*t->store));
		unmap(t->tcp, table_tcp_buckets(t->ctl) * sizeof(*t->tcp));
		unmap(t->conns, (size_t)table_tcp_buckets(t->ctl) * TCP_WAYS * sizeof(*t->conns));
	}
	unmap(t->journal, (size_t)t->n_slots * sizeof(*t->journal));
	unmap(t->slots, (size_t)t->n_slots * sizeof(struct flow_slot));
	unmap(t->ctl, sizeof(*t->ctl));
	for (size_t i = 0; i < ARRAY_SIZE(map_rows); i++)
		closep(row_fd(t, &map_rows[i]));
	closep(&t->rings_fd);
	closep(&t->outers_fd);
	pin_dir_close(&t->dir);
	free(t);
}
