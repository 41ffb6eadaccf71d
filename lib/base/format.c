// SPDX-License-Identifier: Apache-2.0
/*
 * See format.h. IPv6 as RFC 5952 says: the first of the longest runs of two groups of zero or
 * more becomes "::". Addresses that begin with 80 bits of zero are left to inet_ntop(), which
 * shows some of them as IPv4.
 */
#include "base/format.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define GROUPS 8

static const char pairs[201] =
	"0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243"
	"4445464748495051525354555657585960616263646566676869707172737475767778798081828384858687"
	"888990919293949596979899";

char *format_2(char *to, unsigned v)
{
	memcpy(to, pairs + 2 * v, 2);
	return to + 2;
}

char *format_u64(char *to, uint64_t v)
{
	char text[FORMAT_U64_MAX], *p = text + sizeof(text);

	for (; v >= 100; v /= 100)
		format_2(p -= 2, v % 100);
	if (v >= 10)
		format_2(p -= 2, v);
	else
		*--p = '0' + v;
	memcpy(to, p, text + sizeof(text) - p);
	return to + (text + sizeof(text) - p);
}

char *format_size(char *to, uint64_t bytes)
{
	static const char units[] = "KMGTPE";
	char text[32];
	double v = bytes / 1024.0;
	int i = 0;

	if (bytes < 1024)
		return format_u64(to, bytes);
	/* What would be shown as 1024.00 of a unit is 1.00 of the next. */
	for (; v >= 1023.995 && units[i + 1]; i++)
		v /= 1024;
	return mempcpy(to, text, snprintf(text, sizeof(text), "%.2f %ciB", v, units[i]));
}

char *format_ip4(char *to, const uint8_t addr[4])
{
	for (int i = 0; i < 4; i++) {
		if (i)
			*to++ = '.';
		to = format_u64(to, addr[i]);
	}
	return to;
}

static unsigned group(const uint8_t addr[16], int i)
{
	return addr[2 * i] << 8 | addr[2 * i + 1];
}

static char *format_group(char *to, unsigned v)
{
	static const char digits[] = "0123456789abcdef";

	for (int shift = v > 0xfff ? 12 : v > 0xff ? 8 : v > 0xf ? 4 : 0; shift >= 0; shift -= 4)
		*to++ = digits[v >> shift & 0xf];
	return to;
}

/* Where the longest run of zeros begins; *ret_len: its groups, 0 for one alone. */
static int longest_run(const uint8_t addr[16], int *ret_len)
{
	int at = 0;

	*ret_len = 1;
	for (int i = 0; i < GROUPS; i++) {
		int n = 0;

		while (i + n < GROUPS && !group(addr, i + n))
			n++;
		if (n > *ret_len) {
			at = i;
			*ret_len = n;
		}
		i += n;
	}
	if (*ret_len == 1)
		*ret_len = 0;
	return at;
}

char *format_ip6(char *to, const uint8_t addr[16])
{
	static const uint8_t zero[10];
	int len, at = longest_run(addr, &len);

	if (memcmp(addr, zero, sizeof(zero)) == 0) {
		char text[INET6_ADDRSTRLEN];

		inet_ntop(AF_INET6, addr, text, sizeof(text));
		memcpy(to, text, strlen(text));
		return to + strlen(text);
	}
	for (int i = 0; i < GROUPS; i++) {
		if (len && i == at) {
			*to++ = ':';
			i += len - 1;
			if (i == GROUPS - 1)
				*to++ = ':';
			continue;
		}
		if (i)
			*to++ = ':';
		to = format_group(to, group(addr, i));
	}
	return to;
}
