// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture.h"
#include "flows.h"
#include "sink/log.h"
#include "test.h"

static char dir[] = "/tmp/flowctl-test-XXXXXX";
static char path[64], rotated[64];

static struct sink *open_log(void)
{
	struct sink *s = NULL;

	if (!path[0]) {
		if (!mkdtemp(dir))
			return NULL;
		snprintf(path, sizeof(path), "%s/flow.log", dir);
		snprintf(rotated, sizeof(rotated), "%s/flow.log.1", dir);
	}
	unlink(path);
	return sink_log_new(&(struct log_config) { .file = path }, &s) == 0 ? s : NULL;
}

static void put(struct sink *s, int n)
{
	struct record r = flow(6, "10.0.0.1", 1, "10.0.0.2", 2);

	for (int i = 0; i < n; i++)
		s->ops->put(s, &r);
}

static char *content(const char *file)
{
	_cleanup_(closep) int fd = open(file, O_RDONLY | O_CLOEXEC);
	char *text = calloc(1, 1 << 20);

	if (text && (fd < 0 || read(fd, text, (1 << 20) - 1) < 0))
		text[0] = '\0';
	return text;
}

static int lines(const char *file)
{
	_cleanup_(freep) char *text = content(file);
	int n = 0;

	for (const char *p = text; *p; p++)
		n += *p == '\n';
	return n;
}

static void finish(struct sink *s)
{
	s->ops->close(s);
	unlink(path);
	unlink(rotated);
	rmdir(dir);
	mkdir(dir, 0700);
}

TEST(a_batch_is_written_at_flush_and_appended)
{
	struct sink *s = open_log();

	CHECK(s && !strncmp(s->label, "log:/tmp/", 9));
	put(s, 3);
	CHECK(lines(path) == 0);
	CHECK(s->ops->flush(s) == 0 && lines(path) == 3);
	CHECK(s->stats.records == 3 && s->stats.lost_records == 0 && s->stats.last_export_ns);
	CHECK(s->ops->flush(s) == 0 && s->stats.records == 3);
	s->ops->close(s);
	CHECK(sink_log_new(&(struct log_config) { .file = path }, &s) == 0);
	put(s, 2);
	CHECK(s->ops->flush(s) == 0 && lines(path) == 5);
	finish(s);
}

TEST(a_rotated_file_is_left_at_reopen)
{
	struct sink *s = open_log();

	CHECK(s);
	put(s, 1);
	s->ops->flush(s);
	CHECK(rename(path, rotated) == 0);
	put(s, 1);
	s->ops->flush(s);
	CHECK(lines(rotated) == 2);
	CHECK(s->ops->reopen(s) == 0);
	put(s, 4);
	s->ops->flush(s);
	CHECK(lines(rotated) == 2 && lines(path) == 4 && s->stats.records == 6);
	finish(s);
}

/* When the folder went away the old file stays in use. */
TEST(a_reopen_that_fails_keeps_the_file)
{
	struct sink *s = open_log();

	CHECK(s);
	CHECK(unlink(path) == 0 && rmdir(dir) == 0);
	error_clear();
	CHECK(s->ops->reopen(s) == -ENOENT);
	CHECK(strstr(error_message(), "cannot open the flow log '/tmp/"));
	put(s, 1);
	CHECK(s->ops->flush(s) == 0 && s->stats.records == 1);
	CHECK(mkdir(dir, 0700) == 0);
	finish(s);
}

TEST(standard_output_is_a_log_too)
{
	struct capture c = capture_begin();
	struct sink *s = NULL;
	char *text;
	int r = sink_log_new(&(struct log_config) { .file = "stdout" }, &s);

	if (r == 0) {
		put(s, 2);
		s->ops->flush(s);
		s->ops->close(s);
	}
	text = capture_end(&c);
	CHECK(r == 0 && text && !strncmp(text, "{\"version\":\"3\"", 14) && strstr(text, "}\n{"));
	free(text);
}

TEST(a_full_device_is_counted_and_told)
{
	struct sink *s = NULL;

	if (access("/dev/full", W_OK) < 0)
		SKIP("no /dev/full");
	CHECK(sink_log_new(&(struct log_config) { .file = "/dev/full" }, &s) == 0);
	put(s, 3);
	CHECK(s->ops->flush(s) == -ENOSPC);
	CHECK(s->stats.errors == 1 && s->stats.lost_records == 3 && s->stats.records == 0);
	CHECK_STR(s->trouble, "cannot write: No space left on device");
	s->ops->close(s);
}

/* RLIMIT_FSIZE stands for a disk that fills up within a batch: EFBIG behind a part. */
TEST(a_line_that_was_cut_spoils_no_other)
{
	struct rlimit old, small;
	struct sink *s = open_log();
	_cleanup_(freep) char *text = NULL;
	size_t one;
	const char *end;

	CHECK(s);
	put(s, 1);
	s->ops->flush(s);
	one = s->stats.bytes;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 2 * one + one / 2;
	setrlimit(RLIMIT_FSIZE, &small);
	put(s, 3);
	s->ops->flush(s);
	setrlimit(RLIMIT_FSIZE, &old);
	CHECK_STR(s->trouble, "cannot write: File too large");
	CHECK(s->stats.records == 2 && s->stats.lost_records == 2 && s->stats.errors == 1);
	put(s, 1);
	CHECK(s->ops->flush(s) == 0 && !s->trouble[0] && s->stats.records == 3);
	text = content(path);
	CHECK(strlen(text) == 2 * one + one / 2 + 1 + one);
	end = text + strlen(text) - one;
	CHECK(end[-1] == '\n' && !strncmp(end, "{\"version\"", 10));
	finish(s);
}

/* A writer that was killed within its write. */
TEST(a_line_that_another_process_has_cut_spoils_no_other)
{
	static const char part[] = "{\"version\":\"3\",\"times";
	_cleanup_(freep) char *text = NULL;
	struct sink *s;
	FILE *f;

	s = open_log();
	CHECK(s);
	s->ops->close(s);
	f = fopen(path, "w");
	CHECK(f && fputs(part, f) >= 0 && fclose(f) == 0);
	CHECK(sink_log_new(&(struct log_config) { .file = path }, &s) == 0);
	put(s, 1);
	CHECK(s->ops->flush(s) == 0);
	text = content(path);
	CHECK(!strncmp(text, part, strlen(part)));
	CHECK(!strncmp(text + strlen(part), "\n{\"version\"", 11));
	finish(s);
}

TEST(a_batch_has_an_end)
{
	struct sink *s = open_log();
	struct record r = flow(6, "10.0.0.1", 1, "10.0.0.2", 2);
	int n = 0;

	CHECK(s);
	for (; n < 1000 && s->ops->room(s, &r); n++)
		s->ops->put(s, &r);
	CHECK(n > 10 && n < 1000);
	s->ops->flush(s);
	CHECK(s->ops->room(s, &r) && lines(path) == n);
	finish(s);
}

TEST(a_log_that_cannot_be_opened_says_so)
{
	struct sink *s = NULL;

	error_clear();
	CHECK(sink_log_new(&(struct log_config) { .file = "/nonexistent/flow.log" }, &s) == -ENOENT && !s);
	CHECK_STR(error_message(),
		  "cannot open the flow log '/nonexistent/flow.log': No such file or directory");
	rmdir(dir);
}
