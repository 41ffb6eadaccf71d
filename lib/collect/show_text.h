/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, addresses and hexadecimal behind a pointer, without a terminating 0. */
#ifndef FLOWCTL_COLLECT_SHOW_TEXT_H
#define FLOWCTL_COLLECT_SHOW_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline char *show_put(char *out, const char *s, size_t len)
{
	memcpy(out, s, len);
	return out + len;
}

#define SHOW_PUT(out_, literal_) show_put(out_, literal_, sizeof(literal_) - 1)

/* Each returns the end of what it wrote. */
char *show_u64(char *out, uint64_t v); /* 20 bytes at most */
char *show_s64(char *out, int64_t v);
char *show_digits(char *out, uint32_t v, unsigned n);	    /* exactly @n, with leading zeros */
char *show_hex(char *out, const uint8_t *p, size_t len);    /* "0x0a0b", no quotes */
char *show_ipv4(char *out, const uint8_t *p);		    /* 15 at most */
char *show_ipv6(char *out, const uint8_t *p);		    /* 45 at most; RFC 5952 */
char *show_mac(char *out, const uint8_t *p);		    /* 17 */
char *show_string(char *out, const uint8_t *p, size_t len); /* 6 * len at most, no quotes */

/* Bytes of the character at @p, 0: not UTF-8 (RFC 3629). */
size_t show_utf8(const uint8_t *p, size_t len);

#endif
