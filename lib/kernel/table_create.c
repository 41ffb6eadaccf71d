// SPDX-License-Identifier: Apache-2.0
/*
 * The maps of one namespace's table are made once and pinned. User space makes them rather than
 * the object's loader, because their sizes follow from --max-flows and the number of CPUs, and
 * because every program of the namespace shares them.
 */
#include "kernel/table_parts.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "kernel/store.h"
#include "kernel/table_outer.h"

/* Idle records give way after this long while no agent runs; an agent brings its own time-out. */
#define RECLAIM_NS (15 * NSEC_PER_SEC)
#define FRAGS_ENTRIES 8192
#define AGED_ENTRIES 4096
#define INGRESS_ENTRIES 4096

const struct table_map table_maps[TABLE_MAPS] = {
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
	{ "tcp_hints", "flowctl_hints", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct tcp_hint), 0,
	  offsetof(struct table, tcp_hints_fd) },
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
static uint32_t tcp_row_entries(const struct table_map *row, const struct table_geometry *g)
{
	uint32_t page = sysconf(_SC_PAGESIZE);
	uint32_t buckets = g->tcp_buckets + g->tcp_more_buckets + g->tcp_half_buckets;

	switch (row->fd_offset) {
	case offsetof(struct table, tcp_fd):
		return at_least(buckets, 1);
	case offsetof(struct table, tcp_conns_fd):
		return at_least(buckets * TCP_WAYS, 1);
	case offsetof(struct table, tcp_hints_fd):
		return buckets ? g->buckets * g->parts * FLOW_WAYS : 1;
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

static uint32_t map_row_entries(const struct table_map *row, const struct table_geometry *g)
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

int table_map_create(const struct table_map *row, const struct table_geometry *g, int *ret_fd)
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

void table_ring_pin(uint32_t part, char buf[32])
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
	table_ring_pin(part, name);
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

int table_ctl_write(int fd, const struct pin_dir *dir, const struct table_geometry *g,
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

	for (size_t i = TABLE_MAPS; r == 0 && i-- > 0;) {
		_cleanup_(closep) int fd = -1;

		r = table_map_create(&table_maps[i], g, &fd);
		if (r == 0 && i == 0)
			r = table_ctl_write(fd, dir, g, inode, name);
		if (r == 0)
			r = pin_map(dir, fd, table_maps[i].pin);
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
	for (size_t i = 0; i < TABLE_MAPS; i++)
		unpin(dir, table_maps[i].pin);
	unpin(dir, "rings");
	table_outers_unpin(dir);
	for (uint32_t part = 0; part < parts; part++) {
		char ring[32];

		table_ring_pin(part, ring);
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
