/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The evicted slots of one CPU, in a BPF ring buffer read by position (kernel/bpf/ringbuf.c):
 * a record is an 8-byte header, whose first word is its length with two flag bits, and the
 * slot. No wake-ups, no callbacks. A looker walks it without moving the consumer position.
 */
#ifndef FLOWCTL_KERNEL_RING_H
#define FLOWCTL_KERNEL_RING_H

#include <stdint.h>

#include "kernel/table.h"

/* Map the ring of @fd; consumer page writable only when @writable. fail(). */
int ring_map(int fd, uint32_t ring_bytes, bool writable, struct table_ring *ret);
/* The same of a ring whose size the kernel knows. */
int ring_map_whole(int fd, bool writable, struct table_ring *ret);
void ring_unmap(struct table_ring *r);

/* Positions are counts of bytes ever written; consumer <= producer. */
uint64_t ring_consumer(const struct table_ring *r);
uint64_t ring_producer(const struct table_ring *r);
/* Writer only: records before @pos are read, the program may overwrite them. */
void ring_consume(struct table_ring *r, uint64_t pos);

/*
 * The record of @size bytes at @pos (< producer). NULL when its writer has not finished it: stop
 * there.
 * *ret_next is the position behind it. A discarded record gives NULL too, with *ret_next moved.
 */
const void *ring_record(const struct table_ring *r, uint64_t pos, size_t size, uint64_t *ret_next);
/* Of a flow table's own ring. */
const struct flow_slot *ring_at(const struct table_ring *r, uint64_t pos, uint64_t *ret_next);

#endif
