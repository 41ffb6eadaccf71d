// SPDX-License-Identifier: Apache-2.0
/*
 * ipfix_send [OPTIONS] REMOTE LOCAL MAX-LEN [ID NAME[:LENGTH]...] < records
 *
 * Sends the records on stdin by a session, with the built-in templates, one of the named
 * elements, or those of a configuration (MAX-LEN 0: its length too), at the usual pace. A
 * record is a line of NAME=VALUE words; those that begin with rev_ make the record of the
 * other direction (RFC 5103). A line `flush` sends what is open, `later=N` lets N seconds
 * pass, `resend` the time after which templates go again, `tell` answers on stdout, and
 * `flood=N` sends so many records of all kinds, of 1, 2, ... packets. So the test that reads
 * the collector's files is the only one that knows what is true.
 *
 *	-k KIND		tcp, tls, sctp, or file (REMOTE is its path); udp else
 *	-a CA -s CERTIFICATE -y KEY -n NAME	of tls
 *	-9		NetFlow v9
 *	-b		many messages at once
 *	-B		built-in templates for both directions too
 *	-c CONFIG	take the templates of a configuration
 *	-e NUMBER	the enterprise
 *	-i INDEX:SAMPLE:NAME[:DESCRIPTION]	an interface that options data tells of
 *	-p PROFILE	of the collector
 *	-t SECONDS	templates and options data so often
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "conf/conf.h"
#include "flow/record.h"
#include "ipfix/burst.h"
#include "ipfix/netflow9.h"
#include "ipfix/pace.h"
#include "ipfix/session.h"
#include "ipfix/stream.h"

#define TEMPLATES_S 3600

#define NUMBER(name_, member_) \
	{ name_, offsetof(struct record, member_), sizeof(((struct record *)0)->member_) }

/* Host order, and as long as the member is. */
static const struct number {
	const char *name;
	size_t offset, len;
} numbers[] = {
	NUMBER("domain", domain), NUMBER("proto", key.proto), NUMBER("packets", packets),
	NUMBER("bytes", bytes), NUMBER("first", first_ns), NUMBER("last", last_ns),
	NUMBER("in", key.ingress_ifindex), NUMBER("out", key.egress_ifindex),
	NUMBER("direction", key.direction), NUMBER("vlan", key.vlan_outer),
	NUMBER("inner", key.vlan_inner), NUMBER("flags", tcp_flags), NUMBER("tos", tos),
	NUMBER("min_ttl", min_ttl), NUMBER("max_ttl", max_ttl), NUMBER("reason", end_reason),
	NUMBER("sport", key.sport), NUMBER("dport", key.dport), NUMBER("mark", mark),
	NUMBER("total_packets", total_packets), NUMBER("total_bytes", total_bytes),
	NUMBER("ifindex", ifindex), NUMBER("fragment_id", fragment_id),
	NUMBER("flow_label", flow_label), NUMBER("ip6_headers", ip6_headers),
	NUMBER("tcp_options", tcp_options), NUMBER("biflow_direction", biflow_direction),
	NUMBER("src_prefix_len", route.src_prefix_len), NUMBER("src_as", route.src_as),
	NUMBER("dst_prefix_len", route.dst_prefix_len), NUMBER("dst_as", route.dst_as),
	NUMBER("forwarding_status", route.forwarding_status),
	NUMBER("tcp_known", tcp.known), NUMBER("tcp_server", tcp.handshake_server_us),
	NUMBER("tcp_client", tcp.handshake_client_us), NUMBER("tcp_again", tcp.retransmissions),
	NUMBER("tcp_fast", tcp.fast_retransmits), NUMBER("tcp_timeout", tcp.timeout_retransmits),
	NUMBER("tcp_spurious", tcp.spurious_retransmits), NUMBER("tcp_disorder", tcp.out_of_order),
	NUMBER("tcp_dup_acks", tcp.duplicate_acks), NUMBER("tcp_closed", tcp.zero_windows),
	NUMBER("tcp_alive", tcp.keep_alives), NUMBER("tcp_ect0", tcp.ect0),
	NUMBER("tcp_ect1", tcp.ect1), NUMBER("tcp_ce", tcp.ce), NUMBER("tcp_ece", tcp.ece),
	NUMBER("tcp_cwr", tcp.cwr), NUMBER("tcp_min_rtt", tcp.min_rtt_us),
	NUMBER("tcp_max_rtt", tcp.max_rtt_us), NUMBER("tcp_rtts", tcp.rtt_samples),
	NUMBER("tcp_rtt_sum", tcp.rtt_sum_us), NUMBER("tcp_min_window", tcp.min_window),
	NUMBER("tcp_max_window", tcp.max_window), NUMBER("tcp_last_window", tcp.last_window),
	NUMBER("tcp_jitter", tcp.avg_jitter_us), NUMBER("tcp_max_jitter", tcp.max_jitter_us),
	NUMBER("tcp_in_flight", tcp.max_in_flight),
	NUMBER("tunnel", key.tunnel), NUMBER("vni", key.vni), NUMBER("outer_tos", outer.tos),
	NUMBER("gwlb_endpoint", outer.gwlb_endpoint),
	NUMBER("gwlb_attachment", outer.gwlb_attachment), NUMBER("gwlb_flow", outer.gwlb_flow),
};

static bool set_number(struct record *r, const char *name, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		uint64_t v = strtoull(value, NULL, 0);

		if (strcmp(numbers[i].name, name) != 0)
			continue;
		if (strcmp(name, "sport") == 0 || strcmp(name, "dport") == 0)
			v = htons(v);
		/* the first bytes of a little-endian number, the last of a big-endian one */
		memcpy((char *)r + numbers[i].offset,
		       (char *)&v + (htons(1) == 1 ? 8 - numbers[i].len : 0), numbers[i].len);
		return true;
	}
	return false;
}

static bool set_address(uint8_t addr[16], const char *value)
{
	return inet_pton(strchr(value, ':') ? AF_INET6 : AF_INET, value, addr) == 1;
}

static bool set_mac(uint8_t mac[6], const char *v)
{
	return sscanf(v, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3],
		      &mac[4], &mac[5]) == 6;
}

static const struct {
	const char *name;
	size_t offset;
} addresses[] = {
	{ "src", offsetof(struct record, key.src) },
	{ "dst", offsetof(struct record, key.dst) },
	{ "next_hop", offsetof(struct record, route.next_hop) },
	{ "bgp_next_hop", offsetof(struct record, route.bgp_next_hop) },
	{ "outer_src", offsetof(struct record, outer.src) },
	{ "outer_dst", offsetof(struct record, outer.dst) },
}, macs[] = {
	{ "src_mac", offsetof(struct record, src_mac) },
	{ "dst_mac", offsetof(struct record, dst_mac) },
}, texts[] = {
	{ "iface", offsetof(struct record, iface) },
	{ "description", offsetof(struct record, description) },
	{ "netns", offsetof(struct record, netns) },
};

/* The cloud's texts have a struct of their own, here one for all records of the line. */
static struct record_cloud cloud;
static const struct {
	const char *name, **to;
} cloud_texts[] = {
	{ "aws_account", &cloud.account }, { "aws_vpc", &cloud.vpc }, { "aws_subnet", &cloud.subnet },
	{ "aws_interface", &cloud.interface }, { "aws_instance", &cloud.instance },
	{ "aws_az", &cloud.az }, { "aws_az_id", &cloud.az_id }, { "aws_region", &cloud.region },
};

static bool set_cloud(struct record *r, const char *name, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(cloud_texts); i++) {
		if (strcmp(cloud_texts[i].name, name) != 0)
			continue;
		*cloud_texts[i].to = value;
		r->cloud = &cloud;
		return true;
	}
	return false;
}

/* Texts are borrowed from the line. */
static bool set_value(struct record *r, const char *name, const char *value)
{
	char *at = (char *)r;

	if (strcmp(name, "src") == 0)
		r->key.family = strchr(value, ':') ? 6 : 4;
	if (strcmp(name, "outer_src") == 0) {
		r->outer.family = strchr(value, ':') ? 6 : 4;
		r->outer.known = true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		if (strcmp(addresses[i].name, name) == 0)
			return set_address((uint8_t *)at + addresses[i].offset, value);
	}
	for (size_t i = 0; i < ARRAY_SIZE(macs); i++) {
		if (strcmp(macs[i].name, name) == 0)
			return set_mac((uint8_t *)at + macs[i].offset, value);
	}
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (strcmp(texts[i].name, name) != 0)
			continue;
		memcpy(at + texts[i].offset, &value, sizeof(value));
		return true;
	}
	return set_number(r, name, value) || set_cloud(r, name, value);
}

/* The record of the other direction: what is not said of it is as in @r. */
static void begin_reverse(struct record *r, struct record *reverse)
{
	*reverse = *r;
	memcpy(reverse->key.src, r->key.dst, sizeof(r->key.src));
	memcpy(reverse->key.dst, r->key.src, sizeof(r->key.dst));
	reverse->key.sport = r->key.dport;
	reverse->key.dport = r->key.sport;
	r->reverse = reverse;
}

static bool set_word(struct record *r, struct record *reverse, char *word)
{
	char *value = strchr(word, '=');

	if (!value)
		return false;
	*value++ = '\0';
	if (strncmp(word, "rev_", 4) != 0)
		return set_value(r, word, value);
	if (!r->reverse)
		begin_reverse(r, reverse);
	return set_value(reverse, word + 4, value);
}

/* The collector reads no faster than it can, whatever time it is here. */
static void wait_turn(struct sink *s)
{
	for (uint64_t wait; (wait = s->ops->wait_ns(s, clock_boot_ns()));)
		clock_sleep_ns(wait);
}

static void flush(struct sink *s)
{
	if (s->ops->flush(s) < 0)
		fprintf(stderr, "flush: %s\n", s->trouble);
}

static bool put(struct sink *s, const struct record *r)
{
	if (!s->ops->room(s, r)) {
		flush(s);
		wait_turn(s);
	}
	return s->ops->put(s, r) == 0;
}

static bool flood(struct sink *s, uint64_t n)
{
	static const uint8_t protos[] = { 6, 17, 6, 1, 17, 6, 47, 6, 17, 58 };
	struct record r = { .domain = 1, .bytes = 100, .first_ns = UINT64_C(1795233357123456789) };
	bool ok = true;

	for (uint64_t i = 0; ok && i < n; i++) {
		r.key.proto = protos[i % sizeof(protos)];
		r.key.family = r.key.proto == 58 || i % 7 == 0 ? 6 : 4;
		r.key.src[0] = r.key.dst[0] = 10;
		r.key.sport = i;
		r.last_ns = r.first_ns + i;
		r.packets = i + 1;
		ok = put(s, &r);
	}
	return ok;
}

static void pass_time(struct sink *s, uint64_t ns)
{
	static uint64_t later;

	later += ns;
	wait_turn(s);
	s->ops->tick(s, clock_boot_ns() + later);
}

static bool send_line(struct sink *s, char *line)
{
	struct record r = { 0 }, reverse;

	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, "flush") == 0) {
		flush(s);
		return true;
	}
	if (strcmp(line, "tell") == 0)
		return puts("told") >= 0 && fflush(stdout) == 0;
	if (strcmp(line, "resend") == 0) {
		pass_time(s, 2 * TEMPLATES_S * NSEC_PER_SEC);
		return true;
	}
	if (strncmp(line, "later=", 6) == 0) {
		pass_time(s, strtoull(line + 6, NULL, 0) * NSEC_PER_SEC);
		return true;
	}
	if (strncmp(line, "flood=", 6) == 0)
		return flood(s, strtoull(line + 6, NULL, 0));
	for (char *word = strtok(line, " "); word; word = strtok(NULL, " ")) {
		if (!set_word(&r, &reverse, word))
			return false;
	}
	return put(s, &r);
}

#define INTERFACES_MAX 64

struct given {
	struct session_config session;
	struct stream_config stream;
	bool is_stream, biflow;
	struct options_interface interfaces[INTERFACES_MAX];
	struct options_facts facts;
	const char *config;		/* whose templates are used, or NULL */
	struct conf *conf;
	struct template_set *own;
};

static int get_facts(void *arg, uint32_t domain, struct options_facts *ret)
{
	const struct given *g = arg;

	*ret = g->facts;
	return 0;
}

/* Texts are borrowed. What is told besides is what the tests know: 1001, 1002, ... */
static bool add_interface(struct given *g, char *text)
{
	struct options_interface *in = &g->interfaces[g->facts.n_interfaces++];
	char *colon;

	in->ifindex = strtoul(text, &text, 10);
	in->sample = *text ? strtoul(text + 1, &text, 10) : 0;
	if (*text != ':' || g->facts.n_interfaces == INTERFACES_MAX)
		return false;
	in->name = text + 1;
	colon = strchr(in->name, ':');
	if (colon) {
		*colon = '\0';
		in->description = colon + 1;
	}
	g->facts.interfaces = g->interfaces;
	g->facts.ignored_packets = 1001;
	g->facts.ignored_bytes = 1002;
	g->facts.not_sent_flows = 1003;
	g->facts.not_sent_packets = 1004;
	g->facts.not_sent_bytes = 1005;
	g->facts.first_lost_ns = UINT64_C(1795233357123456789);
	g->facts.last_lost_ns = UINT64_C(1795233358000000000);
	g->session.options = (struct options_source) { get_facts, g };
	return true;
}

static const char *const kinds[] = {
	[STREAM_TCP] = "tcp", [STREAM_TLS] = "tls", [STREAM_SCTP] = "sctp", [STREAM_FILE] = "file",
};

static bool choose_kind(struct given *g, const char *name)
{
	g->is_stream = true;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		g->stream.kind = i;
		if (strcmp(kinds[i], name) == 0)
			return true;
	}
	return false;
}

static bool take_option(struct given *g, int o)
{
	switch (o) {
	case 'k': return choose_kind(g, optarg);
	case 'a': return (g->stream.ca = optarg);
	case 's': return (g->stream.certificate = optarg);
	case 'y': return (g->stream.key = optarg);
	case 'n': return (g->stream.server_name = optarg);
	case '9': return (g->session.version = NETFLOW9_VERSION);
	case 'b': return (g->session.batch_messages = BURST_MESSAGES_MAX);
	case 'B': return (g->biflow = true);
	case 'c': return (g->config = optarg);
	case 'i': return add_interface(g, optarg);
	case 'e': return (g->session.enterprise = atoi(optarg));
	case 'p': return (g->session.profile = profile_find(optarg));
	case 't': return (g->session.template_flush_s = g->session.options_s = atoi(optarg));
	}
	return false;
}

static int parse_options(struct given *g, int argc, char **argv)
{
	g->session.profile = profile_default();
	g->session.version = 10;
	for (int o; (o = getopt(argc, argv, "k:a:s:y:n:9bBc:e:i:p:t:")) != -1;) {
		if (!take_option(g, o))
			return -1;
	}
	if (g->session.enterprise)
		ie_set_enterprise(g->session.enterprise);
	return argc - optind < 3 ? -1 : 0;
}

/* NAME or NAME:LENGTH */
static struct template_field parse_field(char *s, const struct profile *profile)
{
	char *len = strchr(s, ':');

	if (len)
		*len++ = '\0';
	return (struct template_field) { s, len ? atoi(len) : profile_field_len(profile, s) };
}

static int make_builtin(struct given *g)
{
	int r = template_set_add_builtin(g->own, g->session.profile, g->biflow);

	/* As the agent has it: not where messages are short. */
	if (r < 0 || g->session.max_message_len < 512)
		return r;
	r = template_set_add_health(g->own, g->session.profile, g->biflow);
	return r < 0 ? r : template_set_add_tunnels(g->own, g->session.profile, g->biflow);
}

static int make_templates(struct given *g, int argc, char **argv)
{
	const struct profile *profile = g->session.profile;
	struct template_field fields[ENCODE_ELEMENTS_MAX];
	size_t n = 0;
	int r;

	if (g->config) {
		r = conf_load(g->config, &g->conf);
		if (r < 0)
			return r;
		r = conf_templates_for(g->conf, profile, &g->own);
		g->session.templates = g->own;
		if (!g->session.max_message_len)
			g->session.max_message_len = g->conf->max_message_len;
		return r;
	}
	r = template_set_new(&g->own);
	g->session.templates = g->own;
	if (r == 0 && argc == 0 && g->session.version == NETFLOW9_VERSION)
		return netflow9_add_builtin(g->own);
	if (r < 0 || argc == 0)
		return r < 0 ? r : make_builtin(g);
	for (; n + 1 < (size_t)argc && n < ENCODE_ELEMENTS_MAX; n++)
		fields[n] = parse_field(argv[n + 1], profile);
	return template_set_add(g->own, atoi(argv[0]), fields, n);
}

static int open_stream(struct given *g, struct sink **ret)
{
	const struct session_config *c = &g->session;
	int r;

	g->stream.remote = c->remote;
	g->stream.local = c->local;
	g->stream.max_message_len = c->max_message_len;
	g->stream.version = c->version;
	g->stream.templates = c->templates;
	g->stream.profile = c->profile;
	g->stream.enterprise = c->enterprise;
	g->stream.options_s = c->options_s;
	g->stream.options = c->options;
	g->stream.backlog_bytes = 4 << 20;
	r = stream_new(&g->stream, ret);
	return r < 0 ? r : stream_wait_ready(*ret, 5 * NSEC_PER_SEC);
}

static int open_session(struct given *g, int argc, char **argv, struct sink **ret)
{
	int r;

	g->session.remote = argv[0];
	g->session.local = argv[1];
	g->session.max_message_len = atoi(argv[2]);
	r = make_templates(g, argc - 3, argv + 3);
	if (r < 0 || g->is_stream)
		return r < 0 ? r : open_stream(g, ret);
	r = session_udp_new(&g->session, ret);
	return r < 0 ? r : session_wait_ready(*ret, 5 * NSEC_PER_SEC);
}

int main(int argc, char **argv)
{
	struct given g = { .session = { .template_flush_s = TEMPLATES_S, .options_s = TEMPLATES_S,
				       .max_bytes_per_s = PACE_AUTO } };
	struct sink *s;
	char line[8192];

	if (parse_options(&g, argc, argv) < 0)
		return 2;
	if (open_session(&g, argc - optind, argv + optind, &s) < 0) {
		fprintf(stderr, "%s\n", error_message());
		return 1;
	}
	while (fgets(line, sizeof(line), stdin)) {
		if (!send_line(s, line)) {
			fprintf(stderr, "cannot send: %s\n", line);
			return 1;
		}
	}
	flush(s);
	stream_drain(s, 5 * NSEC_PER_SEC);
	printf("records %" PRIu64 " lost %" PRIu64 " errors %" PRIu64 "\n", s->stats.records,
	       s->stats.lost_records, s->stats.errors);
	s->ops->close(s);
	conf_free(g.conf);
	template_set_free(g.own);
	return 0;
}
