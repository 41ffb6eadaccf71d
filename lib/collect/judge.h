/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can only be seen by looking at what a stream says, not at how it is built: lengths
 * that types cannot have, times that cannot be. Findings go to the decoder's handler.
 */
#ifndef FLOWCTL_COLLECT_JUDGE_H
#define FLOWCTL_COLLECT_JUDGE_H

#include "collect/decode.h"

/* To be called as the handler's functions of the same names. */
void judge_message(const struct decode_message *m);
void judge_schema(const struct decode_message *m, const struct schema *s, const uint8_t *at);
void judge_record(const struct decode_record *r);

#endif
