// SPDX-License-Identifier: Apache-2.0
/*
 * What the meter is compared with: nothing at all, finding the flow key only, and what most
 * meters are, a preallocated hash map of counters with the time of every packet. Keys of 40
 * and 48 bytes, plain and atomic additions. Plain ones lose counts on two CPUs, and there is
 * no ledger, no VLAN stack, no extension headers, no fragments: a floor for that design.
 *
 * ref_slot is the floor of a table of our form: the key is hashed, and the two cache lines
 * that the hash points at are read and written, whoever's they are.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct ref_key {
	__u8 src[16];
	__u8 dst[16];
	__be16 sport;
	__be16 dport;
	__u8 proto;
	__u8 family;
	__u16 vlan;
};

struct ref_key48 {
	struct ref_key key;
	__u32 ifindex;
	__u32 direction;
};

struct ref_counters {
	__u64 packets;
	__u64 bytes;
	__u64 first_ns;
	__u64 last_ns;
	__u32 tcp_flags;
	__u32 ifindex;
	__u64 reserved[3];
};

#define HASH(name_, key_)                        \
	struct {                                 \
		__uint(type, BPF_MAP_TYPE_HASH); \
		__uint(max_entries, 1024);       \
		__type(key, key_);               \
		__type(value, struct ref_counters); \
	} name_ SEC(".maps")

HASH(hash40, struct ref_key);
HASH(hash40_atomic, struct ref_key);
HASH(hash48, struct ref_key48);
HASH(hash48_atomic, struct ref_key48);

struct ref_slot {
	__u64 key_line[8];
	__u64 counter_line[8];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct ref_slot);
} slot SEC(".maps");

const volatile __u32 knob_slots = 1024;

/* So that a run that did not do what it should is noticed. */
struct {
	__u64 inserted;
	__u64 kept;
} seen;

struct found {
	struct ref_key key;
	__u32 tcp_flags;
};

static __always_inline int ports(struct found *f, void *l4, void *end)
{
	__be16 *p = l4;

	if (l4 + 8 > end)
		return -1;
	if (f->key.proto == IPPROTO_ICMP || f->key.proto == IPPROTO_ICMPV6) {
		f->key.dport = p[0];
		return 0;
	}
	f->key.sport = p[0];
	f->key.dport = p[1];
	if (f->key.proto == IPPROTO_TCP && l4 + 20 <= end)
		f->tcp_flags = ((__u8 *)l4)[13];
	return 0;
}

static __always_inline int ipv4(struct found *f, void *data, void *end)
{
	struct iphdr *ip = data;

	if (data + sizeof(*ip) > end)
		return -1;
	__builtin_memcpy(f->key.src, &ip->saddr, 4);
	__builtin_memcpy(f->key.dst, &ip->daddr, 4);
	f->key.proto = ip->protocol;
	f->key.family = 4;
	return ports(f, data + (ip->ihl & 15) * 4, end);
}

static __always_inline int ipv6(struct found *f, void *data, void *end)
{
	struct ipv6hdr *ip = data;

	if (data + sizeof(*ip) > end)
		return -1;
	__builtin_memcpy(f->key.src, &ip->saddr, 16);
	__builtin_memcpy(f->key.dst, &ip->daddr, 16);
	f->key.proto = ip->nexthdr;
	f->key.family = 6;
	return ports(f, ip + 1, end);
}

static __always_inline int parse(struct found *f, struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__be16 *type = data + 12;

	__builtin_memset(f, 0, sizeof(*f));
	if (data + 18 > end)
		return -1;
	if (*type == bpf_htons(ETH_P_8021Q)) {
		f->key.vlan = type[1];
		type += 2;
	}
	data = type + 1;
	if (*type == bpf_htons(ETH_P_IP))
		return ipv4(f, data, end);
	if (*type == bpf_htons(ETH_P_IPV6))
		return ipv6(f, data, end);
	return -1;
}

static __always_inline void insert(void *map, const void *key, const struct ref_counters *one)
{
	if (bpf_map_update_elem(map, key, one, BPF_NOEXIST) == 0)
		seen.inserted++;
}

static __always_inline void count(void *map, const void *key, const struct found *f,
				  struct __sk_buff *skb, int atomic)
{
	struct ref_counters *c = bpf_map_lookup_elem(map, key);
	__u64 now = bpf_ktime_get_ns();

	if (!c) {
		struct ref_counters one = {
			.packets = 1,
			.bytes = skb->len,
			.first_ns = now,
			.last_ns = now,
			.tcp_flags = f->tcp_flags,
			.ifindex = skb->ifindex,
		};
		insert(map, key, &one);
		return;
	}
	if (atomic) {
		__sync_fetch_and_add(&c->packets, 1);
		__sync_fetch_and_add(&c->bytes, skb->len);
	} else {
		c->packets++;
		c->bytes += skb->len;
	}
	c->last_ns = now;
	c->tcp_flags |= f->tcp_flags;
}

static __always_inline int count40(struct __sk_buff *skb, void *map, int atomic)
{
	struct found f;

	if (parse(&f, skb) == 0)
		count(map, &f.key, &f, skb, atomic);
	return TC_ACT_UNSPEC;
}

static __always_inline int count48(struct __sk_buff *skb, void *map, int atomic)
{
	struct ref_key48 key;
	struct found f;

	if (parse(&f, skb) < 0)
		return TC_ACT_UNSPEC;
	key.key = f.key;
	key.ifindex = skb->ifindex;
	key.direction = 0;
	count(map, &key, &f, skb, atomic);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int ref_empty(struct __sk_buff *skb)
{
	return TC_ACT_UNSPEC;
}

SEC("xdp")
int ref_empty_xdp(struct xdp_md *xdp)
{
	return XDP_PASS;
}

/* What it finds is kept somewhere, or the compiler would not look for it. */
SEC("tc")
int ref_parse(struct __sk_buff *skb)
{
	struct found f;
	__u32 *w = (__u32 *)&f, sum = 0;

	if (parse(&f, skb) == 0) {
#pragma unroll
		for (unsigned i = 0; i < sizeof(f) / 4; i++)
			sum ^= w[i];
		seen.kept = sum;
	}
	return TC_ACT_UNSPEC;
}

static __always_inline __u64 hash(const struct found *f)
{
	const __u64 *w = (const __u64 *)&f->key;
	__u64 h = w[0] * 0x9e3779b97f4a7c15 + w[1] * 0xc2b2ae3d27d4eb4f + w[2] * 0xff51afd7ed558ccd +
		  w[3] * 0xc4ceb9fe1a85ec53 + w[4] * 0xbf58476d1ce4e5b9;

	return (h ^ h >> 32) * 0x9e3779b97f4a7c15 >> 32;
}

SEC("tc")
int ref_slot(struct __sk_buff *skb)
{
	struct ref_slot *s;
	struct found f;
	__u32 at;

	if (parse(&f, skb) < 0)
		return TC_ACT_UNSPEC;
	at = hash(&f) * knob_slots >> 32;
	s = bpf_map_lookup_elem(&slot, &at);
	if (!s)
		return TC_ACT_UNSPEC;
	if (s->key_line[0] == 1)
		seen.kept++;
	s->counter_line[0]++;
	s->counter_line[1] += skb->len;
	s->counter_line[2] = bpf_jiffies64() << 32 | f.tcp_flags;
	return TC_ACT_UNSPEC;
}

SEC("tc")
int ref_hash40(struct __sk_buff *skb)
{
	return count40(skb, &hash40, 0);
}

SEC("tc")
int ref_hash40_atomic(struct __sk_buff *skb)
{
	return count40(skb, &hash40_atomic, 1);
}

SEC("tc")
int ref_hash48(struct __sk_buff *skb)
{
	return count48(skb, &hash48, 0);
}

SEC("tc")
int ref_hash48_atomic(struct __sk_buff *skb)
{
	return count48(skb, &hash48_atomic, 1);
}

char LICENSE[] SEC("license") = "Apache-2.0";
