/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words to values. Each returns 0, or -EINVAL/-ERANGE without a sentence (the caller
 * knows which option or key it was); *ret is written only on success.
 */
#ifndef FLOWCTL_BASE_PARSE_H
#define FLOWCTL_BASE_PARSE_H

#include <stdint.h>

/* Decimal or 0x hexadecimal, nothing before or after, no sign. @max inclusive. */
int parse_u64(const char *s, uint64_t max, uint64_t *ret);
/* "500ms", "5s", "2m", "1h"; a bare number is seconds; fractions as "0.5s" are fine. In ns. */
int parse_duration(const char *s, uint64_t *ret_ns);

struct parse_prefix {
	uint8_t addr[16];	/* network order; IPv4 in the first four bytes, the rest 0 */
	uint8_t family;		/* 4 or 6 */
	uint8_t len_bits;	/* 0..32 or 0..128 */
};
/* "10.1.0.0/16", "2001:db8::1" (full length when there is no slash). Host bits may be set. */
int parse_prefix(const char *s, struct parse_prefix *ret);

struct parse_endpoint {
	char host[256];		/* a name or an address, no brackets */
	uint16_t port;		/* host order */
};
/* "127.0.0.1:4739", "[::1]:4739", "collector.example:4739". The port is required. */
int parse_endpoint(const char *s, struct parse_endpoint *ret);

/* 4 or 6 of an address (also fe80::1%eth0), 0 of what may be a host's name, else -EINVAL. */
int parse_host(const char *host);
/*
 * A URL of HTTP or HTTPS with a host, a port of 1 to 65535 if any, and neither user, query nor
 * fragment: 0, or -EINVAL.
 */
int parse_http_url(const char *s);
/* The entry of @words (NULL-terminated) that @s most likely meant, or NULL: for "did you mean". */
const char *parse_nearest(const char *s, const char *const *words);

#endif
