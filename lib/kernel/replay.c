// SPDX-License-Identifier: Apache-2.0
/*
 * The program runs once a frame, in this process. So a slot is read when no packet moves, and
 * what the program evicts is taken out of its ring before that is full: no flow is ever lost.
 *
 * The replay's clock is the capture's, moved so that its first frame lies in the middle of
 * what a flow's times have room for. Its ticks are microseconds, of which the program keeps 32
 * bits: each half hour of the capture, and wherever its time goes back, the epoch moves and
 * every flow begins a new generation. Within one, time only grows and does not wrap.
 */
#include "kernel/replay.h"

#include <bpf/bpf.h>
#include <endian.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/ipv6.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "kernel/health.h"
#include "kernel/program.h"
#include "kernel/records.h"
#include "kernel/replay_flows.h"
#include "kernel/ring.h"
#include "kernel/slot.h"

#define TICK_NS NSEC_PER_USEC
#define EPOCH_NS (30 * 60 * NSEC_PER_SEC)
/* flow_part has 60 bits of a time. In whole ticks, so that they begin where the capture's do. */
#define CLOCK_FIRST ((UINT64_C(1) << 59) / TICK_NS * TICK_NS)
#define CLOCK_MAX ((UINT64_C(1) << 60) - 1)
/* Not the four of a router: a capture is one place. */
#define FLOWS_AT_ONE_PLACE 2
/* A test run takes most of a page; headers are not longer. */
#define FRAME_MAX 2048

struct replay {
	struct table *t;
	struct table_hook hook;
	int prog_fd;
	struct replay_flows flows;
	struct health *health;	/* NULL: no TCP metrics */
	uint32_t drain_after;	/* frames: the connections that they end fit into their ring */
	uint32_t frames;
	int64_t offset_ns;	/* capture's time - clock */
	uint64_t clock_ns;	/* of the last frame; 0: there was none */
	uint64_t epoch_ns;	/* when the epoch began */
	uint64_t moved;		/* frames too far from the first one for the clock */
	struct ledger_count refused;	/* shorter than a test run takes */
	struct record *records;
};

DEFINE_CLEANUP(struct replay, replay_close)

static int load(struct replay *r, const struct replay_options *options)
{
	const struct program_knobs knobs = {
		.direction = FLOW_INGRESS,
		.ethernet = true,
		.sample = 1,
		.tcp = options->tcp_metrics,
		.decap = options->decap,
		.replay = true,
	};

	return program_load(r->t, r->hook.fd, &knobs, &r->prog_fd);
}

static int open_table(struct replay *r, const struct replay_options *options)
{
	uint32_t max_flows = options->max_flows ? options->max_flows : TABLE_MAX_FLOWS_DEFAULT;
	struct table_geometry g;
	int err;

	table_geometry(max_flows, 1, 1, &g);
	if (options->tcp_metrics) {
		table_geometry_tcp(&g, max_flows / FLOWS_AT_ONE_PLACE + 1);
		/* No flood has to be borne here, and a capture may begin with all its handshakes. */
		g.tcp_half_buckets = g.tcp_buckets + g.tcp_more_buckets;
	}
	err = table_create_private(&g, &r->t);
	if (err == 0)
		err = table_hook_create_private(r->t, &r->hook);
	if (err == 0 && options->decap.decap)
		err = table_outers(r->t);
	if (err == 0 && options->tcp_metrics) {
		r->drain_after = g.tcp_ends_bytes / (2 * sizeof(struct tcp_conn)) + 1;
		err = health_open(r->t, &r->health);
	}
	return err;
}

int replay_open(const struct replay_options *options, struct replay **ret)
{
	_cleanup_(replay_closep) struct replay *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return fail(-ENOMEM, "cannot begin a replay");
	r->prog_fd = r->hook.fd = -1;
	clock_set_tick_ns(TICK_NS);
	err = replay_flows_init(&r->flows);
	if (err == 0)
		err = open_table(r, options);
	if (err == 0)
		err = load(r, options);
	if (err < 0)
		return err;
	/* Nothing gives way without a record. */
	r->t->ctl->lease_ns = UINT64_MAX;
	*ret = take_ptr(r);
	return 0;
}

void replay_close(struct replay *r)
{
	if (!r)
		return;
	closep(&r->prog_fd);
	health_close(r->health);
	table_hook_close(&r->hook);
	table_close(r->t);
	replay_flows_deinit(&r->flows);
	free(r->records);
	free(r);
	clock_set_tick_ns(0);
}

static void set_clock(struct replay *r, uint64_t time_ns)
{
	uint64_t now;

	if (!r->clock_ns)
		r->offset_ns = time_ns / TICK_NS * TICK_NS - CLOCK_FIRST;
	now = time_ns - r->offset_ns;
	if (now < 1 || now > CLOCK_MAX) {
		now = (int64_t)now < 1 ? 1 : CLOCK_MAX;
		r->moved++;
	}
	if (now < r->clock_ns || now - r->epoch_ns > EPOCH_NS) {
		r->t->ctl->epoch++;
		r->epoch_ns = now;
	}
	r->clock_ns = now;
}

/* What a test run wants to see behind Ethernet's header, whatever was captured. */
static uint32_t least_len(const uint8_t *frame)
{
	switch (frame[12] << 8 | frame[13]) {
	case ETH_P_IP:
		return ETH_HLEN + sizeof(struct iphdr);
	case ETH_P_IPV6:
		return ETH_HLEN + sizeof(struct ipv6hdr);
	default:
		return ETH_HLEN;
	}
}

/* A header that is cut short is none: made longer, it is one of no version. */
static uint32_t pad(uint8_t buf[64], const struct replay_frame *f, uint32_t least)
{
	memset(buf, 0, 64);
	memcpy(buf, f->data, f->captured);
	buf[ETH_HLEN] = 0;
	return least;
}

static int run(const struct replay *r, const struct replay_frame *f)
{
	uint32_t len = f->captured < FRAME_MAX ? f->captured : FRAME_MAX;
	uint32_t least = least_len(f->data);
	const uint8_t *data = f->data;
	uint8_t buf[64];

	if (len < least) {
		len = pad(buf, f, least);
		data = buf;
	}
	struct __sk_buff ctx = {
		.tstamp = r->clock_ns,
		.mark = r->frames,
		.cb = { f->wire > len ? f->wire : len },
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = len, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = 1);
	if (bpf_prog_test_run_opts(r->prog_fd, &opts) < 0)
		return fail(-errno, "frame %u: the program cannot be run on it", r->frames + 1);
	return 0;
}

/* What left its slot. */
static int drain(struct replay *r)
{
	struct table_ring *ring = &r->t->rings[0];
	uint64_t pos = ring_consumer(ring), end = ring_producer(ring), next;
	int err = 0;

	for (; err == 0 && pos < end; pos = next) {
		const struct flow_slot *s = ring_at(ring, pos, &next);

		if (s)
			err = replay_flows_add(&r->flows, s);
	}
	ring_consume(ring, pos);
	return err;
}

static bool ring_is_half_full(const struct table_ring *ring)
{
	return ring_producer(ring) - ring_consumer(ring) > ring->mask / 2;
}

int replay_frame(struct replay *r, const struct replay_frame *f)
{
	size_t kept;
	int err;

	set_clock(r, f->time_ns);
	if (f->captured < ETH_HLEN) {
		r->refused.packets++;
		r->refused.bytes += f->wire;
		return 0;
	}
	err = run(r, f);
	r->frames++;
	if (err == 0 && r->health && r->frames % r->drain_after == 0)
		err = health_drain(r->health, &kept);
	if (err == 0 && ring_is_half_full(&r->t->rings[0]))
		err = drain(r);
	return err;
}

static int read_slots(struct replay *r)
{
	const struct flow_slot *slots = r->t->slots[0].way;
	struct flow_slot copy;
	size_t kept;
	int err = drain(r);

	if (err == 0 && r->health)
		err = health_drain(r->health, &kept);
	for (uint32_t i = 0; err == 0 && i < r->t->n_slots; i++) {
		if (slot_copy(&slots[i], &copy))
			err = replay_flows_add(&r->flows, &copy);
	}
	if (err == 0 && r->health)
		replay_flows_join(&r->flows, r->health);
	if (err == 0)
		replay_flows_sort(&r->flows);
	return err;
}

static void make_record(const struct replay *r, const struct replay_flow *f, struct record *ret)
{
	static const struct record_names no_names;
	const struct record_context ctx = { .names = &no_names, .real_offset_ns = r->offset_ns };

	record_from_part(&f->key, &f->part, &ctx, ret);
	if (r->health)
		health_read(r->health, &f->key, &f->part, &ret->tcp, NULL);
	table_outer(r->t, &f->key, &ret->outer);
	ret->key.ingress_ifindex = ret->ifindex = 0;
	ret->mark = 0;
	ret->netns = NULL;
}

int replay_records(struct replay *r, struct record **ret, size_t *ret_n)
{
	int err;

	if (!r->records) {
		err = read_slots(r);
		if (err < 0)
			return err;
		r->records = calloc(r->flows.n + 1, sizeof(*r->records));
		if (!r->records)
			return fail(-ENOMEM, "cannot hold the flows that were read");
		for (size_t i = 0; i < r->flows.n; i++)
			make_record(r, &r->flows.v[i], &r->records[i]);
	}
	*ret = r->records;
	*ret_n = r->flows.n;
	return 0;
}

void replay_ledger(struct replay *r, struct ledger_count ret[LEDGER_REASONS])
{
	for (int i = 0; i < LEDGER_REASONS; i++)
		ret[i] = r->hook.entries[0].cpu.by[i];
	ret[LEDGER_SEEN].packets += r->refused.packets;
	ret[LEDGER_SEEN].bytes += r->refused.bytes;
	ret[LEDGER_UNPARSED].packets += r->refused.packets;
	ret[LEDGER_UNPARSED].bytes += r->refused.bytes;
}

void replay_decap(struct replay *r, uint64_t ret[DECAP_RESULTS])
{
	memcpy(ret, r->hook.entries[0].cpu.decap, sizeof(r->hook.entries[0].cpu.decap));
}

uint64_t replay_moved(const struct replay *r)
{
	return r->moved;
}
