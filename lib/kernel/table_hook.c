// SPDX-License-Identifier: Apache-2.0
/*
 * One meter's pinned array: a ledger a CPU, written by the program, and a last entry with
 * the meter's options and what user space itself counts (exported, flushed, ...).
 */
#include "kernel/table.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/error.h"

static int hook_map(const struct table *t, int fd, bool writable, struct table_hook *ret)
{
	size_t size = (t->ctl->parts + 1) * sizeof(union hook_entry);
	int prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
	void *p = mmap(NULL, size, prot, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return fail(-errno, "cannot map a meter's ledger");
	ret->entries = p;
	ret->size_bytes = size;
	ret->info = &ret->entries[t->ctl->parts].info;
	return 0;
}

/* The descriptor, or -errno. */
static int create_hook_map(const struct table *t)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "flowctl_hook", 4, sizeof(union hook_entry),
				t->ctl->parts + 1, &opts);

	return fd < 0 ? -errno : fd;
}

int table_hook_create_private(const struct table *t, struct table_hook *ret)
{
	_cleanup_(closep) int fd = create_hook_map(t);
	struct table_hook h = { .fd = -1 };
	int r;

	if (fd < 0)
		return fail(fd, "cannot make a meter's ledger");
	r = hook_map(t, fd, true, &h);
	if (r < 0)
		return r;
	h.fd = take_fd(&fd);
	*ret = h;
	return 0;
}

int table_hook_create(const struct table *t, uint32_t ifindex, uint8_t direction,
		      struct table_hook *ret)
{
	struct table_hook h = { .ifindex = ifindex, .direction = direction };
	_cleanup_(closep) int fd = create_hook_map(t);
	char path[512];
	int r;

	if (fd < 0)
		return fail(fd, "cannot make a meter's ledger");
	if (bpf_obj_pin(fd, pin_hook_path(&t->dir, "hook", ifindex, direction, path)) < 0)
		return fail(-errno, "cannot pin '%s'", path);
	r = hook_map(t, fd, true, &h);
	if (r < 0) {
		unlink(path);
		return r;
	}
	h.info->ifindex = ifindex;
	h.info->direction = direction;
	h.fd = take_fd(&fd);
	*ret = h;
	return 0;
}

static int open_pinned(const struct table *t, const char *what, uint32_t ifindex, uint8_t direction,
		       bool writable, struct table_hook *ret)
{
	struct table_hook h = { .ifindex = ifindex, .direction = direction };
	_cleanup_(closep) int fd = -1;
	char path[512];
	int r;

	fd = bpf_obj_get(pin_hook_path(&t->dir, what, ifindex, direction, path));
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : fail(-errno, "cannot open '%s'", path);
	r = hook_map(t, fd, writable, &h);
	if (r < 0)
		return r;
	h.fd = take_fd(&fd);
	*ret = h;
	return 0;
}

int table_hook_open(const struct table *t, uint32_t ifindex, uint8_t direction, bool writable,
		    struct table_hook *ret)
{
	return open_pinned(t, "hook", ifindex, direction, writable, ret);
}

int table_hook_open_past(const struct table *t, uint32_t ifindex, uint8_t direction,
			 struct table_hook *ret)
{
	return open_pinned(t, "past", ifindex, direction, false, ret);
}

void table_hook_close(struct table_hook *h)
{
	if (!h->entries)
		return;
	munmap(h->entries, h->size_bytes);
	closep(&h->fd);
	*h = (struct table_hook) { .fd = -1 };
}

struct ledger_count table_hook_sum(const struct table *t, const struct table_hook *h,
				   enum ledger_reason reason)
{
	struct ledger_count sum = { 0 };

	if (reason >= LEDGER_KERNEL_REASONS)
		return h->info->ledger.by[reason];
	/* The last entry has what CPUs without a part of their own saw. */
	for (uint32_t part = 0; part <= t->ctl->parts; part++) {
		const struct ledger_count *c = &h->entries[part].cpu.by[reason];

		sum.packets += __atomic_load_n(&c->packets, __ATOMIC_RELAXED);
		sum.bytes += __atomic_load_n(&c->bytes, __ATOMIC_RELAXED);
	}
	return sum;
}

uint64_t table_hook_decap(const struct table *t, const struct table_hook *h,
			  enum decap_result result)
{
	uint64_t sum = 0;

	for (uint32_t part = 0; part <= t->ctl->parts; part++)
		sum += __atomic_load_n(&h->entries[part].cpu.decap[result], __ATOMIC_RELAXED);
	return sum;
}

struct ledger_count table_aged(const struct table *t, uint32_t ifindex, uint8_t direction)
{
	struct aged_key key = { .ifindex = ifindex, .direction = direction };
	struct ledger_count count = { 0 };

	bpf_map_lookup_elem(t->aged_fd, &key, &count);
	return count;
}

static struct table_hook *find_hook(struct table *t, uint32_t ifindex, uint8_t direction)
{
	struct table_hook h, *grown;

	for (size_t i = 0; i < t->n_hooks; i++) {
		if (t->hooks[i].ifindex == ifindex && t->hooks[i].direction == direction)
			return &t->hooks[i];
	}
	/* A hook that is gone is remembered as such (entries NULL) until table_hooks_close(). */
	if (open_pinned(t, "hook", ifindex, direction, true, &h) < 0 &&
	    open_pinned(t, "past", ifindex, direction, true, &h) < 0)
		h = (struct table_hook) { .ifindex = ifindex, .direction = direction, .fd = -1 };
	grown = reallocarray(t->hooks, t->n_hooks + 1, sizeof(*grown));
	if (!grown) {
		table_hook_close(&h);
		return NULL;
	}
	t->hooks = grown;
	t->hooks[t->n_hooks] = h;
	return &t->hooks[t->n_hooks++];
}

struct ledger_count *table_hook_own(struct table *t, uint32_t ifindex, uint8_t direction,
				    enum ledger_reason reason)
{
	struct table_hook *h = find_hook(t, ifindex, direction);

	return h && h->entries ? &h->info->ledger.by[reason] : NULL;
}

struct ledger_count table_hook_count(struct table *t, uint32_t ifindex, uint8_t direction,
				     enum ledger_reason reason)
{
	const struct table_hook *h = find_hook(t, ifindex, direction);

	return h && h->entries ? table_hook_sum(t, h, reason) : (struct ledger_count) { 0 };
}

bool table_hook_decaps(struct table *t, uint32_t ifindex, uint8_t direction,
		       uint64_t ret[DECAP_RESULTS])
{
	const struct table_hook *h = find_hook(t, ifindex, direction);

	if (!h || !h->entries || !h->info->decap)
		return false;
	for (int result = 0; result < DECAP_RESULTS; result++)
		ret[result] = table_hook_decap(t, h, result);
	return true;
}

void table_hooks_close(struct table *t)
{
	for (size_t i = 0; i < t->n_hooks; i++)
		table_hook_close(&t->hooks[i]);
	free(t->hooks);
	t->hooks = NULL;
	t->n_hooks = 0;
}
