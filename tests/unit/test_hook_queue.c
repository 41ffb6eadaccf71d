// SPDX-License-Identifier: Apache-2.0
/* Logs with hooks, as the agent has them: what is written, in which order, and who waits. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "flows.h"
#include "sink/hook_queue.h"
#include "sink/log.h"
#include "test.h"

static char dir[] = "/tmp/flowctl-test-XXXXXX";
static char path[64], mark[64];

static struct log_hook shell(const char *text)
{
	return (struct log_hook) { .name = text, .shell = text, .timeout_ns = 60 * NSEC_PER_SEC };
}

static struct sink *open_log(bool text, const struct log_hook *hooks, size_t n)
{
	struct log_config config = { .file = path, .text = text, .hooks = hooks, .n_hooks = n };
	struct sink *s = NULL;

	if (!path[0]) {
		if (!mkdtemp(dir))
			return NULL;
		snprintf(path, sizeof(path), "%s/flow.log", dir);
		snprintf(mark, sizeof(mark), "%s/mark", dir);
	}
	unlink(path);
	unlink(mark);
	return sink_log_new(&config, &s) == 0 ? s : NULL;
}

static struct sink *open_one(const char *hook)
{
	struct log_hook h = shell(hook);

	return open_log(false, &h, 1);
}

/* A batch of @n records whose packets count on from @first. */
static void put(struct sink *s, int first, int n)
{
	struct record r = flow(6, "10.0.0.1", 1, "10.0.0.2", 2);

	for (int i = 0; i < n; i++) {
		r.packets = first + i;
		r.bytes = 9007199254740993;
		s->ops->put(s, &r);
	}
	s->ops->flush(s);
}

static char *content(void)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st = { 0 };
	char *text;

	if (fd >= 0)
		fstat(fd, &st);
	text = calloc(1, st.st_size + 1);
	if (text && read(fd, text, st.st_size) < 0)
		text[0] = '\0';
	return text;
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

/* Of many megabytes: a sanitizer's strstr() measures all that is left, every time. */
static unsigned lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* Do the values of `packets` count from @first on, without a gap? */
static bool in_order(const char *text, unsigned first, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char wanted[32];

		text = strstr(text, "\"packets\":");
		snprintf(wanted, sizeof(wanted), "\"packets\":%u,", first + i);
		if (!text || strncmp(text, wanted, strlen(wanted)) != 0)
			return false;
		text++;
	}
	return !strstr(text, "\"packets\":");
}

static void finish(struct sink *s)
{
	s->ops->close(s);
	sink_log_settle();
}

#define ADD_SITE "sed 's/}\\([],]\\)/,\"site\":\"tokyo\"}\\1/g'"

TEST(records_come_back_from_a_hook_in_order_and_exact)
{
	_cleanup_(freep) char *text = NULL;
	struct sink *s = open_one(ADD_SITE);

	CHECK(s);
	for (int i = 0; i < 20; i++)
		put(s, i * 50, 50);
	sink_log_drain(s);
	text = content();
	CHECK(in_order(text, 0, 1000) && count(text, ",\"site\":\"tokyo\"}\n") == 1000);
	CHECK(count(text, "\"bytes\":9007199254740993,") == 1000 && count(text, "\n") == 1000);
	CHECK(s->stats.records == 1000 && s->stats.bytes == strlen(text) && !s->stats.unhooked_records);
	CHECK(!s->trouble[0] && !s->stats.lost_records && s->stats.last_export_ns);
	/* And after it was drained it goes on. */
	put(s, 1000, 1);
	sink_log_drain(s);
	CHECK(s->stats.records == 1001 && !s->stats.unhooked_records);
	finish(s);
}

TEST(hooks_are_chained)
{
	struct log_hook hooks[] = {
		shell("sed 's/}\\([],]\\)/,\"a\":1}\\1/g'"), shell("sed 's/\"a\":1/\"a\":12/g'"),
		shell("sed 's/\"a\":12}/\"a\":123}/g'"),
	};
	_cleanup_(freep) char *text = NULL;
	struct sink *s = open_log(false, hooks, 3);

	CHECK(s);
	put(s, 0, 3);
	finish(s);
	text = content();
	CHECK(in_order(text, 0, 3) && count(text, ",\"a\":123}\n") == 3);
}

TEST(a_hook_may_drop_and_add_records)
{
	struct log_hook hooks[] = { shell("echo '[{\"only\":1},{\"two\":2}]'"), shell("cat") };
	struct sink *s = open_log(false, hooks, 2);
	_cleanup_(freep) char *text = NULL;

	CHECK(s);
	put(s, 0, 10);
	sink_log_drain(s);
	CHECK(s->stats.records == 2 && !s->stats.lost_records && !s->trouble[0]);
	finish(s);
	text = content();
	CHECK_STR(text, "{\"only\":1}\n{\"two\":2}\n");
	hooks[0] = shell("echo '[]'");
	s = open_log(false, hooks, 2);
	CHECK(s);
	put(s, 0, 10);
	sink_log_drain(s);
	CHECK(s->stats.records == 0 && !s->stats.lost_records && !s->trouble[0]);
	finish(s);
}

TEST(text_goes_through_hooks_as_json)
{
	struct log_hook hook = shell(ADD_SITE);
	_cleanup_(freep) char *text = NULL;
	struct sink *s = open_log(true, &hook, 1);

	CHECK(s);
	put(s, 7, 2);
	finish(s);
	text = content();
	CHECK(!strncmp(text, "src=10.0.0.1 dst=10.0.0.2 proto=TCP starttime=1970-", 50));
	CHECK(strstr(text, " pkts=8 bytes=9007199254740993 ") && count(text, " site=tokyo\n") == 2);
}

TEST(what_a_hook_fails_goes_out_as_it_is_and_is_told_once)
{
	static const struct {
		const char *hook, *told;
	} rows[] = {
		{ "echo no >&2; exit 1", "hook 'echo no >&2; exit 1' ended with exit status 1: no; "
					 "its records are logged without hooks" },
		{ "echo x", "hook 'echo x' printed no JSON array of objects; "
			    "its records are logged without hooks" },
		{ "kill -KILL $$", "hook 'kill -KILL $$' was killed by signal 9; "
				   "its records are logged without hooks" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(freep) char *text = NULL;
		struct log_hook hooks[] = { shell(ADD_SITE), shell(rows[i].hook) };
		struct sink *s = open_log(false, hooks, 2);

		CHECK(s);
		for (int k = 0; k < 3; k++) {
			put(s, k * 10, 10);
			sink_log_drain(s);
			CHECK_STR(s->trouble, rows[i].told);
		}
		CHECK(s->stats.records == 30 && s->stats.unhooked_records == 30 && !s->stats.lost_records);
		finish(s);
		text = content();
		CHECK(in_order(text, 0, 30) && !strstr(text, "tokyo"));
	}
}

TEST(a_hook_that_works_again_is_told)
{
	char hook[128];
	struct sink *s;

	s = open_one("cat");
	CHECK(s);
	finish(s);
	snprintf(hook, sizeof(hook), "test -e %s && cat", mark);
	s = open_one(hook);
	CHECK(s);
	put(s, 0, 1);
	sink_log_drain(s);
	CHECK(strstr(s->trouble, "ended with exit status 1;") && s->stats.unhooked_records == 1);
	close(open(mark, O_CREAT | O_WRONLY, 0600));
	put(s, 1, 1);
	sink_log_drain(s);
	CHECK(!s->trouble[0] && s->stats.unhooked_records == 1 && s->stats.records == 2);
	finish(s);
}

/* Nothing here waits, and the records of a hook that hangs are written when its time is over. */
TEST(a_hook_that_hangs_holds_up_nobody)
{
	struct log_hook hook = shell("sleep 100");
	_cleanup_(freep) char *text = NULL;
	uint64_t start = clock_boot_ns();
	struct sink *s;

	hook.timeout_ns = NSEC_PER_SEC / 2;
	s = open_log(false, &hook, 1);
	CHECK(s);
	put(s, 0, 10);
	put(s, 10, 10);
	s->ops->tick(s, 0);
	CHECK(s->stats.records == 0 && clock_boot_ns() - start < NSEC_PER_SEC / 2);
	while (s->stats.records < 10 && clock_boot_ns() - start < 20 * NSEC_PER_SEC)
		s->ops->tick(s, 0);
	sink_log_drain(s);
	CHECK(s->stats.records == 20 && s->stats.unhooked_records == 20);
	CHECK_STR(s->trouble, "hook 'sleep 100' did not end within 0.5 s; "
			      "its records are logged without hooks");
	finish(s);
	text = content();
	CHECK(in_order(text, 0, 20));
}

/* A configuration that is read again closes a log while its hooks are at work. */
TEST(a_log_that_is_closed_writes_all_in_the_end_and_nobody_waits)
{
	struct log_hook hook = shell("sleep 0.5; cat"), hang = shell("sleep 100");
	_cleanup_(freep) char *text = NULL, *hung = NULL;
	uint64_t start;
	struct sink *s = open_log(false, &hook, 1);

	CHECK(s);
	put(s, 0, 10);
	start = clock_boot_ns();
	s->ops->close(s);
	CHECK(clock_boot_ns() - start < NSEC_PER_SEC / 4);
	sink_log_settle();
	text = content();
	CHECK(in_order(text, 0, 10));
	/* The time of all that waits together is that of one run. */
	hang.timeout_ns = NSEC_PER_SEC / 2;
	s = open_log(false, &hang, 1);
	CHECK(s);
	for (int i = 0; i < 50; i++)
		put(s, i * 100, 100);
	start = clock_boot_ns();
	finish(s);
	CHECK(clock_boot_ns() - start < 4 * NSEC_PER_SEC);
	hung = content();
	CHECK(in_order(hung, 0, 5000));
}

TEST(what_finds_the_queue_full_goes_out_at_once)
{
	_cleanup_(freep) char *text = NULL;
	uint64_t put_bytes;
	char hook[128];
	struct sink *s;
	int n = 0;

	snprintf(hook, sizeof(hook), "until test -e %s; do sleep 0.1; done; cat", mark);
	s = open_one(hook);
	CHECK(s);
	for (; !s->stats.records && n < 100000; n += 50)
		put(s, n, 50);
	put_bytes = s->stats.bytes / 50 * n;
	CHECK(s->stats.records == 50 && s->stats.unhooked_records == 50);
	CHECK(put_bytes > HOOK_QUEUE_BYTES && put_bytes < HOOK_QUEUE_BYTES + 3 * HOOK_BATCH_BYTES);
	CHECK_STR(s->trouble, "hooks are too slow; what finds no room to wait is logged without them");
	close(open(mark, O_CREAT | O_WRONLY, 0600));
	sink_log_drain(s);
	CHECK(s->stats.records == (unsigned)n && s->stats.unhooked_records == 50 && !s->trouble[0]);
	finish(s);
	text = content();
	CHECK(lines(text) == (unsigned)n);
}

TEST(a_rotated_file_is_left_at_reopen_by_hooks_too)
{
	char rotated[80];
	_cleanup_(freep) char *text = NULL;
	struct sink *s = open_one("cat");

	snprintf(rotated, sizeof(rotated), "%s.1", path);
	CHECK(s);
	put(s, 0, 5);
	sink_log_drain(s);
	CHECK(rename(path, rotated) == 0 && s->ops->reopen(s) == 0);
	put(s, 5, 5);
	finish(s);
	text = content();
	CHECK(in_order(text, 5, 5));
	unlink(rotated);
}

TEST(a_full_device_behind_hooks_is_counted_and_told)
{
	struct log_hook hook = shell("cat");
	struct log_config config = { .file = "/dev/full", .hooks = &hook, .n_hooks = 1 };
	struct sink *s = NULL;

	if (access("/dev/full", W_OK) < 0)
		SKIP("no /dev/full");
	CHECK(sink_log_new(&config, &s) == 0);
	put(s, 0, 3);
	sink_log_drain(s);
	CHECK(s->stats.errors == 1 && s->stats.lost_records == 3 && !s->stats.records);
	CHECK_STR(s->trouble, "cannot write: No space left on device");
	finish(s);
}

/* Inherited from whoever started the agent. */
TEST(children_that_nobody_wants_to_hear_of_are_heard_of)
{
	struct sink *s;

	signal(SIGCHLD, SIG_IGN);
	s = open_one("cat; exit 2");
	CHECK(s);
	put(s, 0, 1);
	sink_log_drain(s);
	CHECK(strstr(s->trouble, "ended with exit status 2"));
	finish(s);
}

TEST(a_command_that_is_none_is_refused)
{
	struct log_hook hook = { .name = "bad", .command = "jq '", .timeout_ns = NSEC_PER_SEC };
	struct log_config config = { .file = path, .hooks = &hook, .n_hooks = 1 };
	struct sink *s = NULL;

	CHECK(sink_log_new(&config, &s) == -EINVAL && !s);
	CHECK_STR(error_message(), "hook 'bad': a quote is left open in 'jq ''");
	CHECK(error_exit_status() == ERROR_USAGE);
	sink_log_settle();
}

/* Two logs at once, while records are put: for a thread sanitizer to look at. */
TEST(logs_do_not_meet)
{
	struct log_hook hook = shell(ADD_SITE);
	struct log_config null = { .file = "/dev/null", .hooks = &hook, .n_hooks = 1 };
	struct sink *a = open_one("cat"), *b = NULL;
	_cleanup_(freep) char *text = NULL;

	CHECK(a && sink_log_new(&null, &b) == 0);
	for (int i = 0; i < 200; i++) {
		put(a, i * 5, 5);
		put(b, i * 5, 5);
		a->ops->tick(a, 0);
		if (i % 50 == 0)
			a->ops->reopen(a);
	}
	sink_log_drain(b);
	CHECK(b->stats.records == 1000 && !b->trouble[0]);
	b->ops->close(b);
	finish(a);
	text = content();
	CHECK(in_order(text, 0, 1000));
	unlink(path);
	unlink(mark);
	rmdir(dir);
}
