/* SPDX-License-Identifier: Apache-2.0 */
/* What table.c and table_create.c share; nobody else includes it. */
#ifndef FLOWCTL_KERNEL_TABLE_PARTS_H
#define FLOWCTL_KERNEL_TABLE_PARTS_H

#include <bpf/bpf.h>

#include "kernel/table.h"

/* A map of which there is one a table, by this name below its folder. */
struct table_map {
	const char *pin;
	const char *name;	/* in the kernel, 15 characters at most */
	enum bpf_map_type type;
	uint32_t key_size, value_size;
	uint32_t flags;
	size_t fd_offset;	/* in struct table */
};

#define TABLE_MAPS 13
extern const struct table_map table_maps[TABLE_MAPS];

/* Make that map in the size it has in @g, pinned nowhere. 0 or fail(). */
int table_map_create(const struct table_map *row, const struct table_geometry *g, int *ret_fd);
/* The first words of a table, in the map @fd: whose it is, and of what size. 0 or fail(). */
int table_ctl_write(int fd, const struct pin_dir *dir, const struct table_geometry *g,
		    uint64_t inode, const char *name);
/* The pin of the ring of @part. */
void table_ring_pin(uint32_t part, char buf[32]);

#endif
