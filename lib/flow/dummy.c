// SPDX-License-Identifier: Apache-2.0
/*
 * A flow's number, mixed, is where all its values come from. The number itself, by a
 * multiplication that can be undone, is in its addresses: so flows are distinct without
 * remembering any. Addresses are those set aside for tests: 10/8 to 198.18/15 (RFC
 * 2544), and 2001:db8::/32.
 */
#include "flow/dummy.h"

#include <endian.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"

enum { SYN_ACK_PSH_FIN = 0x1b, DURATION_MAX_S = 50 };

/* David Stafford's thirteenth variant of MurmurHash3's finisher. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* By a draw of sixteen. */
static const uint8_t protos[16] = { 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 17, 17, 17, 17, 1, 47 };
static const uint16_t services[16] = {
	443, 443, 443, 443, 443, 80, 80, 53, 53, 22, 25, 123, 993, 3306, 5432, 8080,
};

/* ICMP is an echo request; GRE has nothing there. */
static void set_ports(struct flow_key *k, uint64_t i, uint64_t h)
{
	k->sport = k->dport = 0;
	if (k->proto == 1 || k->proto == 58) {
		k->dport = htobe16(k->proto == 1 ? 0x0800 : 0x8000);
		return;
	}
	if (k->proto == 47)
		return;
	k->sport = htobe16(1024 + (h >> 40) % 64512);
	k->dport = htobe16(services[h >> 36 & 15]);
}

/* 24 bits of the number are in the source, 8 in the destination. */
static void set_addresses(struct flow_key *k, uint64_t i, uint64_t h)
{
	uint32_t low = (uint32_t)i * 0x9e3779b1u & 0xffffff;

	memset(k->src, 0, sizeof(k->src));
	memset(k->dst, 0, sizeof(k->dst));
	if (k->family == 4) {
		put_be32(k->src, 10u << 24 | low);
		put_be32(k->dst, 198u << 24 | (18 + (h >> 20 & 1)) << 16 | (i >> 24 & 0xff) << 8 |
				 (h >> 21 & 0xff));
		return;
	}
	put_be32(k->src, 0x20010db8);
	put_be64(k->src + 8, i);
	put_be32(k->dst, 0x20010db8);
	k->dst[5] = 1;
	put_be16(k->dst + 14, h >> 20);
}

static void set_key(struct flow_key *k, uint64_t i, uint64_t h)
{
	k->family = (h & 7) == 0 ? 6 : 4;
	k->proto = protos[h >> 3 & 15];
	if (k->family == 6 && k->proto == 1)
		k->proto = 58;
	k->direction = FLOW_INGRESS;
	k->ingress_ifindex = 1 + (h >> 7 & 3);
	k->egress_ifindex = 5 + (h >> 9 & 3);
	k->vlan_outer = (h >> 11 & 7) == 0 ? VLAN_PRESENT | (100 + (h >> 14 & 63)) : 0;
	set_addresses(k, i, h);
	set_ports(k, i, h);
}

static void set_route(struct record *r, uint64_t h)
{
	r->route = (struct record_route) {
		.src_prefix_len = r->key.family == 4 ? 24 : 48,
		.dst_prefix_len = r->key.family == 4 ? 24 : 48,
		.forwarding_status = 64,
		.src_as = 64512 + (h & 0xff),
		.dst_as = 64512 + (h >> 8 & 0xff),
	};
	memcpy(r->route.next_hop, r->key.dst, sizeof(r->route.next_hop));
	r->route.next_hop[r->key.family == 4 ? 3 : 15] = 1;
}

/* Many are of few packets, few are of many. */
static void set_counts(struct record *r, uint64_t h)
{
	uint64_t size = 40 + (h >> 32) % 1461;

	r->packets = 1 + ((h & 0xfff) >> (h >> 12 & 15) % 12);
	r->bytes = r->packets * size;
	r->total_packets = r->packets;
	r->total_bytes = r->bytes;
}

void dummy_record(uint64_t i, uint64_t now_ns, struct record *r)
{
	uint64_t h = mix(i + 1), more = mix(h);

	set_key(&r->key, i, h);
	set_route(r, more);
	set_counts(r, more);
	r->last_ns = now_ns;
	r->first_ns = now_ns - (r->packets > 1 ? more % (DURATION_MAX_S * NSEC_PER_SEC) : 0);
	r->ifindex = r->key.ingress_ifindex;
	r->tcp_flags = r->key.proto == 6 ? SYN_ACK_PSH_FIN : 0;
	r->tos = (more >> 17 & 7) == 0 ? 0xb8 : 0;
	r->min_ttl = r->max_ttl = 50 + (more >> 20 & 15);
	r->end_reason = r->key.proto == 6 ? FLOW_END_DETECTED : FLOW_END_IDLE;
	put_be32(r->src_mac, 0x02000000);
	put_be16(r->src_mac + 4, r->key.ingress_ifindex);
	put_be32(r->dst_mac, 0x02000000);
	put_be16(r->dst_mac + 4, 0x100 | r->key.egress_ifindex);
	r->fragment_id = r->key.family == 4 ? more >> 48 : 0;
	r->flow_label = r->key.family == 6 ? more >> 44 : 0;
}
