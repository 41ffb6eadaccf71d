// SPDX-License-Identifier: Apache-2.0
/*
 * JSON lines. A batch is one write, so lines of several writers never mix and a full disk
 * cuts at most one; what could not be written is counted, told, and tried anew with the
 * next batch.
 */
#include "sink/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "flow/field.h"

#define BATCH_BYTES (64 * 1024)

struct sink_log {
	struct sink sink;
	char *path;		/* NULL = standard output */
	int fd;
	struct strbuf batch;
	uint64_t records;	/* in it */
};

static int open_file(struct sink_log *log)
{
	int fd;

	if (!log->path) {
		log->fd = STDOUT_FILENO;
		return 0;
	}
	fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		return fail(-errno, "cannot open the flow log '%s'", log->path);
	if (log->fd >= 0)
		close(log->fd);
	log->fd = fd;
	return 0;
}

static bool log_room(struct sink *s, const struct record *r)
{
	return ((struct sink_log *)s)->batch.len < BATCH_BYTES;
}

static int log_put(struct sink *s, const struct record *r)
{
	struct sink_log *log = (struct sink_log *)s;
	struct json j;

	json_init(&j, &log->batch, false);
	if (!log->records)
		field_set_timestamp(clock_real_ns());
	field_record_json(&j, NULL, r);
	strbuf_putc(&log->batch, '\n');
	log->records++;
	return 0;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= n;
	}
	return 0;
}

static int log_flush(struct sink *s)
{
	struct sink_log *log = (struct sink_log *)s;
	int r;

	if (!log->records)
		return 0;
	r = log->batch.failed ? -ENOMEM : write_all(log->fd, strbuf_str(&log->batch), log->batch.len);
	if (r == 0) {
		s->stats.records += log->records;
		s->stats.bytes += log->batch.len;
		s->stats.last_export_ns = clock_real_ns();
		s->trouble[0] = '\0';
	} else {
		s->stats.errors++;
		s->stats.lost_records += log->records;
		snprintf(s->trouble, sizeof(s->trouble), "cannot write: %s", strerror(-r));
	}
	log->records = 0;
	strbuf_reset(&log->batch);
	return r;
}

static int log_reopen(struct sink *s)
{
	return open_file((struct sink_log *)s);
}

static void log_close(struct sink *s)
{
	struct sink_log *log = (struct sink_log *)s;

	if (log->path && log->fd >= 0)
		close(log->fd);
	strbuf_deinit(&log->batch);
	free(log->path);
	free(log);
}

static const struct sink_ops sink_log_ops = {
	.name = "log",
	.room = log_room,
	.put = log_put,
	.flush = log_flush,
	.reopen = log_reopen,
	.close = log_close,
};

int sink_log_new(const char *file, struct sink **ret)
{
	struct sink_log *log = calloc(1, sizeof(*log));
	int r = 0;

	if (!log)
		return fail(-ENOMEM, "cannot open the flow log '%s'", file);
	log->sink.ops = &sink_log_ops;
	log->fd = -1;
	snprintf(log->sink.label, sizeof(log->sink.label), "log:%s", file);
	if (strcmp(file, "stdout") != 0) {
		log->path = strdup(file);
		r = log->path ? 0 : fail(-ENOMEM, "cannot open the flow log '%s'", file);
	}
	if (r == 0)
		r = open_file(log);
	if (r < 0) {
		log_close(&log->sink);
		return r;
	}
	*ret = &log->sink;
	return 0;
}
