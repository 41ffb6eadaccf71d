// SPDX-License-Identifier: Apache-2.0
/*
 * A character is well-formed when it has its continuation bytes, is not longer than need be,
 * and is no surrogate and none beyond U+10FFFF (RFC 3629 3 and 4).
 */
#include "base/utf8.h"

#include <string.h>

size_t utf8_len(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 :
		   s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

size_t utf8_copy(uint8_t *out, size_t max, const char *s)
{
	size_t len = 0;

	while (*s) {
		size_t n = utf8_len((const unsigned char *)s);

		if (len + (n ? n : 1) > max)
			break;
		if (n)
			memcpy(out + len, s, n);
		else
			out[len] = '?';
		len += n ? n : 1;
		s += n ? n : 1;
	}
	return len;
}
