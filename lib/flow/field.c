// SPDX-License-Identifier: Apache-2.0
/*
 * One row a key, in the order people see them. TCP's health, tunnels and the cloud have files
 * of their own.
 */
#include "flow/field.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/format.h"
#include "flow/field_name.h"
#include "flow/field_put.h"
#include "flow/field_tcp.h"
#include "flow/field_tunnel.h"

static uint64_t timestamp_ns;

static const struct {
	uint8_t number;
	const char *name;
} proto_names[] = {
	{ 1, "ICMP" }, { 2, "IGMP" }, { 4, "IPIP" }, { 6, "TCP" }, { 17, "UDP" }, { 41, "IPV6" },
	{ 47, "GRE" }, { 50, "ESP" }, { 51, "AH" }, { 58, "ICMPv6" }, { 132, "SCTP" },
};

const char *field_proto_name(uint8_t proto, char buf[4])
{
	for (size_t i = 0; i < ARRAY_SIZE(proto_names); i++) {
		if (proto_names[i].number == proto)
			return proto_names[i].name;
	}
	snprintf(buf, 4, "%u", proto);
	return buf;
}

void field_set_timestamp(uint64_t real_ns)
{
	timestamp_ns = real_ns;
}

static void put_time(struct field_value *v, uint64_t ns)
{
	v->kind = FIELD_STR;
	clock_rfc3339(ns, v->text);
}

static void put_port(struct field_value *v, const struct record *r, __be16 port)
{
	if (proto_has_ports(r->key.proto))
		field_put_u64(v, be16toh(port));
}

static void put_vlan(struct field_value *v, uint16_t vlan)
{
	if (vlan & VLAN_PRESENT)
		field_put_u64(v, vlan & ~VLAN_PRESENT);
}

#define GET(name_, body_)                                                            \
	static void get_##name_(const struct record *r, struct field_value *v)       \
	{                                                                            \
		body_;                                                               \
	}

GET(version, field_put_str(v, "3"))
GET(timestamp, put_time(v, timestamp_ns))
GET(netns, field_put_str(v, r->netns))
GET(iface, field_put_str(v, r->iface))
GET(direction, field_put_u64(v, r->key.direction))
GET(ingress_ifindex, field_put_u64(v, r->key.ingress_ifindex))
GET(egress_ifindex, field_put_u64(v, r->key.egress_ifindex))
GET(pkt_src_ip, field_put_addr(v, r->key.family, r->key.src))
GET(pkt_dst_ip, field_put_addr(v, r->key.family, r->key.dst))
GET(src_port, put_port(v, r, r->key.sport))
GET(dst_port, put_port(v, r, r->key.dport))
GET(vlan_id, put_vlan(v, r->key.vlan_outer))
GET(inner_vlan_id, put_vlan(v, r->key.vlan_inner))
GET(mark, field_put_u64(v, r->mark))
GET(tos, field_put_u64(v, r->tos))
GET(dscp, field_put_u64(v, r->tos >> 2))
GET(min_ttl, field_put_u64(v, r->min_ttl))
GET(max_ttl, field_put_u64(v, r->max_ttl))
GET(packets, field_put_u64(v, r->packets))
GET(bytes, field_put_u64(v, r->bytes))
GET(first_seen, put_time(v, r->first_ns))
GET(last_seen, put_time(v, r->last_ns))
GET(duration_ms, field_put_u64(v, (r->last_ns - r->first_ns) / NSEC_PER_MSEC))

/* A capture file has no interfaces. */
static void get_ifindex(const struct record *r, struct field_value *v)
{
	if (r->ifindex)
		field_put_u64(v, r->ifindex);
}

static void get_proto(const struct record *r, struct field_value *v)
{
	char buf[4];

	field_put_str(v, field_proto_name(r->key.proto, buf));
}

static void get_icmp_type(const struct record *r, struct field_value *v)
{
	if (proto_is_icmp(&r->key))
		field_put_u64(v, be16toh(r->key.dport) >> 8);
}

static void get_icmp_code(const struct record *r, struct field_value *v)
{
	if (proto_is_icmp(&r->key))
		field_put_u64(v, be16toh(r->key.dport) & 0xff);
}

static void get_end_reason(const struct record *r, struct field_value *v)
{
	static const char *const names[] = { NULL, "idle", "active", "end", "forced", "lack" };

	field_put_str(v, r->end_reason < ARRAY_SIZE(names) ? names[r->end_reason] : NULL);
}

static void get_tcp_flags(const struct record *r, struct field_value *v)
{
	/* In the order of a connection's life, "SYN|ACK|PSH|FIN", as the records' users know it. */
	static const struct {
		uint8_t bit;
		char name[3];
	} flags[] = {
		{ 0x02, "SYN" }, { 0x10, "ACK" }, { 0x08, "PSH" }, { 0x01, "FIN" },
		{ 0x04, "RST" }, { 0x20, "URG" }, { 0x40, "ECE" }, { 0x80, "CWR" },
	};
	char *p = v->text;

	if (r->key.proto != 6)
		return;
	v->kind = FIELD_STR;
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		if (!(r->tcp_flags & flags[i].bit))
			continue;
		if (p > v->text)
			*p++ = '|';
		p = mempcpy(p, flags[i].name, 3);
	}
	*p = '\0';
}

#define FIELD_BY(name_, get_) { #name_, get_, "\"" #name_ "\":", sizeof(#name_) + 2 }
#define FIELD(name_) FIELD_BY(name_, get_##name_)
#define FIELD_TCP(name_) FIELD_BY(name_, field_tcp_##name_)
#define FIELD_TUNNEL(name_) FIELD_BY(name_, field_tunnel_##name_)

static const struct field fields[] = {
	FIELD(version), FIELD(timestamp), FIELD(netns), FIELD(iface), FIELD(ifindex), FIELD(direction),
	FIELD(ingress_ifindex), FIELD(egress_ifindex), FIELD(proto), FIELD_TUNNEL(src_ip),
	FIELD(src_port), FIELD_TUNNEL(dst_ip), FIELD(dst_port), FIELD_TUNNEL(encapsulated),
	FIELD_TUNNEL(tunnel), FIELD_TUNNEL(vni), FIELD(pkt_src_ip), FIELD(pkt_dst_ip),
	FIELD(vlan_id), FIELD(inner_vlan_id), FIELD(mark), FIELD(tos), FIELD(dscp), FIELD(min_ttl),
	FIELD(max_ttl), FIELD(icmp_type), FIELD(icmp_code), FIELD(packets), FIELD(bytes),
	FIELD(first_seen), FIELD(last_seen), FIELD(duration_ms), FIELD(end_reason), FIELD(tcp_flags),
	FIELD_TCP(handshake_latency_us), FIELD_TCP(handshake_server_us),
	FIELD_TCP(handshake_client_us), FIELD_TCP(retransmissions), FIELD_TCP(fast_retransmits),
	FIELD_TCP(timeout_retransmits), FIELD_TCP(spurious_retransmits), FIELD_TCP(avg_jitter_us),
	FIELD_TCP(max_jitter_us), FIELD_TCP(min_window_size), FIELD_TCP(max_window_size),
	FIELD_TCP(last_window_size), FIELD_TCP(zero_windows), FIELD_TCP(out_of_order_pkts),
	FIELD_TCP(duplicate_acks), FIELD_TCP(min_rtt_us), FIELD_TCP(max_rtt_us),
	FIELD_TCP(avg_rtt_us), FIELD_TCP(rtt_samples), FIELD_TCP(ecn_flags),
	FIELD_TUNNEL(aws_account), FIELD_TUNNEL(aws_vpc), FIELD_TUNNEL(aws_subnet),
	FIELD_TUNNEL(aws_interface), FIELD_TUNNEL(aws_instance), FIELD_TUNNEL(aws_az),
	FIELD_TUNNEL(aws_region),
	/* New keys come last, for the order is a promise. */
	FIELD_TCP(ecn_ect0_pkts), FIELD_TCP(ecn_ect1_pkts), FIELD_TCP(ecn_ce_pkts),
	FIELD_TCP(ecn_ece_pkts), FIELD_TCP(ecn_cwr_pkts), FIELD_TCP(max_bytes_in_flight),
	FIELD_TCP(keep_alives), FIELD_TUNNEL(outer_tos), FIELD_TUNNEL(gwlb_endpoint),
	FIELD_TUNNEL(gwlb_attachment), FIELD_TUNNEL(gwlb_flow_cookie), FIELD_TUNNEL(aws_az_id),
};

const struct field *field_all(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(fields);
	return fields;
}

static const struct field extra[] = {
	FIELD_BY(src_hostname, field_name_src), FIELD_BY(dst_hostname, field_name_dst),
};

const struct field *field_extra(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(extra);
	return extra;
}

const struct field *field_find(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (strcmp(fields[i].key, key) == 0)
			return &fields[i];
	}
	for (size_t i = 0; i < ARRAY_SIZE(extra); i++) {
		if (strcmp(extra[i].key, key) == 0)
			return &extra[i];
	}
	return NULL;
}

void field_value(const struct field *f, const struct record *r, struct field_value *ret)
{
	ret->kind = FIELD_NULL;
	f->get(r, ret);
}

static void put_member(struct json *j, const struct field *f, const char *value, size_t len)
{
	json_member(j, f->json_key, f->json_len, value, len);
}

void field_json(struct json *j, const struct field *f, const struct record *r)
{
	char digits[FORMAT_U64_MAX];
	struct field_value v;

	field_value(f, r, &v);
	switch (v.kind) {
	case FIELD_NULL:
		put_member(j, f, "null", 4);
		break;
	case FIELD_U64:
		put_member(j, f, digits, format_u64(digits, v.u64) - digits);
		break;
	case FIELD_STR:
		json_str(j, f->key, v.text);
		break;
	case FIELD_BOOL:
		put_member(j, f, v.u64 ? "true" : "false", v.u64 ? 4 : 5);
		break;
	}
}

static void members_json(struct json *j, const struct field *v, size_t n, const struct record *r)
{
	for (size_t i = 0; i < n; i++)
		field_json(j, &v[i], r);
}

void field_record_json(struct json *j, const char *key, const struct record *r)
{
	json_object_begin(j, key);
	members_json(j, fields, ARRAY_SIZE(fields), r);
	json_object_end(j);
}

void field_record_json_extra(struct json *j, const char *key, const struct record *r)
{
	json_object_begin(j, key);
	members_json(j, fields, ARRAY_SIZE(fields), r);
	members_json(j, extra, ARRAY_SIZE(extra), r);
	json_object_end(j);
}

/* An address that a record has, and of which family; NULL: it has none. */
struct field_addr {
	const uint8_t *addr;
	uint8_t family;
};

/* The address behind a field: 10.0.0.9 comes before 10.0.0.10. False: it is another field. */
static bool field_addr(const struct field *f, const struct record *r, struct field_addr *ret)
{
	bool is_src = f->get == get_pkt_src_ip || f->get == field_tunnel_src_ip;
	bool is_inner = f->get == get_pkt_src_ip || f->get == get_pkt_dst_ip;

	if (!is_src && f->get != get_pkt_dst_ip && f->get != field_tunnel_dst_ip)
		return false;
	if (is_inner || r->key.tunnel == TUNNEL_NONE)
		*ret = (struct field_addr) { is_src ? r->key.src : r->key.dst, r->key.family };
	else if (r->outer.known)
		*ret = (struct field_addr) { is_src ? r->outer.src : r->outer.dst, r->outer.family };
	else
		*ret = (struct field_addr) { NULL, 0 };
	return true;
}

static int compare_addr(const struct field_addr *a, const struct field_addr *b)
{
	int c = (int)a->family - b->family;

	return c || !a->addr ? c : memcmp(a->addr, b->addr, sizeof(((struct flow_key *)0)->src));
}

int field_compare(const struct field *f, const struct record *a, const struct record *b)
{
	struct field_addr addr, addr_b;
	struct field_value x, y;

	if (field_addr(f, a, &addr) && field_addr(f, b, &addr_b))
		return compare_addr(&addr, &addr_b);
	field_value(f, a, &x);
	field_value(f, b, &y);
	if (x.kind == FIELD_NULL || y.kind == FIELD_NULL)
		return (x.kind != FIELD_NULL) - (y.kind != FIELD_NULL);
	if (x.kind == FIELD_STR)
		return strcmp(x.text, y.text);
	return (x.u64 > y.u64) - (x.u64 < y.u64);
}
