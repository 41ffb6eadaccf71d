/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metrics page: what is known at one moment, as plain data, and the families it becomes
 * (flowctl.conf(5), metrics). A new metric is a field here and a row in page.c. Labels are namespaces,
 * interfaces, outputs and reasons: nothing that grows with traffic.
 */
#ifndef FLOWCTL_METRICS_PAGE_H
#define FLOWCTL_METRICS_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "metrics/buckets.h"
#include "metrics/expose.h"
#include "sink/sink.h"

/* Of a meter: an interface and a direction. Strings are borrowed, here and below. */
struct metrics_hook {
	const char *netns, *iface;
	uint8_t direction;		/* FLOW_INGRESS, FLOW_EGRESS */
	bool decap;			/* it looks into tunnels */
	struct ledger_count by[LEDGER_REASONS];
	struct ledger_count aged;	/* gave way while no agent ran */
	uint64_t decap_by[DECAP_RESULTS];
};

/* What records said of TCP's health, of all that left since this process has had the table. */
struct metrics_tcp {
	uint64_t fast, timeout, spurious;	/* retransmissions */
	uint64_t out_of_order, duplicate_acks, zero_windows, keep_alives;
	uint64_t ect0, ect1, ce, ece, cwr;
	uint64_t rtt_samples, rtt_sum_ns;
};

/* What became of packets chosen for forwarding latency. */
struct metrics_forward {
	bool on;
	uint64_t by[FORWARD_RESULTS];
};

struct metrics_netns {
	const char *netns;
	uint64_t flows, flows_max;
	uint64_t store_used, store_max;
	uint64_t memory_bytes;
	bool has_tcp;
	struct tcp_stats stats;
	struct metrics_tcp tcp;
	struct metrics_forward forward;
};

/* A way through the box, by names of interfaces. */
struct metrics_pair {
	const char *netns, *ingress, *egress;
	struct buckets latency;		/* buckets_forward */
};

struct metrics_output {
	char output[160];
	struct sink_stats stats;
	uint64_t queue;			/* records that wait to be sent */
	uint64_t up;			/* 1: no trouble */
};

struct metrics_agent {
	const char *version;
	struct buckets handshake, rtt, lag;
	bool rtt_on;
	uint64_t rtt_lost;
	uint64_t start_ns, reload_ns;	/* CLOCK_REALTIME; the last good reload, or the start */
	uint64_t reload_ok;		/* 0: the last one was refused */
	uint64_t resident_bytes, cpu_ns, fds;
	uint64_t requests;
};

struct metrics_facts {
	struct metrics_hook *hooks;
	size_t n_hooks;
	struct metrics_netns *netns;
	size_t n_netns;
	struct metrics_pair *pairs;
	size_t n_pairs;
	struct metrics_output *outputs;
	size_t n_outputs;
	struct metrics_agent agent;
};

/* Append all families of which there is a sample. Whoever calls sees to it that no two elements
 * have the same names. */
void page_write(const struct metrics_facts *f, enum expose_format format, struct strbuf *out);

#endif
