// SPDX-License-Identifier: Apache-2.0
/*
 * No flow ends before it starts, and none starts or ends after its message was sent: the
 * export time is in whole seconds, so the end of that second is the limit (RFC 7011 5.1).
 */
#include "collect/judge_time.h"

#include "base/cleanup.h"
#include "base/clock.h"

#define NTP_TO_UNIX UINT64_C(2208988800)

/* In ns since 1970. */
static uint64_t from_seconds(const uint8_t *p)
{
	return wire_be32(p) * NSEC_PER_SEC;
}

static uint64_t from_ms(const uint8_t *p)
{
	uint64_t ms = wire_be64(p);

	return ms < UINT64_MAX / NSEC_PER_MSEC ? ms * NSEC_PER_MSEC : UINT64_MAX;
}

static uint64_t from_ntp(const uint8_t *p)
{
	uint64_t s = wire_be32(p);

	s += s < NTP_TO_UNIX ? UINT64_C(1) << 32 : 0;
	return (s - NTP_TO_UNIX) * NSEC_PER_SEC + (wire_be32(p + 4) * NSEC_PER_SEC >> 32);
}

static uint64_t from_u32(const uint8_t *p)
{
	return wire_be32(p);
}

enum kind { ABSOLUTE, BEFORE_EXPORT, UPTIME };
static const struct clock {
	uint16_t start, end;
	uint8_t kind, len;
	bool micro;
	uint64_t (*read)(const uint8_t *p);
} clocks[JUDGE_CLOCKS] = {
	{ 150, 151, ABSOLUTE, 4, false, from_seconds },	 /* flowStartSeconds */
	{ 152, 153, ABSOLUTE, 8, false, from_ms },	 /* flowStartMilliseconds */
	{ 154, 155, ABSOLUTE, 8, true, from_ntp },	 /* flowStartMicroseconds */
	{ 156, 157, ABSOLUTE, 8, false, from_ntp },	 /* flowStartNanoseconds */
	{ 158, 159, BEFORE_EXPORT, 4, false, from_u32 }, /* flowStartDeltaMicroseconds */
	{ 22, 21, UPTIME, 4, false, from_u32 },		 /* flowStartSysUpTime */
};

/* Most elements are none: only the few are looked for in the table. */
static bool is_time(uint16_t id)
{
	return (id >= 150 && id <= 159) || id == 21 || id == 22;
}

void judge_time_note(struct judge_times *t, const struct decode_record *r,
		     const struct schema_value *v)
{
	unsigned way = v->field->pen == ELEMENT_REVERSE_PEN;

	if ((v->field->pen && !way) || !is_time(v->field->id))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		const struct clock *c = &clocks[i];

		if ((v->field->id != c->start && v->field->id != c->end) || v->len != c->len)
			continue;
		/* Said of what does not apply, and of an unknown time (RFC 5905 6). */
		if (c->kind == ABSOLUTE && wire_be(v->data, v->len) == 0)
			continue;
		if (v->field->id == c->start) {
			t->v[way][i].has_start = true;
			t->v[way][i].start = c->read(v->data);
		} else {
			t->v[way][i].has_end = true;
			t->v[way][i].end = c->read(v->data);
		}
		if (c->micro && (wire_be32(v->data + 4) & 0x7ff))
			decode_find(r->message, RULE_NTP_FRACTION, v->data,
				    "%.*s has fraction 0x%08x", v->field->name_len, v->field->name,
				    wire_be32(v->data + 4));
	}
}

static bool is_backwards(const struct clock *c, uint64_t start, uint64_t end)
{
	switch (c->kind) {
	case ABSOLUTE:
		return end < start;
	case BEFORE_EXPORT:
		return end > start;
	default: /* wraps after 49 days */
		return (int32_t)((uint32_t)end - (uint32_t)start) < 0;
	}
}

static void judge_after(const struct decode_record *r, const struct clock *c, const char *what,
			uint64_t at)
{
	const struct decode_message *m = r->message;
	uint64_t limit = ((uint64_t)m->export_s + 1) * NSEC_PER_SEC;

	if (c->kind == ABSOLUTE && at >= limit)
		decode_find(m, RULE_TIME_AFTER_EXPORT, r->data, "%s %.3f s after the export time",
			    what, (double)(at - limit) / NSEC_PER_SEC + 1);
	if (c->kind == UPTIME && m->version == 9 && (int32_t)((uint32_t)at - m->uptime_ms) > 0)
		decode_find(m, RULE_TIME_AFTER_EXPORT, r->data,
			    "%s at up-time %u, the message says %u", what, (unsigned)at,
			    m->uptime_ms);
}

void judge_time(const struct judge_times *t, const struct decode_record *r)
{
	for (size_t way = 0; way < 2; way++) {
		for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
			bool has_start = t->v[way][i].has_start, has_end = t->v[way][i].has_end;
			uint64_t start = t->v[way][i].start, end = t->v[way][i].end;

			if (has_start && has_end && is_backwards(&clocks[i], start, end))
				decode_find(r->message, RULE_END_BEFORE_START, r->data,
					    "element %u is before element %u", clocks[i].end,
					    clocks[i].start);
			if (has_start)
				judge_after(r, &clocks[i], "starts", start);
			if (has_end)
				judge_after(r, &clocks[i], "ends", end);
		}
	}
}
