// SPDX-License-Identifier: Apache-2.0
/*
 * The sequences of IPFIX sessions are kept in the tables' control blocks, where they outlive
 * the process; the newest of them counts. A table keeps those of other domains only as long
 * as it has places, for they are kept elsewhere too.
 */
#include "agent/internal.h"

#include <errno.h>

static struct ctl_stream *stream_find(struct table *t, uint64_t session, uint32_t domain)
{
	for (size_t i = 0; i < CTL_STREAMS; i++) {
		struct ctl_stream *s = &t->ctl->stream[i];

		if (s->session == session && s->domain == domain)
			return s;
	}
	return NULL;
}

/* A place for a stream of the table's @own domain: a free one, one of another domain, or any. */
static struct ctl_stream *stream_place(struct table *t, uint64_t session, uint32_t domain,
				       uint32_t own)
{
	struct ctl_stream *other = NULL;

	for (size_t i = 0; i < CTL_STREAMS; i++) {
		struct ctl_stream *s = &t->ctl->stream[i];

		if (!s->session)
			return s;
		if (s->domain != own)
			other = s;
	}
	if (domain != own)
		return NULL;
	return other ? other : &t->ctl->stream[session % CTL_STREAMS];
}

static int sequence_get(void *arg, uint64_t session, uint32_t domain, uint32_t *ret)
{
	struct agent *a = arg;
	bool found = false;

	for (size_t i = 0; i < a->n_tables; i++) {
		struct ctl_stream *s = stream_find(a->tables[i].table, session, domain);

		if (!s || (found && (int32_t)(s->sequence - *ret) <= 0))
			continue;
		*ret = s->sequence;
		found = true;
	}
	return found ? 0 : -ENOENT;
}

static void sequence_set(void *arg, uint64_t session, uint32_t domain, uint32_t sequence)
{
	struct agent *a = arg;

	for (size_t i = 0; i < a->n_tables; i++) {
		struct table *t = a->tables[i].table;
		uint32_t own = a->conf->domain ? a->conf->domain : a->tables[i].names.domain;
		struct ctl_stream *s = stream_find(t, session, domain);

		if (!s)
			s = stream_place(t, session, domain, own);
		if (s)
			*s = (struct ctl_stream) { session, domain, sequence };
	}
}

struct sequence_ops sequence_kept_by(struct agent *a)
{
	return (struct sequence_ops) { sequence_get, sequence_set, a };
}
