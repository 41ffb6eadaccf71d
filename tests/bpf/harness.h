/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel program with maps of a size that suits the test, attached to nothing: packets
 * come from BPF_PROG_TEST_RUN. All maps are mapped writable, so that a test can move a
 * slot's clock instead of waiting.
 */
#ifndef FLOWCTL_TEST_HARNESS_H
#define FLOWCTL_TEST_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "kernel/ring.h"

#define HARNESS_PARTS 2

struct harness {
	/* Set these before harness_open(); 0 is a default. */
	uint32_t parts;	     /* 1 */
	uint32_t buckets;    /* 1 */
	uint32_t ring_bytes; /* 4096 */
	uint32_t sample;     /* 1 */
	uint8_t direction;
	uint32_t tcp_buckets;	   /* 0: no TCP metrics */
	uint32_t tcp_more_buckets; /* 0 */
	uint32_t tcp_half_buckets; /* 1 */
	uint32_t tcp_ends_bytes;   /* 64 KiB */
	uint8_t decap;		   /* DECAP_* */
	bool xdp; /* flowctl_xdp, with packets of several buffers where the kernel has them */

	struct tc_bpf *tc; /* or */
	struct xdp_bpf *xdp_skel;
	int prog_fd;
	uint32_t verified_insns;
	int slots_fd, rings_fd, ctl_fd, hook_fd, frags_fd, aged_fd;
	int outers_fd; /* the program's own */
	int ring_fds[HARNESS_PARTS];
	struct flow_slot *slots; /* parts * buckets * FLOW_WAYS */
	uint32_t n_slots;
	struct table_ctl *ctl;
	union hook_entry *hook; /* parts + 1 */
	struct table_ring rings[HARNESS_PARTS];
	/* With TCP metrics: */
	int tcp_fd, tcp_conns_fd, tcp_hints_fd, tcp_ends_fd, tcp_events_fd, tcp_stats_fd, tcp_ingress_fd;
	struct tcp_bucket *tcp, *tcp_half; /* the second within the first */
	struct tcp_conn *conns;		   /* TCP_WAYS for each of them */
	struct table_ring tcp_ends;
};

/* What goes with a packet. */
struct harness_packet {
	const void *data;
	size_t len;
	uint32_t gso_segs, gso_size, mark, ingress_ifindex; /* not of XDP */
	uint32_t linear; /* XDP: what of it is in the first buffer; 0 = as much as goes there */
};

/* NULL, or why it could not be: not root, no kernel support. */
const char *harness_open(struct harness *h);
void harness_close(struct harness *h);
/* Open and close it, and print h->verified_insns, which stays. As harness_open(). */
const char *harness_verify(struct harness *h);
/* Everything empty, as when it was opened; the rings keep their positions. */
void harness_clear(struct harness *h);
/* Run one packet through. The program's verdict, or a number below -1 when the kernel refuses the
 * packet. */
int harness_run(const struct harness *h, const struct harness_packet *p);
/* Stay on that CPU. */
bool harness_cpu(int cpu);

/* The slot of the flow that came as the @n-th, from 0; never NULL. */
struct flow_slot *harness_nth(const struct harness *h, unsigned n);
struct ledger_count harness_ledger(const struct harness *h, enum ledger_reason reason);
/* Packets of which that became, over the CPUs. */
uint64_t harness_decap(const struct harness *h, enum decap_result result);
/* Sums of what the slots hold, what lies in the rings, and what was aged. */
struct ledger_count harness_slots(const struct harness *h);
struct ledger_count harness_rings(const struct harness *h, unsigned *ret_records);
struct ledger_count harness_aged(const struct harness *h);
/* Sum over the CPUs. */
struct tcp_stats harness_tcp_stats(const struct harness *h);
/* seen = slots + rings + aged + full + unparsed + not IP + sampled out, packets and bytes. */
bool harness_balances(const struct harness *h);

#endif
