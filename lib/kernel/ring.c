// SPDX-License-Identifier: Apache-2.0
/*
 * See ring.h. libbpf's ring_buffer__consume() would do for the agent, but not for a looker
 * that must leave the consumer position alone, nor for a consumer that writes down what it
 * took before it moves on; both need the positions themselves.
 */
#include "kernel/ring.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"

int ring_map(int fd, uint32_t ring_bytes, bool writable, struct table_ring *ret)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct table_ring r = { .mask = ring_bytes - 1 };
	int prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
	uint8_t *p;

	p = mmap(NULL, page, prot, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return fail(-errno, "cannot map a ring's consumer page");
	r.consumer = (uint64_t *)p;
	p = mmap(NULL, page + 2 * (size_t)ring_bytes, PROT_READ, MAP_SHARED, fd, page);
	if (p == MAP_FAILED) {
		int err = -errno;

		munmap(r.consumer, page);
		return fail(err, "cannot map a ring's data");
	}
	r.producer = (const uint64_t *)p;
	r.data = p + page;
	*ret = r;
	return 0;
}

void ring_unmap(struct table_ring *r)
{
	size_t page = sysconf(_SC_PAGESIZE);

	if (!r->consumer)
		return;
	munmap(r->consumer, page);
	munmap((void *)r->producer, page + 2 * (r->mask + 1));
	r->consumer = NULL;
}

uint64_t ring_consumer(const struct table_ring *r)
{
	return __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE);
}

uint64_t ring_producer(const struct table_ring *r)
{
	return __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
}

void ring_consume(struct table_ring *r, uint64_t pos)
{
	__atomic_store_n(r->consumer, pos, __ATOMIC_RELEASE);
}

const void *ring_record(const struct table_ring *r, uint64_t pos, size_t size, uint64_t *ret_next)
{
	const uint8_t *head = r->data + (pos & r->mask);
	uint32_t word = __atomic_load_n((const uint32_t *)head, __ATOMIC_ACQUIRE);
	uint32_t len = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

	*ret_next = pos;
	if (word & BPF_RINGBUF_BUSY_BIT)
		return NULL;
	*ret_next = pos + ((len + BPF_RINGBUF_HDR_SZ + 7) & ~UINT64_C(7));
	if ((word & BPF_RINGBUF_DISCARD_BIT) || len != size)
		return NULL;
	return head + BPF_RINGBUF_HDR_SZ;
}

const struct flow_slot *ring_at(const struct table_ring *r, uint64_t pos, uint64_t *ret_next)
{
	return ring_record(r, pos, sizeof(struct flow_slot), ret_next);
}

int ring_map_whole(int fd, bool writable, struct table_ring *ret)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return fail(-errno, "cannot tell a ring's size");
	return ring_map(fd, info.max_entries, writable, ret);
}
