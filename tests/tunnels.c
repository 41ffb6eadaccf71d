// SPDX-License-Identifier: Apache-2.0
/* See tunnels.h. */
#include "tunnels.h"

#include <string.h>

#define GENEVE .port = 6081, .kind = TUNNEL_GENEVE
#define VXLAN  .port = 4789, .kind = TUNNEL_VXLAN
#define GPE    .port = 4790, .kind = TUNNEL_VXLAN
#define GRE    .proto = 47, .kind = TUNNEL_GRE
#define ERSPAN .proto = 47, .kind = TUNNEL_ERSPAN
#define OVER6  .outer6 = true

#define GWLB_OPTIONS                                                                          \
	"0108 01 02 1122334455667788 0108 02 02 99aabbccddeeff00 0108 03 01 cafe0001 "

const struct tunnel_row tunnel_rows[] = {
	{ "GENEVE", "0000 6558 00002a00", GENEVE, .vni = 42 },
	{ "GENEVE over IPv6", "0000 6558 ffffff00", GENEVE, OVER6, .vni = 0xffffff },
	{ "GENEVE, all room for options", "3f00 6558 00002a00", .zeros = 252, GENEVE, .vni = 42 },
	{ "GENEVE, critical options", "0140 0800 00002a00 ffff 81 00", GENEVE, .inside = 4, .vni = 42 },
	{ "GENEVE of a load balancer", "0800 86dd 00000000" GWLB_OPTIONS, GENEVE, .inside = 6,
	  .has = OUTER_GWLB_ENDPOINT | OUTER_GWLB_ATTACHMENT | OUTER_GWLB_FLOW },
	{ "GENEVE of a load balancer, among others, over IPv6",
	  "0c00 6558 00000100 1234 01 00 0108 01 03 112233445566778800000000 0108 02 02 "
	  "99aabbccddeeff00 0108 03 00 0108 83 00",
	  .zeros = 8, GENEVE, OVER6, .vni = 1, .has = OUTER_GWLB_ATTACHMENT },
	{ "GENEVE, an option longer than all", "0200 0800 00000700 0108 03 02 cafe0001", GENEVE,
	  .inside = 4, .vni = 7 },

	{ "VXLAN", "08000000 00002a00", VXLAN, .vni = 42 },
	{ "VXLAN with a group policy, over IPv6", "88400123 00002aff", VXLAN, OVER6, .vni = 42 },
	{ "VXLAN-GPE, Ethernet", "0c000003 00002a00", GPE, .vni = 42 },
	{ "VXLAN-GPE, IPv4", "0c000001 00002a00", GPE, .inside = 4, .vni = 42 },
	{ "VXLAN-GPE, IPv6", "0c000002 00002a00", GPE, .inside = 6, .vni = 42 },
	{ "VXLAN-GPE that does not say", "08000000 00002a00", GPE, .vni = 42 },

	{ "GRE, IPv4", "0000 0800", GRE, .inside = 4 },
	{ "GRE, IPv6", "0000 86dd", GRE, .inside = 6 },
	{ "GRE with a checksum", "8000 0800 12340000", GRE, .inside = 4 },
	{ "GRE with a sequence number", "1000 0800 00000001", GRE, .inside = 4 },
	{ "GRE with all", "b000 86dd 12340000 deadbeef 00000001", GRE, OVER6, .inside = 6,
	  .vni = 0xdeadbeef },
	{ "Ethernet in GRE", "0000 6558", GRE },
	{ "NVGRE", "2000 6558 00002a07", GRE, .vni = 0x2a07 },
	{ "ERSPAN I", "0000 88be", ERSPAN },
	{ "ERSPAN II", "1000 88be 00000001 1064 0c2a 00000005", ERSPAN, .vni = 42 },
	{ "ERSPAN II with a key", "3000 88be 0000beef 00000001 1064 03ff 00000005", ERSPAN, .vni = 1023 },
	{ "ERSPAN III", "1000 22eb 00000001 2064 002a 00000001 0000 8000", ERSPAN, .vni = 42 },
	{ "ERSPAN III and its device's words, over IPv6",
	  "1000 22eb 00000001 2064 002a 00000001 0000 8003 0102030405060708", ERSPAN, OVER6, .vni = 42 },
	{ "ERSPAN III, IP", "1000 22eb 00000001 2000 0001 00000001 0000 0800", ERSPAN, .inside = 6,
	  .vni = 1 },

	{ "IPv4 in IPv4", "", .proto = 4, .inside = 4, .kind = TUNNEL_IPIP },
	{ "IPv6 in IPv4", "", .proto = 41, .inside = 6, .kind = TUNNEL_6IN4 },
	{ "IPv4 in IPv6", "", .proto = 4, OVER6, .inside = 4, .kind = TUNNEL_4IN6 },
	{ "IPv6 in IPv6, a limit of tunnels", "", .proto = 41, OVER6, .extension = true, .inside = 6,
	  .kind = TUNNEL_6IN6 },
};
const size_t n_tunnel_rows = sizeof(tunnel_rows) / sizeof(tunnel_rows[0]);

#define IP4_28	   "45 00 001c 1234 0000 40 11 0000 0a000001 0a000002 0050 1f90 0008 0000"
#define ETH(proto_) "020000000002 020000000001 " proto_ " "

const struct tunnel_fault tunnel_faults[] = {
	{ "GENEVE of another version", { .head = "4000 0800 00002a00", GENEVE }, IP4_28, DECAP_VERSION },
	{ "GENEVE, a control packet", { .head = "0080 0800 00002a00", GENEVE }, IP4_28, DECAP_CONTROL },
	{ "GENEVE, ARP", { .head = "0000 0806 00002a00", GENEVE }, IP4_28, DECAP_PROTOCOL },
	{ "GENEVE, options behind the end", { .head = "0900 0800 00002a00", GENEVE }, IP4_28,
	  DECAP_SHORT },
	{ "GENEVE, nothing", { .head = "", GENEVE }, "", DECAP_SHORT },
	{ "GENEVE, nothing inside", { .head = "0000 0800 00002a00", GENEVE }, "", DECAP_SHORT },
	{ "GENEVE, IPv6 that is IPv4", { .head = "0000 86dd 00002a00", GENEVE },
	  IP4_28 "00000000 00000000 00000000", DECAP_INNER },
	{ "VXLAN without a VNI", { .head = "00000000 00002a00", VXLAN }, ETH("0800") IP4_28,
	  DECAP_VERSION },
	{ "VXLAN, ARP", { .head = "08000000 00002a00", VXLAN },
	  ETH("0806") "0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002", DECAP_NON_IP },
	{ "VXLAN, half a frame", { .head = "08000000 00002a00", VXLAN }, "0200000000020200", DECAP_SHORT },
	{ "VXLAN, half a tag", { .head = "08000000 00002a00", VXLAN }, ETH("8100") "0001", DECAP_SHORT },
	{ "VXLAN, an IP header of three words", { .head = "08000000 00002a00", VXLAN },
	  ETH("0800") "43 00 001c 1234 0000 40 11 0000 0a000001 0a000002 0050 1f90 0008 0000",
	  DECAP_INNER },
	{ "VXLAN, an IP packet shorter than its header", { .head = "08000000 00002a00", VXLAN },
	  ETH("0800") "45 00 0013 1234 0000 40 11 0000 0a000001 0a000002", DECAP_INNER },
	{ "VXLAN, IP options behind the end", { .head = "08000000 00002a00", VXLAN },
	  ETH("0800") "4f 00 0040 1234 0000 40 11 0000 0a000001 0a000002", DECAP_SHORT },
	{ "VXLAN, half an IPv6 header", { .head = "08000000 00002a00", VXLAN },
	  ETH("86dd") "60000000 0008 11 40 20010db8000000000000000000000001", DECAP_SHORT },
	{ "VXLAN, an extension header cut short", { .head = "08000000 00002a00", VXLAN },
	  ETH("86dd") "60000000 0008 00 40 20010db8000000000000000000000001 "
		      "20010db8000000000000000000000002 11000104",
	  DECAP_SHORT },
	{ "VXLAN-GPE, NSH", { .head = "0c000004 00002a00", GPE }, IP4_28, DECAP_PROTOCOL },
	{ "VXLAN-GPE, OAM", { .head = "0d000001 00002a00", GPE }, IP4_28, DECAP_CONTROL },
	{ "VXLAN-GPE of another version", { .head = "1c000001 00002a00", GPE }, IP4_28, DECAP_VERSION },
	{ "PPTP", { .head = "3001 880b 0004 0001 00000001", GRE }, "ff03 0021" IP4_28, DECAP_VERSION },
	{ "GRE with routes", { .head = "4000 0800 00000000 00000000", GRE }, IP4_28, DECAP_VERSION },
	{ "GRE, half a header", { .head = "2000", GRE }, "", DECAP_SHORT },
	{ "GRE without its key", { .head = "2000 0800 0000", GRE }, "", DECAP_SHORT },
	{ "GRE, alive", { .head = "0000 0000", GRE }, "", DECAP_PROTOCOL },
	{ "ERSPAN II of another version", { .head = "1000 88be 00000001 3064 002a 00000005", ERSPAN },
	  ETH("0800") IP4_28, DECAP_VERSION },
	{ "ERSPAN III of another version",
	  { .head = "1000 22eb 00000001 1064 002a 00000001 0000 8000", ERSPAN }, ETH("0800") IP4_28,
	  DECAP_VERSION },
	{ "ERSPAN III, a frame of 802.11",
	  { .head = "1000 22eb 00000001 2064 002a 00000001 0000 0c00", ERSPAN }, ETH("0800") IP4_28,
	  DECAP_PROTOCOL },
	{ "ERSPAN III cut short", { .head = "1000 22eb 00000001 2064 002a 00000001 0000 8001", ERSPAN },
	  "01020304", DECAP_SHORT },
	{ "IPIP, IPv6", { .head = "", .proto = 4, .kind = TUNNEL_IPIP },
	  "60000000 0000 3b 40 20010db8000000000000000000000001 20010db8000000000000000000000002",
	  DECAP_INNER },
	{ "6in4, nothing", { .head = "", .proto = 41, .kind = TUNNEL_6IN4 }, "", DECAP_SHORT },
};
const size_t n_tunnel_faults = sizeof(tunnel_faults) / sizeof(tunnel_faults[0]);

static size_t put(uint8_t *buf, const char *hex)
{
	uint8_t bytes[FRAME_MAX];
	size_t n = frame_bytes(&(struct frame) { .hex = hex }, bytes);

	memcpy(buf, bytes, n);
	return n;
}

static void put16(uint8_t *at, size_t v)
{
	at[0] = v >> 8;
	at[1] = v;
}

size_t tunnel_inside(const struct tunnel_row *t, const struct frame *f, uint8_t buf[FRAME_MAX])
{
	size_t len = frame_bytes(f, buf), skip = f->l3 ? 0 : 14;
	unsigned proto = f->l3;

	if (f->tag || len < skip)
		return 0;
	if (!proto)
		proto = buf[12] << 8 | buf[13];
	if (!t->inside)
		return f->l3 ? 0 : len;
	if (proto != (t->inside == 4 ? 0x0800 : 0x86dd))
		return 0;
	memmove(buf, buf + skip, len - skip);
	return len - skip;
}

size_t tunnel_frame(const struct tunnel_row *t, const uint8_t *inner, size_t len,
		    uint8_t buf[TUNNEL_FRAME_MAX], size_t *ret_inner)
{
	unsigned proto = t->port ? 17 : t->proto;
	uint8_t *udp = NULL, *ip;
	size_t n;

	memset(buf, 0, TUNNEL_FRAME_MAX);
	n = put(buf, "02000000000a 020000000009 8100 0021");
	n += put(buf + n, t->outer6 ? "86dd" : "0800");
	ip = buf + n;
	if (t->outer6)
		n += put(buf + n, "6b800000 0000 00 3f fd000000000000000000000000000001 "
				  "fd000000000000000000000000000002");
	else
		n += put(buf + n, "45b8 0000 0001 0000 3f 00 0000 c0000201 c0000202");
	ip[t->outer6 ? 6 : 9] = t->extension ? 60 : proto;
	if (t->extension) {
		buf[n] = proto;
		n += 1 + put(buf + n + 1, "00 04 01 04 01 01 00");
	}
	if (t->port) {
		udp = buf + n;
		n += put(buf + n, "c000 0000 0000 0000");
		put16(udp + 2, t->port);
	}
	n += put(buf + n, t->head) + t->zeros;
	*ret_inner = n;
	memcpy(buf + n, inner, len);
	n += len;
	put16(ip + (t->outer6 ? 4 : 2), buf + n - ip - (t->outer6 ? 40 : 0));
	if (udp)
		put16(udp + 4, buf + n - udp);
	return n;
}

unsigned tunnel_vlan_outer(const struct tunnel_row *t, const struct frame *f)
{
	return t->inside ? OUTER_TAG : f->vlan_outer;
}

unsigned tunnel_vlan_inner(const struct tunnel_row *t, const struct frame *f)
{
	return t->inside ? 0 : f->vlan_inner;
}

size_t tunnel_fault_frame(const struct tunnel_fault *f, uint8_t buf[TUNNEL_FRAME_MAX])
{
	uint8_t inner[FRAME_MAX];
	size_t at;

	return tunnel_frame(&f->t, inner, put(inner, f->inside), buf, &at);
}
