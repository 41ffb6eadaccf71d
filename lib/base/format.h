/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers and addresses as text, where a million of them are wanted a second: what printf()
 * and inet_ntop() give, to the byte. No final zero is written; each returns the end.
 */
#ifndef FLOWCTL_BASE_FORMAT_H
#define FLOWCTL_BASE_FORMAT_H

#include <stdint.h>

#define FORMAT_U64_MAX 20
#define FORMAT_IP_MAX 45
#define FORMAT_SIZE_MAX 11 /* 1023.99 KiB */

/* Decimal, FORMAT_U64_MAX bytes at most. */
char *format_u64(char *to, uint64_t v);
/* Two digits of what is below 100. */
char *format_2(char *to, unsigned v);
/*
 * Octets for people, in powers of 1024, rounded to two digits behind the point: "882",
 * "11.45 KiB", "129.18 MiB", up to EiB; FORMAT_SIZE_MAX bytes at most.
 */
char *format_size(char *to, uint64_t bytes);
/* The first 4 bytes of @addr, or all 16; FORMAT_IP_MAX bytes at most. */
char *format_ip4(char *to, const uint8_t addr[4]);
char *format_ip6(char *to, const uint8_t addr[16]);

#endif
