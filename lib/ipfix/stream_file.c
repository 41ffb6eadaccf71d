// SPDX-License-Identifier: Apache-2.0
/*
 * A file as outlet (RFC 5655). It is written at once or not at all: where the disk is full
 * the batch is lost, told, and the file ends with the last message that is whole.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "ipfix/stream_internal.h"

static int file_open(struct stream *s, const struct stream_config *c)
{
	return stream_disk_init(&s->disk, c->remote, s->options_every_ns);
}

static void tell(struct stream *s, int err)
{
	s->sink.trouble[0] = '\0';
	if (!err)
		return;
	s->sink.stats.errors++;
	snprintf(s->sink.trouble, sizeof(s->sink.trouble), "cannot write: %s", strerror(-err));
}

static int write_out(struct stream *s, struct stream_message *m)
{
	struct stream_domain *d;
	uint64_t written;
	int r = stream_disk_append(&s->disk, m, s->options, &s->scratch, UINT64_MAX, &written);

	tell(s, r);
	if (r < 0)
		return r;
	d = stream_voice_domain(&s->disk.voice, m->domain);
	/* Templates went ahead. */
	s->sink.stats.bytes += written - m->len;
	stream_count_sent(s, d, m);
	stream_count_sure(s, m);
	return 0;
}

static int file_take(struct stream *s, struct stream_message *m)
{
	int r = write_out(s, m);

	if (r < 0)
		stream_count_lost(s, m);
	stream_message_free(m);
	return r;
}

static int file_reopen(struct stream *s)
{
	return stream_disk_reopen(&s->disk);
}

static void file_close(struct stream *s)
{
	stream_disk_deinit(&s->disk);
}

static bool file_is_up(const struct stream *s)
{
	return !s->sink.trouble[0];
}

static struct stream_voice *file_voice(struct stream *s)
{
	return &s->disk.voice;
}

const struct stream_outlet stream_outlet_file = {
	.open = file_open,
	.take = file_take,
	.take_options = file_take,
	.reopen = file_reopen,
	.close = file_close,
	.is_up = file_is_up,
	.is_idle = file_is_up,
	.voice = file_voice,
};
