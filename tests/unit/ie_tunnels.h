/* SPDX-License-Identifier: Apache-2.0 */
/* For test_ie.c: flows that were in tunnels, and on a machine of the cloud. */
#ifndef FLOWCTL_TESTS_IE_TUNNELS_H
#define FLOWCTL_TESTS_IE_TUNNELS_H

#include "flow/record.h"

/* What the cloud says, and where it knows nothing. */
static const struct record_cloud cloud = {
	.account = "123456789012", .vpc = "vpc-01", .subnet = "subnet-02", .interface = "eni-03",
	.instance = "i-04", .az = "eu-west-1a", .az_id = "euw1-az2", .region = "eu-west-1",
}, nowhere = { 0 };

/* DNS over IPv6 in VXLAN over IPv4, and a ping over IPv4 in GENEVE over IPv6. */
static const struct record vxlan = {
	.key = { .family = 6, .proto = 17, .tunnel = TUNNEL_VXLAN, .vni = 0x123456 },
	.outer = {
		.known = true, .family = 4, .tos = 0x2e, .src = { 192, 0, 2, 1 },
		.dst = { 192, 0, 2, 2 },
	},
	.cloud = &cloud,
};
static const struct record geneve = {
	.key = { .family = 4, .proto = 1, .tunnel = TUNNEL_GENEVE, .vni = 0xffffff },
	.outer = {
		.known = true, .family = 6, .tos = 0xb8, .src = { 0x20, 1, 0xd, 0xb8, [15] = 1 },
		.dst = { 0x20, 1, 0xd, 0xb8, [15] = 2 }, .gwlb_endpoint = 0x0102030405060708,
		.gwlb_attachment = UINT64_C(0xf1f2f3f4f5f6f7f8), .gwlb_flow = 0xa1a2a3a4,
	},
	.cloud = &nowhere,
};

#endif
