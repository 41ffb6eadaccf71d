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
 * Compile the @n fields, at most ENCODE_ELEMENTS_MAX, for records of which ie_record_applies()
 * says of IE_GATES what @applies does. @fields is borrowed. NULL: no memory.
 */
struct encoder *encoder_new(const struct ie_field *fields, size_t n, unsigned applies);
/* For records whose own bytes (record.raw), @len unless they say more, are copied. The same. */
struct encoder *encoder_new_raw(size_t len);
void encoder_free(struct encoder *e);
/*
 * Write the fields of @r, one behind the other in network order, at @out, where ENCODE_SLACK
 * bytes more may be written to. @r: ie_record_applies() as compiled for. Returns the bytes
 * of the record, which are as many each time unless a field is of variable length.
 */
size_t encode(const struct encoder *e, const struct record *r, uint8_t *out);

#endif
