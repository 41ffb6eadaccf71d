// SPDX-License-Identifier: Apache-2.0
/* The file output (RFC 5655): one transport session, however many processes write it. */
#include <signal.h>
#include <sys/resource.h>

#include "stream_bench.h"

static int open_file(struct bench *b)
{
	if (bench_init(b) < 0)
		return -1;
	b->config.kind = STREAM_FILE;
	b->config.remote = b->file;
	return open_stream(b);
}

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

TEST(messages_are_appended_behind_their_templates)
{
	_cleanup_(bench_deinit) struct bench b;
	struct heard h[16];

	CHECK(open_file(&b) == 0 && !strncmp(b.sink->label, "file:/tmp/", 10));
	CHECK(stream_is_up(b.sink) && say(&b, 1, 3) == 0 && say(&b, 2, 1) == 0);
	CHECK(say(&b, 1, 2) == 0 && read_file(b.file, h, 16) == 5);
	CHECK(h[0].set_id == 2 && h[0].domain == 1 && h[1].set_id == 256 && h[1].sequence == 0);
	CHECK(h[2].set_id == 2 && h[2].domain == 2 && h[3].domain == 2 && h[3].sequence == 0);
	CHECK(h[4].domain == 1 && h[4].sequence == 3);
	CHECK(b.sink->stats.records == 6 && b.sink->stats.bytes == (uint64_t)size_of(b.file));
	CHECK(b.sink->ops->wait_ns(b.sink, clock_boot_ns()) == 0);
	CHECK(stream_wait_ready(b.sink, 0) == 0 && stream_drain(b.sink, 0) == 0);
}

TEST(the_next_process_goes_on_with_the_sequences)
{
	_cleanup_(bench_deinit) struct bench b;
	struct heard h[16];

	CHECK(open_file(&b) == 0 && say(&b, 1, 3) == 0 && say(&b, 2, 1) == 0);
	close_stream(&b);
	CHECK(open_stream(&b) == 0 && say(&b, 2, 5) == 0 && say(&b, 1, 1) == 0);
	CHECK(read_file(b.file, h, 16) == 6);
	CHECK(h[4].set_id == 256 && h[4].domain == 2 && h[4].sequence == 1);
	CHECK(h[5].set_id == 256 && h[5].domain == 1 && h[5].sequence == 3);
}

TEST(what_the_file_has_otherwise_is_withdrawn)
{
	_cleanup_(bench_deinit) struct bench b;
	struct heard h[16];

	CHECK(open_file(&b) == 0 && say(&b, 1, 3) == 0);
	close_stream(&b);
	template_set_free(b.set);
	b.set = templates_of(256, true);
	b.config.templates = b.set;
	CHECK(open_stream(&b) == 0 && say(&b, 1, 1) == 0 && read_file(b.file, h, 16) == 4);
	CHECK(h[2].sets == 2 && h[2].id == 256 && h[2].fields == 0 && h[2].sequence == 3);
	CHECK(h[3].set_id == 256 && h[3].len == 20 + RECORD_LEN + 1 && h[3].sequence == 3);
}

TEST(a_rotated_file_is_left_at_reopen_and_the_next_one_begins_anew)
{
	_cleanup_(bench_deinit) struct bench b;
	struct heard h[16];
	char rotated[80];

	CHECK(open_file(&b) == 0 && say(&b, 1, 3) == 0);
	snprintf(rotated, sizeof(rotated), "%s.1", b.file);
	CHECK(rename(b.file, rotated) == 0 && say(&b, 1, 1) == 0);
	CHECK(b.sink->ops->reopen(b.sink) == 0 && say(&b, 1, 2) == 0);
	CHECK(read_file(rotated, h, 16) == 3 && h[2].sequence == 3);
	CHECK(read_file(b.file, h, 16) == 2 && h[0].set_id == 2 && h[1].sequence == 0);
	CHECK(b.sink->ops->reopen(b.sink) == 0 && say(&b, 1, 2) == 0);
	CHECK(read_file(b.file, h, 16) == 3 && h[2].sequence == 2);
}

TEST(a_file_that_was_emptied_under_our_hands_begins_anew)
{
	_cleanup_(bench_deinit) struct bench b;
	struct heard h[16];

	CHECK(open_file(&b) == 0 && say(&b, 1, 3) == 0 && truncate(b.file, 0) == 0);
	CHECK(say(&b, 1, 2) == 0 && read_file(b.file, h, 16) == 2);
	CHECK(h[0].set_id == 2 && h[1].sequence == 0);
}

TEST(a_full_device_is_counted_and_told)
{
	if (access("/dev/full", W_OK) < 0)
		SKIP("no /dev/full");

	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b) == 0);
	b.config.kind = STREAM_FILE;
	b.config.remote = "/dev/full";
	CHECK(open_stream(&b) == 0 && say(&b, 1, 3) == -ENOSPC);
	CHECK(b.sink->stats.errors == 1 && b.sink->stats.lost_records == 3);
	CHECK_STR(b.sink->trouble, "cannot write: No space left on device");
	CHECK(!stream_is_up(b.sink));
}

/* RLIMIT_FSIZE stands for a disk that fills up within a message: EFBIG behind a part. */
TEST(a_message_that_was_cut_is_cut_off)
{
	_cleanup_(bench_deinit) struct bench b;
	struct rlimit old, small;
	struct heard h[16];

	CHECK(open_file(&b) == 0 && say(&b, 1, 3) == 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = size_of(b.file) + SET_2_LEN + 10;
	setrlimit(RLIMIT_FSIZE, &small);
	/* of domain 2 the template is written, but not what it is for */
	CHECK(say(&b, 2, 3) == -EFBIG && say(&b, 1, 60) == -EFBIG);
	setrlimit(RLIMIT_FSIZE, &old);
	CHECK(b.sink->stats.lost_records == 63 && b.sink->stats.errors == 2);
	CHECK_STR(b.sink->trouble, "cannot write: File too large");
	CHECK(read_file(b.file, h, 16) == 2);
	CHECK(say(&b, 2, 4) == 0 && !b.sink->trouble[0] && read_file(b.file, h, 16) == 4);
	CHECK(h[2].set_id == 2 && h[2].domain == 2 && h[3].domain == 2 && h[3].sequence == 0);
}

TEST(a_message_that_another_process_has_cut_is_cut_off)
{
	_cleanup_(bench_deinit) struct bench b;
	struct heard h[16];

	for (int cut = 1; cut <= 20 + 3 * RECORD_LEN; cut += cut < 50 ? 13 : 1) {
		CHECK(open_file(&b) == 0 && say(&b, 1, 2) == 0 && say(&b, 1, 3) == 0);
		close_stream(&b);
		CHECK(truncate(b.file, size_of(b.file) - cut) == 0 && open_stream(&b) == 0);
		CHECK(read_file(b.file, h, 16) == 2 && say(&b, 1, 1) == 0);
		CHECK(read_file(b.file, h, 16) == 3 && h[2].sequence == 2);
		if (cut < 20 + 3 * RECORD_LEN) {
			bench_deinit(&b);
			b.sink = NULL;
		}
	}
}

TEST(a_file_of_something_else_is_left_alone)
{
	_cleanup_(bench_deinit) struct bench b;
	struct sink *s = NULL;
	FILE *f;

	CHECK(bench_init(&b) == 0);
	b.config.kind = STREAM_FILE;
	b.config.remote = b.file;
	f = fopen(b.file, "w");
	CHECK(f && fputs("x", f) >= 0 && fclose(f) == 0);
	CHECK(stream_new(&b.config, &s) < 0 && !s && size_of(b.file) == 1);
	f = fopen(b.file, "w");
	CHECK(f && fputs("a file of some user's", f) >= 0 && fclose(f) == 0);
	CHECK(stream_new(&b.config, &s) < 0 && !s && size_of(b.file) == 21);
	b.config.remote = "/nonexistent/file";
	CHECK(stream_new(&b.config, &s) == -ENOENT && !s);
	CHECK_STR(error_message(),
		  "cannot open the IPFIX file '/nonexistent/file': No such file or directory");
}

TEST(two_do_not_write_one_file)
{
	_cleanup_(bench_deinit) struct bench b;
	struct sink *s = NULL;

	CHECK(open_file(&b) == 0 && stream_new(&b.config, &s) == -EBUSY && !s);
	CHECK(strstr(error_message(), "is being written by another output or process"));
	close_stream(&b);
	CHECK(open_stream(&b) == 0 && say(&b, 1, 1) == 0);
}

static int facts_of(void *arg, uint32_t domain, struct options_facts *ret)
{
	*ret = (struct options_facts) { .ignored_packets = 5, .ignored_bytes = 500 };
	return 0;
}

/* Their numbers may mean another thing to the next process: RFC 7011 8.1. */
TEST(options_are_told_withdrawn_and_told_again)
{
	static const struct profile profile = {
		.name = "all", .options = OPTIONS_METER | OPTIONS_EXPORTER, .timing = OPTIONS_AT_ONCE,
	};
	_cleanup_(bench_deinit) struct bench b;
	struct heard h[16];
	uint32_t told;

	CHECK(bench_init(&b) == 0);
	b.config.kind = STREAM_FILE;
	b.config.remote = b.file;
	b.config.profile = &profile;
	b.config.options_s = 60;
	b.config.options.get = facts_of;
	CHECK(open_stream(&b) == 0 && say(&b, 1, 2) == 0 && read_file(b.file, h, 16) == 4);
	CHECK(h[0].set_id == 2 && h[1].set_id == 3 && h[2].set_id > 60000 && h[2].sequence == 0);
	told = h[3].sequence;
	CHECK(h[3].set_id == 256 && told >= 2);
	/* and what there is to say at the end */
	close_stream(&b);
	CHECK(read_file(b.file, h, 16) == 5 && h[4].set_id > 60000 && h[4].sequence == told + 2);
	CHECK(open_stream(&b) == 0 && say(&b, 1, 1) == 0 && read_file(b.file, h, 16) == 9);
	CHECK(h[5].set_id == 3 && h[5].id > 60000 && h[5].fields == 0);
	CHECK(h[6].set_id == 3 && h[6].fields > 0 && h[7].set_id > 60000);
	CHECK(h[8].set_id == 256 && h[8].sequence == h[7].sequence + told);
	CHECK(b.sink->stats.records == 1);
}
