/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A template compiled to a copy program: what ie_put() does element by element, for a
 * whole record and without asking what each element is.
 */
#ifndef FLOWCTL_IPFIX_ENCODE_H
#define FLOWCTL_IPFIX_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "flow/ie.h"

struct encoder;

/* What encode() may write beyond the record. */
#define ENCODE_SLACK 16
#define ENCODE_ELEMENTS_MAX 64

/*
 * Compile the @n elements, at most ENCODE_ELEMENTS_MAX, for records whose gates (struct ie)
 * are open as @applies says. @elements is borrowed. NULL: no memory.
 */
struct encoder *encoder_new(const struct ie *const *elements, size_t n, unsigned applies);
/* For records whose own @len bytes (record.raw) are copied. NULL: no memory. */
struct encoder *encoder_new_raw(size_t len);
void encoder_free(struct encoder *e);
/*
 * Write the elements of @r, one behind the other in network order, at @out, where
 * ENCODE_SLACK bytes more may be written to. @r: ie_record_applies() as compiled for.
 */
void encode(const struct encoder *e, const struct record *r, uint8_t *out);

#endif
