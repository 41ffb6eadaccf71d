// SPDX-License-Identifier: Apache-2.0
/*
 * Any value that fits is taken, also one that no meter would measure: that is what a test
 * sender is for. Only times are more than their digits: NTP's seconds begin in 1900 and
 * its fraction is binary (RFC 7011 6.1.9, 6.1.10), and nobody writes that by hand.
 */
#include "conf/flow_value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/parse.h"

static int digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* 0x and as many digits as fit. */
static int hex_value(const char *digits, uint8_t *out, size_t len)
{
	size_t n = strspn(digits, "0123456789abcdefABCDEF");

	if (!n || digits[n])
		return -EINVAL;
	for (; n > 2 * len; n--) {
		if (*digits++ != '0')
			return -ERANGE;
	}
	memset(out, 0, len);
	for (size_t i = 0; i < n; i++)
		out[len - 1 - i / 2] |= digit(digits[n - 1 - i]) << (i % 2 * 4);
	return 0;
}

static int put_number(uint64_t v, uint8_t *out, size_t len)
{
	uint8_t whole[sizeof(v)];

	if (len < sizeof(v) && v >> (8 * len))
		return -ERANGE;
	put_be64(whole, v);
	memset(out, 0, len);
	for (size_t i = 0; i < sizeof(v) && i < len; i++)
		out[len - 1 - i] = whole[sizeof(v) - 1 - i];
	return 0;
}

static int number_value(const struct ie *e, const char *text, uint8_t *out, size_t len)
{
	uint64_t v;
	int r;

	if (strncasecmp(text, "0x", 2) == 0)
		return hex_value(text + 2, out, len);
	r = parse_u64(text, UINT64_MAX, &v);
	return r < 0 ? r : put_number(v, out, len);
}

static int ipv4_value(const struct ie *e, const char *text, uint8_t *out, size_t len)
{
	if (len == 4 && inet_pton(AF_INET, text, out) == 1)
		return 0;
	return number_value(e, text, out, len);
}

static int ipv6_value(const struct ie *e, const char *text, uint8_t *out, size_t len)
{
	if (len == 16 && inet_pton(AF_INET6, text, out) == 1)
		return 0;
	return number_value(e, text, out, len);
}

static int mac_value(const struct ie *e, const char *text, uint8_t *out, size_t len)
{
	const char *p = text;

	if (!strchr(text, ':'))
		return number_value(e, text, out, len);
	for (size_t i = 0; i < len; i++, p += 3) {
		if (!isxdigit((unsigned char)p[0]) || !isxdigit((unsigned char)p[1]) ||
		    p[2] != (i + 1 < len ? ':' : '\0'))
			return -EINVAL;
		out[i] = digit(p[0]) << 4 | digit(p[1]);
	}
	return 0;
}

/* ".123Z" or "Z" as ns. */
static int parse_fraction(const char *s, uint64_t *ret)
{
	uint64_t unit = NSEC_PER_SEC, ns = 0;

	if (*s == '.' && isdigit((unsigned char)s[1])) {
		for (s++; isdigit((unsigned char)*s); s++) {
			unit /= 10;
			ns += unit * (*s - '0');
		}
	}
	*ret = ns;
	return strcmp(s, "Z") == 0 ? 0 : -EINVAL;
}

/* A moment as seconds since 1970 and ns: RFC 3339 in UTC, or a number of @per_s. */
static int parse_moment(const char *text, uint64_t per_s, uint64_t *ret_s, uint64_t *ret_ns)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	uint8_t whole[8];
	uint64_t v = 0;
	int r;

	if (rest) {
		time_t t = timegm(&tm);

		*ret_s = t;
		return t < 0 ? -EINVAL : parse_fraction(rest, ret_ns);
	}
	r = number_value(NULL, text, whole, sizeof(whole));
	for (size_t i = 0; i < sizeof(whole); i++)
		v = v << 8 | whole[i];
	*ret_s = v / per_s;
	*ret_ns = v % per_s * (NSEC_PER_SEC / per_s);
	return r;
}

static uint64_t per_second(enum ie_type type)
{
	return type == IE_SEC ? 1 : type == IE_MSEC ? 1000 : type == IE_NTP_US ? 1000000 : NSEC_PER_SEC;
}

static int time_value(const struct ie *e, const char *text, uint8_t *out, size_t len)
{
	uint64_t per_s = per_second(e->type), s, ns;
	int r = parse_moment(text, per_s, &s, &ns);

	if (r < 0)
		return r;
	if (e->type == IE_SEC || e->type == IE_MSEC) {
		if (s > UINT64_MAX / per_s - 1)
			return -ERANGE;
		return put_number(s * per_s + ns / (NSEC_PER_SEC / per_s), out, len);
	}
	if (len != 8 || s > UINT64_MAX / NSEC_PER_SEC - 1)
		return -ERANGE;
	ie_put(&(struct ie_field) {
			&(struct ie) { .type = e->type, .offset = offsetof(struct record, first_ns) }, 8,
	       }, &(struct record) { .first_ns = s * NSEC_PER_SEC + ns }, out);
	return 0;
}

uint16_t flow_value_room(const struct ie *e, uint16_t len)
{
	if (len != IE_VARLEN)
		return len;
	return e->max_bytes > IE_STRING_MAX ? e->max_bytes - 3 : e->max_bytes - 1;
}

/* As ie_put() writes a text; here too long a one is a fault. */
static int text_value(const struct ie *e, const char *text, uint8_t *out, size_t len)
{
	const struct ie own = { .type = IE_STRING, .offset = offsetof(struct record, iface),
				.max_bytes = e->max_bytes };

	if (strlen(text) > flow_value_room(e, len))
		return -ERANGE;
	ie_put(&(struct ie_field) { &own, len }, &(struct record) { .iface = text }, out);
	return 0;
}

static const struct kind {
	int (*value)(const struct ie *e, const char *text, uint8_t *out, size_t len);
	const char *wanted;
} number = { number_value, "a whole number" }, kinds[] = {
	[IE_IPV4] = { ipv4_value, "an IPv4 address (192.0.2.1 or 0xc0000201)" },
	[IE_IPV6] = { ipv6_value, "an IPv6 address (2001:db8::1 or 0x...)" },
	[IE_MAC] = { mac_value, "a MAC address (02:00:00:00:00:01 or 0x...)" },
	[IE_STRING] = { text_value, "text" },
	[IE_SEC] = { time_value, "seconds since 1970, or 2026-11-21T03:55:57Z" },
	[IE_MSEC] = { time_value, "milliseconds since 1970, or 2026-11-21T03:55:57.5Z" },
	[IE_NTP_US] = { time_value, "microseconds since 1970, or 2026-11-21T03:55:57.5Z" },
	[IE_NTP_NS] = { time_value, "nanoseconds since 1970, or 2026-11-21T03:55:57.5Z" },
};

static const struct kind *kind_of(const struct ie *e)
{
	return e->type < ARRAY_SIZE(kinds) && kinds[e->type].value ? &kinds[e->type] : &number;
}

int flow_value(const struct ie *e, const char *text, uint8_t *out, size_t len)
{
	return kind_of(e)->value(e, text, out, len);
}

const char *flow_value_wanted(const struct ie *e)
{
	return kind_of(e)->wanted;
}
