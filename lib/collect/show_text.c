// SPDX-License-Identifier: Apache-2.0
/*
 * See show_text.h. Own code where the C library's costs more than the decoding of the value:
 * a record has twenty of them.
 */
#include "collect/show_text.h"

#include <arpa/inet.h>

static const char hex[] = "0123456789abcdef";

char *show_u64(char *out, uint64_t v)
{
	char buf[20], *p = buf + sizeof(buf);

	do {
		*--p = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return show_put(out, p, (size_t)(buf + sizeof(buf) - p));
}

char *show_s64(char *out, int64_t v)
{
	if (v >= 0)
		return show_u64(out, (uint64_t)v);
	*out++ = '-';
	return show_u64(out, -(uint64_t)v);
}

char *show_digits(char *out, uint32_t v, unsigned n)
{
	for (unsigned i = n; i--; v /= 10)
		out[i] = (char)('0' + v % 10);
	return out + n;
}

static char *put_octet(char *out, uint8_t v)
{
	*out++ = hex[v >> 4];
	*out++ = hex[v & 15];
	return out;
}

char *show_hex(char *out, const uint8_t *p, size_t len)
{
	out = SHOW_PUT(out, "0x");
	for (size_t i = 0; i < len; i++)
		out = put_octet(out, p[i]);
	return out;
}

char *show_ipv4(char *out, const uint8_t *p)
{
	for (int i = 0; i < 4; i++) {
		if (i)
			*out++ = '.';
		if (p[i] >= 100)
			*out++ = (char)('0' + p[i] / 100);
		if (p[i] >= 10)
			*out++ = (char)('0' + p[i] / 10 % 10);
		*out++ = (char)('0' + p[i] % 10);
	}
	return out;
}

char *show_ipv6(char *out, const uint8_t *p)
{
	char buf[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, p, buf, sizeof(buf));
	return show_put(out, buf, strlen(buf));
}

char *show_mac(char *out, const uint8_t *p)
{
	for (int i = 0; i < 6; i++) {
		if (i)
			*out++ = ':';
		out = put_octet(out, p[i]);
	}
	return out;
}

size_t show_utf8(const uint8_t *p, size_t len)
{
	size_t n = p[0] < 0x80	 ? 1
		   : p[0] < 0xc2 ? 0
		   : p[0] < 0xe0 ? 2
		   : p[0] < 0xf0 ? 3
		   : p[0] < 0xf5 ? 4
				 : 0;

	if (n == 0 || n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	/* Longer than need be, surrogates, beyond U+10FFFF. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

char *show_string(char *out, const uint8_t *p, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		n = show_utf8(p + i, len - i);
		if (n == 0) {
			out = SHOW_PUT(out, "\xef\xbf\xbd"); /* U+FFFD */
			n = 1;
		} else if (p[i] < 0x20 || p[i] == 0x7f) {
			out = put_octet(SHOW_PUT(out, "\\u00"), p[i]);
		} else {
			if (p[i] == '"' || p[i] == '\\')
				*out++ = '\\';
			out = show_put(out, (const char *)p + i, n);
		}
	}
	return out;
}
