/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes compared with what the eye can read: pairs of hex digits, blanks where one likes. */
#ifndef FLOWCTL_TESTS_HEX_H
#define FLOWCTL_TESTS_HEX_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static inline bool is_hex(const uint8_t *bytes, size_t len, const char *want)
{
	size_t n = 0;
	bool same = true;

	for (; *want; want++) {
		char byte[3] = "00";

		if (*want == ' ')
			continue;
		byte[0] = *want++;
		byte[1] = *want;
		same &= n < len && bytes[n] == strtoul(byte, NULL, 16);
		n++;
	}
	if (same && n == len)
		return true;
	printf("# %zu bytes, wanted %zu:", len, n);
	for (size_t i = 0; i < len; i++)
		printf(" %02x", bytes[i]);
	printf("\n");
	return false;
}

#endif
