// SPDX-License-Identifier: Apache-2.0
/*
 * Hosts and URLs, as far as they can be judged without asking anybody: a name may not resolve
 * yet, a malformed one never will.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/parse.h"

#define LABEL_MAX 63
#define URL_MAX 256
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/*
 * Labels between dots; a last dot may stand alone. What has digits and dots alone is a mistyped
 * address.
 */
static bool is_name(const char *host)
{
	if (host[strspn(host, LETTERS "0123456789.-_")] || !host[strspn(host, "0123456789.")])
		return false;
	for (size_t len; *host; host += len + (host[len] == '.')) {
		len = strcspn(host, ".");
		if (!len || len > LABEL_MAX || *host == '-' || host[len - 1] == '-')
			return false;
	}
	return true;
}

int parse_host(const char *host)
{
	unsigned char buf[16];
	char addr[64];
	size_t len = strcspn(host, "%");	/* fe80::1%eth0 */

	if (inet_pton(AF_INET, host, buf) == 1)
		return 4;
	if (len < sizeof(addr)) {
		memcpy(addr, host, len);
		addr[len] = '\0';
		if (inet_pton(AF_INET6, addr, buf) == 1)
			return 6;
	}
	return is_name(host) ? 0 : -EINVAL;
}

/* "host", "host:80", "[::1]", "[::1]:80"; no port is that of the scheme. */
static int parse_authority(const char *s, size_t len)
{
	char copy[URL_MAX + 8];
	struct parse_endpoint e;
	const char *port;
	int family;

	memcpy(copy, s, len);
	copy[len] = '\0';
	port = strrchr(copy, ':');
	if (!port || strchr(port, ']'))
		memcpy(copy + len, ":80", sizeof(":80"));
	if (parse_endpoint(copy, &e) < 0 || !e.port)
		return -EINVAL;
	family = parse_host(e.host);
	return family >= 0 && (copy[0] == '[') == (family == 6) ? 0 : -EINVAL;
}

int parse_http_url(const char *s)
{
	const char *host = strncasecmp(s, "http://", 7) == 0 ? s + 7 :
			   strncasecmp(s, "https://", 8) == 0 ? s + 8 : NULL;

	if (!host || strlen(s) > URL_MAX)
		return -EINVAL;
	for (; *s; s++) {
		if (*s <= ' ' || *s > '~' || strchr("@?#\\", *s))
			return -EINVAL;
	}
	return parse_authority(host, strcspn(host, "/"));
}
