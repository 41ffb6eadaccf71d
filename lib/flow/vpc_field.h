/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines as AWS VPC Flow Logs has them: which fields there are, a custom format of them, and how a
 * line is written. Names, order, versions and meaning: "Flow log records" in the Amazon VPC User
 * Guide, docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html.
 */
#ifndef FLOWCTL_FLOW_VPC_FIELD_H
#define FLOWCTL_FLOW_VPC_FIELD_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "flow/record.h"

enum vpc_status {
	VPC_OK,
	VPC_NODATA,	/* the interface had no traffic in that interval */
	VPC_SKIPDATA,	/* some of it is in no line */
};

/* Of the interface that a line is of. Every string may be NULL: not known. */
struct vpc_place {
	const char *account, *interface, *vpc, *subnet, *instance, *az_id, *region;
};

/* What is counted into one line: all of it is the same of every record in it. */
struct vpc_key {
	uint8_t src[16], dst[16];		/* of the packet on the wire; as in flow_key */
	uint8_t pkt_src[16], pkt_dst[16];	/* of the packet inside of a tunnel, else the same */
	__be16 sport, dport;			/* 0 where the protocol has none, of ICMP too */
	uint8_t proto;				/* of the packet inside */
	uint8_t family, pkt_family;		/* 4 or 6 */
	uint8_t direction;			/* FLOW_INGRESS, FLOW_EGRESS */
};

struct vpc_line {
	struct vpc_key key;		/* all below but times: VPC_OK only */
	uint64_t packets, bytes;
	uint64_t first_ns, last_ns;	/* CLOCK_REALTIME; of others than VPC_OK the interval */
	uint8_t tcp_flags;		/* vpc_tcp_flags() */
	uint8_t status;			/* enum vpc_status */
};

/* In the order of AWS's table: those of version 2 first. */
#define VPC_FIELDS_MAX 64
struct vpc_format {
	uint8_t v[VPC_FIELDS_MAX];	/* indexes of the table */
	size_t n;
	uint8_t version;		/* the highest among them */
};

/* All fields of version 2, in their order: what AWS writes where nothing else is asked for. */
void vpc_format_default(struct vpc_format *ret);
/*
 * '${version} ${account-id} ...'. A text that is not that, a field that AWS does not have or that
 * is named twice: fail_usage(), a near miss with a hint.
 */
int vpc_format_parse(const char *text, struct vpc_format *ret);
/* "version account-id ...", with the line's end. */
void vpc_format_header(struct strbuf *out, const struct vpc_format *format);

/*
 * Of the flags (byte 13 of the TCP header, OR-ed over packets) those that AWS tells: FIN 1, SYN 2,
 * RST 4, and SYN-ACK 18. Never ACK, PSH or URG alone.
 */
uint8_t vpc_tcp_flags(uint8_t tcp_flags, bool syn_ack);
/* What @r is as a line of its own. */
void vpc_line_of(const struct record *r, struct vpc_line *ret);
/* Append the line, its end included. What is not known or does not apply is '-'. */
void vpc_line_put(struct strbuf *out, const struct vpc_format *format, const struct vpc_line *line,
		  const struct vpc_place *place);

#endif
