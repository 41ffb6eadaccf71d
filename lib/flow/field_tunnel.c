// SPDX-License-Identifier: Apache-2.0
/*
 * The keys of what was outside. `src_ip` and `dst_ip` are the addresses that the network saw:
 * of a flow in a tunnel the outer packet's, which are null where the program had no room to
 * remember them; `pkt_src_ip` and `pkt_dst_ip` are the key's in any case. Ports, protocol and
 * counts belong to the inner packet.
 *
 * The ids of a Gateway Load Balancer are hexadecimal, as in AWS' own names of resources.
 */
#include "flow/field_tunnel.h"

#include <inttypes.h>
#include <stdio.h>

#include "flow/field_put.h"
#include "flow/tunnel.h"

#define GET(key_) FIELD_TUNNEL_GETTER(key_)

static void put_outside(struct field_value *v, const struct record *r, const uint8_t inner[16],
			const uint8_t outer[16])
{
	if (r->key.tunnel == TUNNEL_NONE)
		field_put_addr(v, r->key.family, inner);
	else if (r->outer.known)
		field_put_addr(v, r->outer.family, outer);
}

GET(src_ip)
{
	put_outside(ret, r, r->key.src, r->outer.src);
}

GET(dst_ip)
{
	put_outside(ret, r, r->key.dst, r->outer.dst);
}

GET(encapsulated)
{
	ret->kind = FIELD_BOOL;
	ret->u64 = r->key.tunnel != TUNNEL_NONE;
}

GET(tunnel)
{
	field_put_str(ret, tunnel_name(r->key.tunnel));
}

GET(vni)
{
	if (tunnel_has_vni(r->key.tunnel) || r->key.vni)
		field_put_u64(ret, r->key.vni);
}

GET(outer_tos)
{
	if (r->key.tunnel != TUNNEL_NONE && r->outer.known)
		field_put_u64(ret, r->outer.tos);
}

static void put_hex(struct field_value *v, const struct record *r, uint8_t which, int digits,
		    uint64_t n)
{
	if (r->key.tunnel == TUNNEL_NONE || !r->outer.known || !(r->outer.has & which))
		return;
	v->kind = FIELD_STR;
	snprintf(v->text, sizeof(v->text), "%0*" PRIx64, digits, n);
}

GET(gwlb_endpoint)
{
	put_hex(ret, r, OUTER_GWLB_ENDPOINT, 16, r->outer.gwlb_endpoint);
}

GET(gwlb_attachment)
{
	put_hex(ret, r, OUTER_GWLB_ATTACHMENT, 16, r->outer.gwlb_attachment);
}

GET(gwlb_flow_cookie)
{
	put_hex(ret, r, OUTER_GWLB_FLOW, 8, r->outer.gwlb_flow);
}

#define CLOUD(key_, member_)                                                         \
	GET(key_)                                                                    \
	{                                                                            \
		field_put_str(ret, r->cloud ? r->cloud->member_ : NULL);             \
	}

CLOUD(aws_account, account)
CLOUD(aws_vpc, vpc)
CLOUD(aws_subnet, subnet)
CLOUD(aws_interface, interface)
CLOUD(aws_instance, instance)
CLOUD(aws_az, az)
CLOUD(aws_az_id, az_id)
CLOUD(aws_region, region)
