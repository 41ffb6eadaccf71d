/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of addresses, asked for by a few threads and kept. Whoever wants one is told at once what
 * is known; what is not known is asked for, and may be there the next time. The resolver is the
 * machine's own (getnameinfo(): hosts, DNS, whatever nsswitch.conf says), in the network namespace
 * of this process; it may be slow, absent or lying, and costs nobody anything.
 */
#ifndef FLOWCTL_ENRICH_HOSTNAME_H
#define FLOWCTL_ENRICH_HOSTNAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "flow/record.h"

#define HOSTNAME_MAX 254	/* with its final zero: RFC 1035 2.3.4 */

struct hostnames;

struct hostname_options {
	unsigned threads;	/* at most that many questions at a time; 0 = 4 */
	uint32_t entries;	/* addresses kept, the least recently wanted one goes; 0 = 4096 */
	uint64_t ttl_ns;	/* a name is asked for again, and told meanwhile; 0 = 10 min */
	uint64_t none_ttl_ns;	/* the same of "has no name", or no answer; 0 = 1 min */
	/* In place of getnameinfo(), for tests: 0 and a name, else it has none. In any thread. */
	int (*lookup)(void *arg, const struct sockaddr *addr, socklen_t len, char *buf, size_t size);
	void *arg;
};

/* No thread is begun yet. fail(-ENOMEM). */
int hostname_new(const struct hostname_options *options, struct hostnames **ret);
/* Waits for nobody: a thread that waits for an answer ends on its own. NULL is fine. */
void hostname_free(struct hostnames *h);
/*
 * What @addr (4 or 16 bytes by @family, 4 or 6) is called, as far as that is known, into @buf:
 * printable ASCII without blanks, whatever the resolver said ('?' stands for the rest), and a
 * final zero. False: it has no name, or nobody knows it yet, which is asked for.
 */
bool hostname_get(struct hostnames *h, uint8_t family, const uint8_t *addr, char *buf, size_t size);
/* The same with @h as an untyped argument: a field_resolve_fn. */
bool hostname_resolve(void *h, uint8_t family, const uint8_t *addr, char *buf, size_t size);
/* Ask for both ends of @n records, and wait for the answers, but not longer. False: some are still
 * to come. */
bool hostname_ask(struct hostnames *h, const struct record *records, size_t n, uint64_t timeout_ns);

#endif
