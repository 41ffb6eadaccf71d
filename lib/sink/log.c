// SPDX-License-Identifier: Apache-2.0
/*
 * JSON lines. A batch is one write, so lines of several writers never mix. A disk that fills
 * up cuts one line: the lines before it count as written, the rest as lost, it is told, and
 * the next batch ends the cut line before its own, as it does with one of a killed process.
 */
#include "sink/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "flow/field.h"

#define BATCH_BYTES (64 * 1024)
#define READER_MS 1000

struct sink_log {
	struct sink sink;
	char *path;		/* NULL = standard output */
	int fd;
	struct strbuf batch;
	uint64_t records;	/* in it */
	bool cut;		/* the file ends within a line of ours */
};

/* Does the file end within a line? Its writer was killed;
 * a file that is not read is taken as whole. */
static bool is_cut(const char *path)
{
	_cleanup_(closep) int fd = -1;
	struct stat st;
	char last;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || !st.st_size)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n';
}

/*
 * Opened anew, so that only our side does not wait: whoever shares our standard output keeps
 * its mode. What cannot be opened (a socket) is used as it is.
 */
static int open_stdout(struct sink_log *log)
{
	if (log->fd >= 0)
		return 0;
	log->fd = open("/proc/self/fd/1", O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC);
	if (log->fd < 0)
		log->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	return log->fd < 0 ? fail(-errno, "cannot write to standard output") : 0;
}

static int open_file(struct sink_log *log)
{
	int fd;

	if (!log->path) {
		return open_stdout(log);
	}
	fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		return fail(-errno, "cannot open the flow log '%s'", log->path);
	if (log->fd >= 0)
		close(log->fd);
	log->fd = fd;
	log->cut = is_cut(log->path);
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

/* Write @data; *ret_done bytes of it got there, whatever is returned. */
/* A reader that is slow is waited for, one that was slow already is not: flush() never stalls. */
static bool wait_for_reader(const struct sink_log *log)
{
	struct pollfd p = { .fd = log->fd, .events = POLLOUT };

	return poll(&p, 1, log->sink.trouble[0] ? 0 : READER_MS) > 0;
}

static int write_all(const struct sink_log *log, const char *data, size_t len, size_t *ret_done)
{
	*ret_done = 0;
	while (*ret_done < len) {
		ssize_t n = write(log->fd, data + *ret_done, len - *ret_done);

		if (n < 0 && (errno == EINTR || (errno == EAGAIN && wait_for_reader(log))))
			continue;
		if (n < 0)
			return -errno;
		*ret_done += n;
	}
	return 0;
}

static int write_batch(struct sink_log *log, size_t *ret_done)
{
	size_t done;

	*ret_done = 0;
	if (log->batch.failed)
		return -ENOMEM;
	if (log->cut) {
		int r = write_all(log, "\n", 1, &done);

		if (r < 0)
			return r;
		log->cut = false;
	}
	return write_all(log, log->batch.data, log->batch.len, ret_done);
}

static uint64_t count_lines(const char *data, size_t len)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += data[i] == '\n';
	return n;
}

static void count(struct sink_log *log, int err, size_t done)
{
	struct sink_stats *stats = &log->sink.stats;
	uint64_t written = done ? count_lines(log->batch.data, done) : 0;

	stats->records += written;
	stats->bytes += done;
	if (written)
		stats->last_export_ns = clock_real_ns();
	if (done)
		log->cut = log->batch.data[done - 1] != '\n';
	stats->errors += err < 0;
	stats->lost_records += log->records - written;
	log->sink.trouble[0] = '\0';
	if (err < 0)
		snprintf(log->sink.trouble, sizeof(log->sink.trouble), "cannot write: %s",
			 strerror(-err));
}

static int log_flush(struct sink *s)
{
	struct sink_log *log = (struct sink_log *)s;
	size_t done;
	int r;

	if (!log->records)
		return 0;
	r = write_batch(log, &done);
	count(log, r, done);
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

	if (log->fd >= 0)
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

int sink_log_new(const struct log_config *config, struct sink **ret)
{
	const char *file = config->file;
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
