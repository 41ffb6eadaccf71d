// SPDX-License-Identifier: Apache-2.0
/* See output_counts.h. One writer, the agent; who looks sees each number whole. */
#include "kernel/output_counts.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/error.h"

/* The descriptor, or -errno. */
static int make(const char *path)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	_cleanup_(closep) int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "flowctl_outputs", 4,
						  sizeof(struct output_count), OUTPUT_COUNTS_MAX, &opts);

	if (fd < 0 || bpf_obj_pin(fd, path) < 0)
		return fail(-errno, "cannot pin '%s'", path);
	return take_fd(&fd);
}

int output_counts_open(const struct table *t, struct output_counts *ret)
{
	int prot = t->writable ? PROT_READ | PROT_WRITE : PROT_READ;
	_cleanup_(closep) int fd = -1;
	char path[512];
	void *p;

	fd = bpf_obj_get(pin_path(&t->dir, "outputs", path));
	if (fd < 0 && errno != ENOENT)
		return fail(-errno, "cannot open '%s'", path);
	if (fd < 0 && !t->writable)
		return -ENOENT;
	if (fd < 0)
		fd = make(path);
	if (fd < 0)
		return fd;
	p = mmap(NULL, OUTPUT_COUNTS_MAX * sizeof(struct output_count), prot, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return fail(-errno, "cannot map '%s'", path);
	*ret = (struct output_counts) { p, OUTPUT_COUNTS_MAX };
	return 0;
}

void output_counts_close(struct output_counts *c)
{
	if (c->v)
		munmap(c->v, c->n * sizeof(*c->v));
	*c = (struct output_counts) { 0 };
}

struct output_count *output_counts_of(const struct output_counts *c, const char *label,
				      uint32_t ifindex, uint8_t direction)
{
	for (size_t i = 0; i < c->n; i++) {
		struct output_count *o = &c->v[i];

		if (!o->label[0]) {
			o->ifindex = ifindex;
			o->direction = direction;
			snprintf(o->label, sizeof(o->label), "%s", label);
			return o;
		}
		if (o->ifindex == ifindex && o->direction == direction &&
		    strncmp(o->label, label, sizeof(o->label) - 1) == 0)
			return o;
	}
	return NULL;
}
