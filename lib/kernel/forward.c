// SPDX-License-Identifier: Apache-2.0
/*
 * Notes, histograms by pair of interfaces, and what became of the packets chosen. They are
 * small, and stay as long as the table: what was measured goes on over a restart of anybody.
 */
#include "kernel/forward.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"

static const struct {
	const char *name;	/* of the map in the program, and of its pin */
	const char *kernel_name;
	enum bpf_map_type type;
	uint32_t key_size, value_size, entries;
} maps[FORWARD_MAPS] = {
	[FORWARD_MAP_NOTES] = { "forward_notes", "flowctl_fwnotes", BPF_MAP_TYPE_ARRAY, 4,
				sizeof(struct forward_note), FORWARD_NOTES },
	[FORWARD_MAP_PAIRS] = { "forward_pairs", "flowctl_fwpairs", BPF_MAP_TYPE_HASH,
				sizeof(struct forward_pair), sizeof(struct forward_latency),
				FORWARD_PAIRS },
	[FORWARD_MAP_STATS] = { "forward_stats", "flowctl_fwstats", BPF_MAP_TYPE_ARRAY, 4,
				sizeof(struct forward_stats), 1 },
};

const char *forward_map_name(enum forward_map map)
{
	return maps[map].name;
}

static int check_shape(enum forward_map map, int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return fail(-errno, "cannot look at the map '%s'", maps[map].name);
	if (info.type != maps[map].type || info.key_size != maps[map].key_size ||
	    info.value_size != maps[map].value_size || info.max_entries != maps[map].entries)
		return fail_system(-EPROTO, "the map '%s' is of another layout version",
				   maps[map].name);
	return 0;
}

static int create(enum forward_map map, const char *path, int *ret_fd)
{
	_cleanup_(closep) int fd = -1;

	fd = bpf_map_create(maps[map].type, maps[map].kernel_name, maps[map].key_size,
			    maps[map].value_size, maps[map].entries, NULL);
	if (fd < 0)
		return fail(-errno, "cannot make the map '%s'", maps[map].name);
	if (bpf_obj_pin(fd, path) < 0)
		return fail(-errno, "cannot pin '%s'", path);
	*ret_fd = take_fd(&fd);
	return 0;
}

int forward_map_open(const struct table *t, enum forward_map map, bool make, int *ret_fd)
{
	_cleanup_(closep) int fd = -1;
	char path[512];
	int r;

	pin_path(&t->dir, maps[map].name, path);
	fd = bpf_obj_get(path);
	if (fd < 0 && errno != ENOENT)
		return fail(-errno, "cannot open '%s'", path);
	if (fd < 0)
		return make ? create(map, path, ret_fd) : -ENOENT;
	r = check_shape(map, fd);
	if (r == 0)
		*ret_fd = take_fd(&fd);
	return r;
}

static int read_ways(int fd, struct forward_way **ret, size_t *ret_n)
{
	_cleanup_(freep) struct forward_way *v = calloc(FORWARD_PAIRS, sizeof(*v));
	struct forward_pair *previous = NULL;
	size_t n = 0;

	if (!v)
		return fail(-ENOMEM, "cannot read forwarding latencies");
	while (n < FORWARD_PAIRS && bpf_map_get_next_key(fd, previous, &v[n].pair) == 0) {
		previous = &v[n].pair;
		if (bpf_map_lookup_elem(fd, &v[n].pair, &v[n].latency) < 0)
			break;
		n++;
	}
	*ret = take_ptr(v);
	*ret_n = n;
	return 0;
}

int forward_read(const struct table *t, struct forward_way **ret, size_t *ret_n,
		 struct forward_stats *ret_stats)
{
	_cleanup_(closep) int pairs = -1;
	_cleanup_(closep) int stats = -1;
	uint32_t zero = 0;
	int r;

	r = forward_map_open(t, FORWARD_MAP_PAIRS, false, &pairs);
	if (r == 0)
		r = forward_map_open(t, FORWARD_MAP_STATS, false, &stats);
	if (r < 0)
		return r;
	if (bpf_map_lookup_elem(stats, &zero, ret_stats) < 0)
		return fail(-errno, "cannot read forwarding latencies");
	return read_ways(pairs, ret, ret_n);
}
