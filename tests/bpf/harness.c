// SPDX-License-Identifier: Apache-2.0
#include "harness.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/hook.h"
#include "tc.skel.h"
#include "xdp.skel.h"

static int array(size_t value, uint32_t entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);

	return bpf_map_create(BPF_MAP_TYPE_ARRAY, "test", 4, value, entries, &opts);
}

static bool make_rings(struct harness *h)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);

	for (uint32_t i = 0; i < h->parts; i++) {
		h->ring_fds[i] =
			bpf_map_create(BPF_MAP_TYPE_RINGBUF, "test", 0, 0, h->ring_bytes, NULL);
		if (h->ring_fds[i] < 0 ||
		    ring_map(h->ring_fds[i], h->ring_bytes, true, &h->rings[i]) < 0)
			return false;
	}
	opts.inner_map_fd = h->ring_fds[0];
	h->rings_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "test", 4, 4, h->parts, &opts);
	for (uint32_t i = 0; i < h->parts; i++) {
		if (bpf_map_update_elem(h->rings_fd, &i, &h->ring_fds[i], 0) < 0)
			return false;
	}
	return true;
}

static void *map(int fd, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

static bool make_tcp_maps(struct harness *h)
{
	uint32_t half = h->tcp_buckets + h->tcp_more_buckets, n = half + h->tcp_half_buckets;

	h->tcp_fd = array(sizeof(struct tcp_bucket), n);
	h->tcp_conns_fd = array(sizeof(struct tcp_conn), n * TCP_WAYS);
	h->tcp_hints_fd = array(sizeof(struct tcp_hint), h->n_slots);
	h->tcp_stats_fd = array(sizeof(struct tcp_cpu), h->parts);
	h->tcp_ends_fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "test", 0, 0, h->tcp_ends_bytes, NULL);
	h->tcp_events_fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "test", 0, 0, 4096, NULL);
	h->tcp_ingress_fd = bpf_map_create(BPF_MAP_TYPE_HASH, "test", 4, 1, 16, NULL);
	if (h->tcp_fd < 0 || h->tcp_conns_fd < 0 || h->tcp_stats_fd < 0 || h->tcp_events_fd < 0 ||
	    h->tcp_ingress_fd < 0)
		return false;
	h->tcp = map(h->tcp_fd, n * sizeof(*h->tcp));
	h->conns = map(h->tcp_conns_fd, n * TCP_WAYS * sizeof(*h->conns));
	h->tcp_half = h->tcp + half;
	return h->tcp && h->conns &&
	       ring_map(h->tcp_ends_fd, h->tcp_ends_bytes, true, &h->tcp_ends) == 0;
}

static bool make_maps(struct harness *h)
{
	uint32_t buckets = h->parts * h->buckets;

	h->n_slots = buckets * FLOW_WAYS;
	h->slots_fd = array(sizeof(struct flow_bucket), buckets);
	h->ctl_fd = array(sizeof(struct table_ctl), 1);
	h->hook_fd = array(sizeof(union hook_entry), h->parts + 1);
	h->frags_fd = bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "test", sizeof(struct frag_key),
				     sizeof(struct frag_ports), 1024, NULL);
	h->aged_fd = bpf_map_create(BPF_MAP_TYPE_HASH, "test", sizeof(struct aged_key),
				    sizeof(struct ledger_count), 16, NULL);
	if (h->slots_fd < 0 || h->ctl_fd < 0 || h->hook_fd < 0 || h->frags_fd < 0 || h->aged_fd < 0)
		return false;
	h->slots = map(h->slots_fd, buckets * sizeof(struct flow_bucket));
	h->ctl = map(h->ctl_fd, sizeof(struct table_ctl));
	h->hook = map(h->hook_fd, (h->parts + 1) * sizeof(union hook_entry));
	if (h->tcp_buckets && !make_tcp_maps(h))
		return false;
	return h->slots && h->ctl && h->hook && make_rings(h);
}

/* The same names in both objects, whose types differ. */
#define SET_KNOBS(rodata_, h_)                                \
	do {                                                  \
		(rodata_)->knob_parts = (h_)->parts;          \
		(rodata_)->knob_bucket_mask = (h_)->buckets - 1; \
		(rodata_)->knob_sample = (h_)->sample;        \
		(rodata_)->knob_direction = (h_)->direction;  \
		(rodata_)->knob_tcp = !!(h_)->tcp_buckets;    \
		(rodata_)->knob_decap = (h_)->decap;          \
		(rodata_)->knob_tcp_buckets = (h_)->tcp_buckets; \
		(rodata_)->knob_tcp_more_buckets = (h_)->tcp_more_buckets; \
		(rodata_)->knob_tcp_half_buckets = (h_)->tcp_half_buckets; \
	} while (0)

static struct bpf_object *open_tc(struct harness *h, struct bpf_program **ret)
{
	h->tc = tc_bpf__open();
	if (!h->tc)
		return NULL;
	SET_KNOBS(h->tc->rodata, h);
	*ret = h->tc->progs.flowctl_tc;
	return h->tc->obj;
}

static struct bpf_object *open_xdp(struct harness *h, struct bpf_program **ret)
{
	int fd = hook_trivial_prog(BPF_PROG_TYPE_XDP, XDP_PASS, BPF_F_XDP_HAS_FRAGS);

	h->xdp_skel = xdp_bpf__open();
	if (!h->xdp_skel)
		return NULL;
	SET_KNOBS(h->xdp_skel->rodata, h);
	*ret = h->xdp_skel->progs.flowctl_xdp;
	if (fd >= 0) {
		close(fd);
		h->xdp_skel->rodata->knob_frags = 1;
		bpf_program__set_flags(*ret, BPF_F_XDP_HAS_FRAGS);
	}
	return h->xdp_skel->obj;
}

#define FLOW_MAPS 6

static bool load(struct harness *h)
{
	const struct {
		const char *name;
		int fd;
	} rows[] = {
		{ "slots", h->slots_fd }, { "rings", h->rings_fd }, { ".data.ctl", h->ctl_fd },
		{ "hook", h->hook_fd },	  { "frags", h->frags_fd }, { "aged", h->aged_fd },
		{ "tcp", h->tcp_fd }, { "tcp_conns", h->tcp_conns_fd }, { "tcp_hints", h->tcp_hints_fd },
		{ "tcp_ends", h->tcp_ends_fd },
		{ "tcp_events", h->tcp_events_fd }, { "tcp_stats", h->tcp_stats_fd },
		{ "tcp_ingress", h->tcp_ingress_fd },
	};
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	struct bpf_program *prog;
	struct bpf_object *obj = (h->xdp ? open_xdp : open_tc)(h, &prog);

	if (!obj)
		return false;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (i < FLOW_MAPS || h->tcp_buckets)
			bpf_map__reuse_fd(bpf_object__find_map_by_name(obj, rows[i].name), rows[i].fd);
	bpf_map__set_max_entries(bpf_object__find_map_by_name(obj, "tunnel_work"), h->parts);
	bpf_map__set_max_entries(bpf_object__find_map_by_name(obj, "outers"), 1024);
	if (bpf_object__load(obj) < 0)
		return false;
	h->prog_fd = bpf_program__fd(prog);
	h->outers_fd = bpf_map__fd(bpf_object__find_map_by_name(obj, "outers"));
	if (bpf_obj_get_info_by_fd(h->prog_fd, &info, &len) == 0)
		h->verified_insns = info.verified_insns;
	return true;
}

const char *harness_open(struct harness *h)
{
	h->parts = h->parts ? h->parts : 1;
	h->buckets = h->buckets ? h->buckets : 1;
	h->ring_bytes = h->ring_bytes ? h->ring_bytes : 4096;
	h->sample = h->sample ? h->sample : 1;
	h->tcp_half_buckets = h->tcp_half_buckets ? h->tcp_half_buckets : 1;
	h->tcp_ends_bytes = h->tcp_ends_bytes ? h->tcp_ends_bytes : 65536;
	if (geteuid() != 0)
		return "needs root";
	if (!make_maps(h))
		return errno == EPERM ? "needs CAP_BPF" : "this kernel does not have the maps";
	if (!load(h)) {
		printf("Bail out! the program does not load\n");
		_exit(1);
	}
	harness_cpu(0);
	return NULL;
}

static void close_tcp(struct harness *h)
{
	int fds[] = { h->tcp_fd,	h->tcp_conns_fd,	 h->tcp_hints_fd, h->tcp_ends_fd,
		      h->tcp_events_fd, h->tcp_stats_fd, h->tcp_ingress_fd };

	uint32_t n = h->tcp_buckets + h->tcp_more_buckets + h->tcp_half_buckets;

	munmap(h->tcp, n * sizeof(*h->tcp));
	munmap(h->conns, n * TCP_WAYS * sizeof(*h->conns));
	ring_unmap(&h->tcp_ends);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		close(fds[i]);
}

void harness_close(struct harness *h)
{
	int fds[] = { h->slots_fd, h->rings_fd, h->ctl_fd, h->hook_fd, h->frags_fd, h->aged_fd };

	tc_bpf__destroy(h->tc);
	xdp_bpf__destroy(h->xdp_skel);
	if (h->tcp_buckets)
		close_tcp(h);
	munmap(h->slots, h->n_slots * sizeof(struct flow_slot));
	munmap(h->ctl, sizeof(struct table_ctl));
	munmap(h->hook, (h->parts + 1) * sizeof(union hook_entry));
	for (uint32_t i = 0; i < h->parts; i++) {
		ring_unmap(&h->rings[i]);
		close(h->ring_fds[i]);
	}
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		close(fds[i]);
}

const char *harness_verify(struct harness *h)
{
	const char *why = harness_open(h);

	if (why)
		return why;
	printf("# %s, TCP metrics %s: verified_insns %u\n", h->xdp ? "xdp" : "tc",
	       h->tcp_buckets ? "on" : "off", h->verified_insns);
	harness_close(h);
	return NULL;
}

void harness_clear(struct harness *h)
{
	struct aged_key key;

	memset(h->slots, 0, h->n_slots * sizeof(struct flow_slot));
	memset(h->ctl, 0, sizeof(*h->ctl));
	memset(h->hook, 0, (h->parts + 1) * sizeof(union hook_entry));
	while (bpf_map_get_next_key(h->aged_fd, NULL, &key) == 0)
		bpf_map_delete_elem(h->aged_fd, &key);
	for (uint32_t i = 0; i < h->parts; i++)
		ring_consume(&h->rings[i], ring_producer(&h->rings[i]));
}

static int run_xdp(const struct harness *h, const struct harness_packet *p)
{
	struct xdp_md ctx = { .data_end = p->linear };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p->data, .data_size_in = p->len,
		    .ctx_in = p->linear ? &ctx : NULL, .ctx_size_in = p->linear ? sizeof(ctx) : 0,
		    .repeat = 1);
	int r = bpf_prog_test_run_opts(h->prog_fd, &opts);

	return r < 0 ? -1000 + r : (int)opts.retval;
}

int harness_run(const struct harness *h, const struct harness_packet *p)
{
	if (h->xdp)
		return run_xdp(h, p);

	struct __sk_buff ctx = {
		.gso_segs = p->gso_segs,
		.gso_size = p->gso_size,
		.mark = p->mark,
		.ingress_ifindex = p->ingress_ifindex,
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p->data, .data_size_in = p->len,
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = 1);
	int r = bpf_prog_test_run_opts(h->prog_fd, &opts);

	return r < 0 ? -1000 + r : (int)opts.retval;
}

bool harness_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) == 0;
}

static void add(struct ledger_count *sum, uint64_t packets, uint64_t bytes)
{
	sum->packets += packets;
	sum->bytes += bytes;
}

struct flow_slot *harness_nth(const struct harness *h, unsigned n)
{
	static struct flow_slot none;

	for (uint32_t i = 0; i < h->n_slots; i++) {
		unsigned earlier = 0;

		for (uint32_t j = 0; j < h->n_slots; j++)
			earlier += h->slots[j].gen && h->slots[j].c.first_ns < h->slots[i].c.first_ns;
		if (h->slots[i].gen && earlier == n)
			return &h->slots[i];
	}
	return &none;
}

struct tcp_stats harness_tcp_stats(const struct harness *h)
{
	struct tcp_stats sum = { 0 };
	struct tcp_cpu one;

	for (uint32_t i = 0; i < h->parts; i++) {
		bpf_map_lookup_elem(h->tcp_stats_fd, &i, &one);
		for (size_t w = 0; w < sizeof(sum) / sizeof(uint64_t); w++)
			((uint64_t *)&sum)[w] += ((uint64_t *)&one)[w];
	}
	for (uint32_t i = 0; i < h->tcp_buckets + h->tcp_more_buckets + h->tcp_half_buckets; i++)
		sum.segments += h->tcp[i].straight;
	return sum;
}

struct ledger_count harness_ledger(const struct harness *h, enum ledger_reason reason)
{
	struct ledger_count sum = { 0 };

	for (uint32_t i = 0; i <= h->parts; i++)
		add(&sum, h->hook[i].cpu.by[reason].packets, h->hook[i].cpu.by[reason].bytes);
	return sum;
}

uint64_t harness_decap(const struct harness *h, enum decap_result result)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i <= h->parts; i++)
		sum += h->hook[i].cpu.decap[result];
	return sum;
}

struct ledger_count harness_slots(const struct harness *h)
{
	struct ledger_count sum = { 0 };

	for (uint32_t i = 0; i < h->n_slots; i++)
		add(&sum, h->slots[i].c.packets, h->slots[i].c.bytes);
	return sum;
}

struct ledger_count harness_rings(const struct harness *h, unsigned *ret_records)
{
	struct ledger_count sum = { 0 };
	unsigned n = 0;

	for (uint32_t i = 0; i < h->parts; i++) {
		uint64_t pos = ring_consumer(&h->rings[i]), end = ring_producer(&h->rings[i]);

		while (pos < end) {
			const struct flow_slot *s = ring_at(&h->rings[i], pos, &pos);

			if (!s)
				break;
			add(&sum, s->c.packets, s->c.bytes);
			n++;
		}
	}
	if (ret_records)
		*ret_records = n;
	return sum;
}

struct ledger_count harness_aged(const struct harness *h)
{
	struct ledger_count sum = { 0 }, one;
	struct aged_key key, *last = NULL;

	while (bpf_map_get_next_key(h->aged_fd, last, &key) == 0) {
		bpf_map_lookup_elem(h->aged_fd, &key, &one);
		add(&sum, one.packets, one.bytes);
		last = &key;
	}
	return sum;
}

bool harness_balances(const struct harness *h)
{
	struct ledger_count seen = harness_ledger(h, LEDGER_SEEN), sum = harness_slots(h), more;

	more = harness_rings(h, NULL);
	add(&sum, more.packets, more.bytes);
	more = harness_aged(h);
	add(&sum, more.packets, more.bytes);
	for (int r = LEDGER_FULL; r < LEDGER_KERNEL_REASONS; r++) {
		more = harness_ledger(h, r);
		add(&sum, more.packets, more.bytes);
	}
	if (seen.packets != sum.packets || seen.bytes != sum.bytes)
		printf("# seen %llu/%llu, found %llu/%llu\n", seen.packets, seen.bytes, sum.packets,
		       sum.bytes);
	return seen.packets == sum.packets && seen.bytes == sum.bytes;
}
