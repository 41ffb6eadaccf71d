/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The contract between the kernel program and user space: what lies in the pinned
 * maps. Both sides include this file, and nothing else describes these bytes. A change
 * of any layout below raises FLOWCTL_ABI; a binary that meets maps of another number
 * refuses them (`meter attach --force` replaces them).
 *
 * Multi-byte fields are in host order unless their type is __be16/__be32.
 */
#ifndef FLOWCTL_ABI_H
#define FLOWCTL_ABI_H

#include <linux/types.h>

#include "abi_forward.h"
#include "abi_tcp.h"

#define FLOWCTL_ABI 8

enum {
	FLOW_INGRESS = 0,
	FLOW_EGRESS = 1,
};

/* What a packet was taken out of. A part of the key; the names are in lib/flow/tunnel.c. */
enum tunnel {
	TUNNEL_NONE,
	TUNNEL_GENEVE,		/* RFC 8926 */
	TUNNEL_VXLAN,		/* RFC 7348, and its generic protocol extension */
	TUNNEL_GRE,		/* RFC 2784, 2890; with Ethernet inside, too (RFC 7637) */
	TUNNEL_ERSPAN,		/* types I, II, III, in GRE */
	TUNNEL_IPIP,		/* IPv4 in IPv4, RFC 2003 */
	TUNNEL_6IN4,		/* RFC 4213 */
	TUNNEL_4IN6,		/* RFC 2473, as the next */
	TUNNEL_6IN6,
	TUNNEL_KINDS
};

/* Which tunnels a meter looks into: bits of knob_decap and hook_info.decap. */
#define DECAP_GENEVE 0x1
#define DECAP_VXLAN  0x2
#define DECAP_GRE    0x4	/* ERSPAN, too */
#define DECAP_IPIP   0x8	/* all four of IP in IP */
#define DECAP_ALL    0xf

#define DECAP_GENEVE_PORT    6081
#define DECAP_VXLAN_PORT     4789
#define DECAP_VXLAN_GPE_PORT 4790	/* always beside the VXLAN port */

/*
 * What became of packets that looked like a tunnel's which the meter is to look into, by hook
 * (hook_ledger.decap), in wire packets. All but the first are counted as the flow of the outer
 * packet. Names: lib/flow/tunnel.c.
 */
enum decap_result {
	DECAP_DONE,		/* metered by what was inside */
	DECAP_FRAGMENT,		/* the outer packet is a fragment */
	DECAP_SHORT,		/* cut off within the tunnel's or the inner headers */
	DECAP_VERSION,		/* a version, or flags, that are not known: GRE 1 (PPTP), VXLAN without I */
	DECAP_CONTROL,		/* no payload of a user: GENEVE's O bit, VXLAN-GPE's OAM */
	DECAP_PROTOCOL,		/* inside is neither Ethernet nor IP */
	DECAP_NON_IP,		/* an Ethernet frame without IP: ARP, ... */
	DECAP_INNER,		/* the inner IP header is wrong */
	DECAP_SEVERAL,		/* a super-packet whose segments are packets each (UDP segmentation) */
	DECAP_RESULTS
};

/* A VLAN field holds the 12-bit id; this bit says that the tag was there at all,
 * because id 0 (a priority tag) is a tag too. */
#define VLAN_PRESENT 0x1000

/*
 * Seven words. In a tunnel that the meter looks into, everything but the interfaces is the
 * inner packet's; the tags are those of the frame inside, where there is one, else of the frame
 * outside. IPv4 addresses are the first four bytes of src/dst, the rest 0; `family`
 * keeps 1.2.3.4 apart from any IPv6 address, ::ffff:1.2.3.4 included.
 *
 * ICMP and ICMPv6: sport is 0, dport is type << 8 | code (as NetFlow has always done it).
 */
struct flow_key {
	__u8 src[16];
	__u8 dst[16];
	__be16 sport;
	__be16 dport;
	__u32 ingress_ifindex;	/* at ingress: the hook's; at egress: where it came in, 0 = local */
	__u32 egress_ifindex;	/* at egress: the hook's; at ingress: 0 */
	__u16 vlan_outer;	/* VLAN_PRESENT | id, or 0 */
	__u16 vlan_inner;
	__u32 vni;		/* GENEVE, VXLAN; GRE's key, ERSPAN's session; 0: none, too */
	__u8 proto;		/* IP protocol number */
	__u8 family;		/* 4 or 6 */
	__u8 direction;		/* FLOW_INGRESS or FLOW_EGRESS */
	__u8 tunnel;		/* TUNNEL_* */
};

/* What changes with many packets, in one word, so that a reader sees it whole. */
union flow_word {
	__u64 word;
	struct {
		__u32 last_tick;	/* low half of jiffies at the last packet */
		__u8 tcp_flags;		/* OR of byte 13 of the TCP header */
		__u8 tos;		/* of the first packet: IPv4 ToS or IPv6 traffic class */
		__u8 min_ttl;
		__u8 max_ttl;
	};
};

/*
 * What else the headers said, in one word: values of the first packet, bits of all.
 *
 * What has no room here leaves nothing, and never something else: TCP options of kinds 31 to
 * 33 and from 35 on (reserved, or hardly used), and the fragment id of TCP over IPv6.
 */
union flow_extra {
	__u64 word;
	struct {
		__u32 ip;	/* IPv4: the identification; IPv6: the flow label and EXT6_* */
		__u32 l4;	/* TCP: TCP_OPTION()s; else of IPv6: the fragment id, host order */
	};
};

/* Options are few: kinds 0 to 30 have their own bit, and Fast Open (34) the last one. */
#define TCP_OPTION_PLAIN     30
#define TCP_OPTION_SYN_ACK   25 /* not assigned, and no option here: a SYN-ACK was seen */
#define TCP_OPTION_FAST_OPEN 34
#define TCP_OPTION(kind_)                                                                      \
	((kind_) <= TCP_OPTION_PLAIN ? 1u << ((kind_) & 31) : (kind_) == TCP_OPTION_FAST_OPEN ? 1u << 31 : 0u)

#define FLOW_LABEL_MASK 0x000fffff
/* IPv6 extension headers, above the flow label. */
#define EXT6_DST	0x00100000
#define EXT6_HOP	0x00200000
#define EXT6_ROUTING	0x00400000
#define EXT6_FRAG_FIRST 0x00800000 /* a fragment header of offset 0 */
#define EXT6_FRAG_LATER 0x01000000
#define EXT6_MOBILITY	0x02000000
#define EXT6_AH		0x04000000
#define EXT6_HIP	0x08000000
#define EXT6_SHIM6	0x10000000
#define EXT6_MASK	0xfff00000

struct flow_counters {
	__u64 packets;		/* wire packets: a GSO packet counts its segments */
	__u64 bytes;		/* of the IP layer */
	union flow_word w;
	__u64 first_ns;		/* CLOCK_BOOTTIME of the first packet */
	__u32 first_tick;	/* jiffies then: last = first_ns + (last - first) ticks */
	__u32 epoch;		/* table_ctl.epoch when this generation began */
	__u32 mark;		/* of the first packet, as are the addresses below */
	__u8 src_mac[6];	/* 0 where the device has no Ethernet header */
	__u8 dst_mac[6];
	union flow_extra extra;	/* written before the counters, where a packet adds to it */
};

/*
 * One cache line of key, one of counters. `gen` is even when the slot is valid, odd while
 * it is rewritten, 0 when it was never used; every generation adds 2. Only the CPU that
 * owns the part writes it. How it is read: lib/kernel/slot.h.
 */
struct flow_slot {
	struct flow_key key;
	__u32 gen;
	__u32 idx;		/* this slot's number in the whole table */
	struct flow_counters c;
};

#define FLOW_WAYS 4
struct flow_bucket {
	struct flow_slot way[FLOW_WAYS];
};

/* Why packets are in no flow record, by hook. The names are those of the CLI. */
enum ledger_reason {
	LEDGER_SEEN,		/* all that was offered to the hook */
	LEDGER_FULL,		/* no slot and no room in the ring */
	LEDGER_UNPARSED,	/* an IP packet whose header is short or wrong */
	LEDGER_NON_IP,		/* ARP, LLDP, ... */
	LEDGER_SAMPLED_OUT,
	LEDGER_KERNEL_REASONS,
	/* From here on counted by user space, in the hook's last entry. */
	LEDGER_EXPORTED = LEDGER_KERNEL_REASONS,
	LEDGER_FLUSHED,
	LEDGER_DUPLICATE,	/* count: once — the packet is in its ingress record */
	LEDGER_SELF,		/* the agent's own export stream */
	LEDGER_UNDELIVERED,	/* no template carries such a record */
	LEDGER_REASONS
};

struct ledger_count {
	__u64 packets;
	__u64 bytes;
};

struct hook_ledger {
	struct ledger_count by[LEDGER_REASONS];
	__u64 decap[DECAP_RESULTS];	/* packets; beside the above, not a part of their sum */
	__u64 reserved[12 - DECAP_RESULTS];
};

/*
 * A hook's pinned array: entry 0 .. parts-1 are the ledgers of the CPUs (written by the
 * program), entry `parts` holds this: the meter's options and what user space counts.
 */
struct hook_info {
	struct hook_ledger ledger;	/* LEDGER_EXPORTED and on */
	__u32 ifindex;
	__u32 sample;			/* 1 = every packet */
	__u8 direction;
	__u8 kind;			/* enum hook_kind of lib/kernel/hook.h */
	__u8 made_clsact;		/* tc: the qdisc is ours to remove */
	__u8 link_layer;		/* 1: frames begin with an Ethernet header */
	__u32 prog_id;
	__u32 tc_pref;
	__u32 tc_handle;
	__u64 attached_ns;		/* CLOCK_REALTIME */
	char ifname[16];
	char version[24];		/* of the flowctl that attached it */
	__u8 tcp_metrics;		/* 1: it counts the health of connections */
	__u8 guest;			/* 1: goes when the command that looks at it ends (visit.h) */
	__u8 decap;			/* DECAP_* */
	__u8 reserved;
	__u16 geneve_port, vxlan_port;	/* host order */
	__u32 forward;			/* forwarding latency of one packet in so many; 0 = of none */
};

/* One array entry must hold either. */
union hook_entry {
	struct hook_ledger cpu;
	struct hook_info info;
	__u8 size[384];
};

/* Where the first fragment of a datagram was seen, its ports are kept for the later ones. */
struct frag_key {
	__u8 src[16];
	__u8 dst[16];
	__u32 id;		/* IPv4: 16 bits of it */
	__u16 vlan_outer;
	__u16 vlan_inner;
	__u8 proto;		/* as every fragment shows it */
	__u8 family;
	__u8 tunnel;
	__u8 reserved;
	__u32 vni;
};

struct frag_ports {
	__u64 seen_ns;		/* CLOCK_BOOTTIME; ids come again */
	__be16 sport;
	__be16 dport;
	__u8 proto;		/* behind all IPv6 extension headers; only the first shows it */
	__u8 reserved[3];
};

/*
 * What was outside of a flow's first packet, where that was in a tunnel: no part of the key. In
 * the map `outers` (LRU hash, struct flow_key to this), which is there from the first meter on
 * that looks into tunnels; the flow's slot has no room for it. Addresses as in flow_key.
 */
struct outer {
	__u8 src[16];
	__u8 dst[16];
	__u8 family;		/* 4 or 6 */
	__u8 tos;
	__u8 has;		/* OUTER_* */
	__u8 reserved[5];
	/* Options of an AWS Gateway Load Balancer (GENEVE class 0x0108), host order. */
	__u64 gwlb_endpoint;	/* type 1 */
	__u64 gwlb_attachment;	/* type 2 */
	__u32 gwlb_flow;	/* type 3: the flow cookie */
	__u32 reserved1;
};
#define OUTER_GWLB_ENDPOINT   0x1
#define OUTER_GWLB_ATTACHMENT 0x2
#define OUTER_GWLB_FLOW	      0x4

/* Records of idle flows that gave way while no agent ran (slow path, a hash map). */
struct aged_key {
	__u32 ifindex;
	__u32 direction;
};

/*
 * What of one slot's generation `gen` user space has credited to its flow in the store, from
 * where it is exported or flushed. Whatever the slot, or its record in the ring, shows beyond
 * this is held there. Pinned, so that a restarted agent knows it.
 */
struct journal_entry {
	__u32 gen;
	__u32 store_idx;	/* the flow's entry + 1, 0 = unknown; a hint: the key decides */
	__u64 packets;
	__u64 bytes;
	union flow_word w;	/* as the slot had it: the slot is unchanged if all three are */
};

/* Of an epoch; journal_bump_epoch() leaves out those whose lowest bits are 0. */
#define CUT_BITS 14

/*
 * What was seen of a flow and is held, and the totals that began with its entry in the store.
 * So narrow that an entry is two cache lines. Times: CLOCK_BOOTTIME, 36 years of it; what is
 * held: 72 PB and 281 T packets; totals: 60 and 52 bits (lib/kernel/store.h puts them together).
 */
struct flow_part {
	__u64 bytes : 56;
	__u64 tcp_flags : 8;
	__u64 packets : 48;
	__u64 used : 1;		/* the store's entry is */
	__u64 closed : 1;	/* another connection of its key has begun */
	__u64 cut : CUT_BITS;	/* the entry's record is complete at this epoch; 0 = none asked */
	__u64 total_bytes_low : 56;
	__u64 tos : 8;
	__u64 total_packets_low : 48;
	__u64 min_ttl : 8;
	__u64 max_ttl : 8;
	__u64 first_ns : 60;	/* 0: nothing yet */
	__u64 total_bytes_high : 4;
	__u64 last_ns : 60;
	__u64 total_packets_high : 4;
	union flow_extra extra;
	__u32 mark;
	__u8 src_mac[6];
	__u8 dst_mac[6];
};

/*
 * A flow in the pinned store: all that the agent has read of it, in slots and evicted, and
 * has not exported yet. An entry with nothing held may stay for a while, because its flow
 * will be back.
 */
struct store_entry {
	struct flow_key key;
	struct flow_part part;
};

#define CTL_STREAMS 32
/* The export sequence of one transport session and domain, kept over a restart. */
struct ctl_stream {
	__u64 session;		/* hash of transport, both addresses; 0 = free */
	__u32 domain;
	__u32 sequence;		/* of the next message, RFC 7011 3.1 */
};

/*
 * One step of a writer of journal and store: all that it changes, as it is to be
 * afterwards. Killed half way, the next writer does it again; see lib/kernel/step.h.
 */
#define CTL_NONE 0xffffffff
enum store_change {
	STORE_WHOLE,		/* becomes ctl_step.store */
	STORE_PART,		/* its part does */
	STORE_EMPTY,		/* nothing is held; it stays its flow's, and the totals go on */
	STORE_FREE,		/* nothing is held, and it is free */
};
struct ctl_step {
	__u64 valid;
	__u32 slot_idx;		/* whose journal entry changes, or CTL_NONE */
	__u32 store_idx;	/* which store entry changes, or CTL_NONE */
	__u32 part;		/* whose ring moves on to ring_pos, or CTL_NONE */
	__u32 ifindex;		/* of the hook whose ledger changes, or 0 */
	__u32 direction;
	__u32 reason;
	__u32 change;		/* enum store_change: what of the entry changes */
	__u64 ring_pos;
	struct ledger_count count;
	struct journal_entry journal;
	struct store_entry store;
};

/* What of a connection's one direction leaves with a record: see tcp_side.taken. */
enum ctl_health_of { HEALTH_TCP, HEALTH_END };
struct ctl_health {
	__u32 idx;		/* of the entry */
	__u32 gen;		/* of the connection; of an end: its number, lower half */
	__u32 told;
	__u16 of;		/* ctl_batch.v it leaves with */
	__u8 side;
	__u8 table;		/* enum ctl_health_of */
	struct tcp_counts counts;
};

/*
 * Entries of the store that leave together. While the agent sends them: killed at it, the
 * next writer takes those that were sent, and leaves the others held. While they are taken
 * out: the next writer does it again, to the end. See lib/kernel/journal.h, lib/base/sending.h.
 */
#define CTL_BATCH_MAX 4096
#define CTL_COUNTS 32
#define CTL_HEALTH_MAX 1024
enum { BATCH_SENT, BATCH_TAKEN };
struct ctl_batch {
	__u32 n;		/* 0 = there is none */
	__u32 phase;
	__u32 n_counts;
	__u32 n_health;
	struct ctl_count {	/* a hook's, as it is to be when all are taken */
		__u32 ifindex;
		__u32 direction;
		__u32 reason;
		__u32 reserved;
		struct ledger_count count;
	} counts[CTL_COUNTS];
	struct ctl_taken {
		__u32 entry;
		__u8 reason;	/* enum ledger_reason */
		__u8 keep;	/* the entry: its flow will be back */
		__u8 message;	/* that it is in, CTL_NO_MESSAGE = none */
		__u8 reserved;
	} v[CTL_BATCH_MAX];
	__u64 sending[576];	/* struct sending of user space */
	struct ctl_health health[CTL_HEALTH_MAX];
};
#define CTL_NO_MESSAGE 255

#define CTL_ENDS 4096

enum table_closing {
	TABLE_OPEN,
	TABLE_CLOSING,	/* meter detach asks the agent to export what is left */
	TABLE_CLOSED,	/* its answer */
	TABLE_MOVED,	/* these maps are in use no more: others have taken their pins */
};

/*
 * The table's control block: one mmapped array entry. The first part is read by the
 * program with every packet and written by user space seldom.
 */
struct table_ctl {
	__u32 epoch;		/* a slot of another epoch rotates at its next packet */
	__u32 idle_ticks;	/* a slot idle for longer rotates; 0 = never */
	__u32 finished_ticks;	/* the same for one that has seen FIN or RST; 0 = never */
	__u32 reclaim_ticks;	/* ring full, no agent: one idle for longer gives way; 0 = never */
	__u64 lease_ns;		/* CLOCK_BOOTTIME; an agent lives until then: nothing gives way */
	__u64 watch_ns;		/* CLOCK_BOOTTIME; somebody reads tcp_events until then */
	__u64 boot_ns;		/* CLOCK_BOOTTIME - CLOCK_MONOTONIC; the program sets it right, too */
	__u64 reserved0[3];

	__u32 abi;		/* FLOWCTL_ABI */
	__u32 parts;		/* CPUs */
	__u32 buckets;		/* a part; a power of two */
	__u32 ring_bytes;	/* a part */
	__u32 store_entries;
	__u32 max_flows;
	__u32 max_connections;
	__u32 tcp_buckets;	/* of connections; 0: no TCP metrics in this table */
	__u32 tcp_more_buckets;	/* of those that found their first bucket full */
	__u32 tcp_half_buckets;	/* of half-open ones */
	__u32 tcp_ends_bytes;	/* of the ring */
	__u32 tcp_events_bytes;
	__u32 spread;		/* CPUs they arrive on at least, evenly */
	__u32 agent_pid;	/* of the agent that holds the lease, 0 = none */
	__u32 closing;		/* enum table_closing */
	__u64 netns_cookie;
	__u64 netns_inode;
	char netns_name[64];	/* as known when the table was made */
	__u64 commit_seq;	/* odd while user space writes journal or store: readers retry */
	__u64 gaps;		/* 1: slots may have been rewritten without a record; 2: no more */

	struct ctl_step step;
	struct ctl_batch batch;
	/* Of a connection in the ring `tcp_ends`, by the number of its record modulo CTL_ENDS: what
	 * of it has left. Number + 1, and two bits for its sides; an older number's says nothing. */
	__u32 ends[CTL_ENDS];
	struct ctl_stream stream[CTL_STREAMS];
};

_Static_assert(sizeof(struct flow_key) == 56, "flow_key is hashed and compared in words");
_Static_assert(sizeof(struct flow_slot) == 128, "a slot is two cache lines");
_Static_assert(sizeof(struct hook_info) <= sizeof(union hook_entry), "hook_info outgrew its entry");
_Static_assert(sizeof(union flow_extra) == 8, "it is compared and stored as one word");
_Static_assert(sizeof(struct flow_part) == 72, "flow_part");
_Static_assert(sizeof(struct journal_entry) == 32, "journal_entry");
_Static_assert(sizeof(struct ctl_health) == 80, "ctl_health");
_Static_assert(sizeof(struct store_entry) == 128, "store_entry");

#endif
