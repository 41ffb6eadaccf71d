// SPDX-License-Identifier: Apache-2.0
/* See parse.h. No strtol: it takes white space, signs and trailing rubbish for numbers. */
#include "base/parse.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/clock.h"

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

int parse_u64(const char *s, uint64_t max, uint64_t *ret)
{
	bool too_big = false;
	unsigned base = 10;
	uint64_t v = 0;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
	}
	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		unsigned d = digit_value(*s);

		if (d >= base)
			return -EINVAL;
		/* What follows may still show that it is no number at all. */
		too_big = too_big || v > (UINT64_MAX - d) / base;
		v = v * base + d;
	}
	if (too_big || v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

/* Of addresses: "10.0.0.0/0x8" is nobody's notation. */
static int parse_decimal(const char *s, uint64_t max, uint64_t *ret)
{
	return s[strspn(s, "0123456789")] ? -EINVAL : parse_u64(s, max, ret);
}

static const struct {
	const char *unit;
	uint64_t ns;
} duration_units[] = {
	{ "", NSEC_PER_SEC }, { "us", NSEC_PER_USEC }, { "ms", NSEC_PER_MSEC },
	{ "s", NSEC_PER_SEC }, { "m", 60 * NSEC_PER_SEC }, { "h", 3600 * NSEC_PER_SEC },
};

static int duration_unit(const char *s, uint64_t *ret)
{
	for (size_t i = 0; i < sizeof(duration_units) / sizeof(duration_units[0]); i++) {
		if (strcmp(s, duration_units[i].unit) == 0) {
			*ret = duration_units[i].ns;
			return 0;
		}
	}
	return -EINVAL;
}

int parse_duration(const char *s, uint64_t *ret_ns)
{
	size_t whole_len = strspn(s, "0123456789"), fraction_len = 0;
	const char *fraction = s + whole_len;
	uint64_t whole, unit, ns, part;
	char digits[24];
	int r;

	if (whole_len == 0)
		return -EINVAL;
	if (whole_len >= sizeof(digits))
		return -ERANGE;
	memcpy(digits, s, whole_len);
	digits[whole_len] = '\0';
	if (*fraction == '.') {
		fraction++;
		fraction_len = strspn(fraction, "0123456789");
		if (fraction_len == 0)
			return -EINVAL;
	}
	r = duration_unit(fraction + fraction_len, &unit);
	if (r == 0)
		r = parse_u64(digits, UINT64_MAX / unit, &whole);
	if (r < 0)
		return r;
	ns = whole * unit;
	part = unit;
	for (size_t i = 0; i < fraction_len && part >= 10; i++) {
		part /= 10;
		if (__builtin_add_overflow(ns, (fraction[i] - '0') * part, &ns))
			return -ERANGE;
	}
	*ret_ns = ns;
	return 0;
}

int parse_prefix(const char *s, struct parse_prefix *ret)
{
	struct parse_prefix p = { 0 };
	const char *slash = strchr(s, '/');
	size_t len = slash ? (size_t)(slash - s) : strlen(s);
	char addr[INET6_ADDRSTRLEN];
	uint64_t bits;

	if (len >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, s, len);
	addr[len] = '\0';
	if (inet_pton(AF_INET, addr, p.addr) == 1)
		p.family = 4;
	else if (inet_pton(AF_INET6, addr, p.addr) == 1)
		p.family = 6;
	else
		return -EINVAL;
	bits = p.family == 4 ? 32 : 128;
	if (slash && parse_decimal(slash + 1, bits, &bits) < 0)
		return -EINVAL;
	p.len_bits = bits;
	*ret = p;
	return 0;
}

int parse_endpoint(const char *s, struct parse_endpoint *ret)
{
	struct parse_endpoint e = { 0 };
	const char *colon = strrchr(s, ':');
	size_t len = colon ? (size_t)(colon - s) : 0;
	uint64_t port;

	if (!colon || parse_decimal(colon + 1, 65535, &port) < 0)
		return -EINVAL;
	if (len >= 2 && s[0] == '[' && s[len - 1] == ']') {
		s++;
		len -= 2;
	} else if (memchr(s, ':', len)) {
		return -EINVAL;		/* an IPv6 address wants brackets */
	}
	if (len == 0 || len >= sizeof(e.host))
		return -EINVAL;
	memcpy(e.host, s, len);
	if (e.host[strcspn(e.host, "[]")])
		return -EINVAL;
	e.port = port;
	*ret = e;
	return 0;
}

static int lower(char c)
{
	return tolower((unsigned char)c);
}

#define WORD_MAX 64

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/*
 * How many letters are wrong, missing, too many, or have changed places with the next one:
 * Damerau's distance, of words short enough to be names.
 */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][WORD_MAX + 1], la = strlen(a), lb = strlen(b);

	if (la > WORD_MAX || lb > WORD_MAX)
		return 2 * WORD_MAX;
	for (unsigned j = 0; j <= lb; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= la; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		row[0] = i;
		for (unsigned j = 1; j <= lb; j++) {
			row[j] = least(above[j - 1] + (lower(a[i - 1]) != lower(b[j - 1])),
				       least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
	}
	return rows[la % 3][lb];
}

/* Further off than a third of its letters a word is another one. */
const char *parse_nearest(const char *s, const char *const *words)
{
	size_t len = strlen(s);
	unsigned best = len / 3 + 1;
	const char *found = NULL;

	for (; *words; words++) {
		unsigned d = distance(s, *words);

		/* Its beginning alone is one mistake; of two letters it is none, for they may have none. */
		if (len >= 2 && d > 1 && strncmp(s, *words, len) == 0)
			d = len >= 3;
		if (d < best) {
			best = d;
			found = *words;
		}
	}
	return found;
}
