/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record as a line of text, key=value, blanks between:
 *
 *	src=10.1.0.2 dst=10.2.0.2 proto=TCP starttime=... endtime=... pkts=6 bytes=481 version=3 ...
 *
 * The first seven are src_ip, dst_ip, proto, first_seen, last_seen, packets and bytes of
 * lib/flow/field.h, the rest has its keys and their order. What is null is left out. A value
 * with blanks, quotes, '=' or control characters, and one that is empty, is written as a JSON
 * string; what a hook made an array or object of, as a JSON string that holds it.
 */
#ifndef FLOWCTL_SINK_LOG_TEXT_H
#define FLOWCTL_SINK_LOG_TEXT_H

#include "base/strbuf.h"
#include "flow/record.h"

/* Append the line of @r, its end included. */
void log_text_of_record(struct strbuf *out, const struct record *r);
/* The same with field_extra(). */
void log_text_of_record_extra(struct strbuf *out, const struct record *r);
/*
 * Append the same of a JSON object, which is right and without white space, one line of @len
 * bytes at @json. Returns how many bytes its line has, with its end. A key of its own that is
 * called src takes the place of src_ip, and so on.
 */
size_t log_text_of_json(struct strbuf *out, const char *json, size_t len);

#endif
