/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames written by hand, and what a meter must make of each. The values follow from the
 * RFCs that define the headers; bytes of a super-packet are the sum of the IP lengths of
 * what Linux puts on the wire for it (segments x headers + payload).
 *
 * Every flow of these rows goes from 10.0.0.1 to 10.0.0.2, or from 2001:db8::1 to ::2.
 */
#ifndef FLOWCTL_TEST_FRAMES_H
#define FLOWCTL_TEST_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "abi.h"

#define FRAME_MAX 4096
#define TAG(id_) (VLAN_PRESENT | (id_))

struct frame {
	const char *name;
	const char *hex;	/* blanks do not count */
	unsigned zeros;		/* bytes of 0 that follow */
	unsigned gso_segs, gso_size;
	unsigned tag;		/* taken off by the device */
	unsigned l3;		/* no Ethernet header; the protocol beside the packet */
	int host_only;		/* what BPF_PROG_TEST_RUN cannot or will not send */

	enum ledger_reason reason;	/* LEDGER_SEEN: in a flow */
	unsigned bytes, packets;	/* packets 0 stands for 1 */
	unsigned family, proto, sport, dport;
	unsigned vlan_outer, vlan_inner;
	unsigned tcp_flags, tos, ttl;	/* ttl 0 stands for 64 */
	unsigned id;		/* of IPv4, 0 stands for 0x1234; of IPv6's fragment header */
	unsigned label;
	unsigned headers;	/* EXT6_* */
	unsigned options;	/* TCP_OPTION()s */
};

extern const struct frame frames[];
extern const size_t n_frames;

/* The bytes of @f; returns their number. */
size_t frame_bytes(const struct frame *f, uint8_t buf[FRAME_MAX]);
/* The key of the flow that it is in, as a meter at interface 1's ingress has it. */
struct flow_key frame_key(const struct frame *f);
/* That flow's flow_extra.word, if it is the first in it. */
uint64_t frame_extra(const struct frame *f);

#endif
