// SPDX-License-Identifier: Apache-2.0
/* Single runs of single hooks: real programs, each with its own way to fail. */
#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "sink/hook.h"
#include "test.h"

static const char record[] = "{\"a\":18446744073709551615,\"b\":\"x y\"}\n";

/* One run of a hook and what came of it. */
static struct {
	enum hook_fault fault;
	char out[1 << 16];
	uint64_t n;
	char why[HOOK_WHY_MAX];
	uint64_t took_ns;
} got;

static uint64_t deadline_ns;
static int wake_fd = -1;

static int run_with(const struct log_hook *config, size_t records)
{
	_cleanup_(strbuf_deinit) struct strbuf in = STRBUF_NULL, out = STRBUF_NULL;
	_cleanup_(hook_dir_deinit) struct hook_dir dir = { .lock_fd = -1 };
	_cleanup_(hook_deinit) struct hook h = { 0 };
	struct hook_limit limit = { wake_fd, &deadline_ns };
	uint64_t start = clock_boot_ns();

	signal(SIGPIPE, SIG_IGN);
	if (hook_dir_init(&dir) < 0 || hook_init(&h, config, &dir, 0) < 0)
		return -1;
	for (size_t i = 0; i < records; i++)
		strbuf_puts(&in, record);
	memset(&got, 0, sizeof(got));
	got.fault = hook_run(&h, &dir, &limit, &in, &out, &got.n, got.why);
	got.took_ns = clock_boot_ns() - start;
	snprintf(got.out, sizeof(got.out), "%s", strbuf_str(&out));
	return 0;
}

static int shell(const char *text)
{
	return run_with(&(struct log_hook) { .name = "it", .shell = text, .timeout_ns = 10 * NSEC_PER_SEC }, 2);
}

static int shell_for(const char *text, uint64_t timeout_ns)
{
	return run_with(&(struct log_hook) { .name = "it", .shell = text, .timeout_ns = timeout_ns }, 2);
}

static int command(const char *line)
{
	return run_with(&(struct log_hook) { .name = "it", .command = line, .timeout_ns = 10 * NSEC_PER_SEC }, 2);
}

TEST(what_a_hook_prints_are_the_records)
{
	CHECK(command("cat") == 0 && got.fault == HOOK_OK && got.n == 2);
	CHECK_STR(got.out, "{\"a\":18446744073709551615,\"b\":\"x y\"}\n"
			   "{\"a\":18446744073709551615,\"b\":\"x y\"}\n");
	CHECK(command("/bin/echo '[ {\"n\" : 1.0},\n {\"n\":9007199254740993} , { } ]'") == 0);
	CHECK(got.fault == HOOK_OK && got.n == 3);
	CHECK_STR(got.out, "{\"n\":1.0}\n{\"n\":9007199254740993}\n{}\n");
	CHECK(shell("cat >/dev/null; echo '[]'") == 0 && got.fault == HOOK_OK && got.n == 0 && !got.out[0]);
}

/* wc and od of coreutils say what arrived. */
TEST(a_hook_is_given_an_array)
{
	CHECK(shell("read x; printf '[{\"got\":%s}]' \"$x\"") == 0 && got.fault == HOOK_OK);
	CHECK_STR(got.out, "{\"got\":[{\"a\":18446744073709551615,\"b\":\"x y\"},"
			   "{\"a\":18446744073709551615,\"b\":\"x y\"}]}\n");
}

TEST(records_larger_than_any_pipe_go_through)
{
	struct log_hook cat = { .name = "cat", .command = "cat", .timeout_ns = 20 * NSEC_PER_SEC };

	CHECK(run_with(&cat, 50000) == 0 && got.fault == HOOK_OK && got.n == 50000);
	/* One that answers only when it has read all. */
	CHECK(run_with(&(struct log_hook) { .name = "x", .timeout_ns = 20 * NSEC_PER_SEC,
					    .shell = "x=$(cat); printf %s \"$x\"" }, 20000) == 0);
	CHECK(got.fault == HOOK_OK && got.n == 20000);
}

TEST(a_failed_exit_is_told_with_its_reason)
{
	CHECK(shell("echo 'no such\tname' >&2; echo more >&2; cat; exit 3") == 0);
	CHECK(got.fault == HOOK_EXIT && got.n == 0 && !got.out[0]);
	CHECK_STR(got.why, "ended with exit status 3: no such?name");
	CHECK(command("false") == 0 && got.fault == HOOK_EXIT);
	CHECK_STR(got.why, "ended with exit status 1");
	CHECK(shell("kill -SEGV $$") == 0 && got.fault == HOOK_SIGNAL);
	CHECK_STR(got.why, "was killed by signal 11");
}

TEST(a_program_that_is_not_there_is_told)
{
	CHECK(command("/nonexistent/program") == 0 && got.fault == HOOK_NOT_STARTED);
	CHECK_STR(got.why, "cannot be started: No such file or directory");
	CHECK(command("/etc/passwd") == 0 && got.fault == HOOK_NOT_STARTED);
	CHECK(shell("flowctl-no-such-program") == 0 && got.fault == HOOK_EXIT);
	CHECK(!strncmp(got.why, "ended with exit status 127: ", 28) && strstr(got.why, "not found"));
}

TEST(rubbish_is_found)
{
	static const char *const bad[] = {
		":", "echo", "echo hello", "echo '{}'", "echo '[1]'", "echo '[{}'", "echo '[{}] x'",
		"echo '[{}][{}]'", "echo '[{},]'", "echo '[[{}]]'", "echo '[{\"a\":01}]'", "echo null",
		"printf '[{\"a\":\"\\377\"}]'", "printf '[{\"a\":\"x\\ny\"}]'", "printf '[{}]\\0'",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK(shell(bad[i]) == 0);
		if (got.fault != HOOK_RUBBISH)
			printf("# %s\n", bad[i]);
		CHECK(got.fault == HOOK_RUBBISH && got.n == 0 && !got.out[0]);
		CHECK_STR(got.why, "printed no JSON array of objects");
	}
}

TEST(output_has_an_end)
{
	CHECK(command("yes '[{}]'") == 0 && got.fault == HOOK_TOO_MUCH);
	CHECK_STR(got.why, "printed more than 16 MiB");
	CHECK(shell("yes >&2 & yes >&2 & sleep 0.2; kill %1 %2; cat") == 0 && got.fault == HOOK_OK);
}

TEST(a_hook_that_hangs_is_killed_at_its_time)
{
	CHECK(shell_for("cat; sleep 100", NSEC_PER_SEC / 2) == 0 && got.fault == HOOK_TIMEOUT);
	CHECK_STR(got.why, "did not end within 0.5 s");
	CHECK(got.took_ns >= NSEC_PER_SEC / 2 && got.took_ns < 5 * NSEC_PER_SEC);
	/* One that stops itself, ignores what can be ignored, or never stops to complain. */
	CHECK(shell_for("trap '' TERM INT HUP; kill -STOP $$", NSEC_PER_SEC / 5) == 0);
	CHECK(got.fault == HOOK_TIMEOUT && got.took_ns < 5 * NSEC_PER_SEC);
	CHECK(shell_for("exec yes >&2", NSEC_PER_SEC / 5) == 0);
	CHECK(got.fault == HOOK_TIMEOUT && got.took_ns < 5 * NSEC_PER_SEC);
}

TEST(a_hook_may_leave_its_input_unread)
{
	struct log_hook h = { .name = "x", .shell = "exec 0<&-; sleep 0.1; echo '[{}]'",
			      .timeout_ns = 10 * NSEC_PER_SEC };

	CHECK(run_with(&h, 50000) == 0 && got.fault == HOOK_OK && got.n == 1);
	h.shell = "echo '[{}]'";
	CHECK(run_with(&h, 50000) == 0 && got.fault == HOOK_OK && got.n == 1);
}

static bool is_alive(const char *file)
{
	_cleanup_(fclosep) FILE *f = fopen(file, "r"), *stat = NULL;
	char path[64], state = 'Z';
	int pid = 0;

	if (!f || fscanf(f, "%d", &pid) != 1)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	stat = fopen(path, "r");
	return stat && fscanf(stat, "%*d (%*[^)]) %c", &state) == 1 && state != 'Z';
}

static bool dies(const char *file)
{
	for (int i = 0; i < 500 && is_alive(file); i++)
		clock_sleep_ns(10 * NSEC_PER_MSEC);
	return !is_alive(file);
}

/* It holds the pipes open, and is neither waited for nor left alive. */
TEST(children_in_the_background_go_with_it)
{
	char file[] = "/tmp/flowctl-test-XXXXXX", text[128];
	int fd = mkstemp(file);

	CHECK(fd >= 0);
	close(fd);
	snprintf(text, sizeof(text), "sleep 100 & echo $! >%s; cat", file);
	CHECK(shell(text) == 0 && got.fault == HOOK_OK && got.n == 2 && got.took_ns < 5 * NSEC_PER_SEC);
	CHECK(dies(file));
	snprintf(text, sizeof(text), "sleep 100 & echo $! >%s; cat; wait", file);
	CHECK(shell_for(text, NSEC_PER_SEC / 2) == 0 && got.fault == HOOK_TIMEOUT && dies(file));
	/* One in a group of its own is out of reach, and not waited for either. */
	snprintf(text, sizeof(text), "setsid sh -c 'echo $$ >%s; sleep 6' & cat", file);
	CHECK(shell(text) == 0 && got.fault == HOOK_OK && got.took_ns < 5 * NSEC_PER_SEC);
	unlink(file);
}

TEST(its_place_is_private_and_goes)
{
	char path[512] = "";
	struct stat st;

	unsetenv("TMPDIR");
	CHECK(shell("test \"$PWD\" = \"$TMPDIR\" -a \"$HOME\" = \"$TMPDIR\" -a -z \"$(ls -A)\" || exit 9; "
		    "mkdir -p a/b; touch a/b/c 'x y'; ln -s / a/root; chmod 0 a/b; "
		    "printf '[{\"mode\":\"%s\",\"dir\":\"%s\"}]' $(stat -c %a . ..)") == 0);
	CHECK(got.fault == HOOK_OK && !strncmp(got.out, "{\"mode\":\"700\",\"dir\":\"700\"}", 26));
	CHECK(shell("printf '[{\"dir\":\"%s\"}]' $PWD") == 0 && got.fault == HOOK_OK);
	snprintf(path, sizeof(path), "%.500s", got.out + 8);
	*strchrnul(path, '"') = '\0';
	CHECK(!strncmp(path, "/tmp/flowctl-hooks-", 19) && stat(path, &st) < 0 && errno == ENOENT);
	*strrchr(path, '/') = '\0';
	CHECK(stat(path, &st) < 0 && errno == ENOENT);
}

/* What a killed process left is removed by the next; what a living one uses stays. */
TEST(what_the_dead_have_left_is_removed)
{
	char stale[] = "/tmp/flowctl-hooks-stale1", file[64];
	struct hook_dir alive = { .lock_fd = -1 }, next = { .lock_fd = -1 };
	struct stat st;

	CHECK(hook_dir_init(&alive) == 0);
	CHECK(mkdir(stale, 0700) == 0);
	snprintf(file, sizeof(file), "%s/work", stale);
	CHECK(mkdir(file, 0700) == 0 && symlink("/tmp", "/tmp/flowctl-hooks-stale1/link") == 0);
	CHECK(hook_dir_init(&next) == 0);
	CHECK(stat(stale, &st) < 0 && stat(alive.path, &st) == 0 && stat(next.path, &st) == 0);
	hook_dir_deinit(&next);
	hook_dir_deinit(&alive);
}

TEST(its_environment_is_clean)
{
	setenv("SECRET_OF_TEST", "x", 1);
	CHECK(command("env -0") == 0 && got.fault == HOOK_RUBBISH);
	CHECK(shell("printf '[{\"env\":\"%s\"}]' \"$(env -u PWD -u OLDPWD -u SHLVL -u _ | cut -d= -f1 | "
		    "sort | tr '\\n' ' ')\"") == 0);
	CHECK_STR(got.out, "{\"env\":\"FLOWCTL_HOOK HOME LANG PATH TMPDIR \"}\n");
	unsetenv("SECRET_OF_TEST");
}

/* By /proc of the hook itself. Signals 32 and 33 are the C library's own. */
TEST(it_inherits_no_descriptor_and_no_signal_state)
{
	sigset_t all, before;
	char leaked[] = "/tmp/flowctl-test-leak-XXXXXX";
	int leak = mkstemp(leaked), r;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	signal(SIGUSR1, SIG_IGN);
	r = shell("exec 9</proc/self/status; while read k v <&9; do "
		  "case $k in SigBlk:) b=$((0x$v));; SigIgn:) i=$((0x$v & 0x7fffffff));; esac; done; "
		  "printf '[{\"leaks\":%d,\"blocked\":%d,\"ignored\":%d}]' "
		  "$(ls -l /proc/$$/fd | grep -c leak) $b $i");
	signal(SIGUSR1, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(leak);
	unlink(leaked);
	CHECK(r == 0);
	CHECK_STR(got.out, "{\"leaks\":0,\"blocked\":0,\"ignored\":0}\n");
}

TEST(a_text_for_another_interpreter_is_given_to_it)
{
	CHECK(shell("#!/bin/sh\ncat\n") == 0 && got.fault == HOOK_OK && got.n == 2);
	CHECK(shell("#!/bin/sh -e\nfalse\ncat\n") == 0 && got.fault == HOOK_EXIT);
	CHECK(shell("#!/usr/bin/sed -f\ns/18446744073709551615/1/g\n") == 0 && got.fault == HOOK_OK);
	CHECK_STR(got.out, "{\"a\":1,\"b\":\"x y\"}\n{\"a\":1,\"b\":\"x y\"}\n");
}

TEST(a_command_has_words_and_no_shell)
{
	struct log_hook bad = { .name = "it", .command = "jq 'map(", .timeout_ns = 1 };

	CHECK(command("sed 's/x y/$HOME;/'") == 0 && got.fault == HOOK_OK);
	CHECK(strstr(got.out, "\"b\":\"$HOME;\""));
	CHECK(run_with(&bad, 1) < 0);
	CHECK_STR(error_message(), "hook 'it': a quote is left open in 'jq 'map('");
}

TEST(a_name_is_one_short_line)
{
	static const struct {
		const char *given, *wanted;
	} rows[] = {
		{ "jq", "jq" },
		{ "#!/bin/sh\n\njq '.[]'\nmore", "jq '.[]'" },
		{ "a\x1b\tb", "a??b" },
		{ "0123456789012345678901234567890123456789x", "0123456789012345678901234567890123456789" },
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct log_hook config = { .name = rows[i].given, .command = "x" };
		_cleanup_(hook_deinit) struct hook h = { 0 };

		CHECK(hook_init(&h, &config, NULL, 0) == 0);
		CHECK_STR(h.name, rows[i].wanted);
	}
}

/* The agent ends: a hook has no more time than that. */
TEST(a_limit_ends_a_run_early)
{
	eventfd_t n;

	wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	deadline_ns = clock_boot_ns() + NSEC_PER_SEC / 5;
	eventfd_write(wake_fd, 1);
	CHECK(shell_for("sleep 100", 60 * NSEC_PER_SEC) == 0);
	CHECK(got.fault == HOOK_STOPPED && got.took_ns < 5 * NSEC_PER_SEC);
	CHECK_STR(got.why, "did not end in time");
	eventfd_read(wake_fd, &n);
	close(wake_fd);
	wake_fd = -1;
	deadline_ns = 0;
}
