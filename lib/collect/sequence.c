// SPDX-License-Identifier: Apache-2.0
/*
 * See sequence.h. A number lower than expected may be a datagram that was overtaken, one that
 * came twice, or an exporter that began anew: gaps and the last messages are remembered to
 * tell them apart.
 */
#include "collect/sequence.h"

#include "base/cleanup.h"

static bool fill_gap(struct sequence *s, uint32_t sequence)
{
	for (unsigned i = 0; i < SEQUENCE_GAPS; i++) {
		if (s->gaps[i].n && sequence - s->gaps[i].from < s->gaps[i].n)
			return true;
	}
	return false;
}

static bool came_before(const struct sequence *s, uint32_t sequence, uint32_t export_s,
			uint32_t len)
{
	for (unsigned i = 0; i < SEQUENCE_RECENT; i++) {
		if (s->recent[i].len == len && s->recent[i].sequence == sequence &&
		    s->recent[i].export_s == export_s)
			return true;
	}
	return false;
}

static void note_gap(struct sequence *s, uint32_t from, uint32_t n)
{
	s->gaps[s->next_gap].from = from;
	s->gaps[s->next_gap].n = n;
	s->next_gap = (s->next_gap + 1) % SEQUENCE_GAPS;
	s->lost += n;
}

static void begin_at(struct sequence *s, uint32_t sequence)
{
	s->next = sequence;
	s->slack = 0;
	for (unsigned i = 0; i < SEQUENCE_GAPS; i++)
		s->gaps[i].n = 0;
	for (unsigned i = 0; i < SEQUENCE_RECENT; i++)
		s->recent[i].len = 0;
}

static enum sequence_verdict judge_lower(struct sequence *s, uint32_t sequence, uint32_t *ret_n)
{
	*ret_n = s->next - sequence;
	begin_at(s, sequence);
	return sequence == 0 ? SEQUENCE_RESTART : SEQUENCE_BACK;
}

enum sequence_verdict sequence_check(struct sequence *s, uint32_t sequence, uint32_t export_s,
				     uint32_t len_bytes, uint32_t *ret_n)
{
	enum sequence_verdict verdict = SEQUENCE_OK;
	uint32_t ahead = sequence - s->next;

	*ret_n = 0;
	s->aside = false;
	if (!s->begun) {
		s->begun = true;
		begin_at(s, sequence);
		verdict = SEQUENCE_FIRST;
	} else if (ahead <= s->slack) {
		s->next = sequence;
	} else if (ahead < UINT32_C(1) << 31) {
		*ret_n = ahead - s->slack;
		note_gap(s, s->next + s->slack, ahead - s->slack);
		s->next = sequence;
		verdict = SEQUENCE_GAP;
	} else if (came_before(s, sequence, export_s, len_bytes)) {
		verdict = SEQUENCE_AGAIN;
	} else if (fill_gap(s, sequence)) {
		verdict = SEQUENCE_LATE;
	} else {
		verdict = judge_lower(s, sequence, ret_n);
	}
	s->aside = verdict == SEQUENCE_AGAIN || verdict == SEQUENCE_LATE;
	if (!s->aside)
		s->slack = 0;
	s->recent[s->next_recent].sequence = sequence;
	s->recent[s->next_recent].export_s = export_s;
	s->recent[s->next_recent].len = len_bytes;
	s->next_recent = (s->next_recent + 1) % SEQUENCE_RECENT;
	return verdict;
}

void sequence_advance(struct sequence *s, uint32_t n, uint32_t unread)
{
	if (s->aside) {
		s->lost -= n < s->lost ? n : s->lost;
		return;
	}
	s->next += n;
	s->slack += unread;
}
