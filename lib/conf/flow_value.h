/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody wrote for the value of an information element, as it goes on the wire. */
#ifndef FLOWCTL_CONF_FLOW_VALUE_H
#define FLOWCTL_CONF_FLOW_VALUE_H

#include <stddef.h>
#include <stdint.h>

#include "flow/ie.h"

/*
 * Write the value of @e that @text means into the @len bytes at @out, in network order; for
 * IE_VARLEN (texts) as many as it takes, its length first, up to IE_STRING_MAX + 3.
 * Whole numbers are decimal or 0x...; addresses are also 192.0.2.1, 2001:db8::1 and
 * 02:00:00:00:00:01; times are in the element's unit since 1970, or 2026-11-21T03:55:57.5Z.
 * A text in a field of IE_VARLEN comes with its length, ie_field_max() at the most.
 * -EINVAL: not such a value; -ERANGE: too large for @len. No sentence.
 */
int flow_value(const struct ie *e, const char *text, uint8_t *out, size_t len);
/* Octets that a value of @e may have in a field of @len bytes, or of IE_VARLEN. */
uint16_t flow_value_room(const struct ie *e, uint16_t len);
/* What it may be, for "must be ...". */
const char *flow_value_wanted(const struct ie *e);

#endif
