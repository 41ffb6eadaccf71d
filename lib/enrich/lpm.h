/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Longest-prefix match over a set of prefixes that is built once: collect them, build, look
 * up. Some 9 bytes (IPv4) or 21 bytes (IPv6) for each end of a prefix.
 */
#ifndef FLOWCTL_ENRICH_LPM_H
#define FLOWCTL_ENRICH_LPM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/parse.h"

struct lpm;

/* NULL: no memory. */
struct lpm *lpm_new(void);
void lpm_free(struct lpm *l);
/* Before lpm_build(). Bits beyond the length do not count; of equal prefixes the last one
 * counts. 0 or -ENOMEM, without a sentence. */
int lpm_add(struct lpm *l, const struct parse_prefix *p, uint32_t value);
/* Once, at the end. 0 or -ENOMEM, without a sentence. */
int lpm_build(struct lpm *l);
/*
 * The longest prefix that holds @addr (@family 4: its first four bytes): *ret_value and its
 * length in bits, *ret_len. False: there is none.
 */
bool lpm_find(const struct lpm *l, uint8_t family, const uint8_t *addr, uint32_t *ret_value,
	      uint8_t *ret_len);

#endif
