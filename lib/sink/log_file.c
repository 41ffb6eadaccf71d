// SPDX-License-Identifier: Apache-2.0
/*
 * A batch is one write, so lines of several writers never mix. A disk that fills up cuts one
 * line: the lines before it count as written, and the next batch ends the cut line before its
 * own, as it does with one of a killed process.
 */
#include "sink/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

#define READER_MS 1000

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
static int open_stdout(struct log_file *f)
{
	if (f->fd >= 0)
		return 0;
	f->fd = open("/proc/self/fd/1", O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC);
	if (f->fd < 0)
		f->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	return f->fd < 0 ? fail(-errno, "cannot write to standard output") : 0;
}

int log_file_reopen(struct log_file *f)
{
	int fd;

	if (!f->path)
		return open_stdout(f);
	fd = open(f->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		return fail(-errno, "cannot open the flow log '%s'", f->path);
	if (f->fd >= 0)
		close(f->fd);
	f->fd = fd;
	f->cut = is_cut(f->path);
	return 0;
}

int log_file_init(struct log_file *f, const char *name)
{
	int r;

	*f = (struct log_file) { .fd = -1 };
	if (strcmp(name, "stdout") != 0) {
		f->path = strdup(name);
		if (!f->path)
			return fail(-ENOMEM, "cannot open the flow log '%s'", name);
	}
	r = log_file_reopen(f);
	if (r < 0)
		log_file_deinit(f);
	return r;
}

void log_file_deinit(struct log_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	*f = (struct log_file) { .fd = -1 };
}

static bool wait_for_reader(const struct log_file *f, bool patient)
{
	struct pollfd p = { .fd = f->fd, .events = POLLOUT };

	return poll(&p, 1, patient ? READER_MS : 0) > 0;
}

static int write_all(const struct log_file *f, const char *data, size_t len, bool patient,
		     size_t *ret_done)
{
	*ret_done = 0;
	while (*ret_done < len) {
		ssize_t n = write(f->fd, data + *ret_done, len - *ret_done);

		if (n < 0 && (errno == EINTR || (errno == EAGAIN && wait_for_reader(f, patient))))
			continue;
		if (n < 0)
			return -errno;
		*ret_done += n;
	}
	return 0;
}

int log_file_write(struct log_file *f, const char *lines, size_t len, bool patient, size_t *ret_done)
{
	int r;

	*ret_done = 0;
	if (!len)
		return 0;
	if (f->cut) {
		size_t done;

		r = write_all(f, "\n", 1, patient, &done);
		if (r < 0)
			return r;
		f->cut = false;
	}
	r = write_all(f, lines, len, patient, ret_done);
	if (*ret_done)
		f->cut = lines[*ret_done - 1] != '\n';
	return r;
}
