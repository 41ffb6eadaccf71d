// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <pthread.h>

#include "base/error.h"
#include "test.h"

TEST(without_a_failure_there_is_no_sentence)
{
	error_clear();
	CHECK_STR(error_message(), "");
	CHECK(!error_hint_text());
	CHECK(error_exit_status() == ERROR_FAILED);
}

TEST(fail_ends_with_the_reason_of_the_system)
{
	error_clear();
	CHECK(fail(-ENOENT, "cannot open '%s'", "blue") == -ENOENT);
	CHECK_STR(error_message(), "cannot open 'blue': No such file or directory");
	CHECK(error_exit_status() == 1);
}

TEST(fail_plain_says_no_more_than_it_was_given)
{
	CHECK(fail_plain(-EEXIST, "%d agents run already", 1) == -EEXIST);
	CHECK_STR(error_message(), "1 agents run already");
	CHECK(error_exit_status() == 1);
}

TEST(usage_and_system_have_exit_statuses_of_their_own)
{
	CHECK(fail_usage("unknown word '%s'", "x") == -EINVAL);
	CHECK(error_exit_status() == 2);
	CHECK(fail_system(-ENOSYS, "no bpffs") == -ENOSYS);
	CHECK(error_exit_status() == 3);
	CHECK_STR(error_message(), "no bpffs");
	fail(-EIO, "x");
	CHECK(error_exit_status() == 1);
}

TEST(context_goes_before_the_sentence_and_keeps_its_class)
{
	fail_usage("not a number");
	CHECK(fail_context(-EINVAL, "line %d", 3) == -EINVAL);
	CHECK_STR(error_message(), "line 3: not a number");
	CHECK(error_exit_status() == 2);
}

TEST(the_sentence_may_be_built_from_the_sentence)
{
	fail_plain(-EIO, "inner");
	fail_plain(-EIO, "outer (%s)", error_message());
	CHECK_STR(error_message(), "outer (inner)");
}

TEST(a_very_long_argument_is_cut_and_the_reason_stays)
{
	static const char reason[] = "x: Input/output error";
	static char text[4000];
	size_t len;

	memset(text, 'x', sizeof(text) - 1);
	fail(-EIO, "%s", text);
	len = strlen(error_message());
	CHECK(len > 100 && len < sizeof(text));
	CHECK_STR(error_message() + len - strlen(reason), reason);
	for (int i = 0; i < 10; i++)
		fail_context(-EIO, "y%s", text);
	CHECK(error_message()[0] == 'y');
	len = strlen(error_message());
	CHECK(len <= 1023);
	CHECK_STR(error_message() + len - strlen(reason), reason);
	error_hint("%s", text);
	CHECK(strlen(error_hint_text()) == 255);
}

TEST(a_sentence_is_one_line_whatever_it_quotes)
{
	fail_usage("unknown option '%s'", "--a\nb\x1b[31m");
	fail_context(-EINVAL, "%s", "file\t1");
	error_hint("%s", "a\nb");
	CHECK_STR(error_message(), "file?1: unknown option '--a?b?[31m'");
	CHECK_STR(error_hint_text(), "a?b");
}

TEST(context_alone_is_the_sentence)
{
	error_clear();
	fail_context(-EINVAL, "line %d", 3);
	CHECK_STR(error_message(), "line 3");
}

TEST(a_hint_is_kept_by_the_failure_that_follows_it)
{
	error_clear();
	error_hint("did you mean '%s'?", "attach");
	fail_usage("unknown word 'atach'");
	CHECK_STR(error_hint_text(), "did you mean 'attach'?");
	error_clear();
	CHECK(!error_hint_text());
}

static void *fail_elsewhere(void *arg)
{
	fail_usage("elsewhere");
	return NULL;
}

TEST(every_thread_has_its_own)
{
	pthread_t t;

	error_clear();
	fail_plain(-EIO, "here");
	CHECK(pthread_create(&t, NULL, fail_elsewhere, NULL) == 0);
	pthread_join(t, NULL);
	CHECK_STR(error_message(), "here");
	CHECK(error_exit_status() == 1);
}

TEST(an_error_is_kept_while_something_else_fails)
{
	struct error_kept kept;

	error_clear();
	error_hint("try this");
	fail_usage("the first");
	error_keep(&kept);
	error_clear();
	fail_system(-ENOENT, "the second");
	error_restore(&kept);
	CHECK_STR(error_message(), "the first");
	CHECK_STR(error_hint_text(), "try this");
	CHECK(error_exit_status() == ERROR_USAGE);
}
