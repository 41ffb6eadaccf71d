// SPDX-License-Identifier: Apache-2.0
/*
 * Two locks: one is held as long as a write takes, the other only to count, so that whoever
 * looks how things stand never waits for a disk.
 */
#include "sink/log_out.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "sink/log_text.h"

int log_out_new(const char *file, bool text, struct log_out **ret)
{
	struct log_out *out = calloc(1, sizeof(*out));
	int r;

	if (!out)
		return fail(-ENOMEM, "cannot open the flow log '%s'", file);
	r = log_file_init(&out->file, file);
	if (r < 0) {
		free(out);
		return r;
	}
	out->holders = 1;
	out->text = text;
	pthread_mutex_init(&out->file_lock, NULL);
	pthread_mutex_init(&out->lock, NULL);
	*ret = out;
	return 0;
}

struct log_out *log_out_hold(struct log_out *out)
{
	__atomic_add_fetch(&out->holders, 1, __ATOMIC_RELAXED);
	return out;
}

void log_out_let_go(struct log_out *out)
{
	if (!out || __atomic_sub_fetch(&out->holders, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	log_file_deinit(&out->file);
	pthread_mutex_destroy(&out->file_lock);
	pthread_mutex_destroy(&out->lock);
	free(out);
}

int log_out_reopen(struct log_out *out)
{
	int r;

	pthread_mutex_lock(&out->file_lock);
	r = log_file_reopen(&out->file);
	pthread_mutex_unlock(&out->file_lock);
	return r;
}

static uint64_t count_lines(const char *data, size_t len)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += data[i] == '\n';
	return n;
}

static void count(struct log_out *out, int err, uint64_t records, uint64_t written, size_t bytes)
{
	struct sink_stats *stats = &out->stats;

	pthread_mutex_lock(&out->lock);
	stats->records += written;
	stats->bytes += bytes;
	if (written)
		stats->last_export_ns = clock_real_ns();
	stats->errors += err < 0;
	stats->lost_records += err < 0 ? records - written : 0;
	out->trouble[0] = '\0';
	if (err < 0)
		snprintf(out->trouble, sizeof(out->trouble), "cannot write: %s", strerror(-err));
	pthread_mutex_unlock(&out->lock);
}

/* A reader that is slow is waited for, one that was slow already is not: nobody stalls for it. */
static bool is_patient(struct log_out *out)
{
	bool patient;

	pthread_mutex_lock(&out->lock);
	patient = !out->trouble[0];
	pthread_mutex_unlock(&out->lock);
	return patient;
}

int log_out_write(struct log_out *out, const struct strbuf *lines, uint64_t records)
{
	bool patient = is_patient(out);
	uint64_t written;
	size_t done = 0;
	int r = -ENOMEM;

	if (!lines->failed) {
		pthread_mutex_lock(&out->file_lock);
		r = log_file_write(&out->file, lines->data, lines->len, patient, &done);
		pthread_mutex_unlock(&out->file_lock);
	}
	written = r == 0 ? records : done ? count_lines(lines->data, done) : 0;
	count(out, r, records, written, done);
	return r;
}

int log_out_write_json(struct log_out *out, const struct strbuf *lines, uint64_t records,
		       bool unhooked)
{
	_cleanup_(strbuf_deinit) struct strbuf text = STRBUF_NULL;

	if (unhooked) {
		pthread_mutex_lock(&out->lock);
		out->stats.unhooked_records += records;
		pthread_mutex_unlock(&out->lock);
	}
	if (!out->text)
		return log_out_write(out, lines, records);
	text.failed = lines->failed;
	for (size_t at = 0; at < lines->len;)
		at += log_text_of_json(&text, lines->data + at, lines->len - at);
	return log_out_write(out, &text, records);
}

void log_out_hook_trouble(struct log_out *out, const char *trouble)
{
	pthread_mutex_lock(&out->lock);
	snprintf(out->hook_trouble, sizeof(out->hook_trouble), "%s", trouble);
	pthread_mutex_unlock(&out->lock);
}

void log_out_look(struct log_out *out, struct sink *ret)
{
	pthread_mutex_lock(&out->lock);
	ret->stats = out->stats;
	memcpy(ret->trouble, out->trouble[0] ? out->trouble : out->hook_trouble, sizeof(ret->trouble));
	pthread_mutex_unlock(&out->lock);
}
