// SPDX-License-Identifier: Apache-2.0
/*
 * A row a link type (https://www.tcpdump.org/linktypes.html). Where the header does not tell
 * what follows, the first four bits of it do: IP's version.
 */
#include "capture/link.h"

#include <net/ethernet.h>

#include "base/cleanup.h"

#define ETHERTYPE_MPLS	  0x8847
#define ETHERTYPE_MPLS_MC 0x8848
#define ETHERTYPE_PPPOE	  0x8864

/* Of Linux cooked captures: the protocol is no Ethernet type, or of no frame. */
#define COOKED_LLC     0x0004
#define ARPHRD_NETLINK 824

static uint16_t be16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static struct link_header cut_short(uint32_t captured)
{
	return (struct link_header) { .len = captured };
}

static uint16_t by_version(const uint8_t *p, uint32_t captured)
{
	switch (captured ? p[0] >> 4 : 0) {
	case 4:
		return ETHERTYPE_IP;
	case 6:
		return ETHERTYPE_IPV6;
	default:
		return 0;
	}
}

static struct link_header read_raw(const uint8_t *p, uint32_t captured)
{
	return (struct link_header) { 0, by_version(p, captured) };
}

static struct link_header read_ip4(const uint8_t *p, uint32_t captured)
{
	return (struct link_header) { 0, ETHERTYPE_IP };
}

static struct link_header read_ip6(const uint8_t *p, uint32_t captured)
{
	return (struct link_header) { 0, ETHERTYPE_IPV6 };
}

/* The socket's address family, of the machine that captured, in its byte order: IPv6 has a
 * number of its own on every BSD. */
static struct link_header read_loopback(const uint8_t *p, uint32_t captured)
{
	uint32_t family;

	if (captured < 4)
		return cut_short(captured);
	family = be32(p);
	if (family > UINT16_MAX)
		family = __builtin_bswap32(family);
	switch (family) {
	case 2:
		return (struct link_header) { 4, ETHERTYPE_IP };
	case 10:
	case 24:
	case 28:
	case 30:
		return (struct link_header) { 4, ETHERTYPE_IPV6 };
	default:
		return (struct link_header) { 4, 0 };
	}
}

/* Frame control and two addresses. */
static struct link_header read_fddi(const uint8_t *p, uint32_t captured)
{
	return captured < 13 ? cut_short(captured) : (struct link_header) { 13, LINK_LLC };
}

static uint16_t cooked_type(uint16_t hardware, uint16_t proto)
{
	if (hardware == ARPHRD_NETLINK)
		return 0;
	return proto == COOKED_LLC ? LINK_LLC : proto;
}

static struct link_header read_cooked(const uint8_t *p, uint32_t captured)
{
	if (captured < 16)
		return cut_short(captured);
	return (struct link_header) { 16, cooked_type(be16(p + 2), be16(p + 14)) };
}

static struct link_header read_cooked2(const uint8_t *p, uint32_t captured)
{
	if (captured < 20)
		return cut_short(captured);
	return (struct link_header) { 20, cooked_type(be16(p + 8), be16(p)) };
}

static uint16_t ppp_type(uint16_t proto)
{
	static const struct {
		uint16_t proto, ethertype;
	} rows[] = {
		{ 0x0021, ETHERTYPE_IP },
		{ 0x0057, ETHERTYPE_IPV6 },
		{ 0x0281, ETHERTYPE_MPLS },
		{ 0x0283, ETHERTYPE_MPLS_MC },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].proto == proto)
			return rows[i].ethertype;
	}
	return 0;
}

/* RFC 1661: of a number below 256 only the odd octet may be there. RFC 1662: what stands before
 * it may be left out. Cisco's HDLC (RFC 1547) has an Ethernet type instead. */
static struct link_header read_ppp(const uint8_t *p, uint32_t captured)
{
	uint32_t at = 0;

	if (captured >= 4 && (p[0] == 0x0f || p[0] == 0x8f) && p[1] == 0)
		return (struct link_header) { 4, be16(p + 2) };
	if (captured >= 2 && p[0] == 0xff && p[1] == 0x03)
		at = 2;
	if (captured < at + 2)
		return cut_short(captured);
	if (p[at] & 1)
		return (struct link_header) { at + 1, ppp_type(p[at]) };
	return (struct link_header) { at + 2, ppp_type(be16(p + at)) };
}

/* The program reads PPPoE itself. */
static struct link_header read_pppoe(const uint8_t *p, uint32_t captured)
{
	return (struct link_header) { 0, ETHERTYPE_PPPOE };
}

static const struct link_type types[] = {
	{ 0, read_loopback },	/* NULL */
	{ 1, NULL },		/* Ethernet */
	{ 9, read_ppp },	/* PPP */
	{ 10, read_fddi },
	{ 12, read_raw },	/* RAW, by its number here and elsewhere */
	{ 14, read_raw },
	{ 50, read_ppp },	/* PPP_SERIAL */
	{ 51, read_pppoe },	/* PPP_ETHER */
	{ 101, read_raw },
	{ 108, read_loopback },	/* LOOP */
	{ 113, read_cooked },	/* LINUX_SLL */
	{ 228, read_ip4 },
	{ 229, read_ip6 },
	{ 276, read_cooked2 },	/* LINUX_SLL2 */
};

const struct link_type *link_type_find(int number)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (types[i].number == number)
			return &types[i];
	}
	return NULL;
}
