/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For field.c: the getters of what was outside of a flow (record.outer) and of the cloud it was
 * in (record.cloud), each named as its key. field_tunnel.c
 */
#ifndef FLOWCTL_FLOW_FIELD_TUNNEL_H
#define FLOWCTL_FLOW_FIELD_TUNNEL_H

#include "flow/field.h"

#define FIELD_TUNNEL_GETTER(key_) \
	void field_tunnel_##key_(const struct record *r, struct field_value *ret)

FIELD_TUNNEL_GETTER(src_ip);
FIELD_TUNNEL_GETTER(dst_ip);
FIELD_TUNNEL_GETTER(encapsulated);
FIELD_TUNNEL_GETTER(tunnel);
FIELD_TUNNEL_GETTER(vni);
FIELD_TUNNEL_GETTER(outer_tos);
FIELD_TUNNEL_GETTER(gwlb_endpoint);
FIELD_TUNNEL_GETTER(gwlb_attachment);
FIELD_TUNNEL_GETTER(gwlb_flow_cookie);
FIELD_TUNNEL_GETTER(aws_account);
FIELD_TUNNEL_GETTER(aws_vpc);
FIELD_TUNNEL_GETTER(aws_subnet);
FIELD_TUNNEL_GETTER(aws_interface);
FIELD_TUNNEL_GETTER(aws_instance);
FIELD_TUNNEL_GETTER(aws_az);
FIELD_TUNNEL_GETTER(aws_az_id);
FIELD_TUNNEL_GETTER(aws_region);

#endif
