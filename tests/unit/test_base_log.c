// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "test.h"

static int saved, ends[2];
static char text[8192];

/* From here to released(), standard error is a pipe. */
static void catch_stderr(void)
{
	saved = dup(STDERR_FILENO);
	if (pipe2(ends, O_CLOEXEC) < 0)
		abort();
	dup2(ends[1], STDERR_FILENO);
}

static const char *released(void)
{
	ssize_t n;

	dup2(saved, STDERR_FILENO);
	close(saved);
	close(ends[1]);
	n = read(ends[0], text, sizeof(text) - 1);
	close(ends[0]);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

TEST(a_line_has_the_name_of_who_tells_it)
{
	unsetenv("JOURNAL_STREAM");
	log_set_name("flowctl agent");
	catch_stderr();
	log_info("%d records", 3);
	CHECK_STR(released(), "flowctl agent: 3 records\n");
	log_set_name("flowctl");
}

TEST(a_line_stays_one_line)
{
	unsetenv("JOURNAL_STREAM");
	catch_stderr();
	log_info("%s", "a\nb\x1b");
	CHECK_STR(released(), "flowctl: a?b?\n");
}

TEST(what_is_above_the_level_is_not_told)
{
	CHECK(log_level() == LOG_LEVEL_INFO);
	catch_stderr();
	log_debug("debug");
	log_info("info");
	log_set_level(LOG_LEVEL_ERROR);
	log_info("info");
	log_warning("warning");
	log_error("error");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("debug");
	log_set_level(LOG_LEVEL_INFO);
	CHECK_STR(released(), "flowctl: info\nflowctl: error\nflowctl: debug\n");
}

static void pretend_journal(int fd)
{
	char stream[64];
	struct stat st;

	if (fstat(fd, &st) < 0)
		abort();
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
}

/* sd-daemon(3): SD_ERR is <3>, SD_WARNING <4>, SD_INFO <6>, SD_DEBUG <7>. */
TEST(the_journal_is_told_the_priority)
{
	catch_stderr();
	pretend_journal(STDERR_FILENO);
	log_set_level(LOG_LEVEL_DEBUG);
	log_error("e");
	log_warning("w");
	log_info("i");
	log_debug("d");
	log_set_level(LOG_LEVEL_INFO);
	unsetenv("JOURNAL_STREAM");
	CHECK_STR(released(), "<3>flowctl: e\n<4>flowctl: w\n<6>flowctl: i\n<7>flowctl: d\n");
}

/* systemd.exec(5): a process must compare, for the variable outlives a redirection. */
TEST(an_inherited_variable_does_not_make_a_file_the_journal)
{
	catch_stderr();
	setenv("JOURNAL_STREAM", "1:1", 1);
	log_info("i");
	setenv("JOURNAL_STREAM", "nonsense", 1);
	log_info("j");
	unsetenv("JOURNAL_STREAM");
	CHECK_STR(released(), "flowctl: i\nflowctl: j\n");
}

TEST(a_very_long_line_is_cut_and_ended)
{
	static char longest[5000];
	const char *s;

	memset(longest, 'x', sizeof(longest) - 1);
	catch_stderr();
	log_info("%s", longest);
	s = released();
	CHECK(strlen(s) > 1000 && strlen(s) < 1400 && s[strlen(s) - 1] == '\n');
}
