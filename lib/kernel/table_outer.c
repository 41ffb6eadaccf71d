// SPDX-License-Identifier: Apache-2.0
/*
 * The map `outers`: what was outside of flows that were taken out of tunnels. It is made when the
 * first meter of a namespace looks into tunnels, so a table may be without it. What it says is of
 * a flow's first packet, and may be gone when the flow is still there: it forgets those that
 * began longest ago.
 */
#include "kernel/table_outer.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "flow/record.h"

#define PIN "outers"
/* Entries that wait on the list of one CPU and that the others cannot have. */
#define IDLE_A_CPU 256
/* What the kernel keeps beside key and value, by measuring. */
#define ENTRY_OVERHEAD 64

static uint32_t entries_of(const struct table *t)
{
	return t->ctl->max_flows + t->ctl->parts * IDLE_A_CPU;
}

static bool is_private(const struct table *t)
{
	return !t->dir.path[0];
}

static int check_shape(int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return fail(-errno, "cannot look at the map of outer packets");
	if (info.type != BPF_MAP_TYPE_LRU_HASH || info.key_size != sizeof(struct flow_key) ||
	    info.value_size != sizeof(struct outer))
		return fail_system(-EPROTO, "the map of outer packets is of another layout version");
	return 0;
}

int table_outers_open(struct table *t)
{
	_cleanup_(closep) int fd = -1;
	char path[512];
	int r;

	if (t->outers_fd >= 0 || is_private(t))
		return 0;
	fd = bpf_obj_get(pin_path(&t->dir, PIN, path));
	if (fd < 0)
		return errno == ENOENT ? 0 : fail(-errno, "cannot open '%s'", path);
	r = check_shape(fd);
	if (r == 0)
		t->outers_fd = take_fd(&fd);
	return r;
}

static int create(struct table *t)
{
	_cleanup_(closep) int fd = -1;
	char path[512];

	fd = bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "flowctl_outers", sizeof(struct flow_key),
			    sizeof(struct outer), entries_of(t), NULL);
	if (fd < 0)
		return fail(-errno, "cannot make the map of outer packets for %u flows",
			    t->ctl->max_flows);
	if (!is_private(t) && bpf_obj_pin(fd, pin_path(&t->dir, PIN, path)) < 0)
		return fail(-errno, "cannot pin '%s'", path);
	t->outers_fd = take_fd(&fd);
	return 0;
}

int table_outers(struct table *t)
{
	int r = table_outers_open(t);

	return r < 0 || t->outers_fd >= 0 ? r : create(t);
}

void table_outers_unpin(const struct pin_dir *dir)
{
	char path[512];

	unlink(pin_path(dir, PIN, path));
}

void table_outers_copy(const struct table *from, const struct table *to)
{
	struct flow_key key, *previous = NULL;
	struct outer outer;

	if (from->outers_fd < 0 || to->outers_fd < 0)
		return;
	while (bpf_map_get_next_key(from->outers_fd, previous, &key) == 0) {
		/* The new programs may have found a later one of that flow. */
		if (bpf_map_lookup_elem(from->outers_fd, &key, &outer) == 0)
			bpf_map_update_elem(to->outers_fd, &key, &outer, BPF_NOEXIST);
		previous = &key;
	}
}

uint64_t table_outers_bytes(const struct table *t)
{
	uint64_t entry = sizeof(struct flow_key) + sizeof(struct outer) + ENTRY_OVERHEAD;

	return t->outers_fd < 0 ? 0 : entries_of(t) * entry;
}

void table_outer(struct table *t, const struct flow_key *key, struct record_outer *ret)
{
	struct outer o;

	*ret = (struct record_outer) { 0 };
	if (key->tunnel == TUNNEL_NONE)
		return;
	/* A meter may have begun to look into tunnels after the table was opened. */
	if (table_outers_open(t) < 0)
		error_clear();
	if (t->outers_fd < 0 || bpf_map_lookup_elem(t->outers_fd, key, &o) < 0)
		return;
	*ret = (struct record_outer) {
		.known = true,
		.family = o.family,
		.tos = o.tos,
		.has = o.has,
		.gwlb_endpoint = o.gwlb_endpoint,
		.gwlb_attachment = o.gwlb_attachment,
		.gwlb_flow = o.gwlb_flow,
	};
	memcpy(ret->src, o.src, sizeof(ret->src));
	memcpy(ret->dst, o.dst, sizeof(ret->dst));
}
