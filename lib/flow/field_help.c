// SPDX-License-Identifier: Apache-2.0
/* What each key of a flow means, in one line; flowctl-dump(1) says more. */
#include "flow/field.h"

#include <string.h>

#include "base/cleanup.h"

static const struct {
	const char *key, *help;
} rows[] = {
	{ "version", "of this list of keys" },
	{ "timestamp", "when the record was printed" },
	{ "netns", "network namespace where it was metered" },
	{ "iface", "interface where it was metered" },
	{ "ifindex", "that interface's number" },
	{ "direction", "0 ingress, 1 egress" },
	{ "ingress_ifindex", "interface the packets came in by, 0 = not known or none" },
	{ "egress_ifindex", "interface they went out by, 0 = not known or none" },
	{ "proto", "protocol: TCP, UDP, ..., else its number" },
	{ "src_ip", "source address, of the outer packet of a tunnel" },
	{ "src_port", "source port" },
	{ "dst_ip", "destination address, of the outer packet of a tunnel" },
	{ "dst_port", "destination port" },
	{ "encapsulated", "true: taken out of a tunnel" },
	{ "tunnel", "kind of the tunnel" },
	{ "vni", "network identifier of the tunnel" },
	{ "pkt_src_ip", "source address inside the tunnel, else src_ip" },
	{ "pkt_dst_ip", "destination address inside the tunnel, else dst_ip" },
	{ "vlan_id", "VLAN of the outer tag" },
	{ "inner_vlan_id", "VLAN of the tag inside it (QinQ)" },
	{ "mark", "mark of the first packet's socket buffer" },
	{ "tos", "type of service or traffic class of the first packet" },
	{ "dscp", "its upper six bits" },
	{ "min_ttl", "least time to live or hop limit" },
	{ "max_ttl", "greatest time to live or hop limit" },
	{ "icmp_type", "type of ICMP or ICMPv6" },
	{ "icmp_code", "code of ICMP or ICMPv6" },
	{ "packets", "packets on the wire" },
	{ "bytes", "octets of the IP layer" },
	{ "first_seen", "time of the first packet" },
	{ "last_seen", "time of the last packet" },
	{ "duration_ms", "between the two" },
	{ "end_reason", "why the record ended: idle, active, end, forced, lack" },
	{ "tcp_flags", "flags of all packets" },
	{ "handshake_latency_us", "SYN to the ACK that ends the handshake" },
	{ "handshake_server_us", "SYN to SYN-ACK" },
	{ "handshake_client_us", "SYN-ACK to ACK" },
	{ "retransmissions", "segments sent again; the sum of the three kinds" },
	{ "fast_retransmits", "of them: asked for by duplicate ACKs or SACK" },
	{ "timeout_retransmits", "of them: neither asked for nor spurious" },
	{ "spurious_retransmits", "of them: had arrived already" },
	{ "avg_jitter_us", "jitter of RFC 3550 at the last segment" },
	{ "max_jitter_us", "greatest difference in spacing" },
	{ "min_window_size", "least window announced" },
	{ "max_window_size", "greatest window announced" },
	{ "last_window_size", "last window announced" },
	{ "zero_windows", "segments that announce a window of 0" },
	{ "out_of_order_pkts", "segments that were overtaken" },
	{ "duplicate_acks", "ACKs that repeat the last one" },
	{ "min_rtt_us", "least round trip to the destination" },
	{ "max_rtt_us", "greatest round trip" },
	{ "avg_rtt_us", "mean of the round trips" },
	{ "rtt_samples", "how many round trips were measured" },
	{ "ecn_flags", "seen: 1 ECT(1), 2 ECT(0), 4 CE, 8 ECE, 16 CWR" },
	{ "aws_account", "AWS account of the interface" },
	{ "aws_vpc", "its VPC" },
	{ "aws_subnet", "its subnet" },
	{ "aws_interface", "its ENI" },
	{ "aws_instance", "the instance" },
	{ "aws_az", "its availability zone" },
	{ "aws_region", "its region" },
	{ "ecn_ect0_pkts", "packets with ECT(0)" },
	{ "ecn_ect1_pkts", "packets with ECT(1)" },
	{ "ecn_ce_pkts", "packets with CE" },
	{ "ecn_ece_pkts", "packets with ECE" },
	{ "ecn_cwr_pkts", "packets with CWR" },
	{ "max_bytes_in_flight", "most octets sent and not acknowledged" },
	{ "keep_alives", "keep-alive segments" },
	{ "outer_tos", "type of service or traffic class outside the tunnel" },
	{ "gwlb_endpoint", "endpoint of a Gateway Load Balancer (GENEVE)" },
	{ "gwlb_attachment", "attachment of a Gateway Load Balancer" },
	{ "gwlb_flow_cookie", "flow cookie of a Gateway Load Balancer" },
	{ "aws_az_id", "id of the availability zone" },
	{ "src_hostname", "name of the source address (--resolve)" },
	{ "dst_hostname", "name of the destination address (--resolve)" },
};

const char *field_help(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(rows[i].key, key) == 0)
			return rows[i].help;
	}
	return NULL;
}
