/* SPDX-License-Identifier: Apache-2.0 */
/* Time sanity of one record; a part of judge.c. */
#ifndef FLOWCTL_COLLECT_JUDGE_TIME_H
#define FLOWCTL_COLLECT_JUDGE_TIME_H

#include "collect/decode.h"

#define JUDGE_CLOCKS 6
/* Start and end by each clock that flows have, forward and reverse. Zeroed is empty. */
struct judge_times {
	struct {
		bool has_start, has_end;
		uint64_t start, end;
	} v[2][JUDGE_CLOCKS];
};

/* Note @v of the record @r, if it is a time of its flow. */
void judge_time_note(struct judge_times *t, const struct decode_record *r,
		     const struct schema_value *v);
/* Behind the last value: report what cannot be. */
void judge_time(const struct judge_times *t, const struct decode_record *r);

#endif
