// SPDX-License-Identifier: Apache-2.0
/* What waits on disk: an IPFIX file (RFC 5655) that anybody reads, replayed once. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "stream_bench.h"

/* Memory for a message or two, then the file. */
static int open_away(struct bench *b)
{
	if (bench_init(b) < 0)
		return -1;
	stop_listening(b);
	b->config.backlog_bytes = 1000;
	b->config.backlog_file = b->file;
	return open_stream(b);
}

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

static bool comes_back(struct bench *b)
{
	if (listen_at(b) < 0)
		return false;
	pass_time(b);
	return answer(b);
}

TEST(what_memory_does_not_hold_goes_to_a_file_that_anybody_can_read)
{
	_cleanup_(bench_deinit) struct bench b;
	struct heard h[16];

	CHECK(open_away(&b) == 0);
	for (unsigned i = 0; i < 4; i++)
		CHECK(say(&b, 1, 30) == 0);
	CHECK(say(&b, 7, 30) == 0 && say(&b, 1, 10) == 0);
	CHECK(read_file(b.file, h, 16) >= 4);
	CHECK(h[0].set_id == 2 && h[0].len == SET_2_LEN && h[0].domain == 1 && h[0].sequence == 0);
	CHECK(h[1].set_id == 256 && h[1].sequence == 0 && h[1].len == 20 + 30 * RECORD_LEN);
	CHECK(h[2].set_id == 256 && h[2].sequence == 30 && h[3].sequence == 60);
	CHECK(b.sink->stats.lost_records == 0 && b.sink->ops->wait_ns(b.sink, clock_boot_ns()) == 0);
}

TEST(it_is_replayed_in_order_and_emptied)
{
	_cleanup_(bench_deinit) struct bench b;

	CHECK(open_away(&b) == 0);
	for (unsigned i = 0; i < 20; i++)
		CHECK(say(&b, 1 + i % 2, 10 + i) == 0);
	CHECK(size_of(b.file) > 0 && comes_back(&b));
	for (unsigned i = 0, sequence[2] = { 0 }; i < 20; i++) {
		struct heard h;

		if (i < 2)
			CHECK(hears(&b, 2, 1 + i % 2, 0));
		CHECK(hear(&b, &h) && h.set_id == 256 && h.domain == 1 + i % 2);
		CHECK(h.len == 20 + (10 + i) * RECORD_LEN && h.sequence == sequence[i % 2]);
		sequence[i % 2] += 10 + i;
	}
	CHECK(stream_drain(b.sink, NSEC_PER_SEC) == 0);
	tick(&b);
	CHECK(size_of(b.file) == 0 && b.sink->stats.records == 390);
	CHECK(say(&b, 1, 1) == 0 && hears(&b, 256, 1, 190) && size_of(b.file) == 0);
}

TEST(it_survives_the_process)
{
	_cleanup_(bench_deinit) struct bench b;
	struct heard h[16];

	CHECK(open_away(&b) == 0);
	for (unsigned i = 0; i < 5; i++)
		CHECK(say(&b, 1, 30) == 0);
	CHECK(stream_finish(b.sink, 0) == -ENOTCONN && b.sink->stats.lost_records == 0);
	close_stream(&b);
	CHECK(read_file(b.file, h, 16) == 6 && h[5].sequence == 120);
	CHECK(open_stream(&b) == 0 && say(&b, 1, 7) == 0 && comes_back(&b));
	CHECK(hears(&b, 2, 1, 0));
	for (unsigned i = 0; i < 5; i++)
		CHECK(hears(&b, 256, 1, 30 * i));
	CHECK(hears(&b, 256, 1, 150) && hears_nothing(&b));
	CHECK(stream_drain(b.sink, NSEC_PER_SEC) == 0 && b.sink->stats.records == 157);
}

/* The templates of the file are its own. */
TEST(a_process_with_other_templates_replays_it_as_it_was_written)
{
	_cleanup_(bench_deinit) struct bench b;
	struct heard h;

	CHECK(open_away(&b) == 0 && say(&b, 1, 3) == 0);
	close_stream(&b);
	template_set_free(b.set);
	b.set = templates_of(256, true);
	b.config.templates = b.set;
	CHECK(open_stream(&b) == 0 && say(&b, 1, 3) == 0 && comes_back(&b));
	CHECK(hear(&b, &h) && h.set_id == 2 && h.fields == 3);
	CHECK(hear(&b, &h) && h.set_id == 256 && h.len == 20 + 3 * RECORD_LEN);
	CHECK(hear(&b, &h) && h.set_id == 2 && h.fields == 0 && h.sets == 2 && h.sequence == 3);
	CHECK(hear(&b, &h) && h.set_id == 256 && h.len == 20 + 3 * (RECORD_LEN + 1));
}

/* Read what comes on the connection, to its end. Messages of data. */
static unsigned drain(struct bench *b)
{
	unsigned n = 0;
	struct heard h;

	while (hear(b, &h))
		n += h.set_id == 256;
	hang_up(b);
	return n;
}

/* In a process of its own, which is killed when the connection takes no more. */
static void replay_and_die(struct bench *b)
{
	if (fork()) {
		wait(NULL);
		return;
	}
	if (open_stream(b) == 0)
		stream_wait_ready(b->sink, NSEC_PER_SEC);
	for (int i = 0; i < 10; i++)
		tick(b);
	_exit(0);
}

/*
 * What it has begun to send is not sent by the next one. The message that was begun last, and
 * that not all of may have left, is in doubt: at most it is lost.
 */
TEST(a_process_that_is_killed_while_it_replays_repeats_nothing)
{
	enum { N = 8000 };
	_cleanup_(bench_deinit) struct bench b;
	int size = 4096;
	unsigned first, second;

	CHECK(open_away(&b) == 0);
	for (unsigned i = 0; i < N; i++)
		CHECK(say(&b, 1, 60) == 0);
	close_stream(&b);
	CHECK(listen_at(&b) == 0);
	setsockopt(b.listener, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	replay_and_die(&b);
	CHECK(answer(&b));
	first = drain(&b);
	CHECK(first > 0 && first < N && open_stream(&b) == 0 && answer(&b));
	second = 0;
	for (struct heard h; second + first < N - 1; second += h.set_id == 256)
		CHECK(hear(&b, &h));
	if (!hears_nothing(&b)) {
		struct heard h;

		CHECK(hear(&b, &h) && h.set_id == 256 && hears_nothing(&b));
	}
}

/* In a process of its own, which is killed when the collector was away for a while. */
static void wait_and_die(struct bench *b)
{
	if (fork()) {
		wait(NULL);
		return;
	}
	if (open_stream(b) == 0 && say(b, 1, 3) == 0 && say(b, 1, 4) == 0) {
		b->ahead_ns = 6 * NSEC_PER_SEC;
		tick(b);
		say(b, 1, 5);
		b->ahead_ns = 7 * NSEC_PER_SEC;
		tick(b);
	}
	_exit(0);
}

TEST(what_waits_for_some_seconds_survives_a_kill)
{
	_cleanup_(bench_deinit) struct bench b;
	struct heard h[16];

	CHECK(bench_init(&b) == 0);
	stop_listening(&b);
	b.config.backlog_file = b.file;
	wait_and_die(&b);
	CHECK(read_file(b.file, h, 16) == 4);
	CHECK(open_stream(&b) == 0 && comes_back(&b) && hears(&b, 2, 1, 0));
	CHECK(hears(&b, 256, 1, 0) && hears(&b, 256, 1, 3) && hears(&b, 256, 1, 7));
	CHECK(hears_nothing(&b));
}

/* The message that is cut by its end is sent by the next one. */
TEST(a_process_that_ends_while_it_replays_loses_nothing)
{
	enum { N = 8000 };
	_cleanup_(bench_deinit) struct bench b;
	unsigned first, second = 0;
	int size = 4096;

	CHECK(open_away(&b) == 0);
	for (unsigned i = 0; i < N; i++)
		CHECK(say(&b, 1, 60) == 0);
	close_stream(&b);
	CHECK(listen_at(&b) == 0);
	setsockopt(b.listener, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	CHECK(open_stream(&b) == 0 && answer(&b));
	close_stream(&b);
	first = drain(&b);
	CHECK(first > 0 && first < N && open_stream(&b) == 0 && answer(&b));
	for (struct heard h; second + first < N; second += h.set_id == 256)
		CHECK(hear(&b, &h));
	CHECK(hears_nothing(&b));
}

TEST(a_message_that_a_killed_process_cut_is_cut_off)
{
	_cleanup_(bench_deinit) struct bench b;
	struct heard h[16];
	off_t whole;

	CHECK(open_away(&b) == 0 && say(&b, 1, 30) == 0 && say(&b, 1, 31) == 0);
	close_stream(&b);
	whole = size_of(b.file);
	CHECK(read_file(b.file, h, 16) == 3 && truncate(b.file, whole - 5) == 0);
	CHECK(open_stream(&b) == 0 && size_of(b.file) == whole - 20 - 31 * RECORD_LEN);
	CHECK(comes_back(&b) && hears(&b, 2, 1, 0) && hears(&b, 256, 1, 0) && hears_nothing(&b));
}

TEST(a_file_of_something_else_is_left_alone)
{
	_cleanup_(bench_deinit) struct bench b;
	struct sink *s = NULL;
	FILE *f;

	CHECK(bench_init(&b) == 0);
	b.config.backlog_file = b.file;
	f = fopen(b.file, "w");
	CHECK(f && fputs("# my shopping list\n", f) >= 0 && fclose(f) == 0);
	CHECK(stream_new(&b.config, &s) < 0 && !s && size_of(b.file) == 19);
	CHECK(strstr(error_message(), "holds something else than IPFIX messages, from byte 0 on"));
}

TEST(a_file_of_its_full_size_is_told_and_records_are_lost_then)
{
	_cleanup_(bench_deinit) struct bench b;
	uint64_t now = clock_boot_ns();
	unsigned i;

	CHECK(bench_init(&b) == 0);
	stop_listening(&b);
	b.config.backlog_bytes = 1000;
	b.config.backlog_file = b.file;
	b.config.backlog_file_bytes = 5000;
	CHECK(open_stream(&b) == 0);
	for (i = 0; !b.sink->ops->wait_ns(b.sink, now) && i < 20; i++)
		CHECK(say(&b, 1, 40) == 0);
	CHECK(i > 4 && i < 9 && size_of(b.file) > 3000 && size_of(b.file) <= 5000);
	CHECK(b.sink->ops->wait_ns(b.sink, now + 3 * NSEC_PER_SEC) == 0);
	for (; i < 20 && say(&b, 1, 40) == 0; i++)
		;
	CHECK(i < 9 && b.sink->stats.lost_records == 40);
	CHECK(strstr(b.sink->trouble, "records are lost, the backlog is full"));
	CHECK(comes_back(&b) && hears(&b, 2, 1, 0));
	for (unsigned k = 0; k < i; k++)
		CHECK(hears(&b, 256, 1, 40 * k));
	CHECK(hears_nothing(&b));
}

/* RLIMIT_FSIZE stands for a disk that fills up within a message: EFBIG behind a part. */
TEST(a_full_disk_leaves_whole_messages)
{
	_cleanup_(bench_deinit) struct bench b;
	struct rlimit old, small;
	struct heard h[16];
	int lost;

	CHECK(open_away(&b) == 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 2000;
	setrlimit(RLIMIT_FSIZE, &small);
	for (unsigned i = 0; i < 6; i++)
		say(&b, 1, 30);
	setrlimit(RLIMIT_FSIZE, &old);
	lost = b.sink->stats.lost_records;
	CHECK(read_file(b.file, h, 16) == 4 && lost > 0 && lost < 90 && b.sink->trouble[0]);
	CHECK(say(&b, 1, 30) == 0 && comes_back(&b) && hears(&b, 2, 1, 0));
	for (int sequence = 0; sequence < 210 - lost; sequence += 30)
		CHECK(hears(&b, 256, 1, sequence));
	CHECK(hears_nothing(&b));
}
