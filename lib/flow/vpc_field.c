// SPDX-License-Identifier: Apache-2.0
/*
 * A row a field: its name, the version of the format that brought it, and who writes it; nobody,
 * where only AWS can know: what of it passes another resource of the VPC, which of AWS's services
 * an address is of, what a security group refused, the tasks of ECS. Such a field is '-' in every
 * line, so that one format does for the lines of AWS and for these.
 *
 * ACCEPT is all that is said of the action: what was refused before the hook was not seen by it.
 */
#include "flow/vpc_field.h"

#include <endian.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/format.h"
#include "base/parse.h"

#define NAME_MAX_LEN 64

/* What the writer of a field is given. */
struct source {
	const struct vpc_line *line;
	const struct vpc_place *place;
	unsigned version;
};

typedef void (*put_fn)(struct strbuf *out, const struct source *s);

static void put_text(struct strbuf *out, const char *text)
{
	strbuf_puts(out, text && *text ? text : "-");
}

static void put_ip(struct strbuf *out, const uint8_t addr[16], uint8_t family)
{
	char text[FORMAT_IP_MAX];
	const char *end = family == 4 ? format_ip4(text, addr) : format_ip6(text, addr);

	strbuf_add(out, text, end - text);
}

#define PLACE(field_)                                                                   \
	static void put_##field_(struct strbuf *out, const struct source *s)            \
	{                                                                               \
		put_text(out, s->place->field_);                                        \
	}
#define NUMBER(name_, value_)                                                           \
	static void put_##name_(struct strbuf *out, const struct source *s)             \
	{                                                                               \
		strbuf_u64(out, value_);                                                \
	}
#define ADDRESS(field_, family_)                                                        \
	static void put_##field_(struct strbuf *out, const struct source *s)            \
	{                                                                               \
		put_ip(out, s->line->key.field_, s->line->key.family_);                 \
	}

PLACE(account)
PLACE(interface)
PLACE(vpc)
PLACE(subnet)
PLACE(instance)
PLACE(az_id)
PLACE(region)
NUMBER(version, s->version)
NUMBER(sport, be16toh(s->line->key.sport))
NUMBER(dport, be16toh(s->line->key.dport))
NUMBER(proto, s->line->key.proto)
NUMBER(packets, s->line->packets)
NUMBER(bytes, s->line->bytes)
NUMBER(start, s->line->first_ns / NSEC_PER_SEC)
NUMBER(end, s->line->last_ns / NSEC_PER_SEC)
NUMBER(tcp_flags, s->line->tcp_flags)
ADDRESS(src, family)
ADDRESS(dst, family)
ADDRESS(pkt_src, pkt_family)
ADDRESS(pkt_dst, pkt_family)

static void put_action(struct strbuf *out, const struct source *s)
{
	strbuf_puts(out, "ACCEPT");
}

static void put_status(struct strbuf *out, const struct source *s)
{
	static const char *const names[] = {
		[VPC_OK] = "OK", [VPC_NODATA] = "NODATA", [VPC_SKIPDATA] = "SKIPDATA",
	};

	strbuf_puts(out, names[s->line->status]);
}

static void put_type(struct strbuf *out, const struct source *s)
{
	strbuf_puts(out, s->line->key.family == 4 ? "IPv4" : "IPv6");
}

static void put_direction(struct strbuf *out, const struct source *s)
{
	strbuf_puts(out, flow_direction_name(s->line->key.direction));
}

/* A field stands in a line that is no VPC_OK, too, if it is of the interface or the interval. */
enum { OF_FLOW, OF_ALL };

static const struct {
	const char *name;
	uint8_t version;
	uint8_t of;
	put_fn put;	/* NULL: always '-' */
} fields[] = {
	{ "version", 2, OF_ALL, put_version },
	{ "account-id", 2, OF_ALL, put_account },
	{ "interface-id", 2, OF_ALL, put_interface },
	{ "srcaddr", 2, OF_FLOW, put_src },
	{ "dstaddr", 2, OF_FLOW, put_dst },
	{ "srcport", 2, OF_FLOW, put_sport },
	{ "dstport", 2, OF_FLOW, put_dport },
	{ "protocol", 2, OF_FLOW, put_proto },
	{ "packets", 2, OF_FLOW, put_packets },
	{ "bytes", 2, OF_FLOW, put_bytes },
	{ "start", 2, OF_ALL, put_start },
	{ "end", 2, OF_ALL, put_end },
	{ "action", 2, OF_FLOW, put_action },
	{ "log-status", 2, OF_ALL, put_status },
	{ "vpc-id", 3, OF_ALL, put_vpc },
	{ "subnet-id", 3, OF_ALL, put_subnet },
	{ "instance-id", 3, OF_ALL, put_instance },
	{ "tcp-flags", 3, OF_FLOW, put_tcp_flags },
	{ "type", 3, OF_FLOW, put_type },
	{ "pkt-srcaddr", 3, OF_FLOW, put_pkt_src },
	{ "pkt-dstaddr", 3, OF_FLOW, put_pkt_dst },
	{ "region", 4, OF_ALL, put_region },
	{ "az-id", 4, OF_ALL, put_az_id },
	{ "sublocation-type", 4, OF_FLOW, NULL },
	{ "sublocation-id", 4, OF_FLOW, NULL },
	{ "pkt-src-aws-service", 5, OF_FLOW, NULL },
	{ "pkt-dst-aws-service", 5, OF_FLOW, NULL },
	{ "flow-direction", 5, OF_FLOW, put_direction },
	{ "traffic-path", 5, OF_FLOW, NULL },
	{ "ecs-cluster-arn", 7, OF_FLOW, NULL },
	{ "ecs-cluster-name", 7, OF_FLOW, NULL },
	{ "ecs-container-instance-arn", 7, OF_FLOW, NULL },
	{ "ecs-container-instance-id", 7, OF_FLOW, NULL },
	{ "ecs-container-id", 7, OF_FLOW, NULL },
	{ "ecs-second-container-id", 7, OF_FLOW, NULL },
	{ "ecs-service-name", 7, OF_FLOW, NULL },
	{ "ecs-task-definition-arn", 7, OF_FLOW, NULL },
	{ "ecs-task-arn", 7, OF_FLOW, NULL },
	{ "ecs-task-id", 7, OF_FLOW, NULL },
	{ "reject-reason", 8, OF_FLOW, NULL },
	{ "resource-id", 9, OF_FLOW, NULL },
	{ "encryption-status", 10, OF_FLOW, NULL },
};

_Static_assert(ARRAY_SIZE(fields) <= VPC_FIELDS_MAX, "a format holds all fields");

static void add_field(struct vpc_format *f, size_t i)
{
	f->v[f->n++] = i;
	if (fields[i].version > f->version)
		f->version = fields[i].version;
}

void vpc_format_default(struct vpc_format *ret)
{
	*ret = (struct vpc_format) { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(fields) && fields[i].version == 2; i++)
		add_field(ret, i);
}

static int unknown_field(const char *name)
{
	const char *names[ARRAY_SIZE(fields) + 1] = { 0 }, *near;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		names[i] = fields[i].name;
	near = parse_nearest(name, names);
	if (near)
		error_hint("did you mean '${%s}'?", near);
	return fail_usage("'${%s}' is no field of VPC flow logs", name);
}

static int parse_field(struct vpc_format *f, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (strcmp(fields[i].name, name) != 0)
			continue;
		if (memchr(f->v, (int)i, f->n))
			return fail_usage("'${%s}' stands there twice", name);
		add_field(f, i);
		return 0;
	}
	return unknown_field(name);
}

int vpc_format_parse(const char *text, struct vpc_format *ret)
{
	struct vpc_format f = { 0 };
	const char *p = text + strspn(text, " ");
	int r = 0;

	for (; r == 0 && *p; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");
		char name[NAME_MAX_LEN] = "";

		if (len < 4 || len >= NAME_MAX_LEN + 3 || memcmp(p, "${", 2) != 0 || p[len - 1] != '}' ||
		    memchr(p + 2, '$', len - 2))
			return fail_usage("'%.*s' is not ${FIELD}; blanks stand between fields",
					  (int)(len < 64 ? len : 64), p);
		memcpy(name, p + 2, len - 3);
		r = parse_field(&f, name);
		p += len;
	}
	if (r == 0 && !f.n)
		return fail_usage("names no field");
	if (r == 0)
		*ret = f;
	return r;
}

void vpc_format_header(struct strbuf *out, const struct vpc_format *format)
{
	for (size_t i = 0; i < format->n; i++) {
		strbuf_puts(out, i ? " " : "");
		strbuf_puts(out, fields[format->v[i]].name);
	}
	strbuf_putc(out, '\n');
}

uint8_t vpc_tcp_flags(uint8_t tcp_flags, bool syn_ack)
{
	return (tcp_flags & (TH_FIN | TH_SYN | TH_RST)) | (syn_ack ? TH_SYN | TH_ACK : 0);
}

void vpc_line_of(const struct record *r, struct vpc_line *ret)
{
	bool outer = r->key.tunnel && r->outer.known, ports = proto_has_ports(r->key.proto);

	*ret = (struct vpc_line) {
		.key = {
			.sport = ports ? r->key.sport : 0,
			.dport = ports ? r->key.dport : 0,
			.proto = r->key.proto,
			.family = outer ? r->outer.family : r->key.family,
			.pkt_family = r->key.family,
			.direction = r->key.direction,
		},
		.packets = r->packets,
		.bytes = r->bytes,
		.first_ns = r->first_ns,
		.last_ns = r->last_ns,
		.tcp_flags = r->key.proto == IPPROTO_TCP ? vpc_tcp_flags(r->tcp_flags, r->syn_ack) : 0,
	};
	memcpy(ret->key.src, outer ? r->outer.src : r->key.src, 16);
	memcpy(ret->key.dst, outer ? r->outer.dst : r->key.dst, 16);
	memcpy(ret->key.pkt_src, r->key.src, 16);
	memcpy(ret->key.pkt_dst, r->key.dst, 16);
}

void vpc_line_put(struct strbuf *out, const struct vpc_format *format, const struct vpc_line *line,
		  const struct vpc_place *place)
{
	const struct source s = { line, place, format->version };

	for (size_t i = 0; i < format->n; i++) {
		size_t f = format->v[i];

		if (i)
			strbuf_putc(out, ' ');
		if (fields[f].put && (line->status == VPC_OK || fields[f].of == OF_ALL))
			fields[f].put(out, &s);
		else
			strbuf_putc(out, '-');
	}
	strbuf_putc(out, '\n');
}
