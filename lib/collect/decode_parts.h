/* SPDX-License-Identifier: Apache-2.0 */
/* What the decoder's own files share; nobody else includes it. */
#ifndef FLOWCTL_COLLECT_DECODE_PARTS_H
#define FLOWCTL_COLLECT_DECODE_PARTS_H

#include "collect/decode.h"

/* A set or flowset: @w is its content. They report what is wrong and go on with what is right. */
void decode_template_set(struct decode_message *m, struct wire w, enum schema_kind kind);
void decode_template_set_v9(struct decode_message *m, struct wire w, enum schema_kind kind);
void decode_data_set(struct decode_message *m, struct wire w, uint16_t id);

/* What is left of a set: padding, which is zero (RFC 7011 3.3.1). */
void decode_padding(struct decode_message *m, const struct wire *w, size_t shortest_record);

/* A record of element types (RFC 5610). */
void decode_types(const struct decode_message *m, const struct decode_record *r);
/* Behind the last set: name the templates anew, if types were told. */
void decode_types_apply(const struct decode_message *m);

/* Sequence numbers, before the sets and behind them. */
void decode_sequence_begin(const struct decode_message *m);
void decode_sequence_end(const struct decode_message *m);

#endif
