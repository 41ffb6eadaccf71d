// SPDX-License-Identifier: Apache-2.0
/*
 * Sequence numbers to findings. IPFIX counts data records, options data too; NetFlow 9 counts
 * messages.
 */
#include <stdio.h>

#include "collect/decode_parts.h"

static bool is_reliable(const struct decode_message *m)
{
	return m->session->transport != DECODE_UDP && m->session->transport != DECODE_FILE;
}

static void begin_domain(const struct decode_message *m)
{
	m->domain->whole = m->sequence == 0 || is_reliable(m);
	if (m->sequence && is_reliable(m) && m->session->transport != DECODE_SCTP)
		decode_find(m, RULE_SEQUENCE_START, m->data + 8,
			    "the first message has sequence %u", m->sequence);
}

/* Its templates may be others from now on, at once. */
static void begin_again(struct decode_domain *d)
{
	d->whole = true;
	for (size_t i = 0; i < SCHEMA_BUCKETS; i++) {
		for (struct schema *s = d->schemas.bucket[i]; s; s = s->next)
			s->interval_ns = 0;
	}
}

void decode_sequence_begin(const struct decode_message *m)
{
	struct sequence *s = &m->domain->sequence;
	const uint8_t *at = m->data + (m->version == 9 ? 12 : 8);
	const char *what = m->version == 9 ? "messages" : "records";
	uint32_t n, expected = s->next;

	switch (sequence_check(s, m->sequence, m->export_s, m->len, &n)) {
	case SEQUENCE_OK:
		break;
	case SEQUENCE_FIRST:
		begin_domain(m);
		break;
	case SEQUENCE_GAP:
		m->domain->whole = false;
		decode_find(m, RULE_SEQUENCE_GAP, at,
			    "sequence %u where %u was expected: %u %s missing", m->sequence,
			    expected, n, what);
		break;
	case SEQUENCE_LATE:
		decode_find(m, RULE_SEQUENCE_LATE, at, "sequence %u comes late", m->sequence);
		break;
	case SEQUENCE_AGAIN:
		decode_find(m, RULE_SEQUENCE_LATE, at, "sequence %u comes again", m->sequence);
		break;
	case SEQUENCE_RESTART:
		begin_again(m->domain);
		decode_find(m, is_reliable(m) ? RULE_SEQUENCE_BACK : RULE_RESTART, at,
			    "the sequence begins at 0 where %u was expected", expected);
		break;
	case SEQUENCE_BACK:
		m->domain->whole = false;
		decode_find(m, RULE_SEQUENCE_BACK, at,
			    "sequence %u where %u was expected: %u %s back", m->sequence, expected,
			    n, what);
		break;
	}
}

void decode_sequence_end(const struct decode_message *m)
{
	if (m->version == 9)
		sequence_advance(&m->domain->sequence, 1, 0);
	else
		sequence_advance(&m->domain->sequence, m->n_records, m->unread_bytes);
}
