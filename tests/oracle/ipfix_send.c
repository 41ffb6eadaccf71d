// SPDX-License-Identifier: Apache-2.0
/*
 * ipfix_send REMOTE LOCAL MAX-LEN [ID NAME...] < records
 *
 * Sends the records on stdin by a session, with the built-in templates or one of the named
 * elements, at the usual pace; many messages at once where $IPFIX_BATCHES is set. A record is a line of NAME=VALUE words; a line
 * `flush` sends what is open, `resend` lets the time pass after which templates go again, and
 * `flood=N` sends so many records of all kinds, of 1, 2, ... packets. So the test that reads
 * the collector's files is the only one that knows what is true.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "flow/record.h"
#include "ipfix/burst.h"
#include "ipfix/pace.h"
#include "ipfix/session.h"

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
	NUMBER("sport", key.sport), NUMBER("dport", key.dport),
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

static bool set_address(struct record *r, uint8_t addr[16], const char *value)
{
	r->key.family = strchr(value, ':') ? 6 : 4;
	return inet_pton(r->key.family == 6 ? AF_INET6 : AF_INET, value, addr) == 1;
}

static bool set_mac(uint8_t mac[6], const char *v)
{
	return sscanf(v, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3],
		      &mac[4], &mac[5]) == 6;
}

static bool set_word(struct record *r, char *word)
{
	char *value = strchr(word, '=');

	if (!value)
		return false;
	*value++ = '\0';
	if (strcmp(word, "src") == 0)
		return set_address(r, r->key.src, value);
	if (strcmp(word, "dst") == 0)
		return set_address(r, r->key.dst, value);
	if (strcmp(word, "src_mac") == 0)
		return set_mac(r->src_mac, value);
	if (strcmp(word, "dst_mac") == 0)
		return set_mac(r->dst_mac, value);
	return set_number(r, word, value);
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
		for (uint64_t wait; (wait = s->ops->wait_ns(s, clock_boot_ns()));)
			clock_sleep_ns(wait);
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

static bool send_line(struct sink *s, char *line)
{
	static uint64_t later;
	struct record r = { 0 };

	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, "flush") == 0) {
		flush(s);
		return true;
	}
	if (strcmp(line, "resend") == 0) {
		later += 2 * TEMPLATES_S * NSEC_PER_SEC;
		s->ops->tick(s, clock_boot_ns() + later);
		return true;
	}
	if (strncmp(line, "flood=", 6) == 0)
		return flood(s, strtoull(line + 6, NULL, 0));
	for (char *word = strtok(line, " "); word; word = strtok(NULL, " ")) {
		if (!set_word(&r, word))
			return false;
	}
	return put(s, &r);
}

static int make_templates(struct template_set **ret, int argc, char **argv)
{
	int r = template_set_new(ret);

	if (r < 0 || argc == 0)
		return r < 0 ? r : template_set_add_builtin(*ret);
	return template_set_add(*ret, atoi(argv[0]), (const char *const *)argv + 1, argc - 1);
}

int main(int argc, char **argv)
{
	struct session_config c = { .template_flush_s = TEMPLATES_S, .max_bytes_per_s = PACE_AUTO };
	struct template_set *set;
	struct sink *s;
	char line[1024];

	if (argc < 4)
		return 2;
	c.remote = argv[1];
	c.local = argv[2];
	c.max_message_len = atoi(argv[3]);
	if (getenv("IPFIX_BATCHES"))
		c.batch_messages = BURST_MESSAGES_MAX;
	if (make_templates(&set, argc - 4, argv + 4) < 0) {
		fprintf(stderr, "%s\n", error_message());
		return 1;
	}
	c.templates = set;
	if (session_udp_new(&c, &s) < 0 || session_wait_ready(s, 5 * NSEC_PER_SEC) < 0) {
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
	printf("records %" PRIu64 " lost %" PRIu64 " errors %" PRIu64 "\n", s->stats.records,
	       s->stats.lost_records, s->stats.errors);
	s->ops->close(s);
	template_set_free(set);
	return 0;
}
