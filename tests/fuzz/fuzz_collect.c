// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes into the decoder, the judge and both printers. An input is a script: an octet
 * that chooses the transport, then messages, each behind two octets of length and one of how
 * many seconds passed. What must hold: no report of a sanitizer, memory within its bound, and
 * lines that are lines.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collect/judge.h"
#include "collect/show.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct show shows[2] = { { .format = SHOW_TEXT }, { .format = SHOW_NDJSON } };

static void on_finding(void *arg, const struct finding *f)
{
	const struct rule_row *row = rule_row(f->rule);

	assert(row->name && row->clause && row->says);
	assert(strlen(f->text) < sizeof(f->text) && !strchr(f->text, '\n'));
}

static void on_message(void *arg, const struct decode_message *m)
{
	judge_message(m);
}

static void on_schema(void *arg, const struct decode_message *m, const struct schema *s,
		      const uint8_t *at)
{
	judge_schema(m, s, at);
}

static void on_record(void *arg, const struct decode_record *r)
{
	judge_record(r);
	for (int i = 0; i < 2; i++) {
		struct show *s = &shows[i];

		s->len = 0;
		assert(show_record(s, r) == 0);
		assert(s->len && s->len <= s->cap && s->data[s->len - 1] == '\n');
		assert(!memchr(s->data, '\n', s->len - 1) && !memchr(s->data, '\0', s->len));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t budget = 1 << 20;
	struct decode d = {
		.handler = { on_finding, on_message, on_schema, on_record, NULL },
		.lifetime_ns = 60 * UINT64_C(1000000000),
		.budget_bytes = &budget,
	};
	struct wire w = wire_of(data, size);
	uint64_t now_ns = UINT64_C(1795233357) * 1000000000;
	struct decode_session *s;
	const uint8_t *message;
	uint8_t transport, passed;
	uint16_t len;

	if (!wire_u8(&w, &transport))
		return 0;
	s = decode_session_new(transport % (DECODE_FILE + 1), "192.0.2.1:4739");
	while (s && wire_u16(&w, &len) && wire_u8(&w, &passed)) {
		uint8_t *copy;

		if (len > wire_left(&w))
			len = wire_left(&w);
		wire_take(&w, len, &message);
		/* Alone in its memory, so that one octet too far is found. */
		copy = malloc(len ? len : 1);
		memcpy(copy, message, len);
		now_ns += passed * UINT64_C(1000000000);
		decode_message(&d, s, copy, len, now_ns);
		free(copy);
		assert(s->schema_bytes <= DECODE_SESSION_BYTES);
	}
	decode_session_free(&d, s);
	assert(budget == 1 << 20);
	return 0;
}
