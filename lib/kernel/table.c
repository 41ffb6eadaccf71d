// SPDX-License-Identifier: Apache-2.0
/*
 * The maps of one namespace's table were made once (table_create.c) and are opened by everyone
 * else: looked at first, for a binary of another version may have made them, then mapped.
 */
#include "kernel/table.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "kernel/ring.h"
#include "kernel/store.h"
#include "kernel/table_outer.h"
#include "kernel/table_parts.h"

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
static int check_shape(int fd, const struct table_map *row)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return -errno;
	return info.type == row->type && info.key_size == row->key_size &&
	       info.value_size == row->value_size ? 0 : -EPROTO;
}

static int *row_fd(struct table *t, const struct table_map *row)
{
	return (int *)((char *)t + row->fd_offset);
}

static int open_maps(struct table *t)
{
	int r;

	for (size_t i = 0; i < TABLE_MAPS; i++) {
		int *fd = row_fd(t, &table_maps[i]);

		r = open_pin(&t->dir, table_maps[i].pin, fd);
		if (r == -ENOENT)
			return i == 0 ? -ENOENT : foreign_layout(&t->dir);
		if (r == 0)
			r = check_shape(*fd, &table_maps[i]);
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

		table_ring_pin(part, name);
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
	for (size_t i = 0; i < TABLE_MAPS; i++)
		*row_fd(t, &table_maps[i]) = -1;
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
	for (size_t i = 0; r == 0 && i < TABLE_MAPS; i++)
		r = table_map_create(&table_maps[i], g, row_fd(t, &table_maps[i]));
	if (r == 0)
		r = table_ctl_write(t->ctl_fd, &none, g, 0, "");
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
	for (size_t i = 0; i < TABLE_MAPS; i++)
		closep(row_fd(t, &table_maps[i]));
	closep(&t->rings_fd);
	closep(&t->outers_fd);
	pin_dir_close(&t->dir);
	free(t);
}
