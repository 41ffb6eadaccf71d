// SPDX-License-Identifier: Apache-2.0
/*
 * enrich_ask [PREFIX-FILE] < questions
 *
 * What lib/enrich says in the caller's network namespace, or $ENRICH_NETNS. A question is a line of
 *	SRC DST PROTO SPORT DPORT INGRESS EGRESS MARK TOS FLOW-LABEL
 * and gets a line of
 *	SRC-LEN DST-LEN NEXT-HOP BGP-NEXT-HOP STATUS SRC-AS DST-AS
 * `tick` lets it look for changes and gets a line, `later` lets seconds pass before; `speed N` tells the ns of each of N questions, and once more. Templates have an element for everything.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "enrich/enrich.h"
#include "kernel/netns.h"

static const char *show(uint8_t family, const uint8_t addr[16], char buf[INET6_ADDRSTRLEN])
{
	return inet_ntop(family == 4 ? AF_INET : AF_INET6, addr, buf, INET6_ADDRSTRLEN);
}

static bool read_question(const char *line, struct record *r)
{
	char src[64], dst[64];
	unsigned proto, sport, dport, tos;

	if (sscanf(line, "%63s %63s %u %u %u %u %u %u %u %u", src, dst, &proto, &sport, &dport,
		   &r->key.ingress_ifindex, &r->key.egress_ifindex, &r->mark, &tos,
		   &r->flow_label) != 10)
		return false;
	r->key.family = strchr(dst, ':') ? 6 : 4;
	r->key.proto = proto;
	r->key.sport = htons(sport);
	r->key.dport = htons(dport);
	r->tos = tos;
	return inet_pton(r->key.family == 4 ? AF_INET : AF_INET6, src, r->key.src) == 1 &&
	       inet_pton(r->key.family == 4 ? AF_INET : AF_INET6, dst, r->key.dst) == 1;
}

static bool answer(struct enrich *e, uint64_t cookie, const char *line)
{
	char next[INET6_ADDRSTRLEN], bgp[INET6_ADDRSTRLEN];
	struct record r = { 0 };
	const struct record_route *a = &r.route;

	if (!read_question(line, &r))
		return false;
	enrich_record(e, cookie, &r);
	printf("%u %u %s %s %u %" PRIu32 " %" PRIu32 "\n", a->src_prefix_len, a->dst_prefix_len,
	       show(r.key.family, a->next_hop, next), show(r.key.family, a->bgp_next_hop, bgp),
	       a->forwarding_status, a->src_as, a->dst_as);
	return true;
}

static void speed(struct enrich *e, uint64_t cookie, unsigned n)
{
	struct record r = { .key = { .family = 4, .dst = { 10, 8 }, .src = { 10, 1, 0, 1 } } };

	for (unsigned round = 0; round < 2; round++) {
		uint64_t start = clock_boot_ns();

		for (unsigned i = 0; i < n; i++) {
			r.key.dst[3] = i;
			r.key.dst[2] = i >> 8 & 7;
			enrich_record(e, cookie, &r);
		}
		printf("%.1f%c", (double)(clock_boot_ns() - start) / n, round ? '\n' : ' ');
	}
}

int main(int argc, char **argv)
{
	static const struct template_field names[] = { { "bgpSourceAsNumber" }, { "forwardingStatus" } };
	struct enrich_config config = { .prefix_file = argc > 1 ? argv[1] : NULL };
	struct template_set *set;
	struct netns ns = NETNS_NULL;
	struct enrich *e;
	uint64_t cookie, later = 0;
	char line[512];

	if (template_set_new(&set) < 0 || template_set_add(set, 256, names, ARRAY_SIZE(names)) < 0 ||
	    netns_open(getenv("ENRICH_NETNS"), &ns) < 0) {
		fprintf(stderr, "%s\n", error_message());
		return 1;
	}
	config.templates = set;
	if (!enrich_is_wanted(set) || enrich_new(&config, &e) < 0) {
		fprintf(stderr, "%s\n", error_message());
		return 1;
	}
	cookie = ns.cookie;
	netns_close(&ns);	/* or it would keep the namespace */
	while (fgets(line, sizeof(line), stdin)) {
		later += strcmp(line, "later\n") == 0 ? 10 * NSEC_PER_SEC : 0;
		if (strcmp(line, "tick\n") == 0 || strcmp(line, "later\n") == 0) {
			enrich_tick(e, clock_boot_ns() + later);
			puts("ticked");
		} else if (strncmp(line, "speed ", 6) == 0)
			speed(e, cookie, strtoul(line + 6, NULL, 10));
		else if (!answer(e, cookie, line))
			return 1;
		fflush(stdout);
	}
	enrich_free(e);
	template_set_free(set);
	return 0;
}
