/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 has it: names come from the system as any bytes, and leave well-formed. */
#ifndef FLOWCTL_BASE_UTF8_H
#define FLOWCTL_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the well-formed character at @s, which ends with a zero; 0 when there is none. */
size_t utf8_len(const unsigned char *s);
/*
 * Copy @s to @out, @max bytes at most and no part of a character; a byte that is none of one
 * becomes '?'. Returns how many bytes it wrote; no zero is put behind them.
 */
size_t utf8_copy(uint8_t *out, size_t max, const char *s);

#endif
