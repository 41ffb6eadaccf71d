// SPDX-License-Identifier: Apache-2.0
#include <netinet/tcp.h>
#include <signal.h>

#include "ipfix/stream_link.h"
#include "stream_bench.h"

TEST(templates_come_first_and_sequences_begin_at_0_in_each_domain)
{
	_cleanup_(bench_deinit) struct bench b;
	struct heard h;

	CHECK(bench_init(&b) == 0 && open_stream(&b) == 0 && answer(&b));
	CHECK(say(&b, 1, 3) == 0);
	CHECK(hear(&b, &h) && h.set_id == 2 && h.domain == 1 && h.len == SET_2_LEN);
	CHECK(hears(&b, 256, 1, 0));
	CHECK(say(&b, 2, 1) == 0 && hears(&b, 2, 2, 0) && hears(&b, 256, 2, 0));
	CHECK(say(&b, 1, 2) == 0 && hears(&b, 256, 1, 3) && hears_nothing(&b));
	CHECK(stream_drain(b.sink, NSEC_PER_SEC) == 0);
	CHECK(b.sink->stats.records == 6 && b.sink->stats.lost_records == 0);
	CHECK(b.sink->stats.bytes == 2 * SET_2_LEN + 3 * 20 + 6 * RECORD_LEN);
	CHECK(b.sink->stats.last_export_ns && !b.sink->trouble[0]);
}

TEST(templates_are_not_sent_again_by_time)
{
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b) == 0 && open_stream(&b) == 0 && answer(&b));
	CHECK(say(&b, 1, 1) == 0 && hears(&b, 2, 1, 0) && hears(&b, 256, 1, 0));
	pass_time(&b);
	CHECK(hears_nothing(&b) && say(&b, 1, 1) == 0 && hears(&b, 256, 1, 1));
}

TEST(a_message_is_full_at_its_length)
{
	_cleanup_(bench_deinit) struct bench b;
	struct record r = record_of(1), other = record_of(2);
	unsigned n = 0;
	struct heard h;

	CHECK(bench_init(&b) == 0);
	b.config.max_message_len = 65535;
	CHECK(open_stream(&b) == 0 && answer(&b));
	for (; b.sink->ops->room(b.sink, &r); n++)
		CHECK(b.sink->ops->put(b.sink, &r) == 0);
	CHECK(n == (65535 - 20) / RECORD_LEN && !b.sink->ops->room(b.sink, &other));
	CHECK(b.sink->ops->flush(b.sink) == 0 && hears(&b, 2, 1, 0));
	CHECK(hear(&b, &h) && h.len == 20 + n * RECORD_LEN);
}

TEST(both_ends_are_told)
{
	_cleanup_(bench_deinit) struct bench b;
	struct session_tuple t;

	CHECK(bench_init(&b) == 0 && open_stream(&b) == 0 && answer(&b));
	CHECK(stream_wait_ready(b.sink, NSEC_PER_SEC) == 0 && stream_is_up(b.sink));
	CHECK(stream_tuple(b.sink, &t) == 0 && t.family == 4);
	CHECK(t.remote_port == ntohs(b.at.sin_port) && t.remote[0] == 127 && t.local[3] == 1);
	CHECK(session_tuple(b.sink, &t) == -ENOTCONN);
	CHECK(!strncmp(b.sink->label, "tcp://127.0.0.1:", 16));
}

TEST(nobody_there_is_told_and_what_is_put_waits)
{
	_cleanup_(bench_deinit) struct bench b;
	struct session_tuple t;

	CHECK(bench_init(&b) == 0);
	stop_listening(&b);
	CHECK(open_stream(&b) == 0);
	CHECK_STR(b.sink->trouble, "cannot connect to the collector: Connection refused");
	CHECK(stream_wait_ready(b.sink, 0) == -ENOTCONN && !stream_is_up(b.sink));
	/* its own SYN is nobody's flow */
	CHECK(stream_tuple(b.sink, &t) == 0 && t.remote_port == ntohs(b.at.sin_port));
	CHECK(say(&b, 1, 2) == 0 && say(&b, 1, 1) == 0 && stream_waiting(b.sink) == 3);
	CHECK(b.sink->ops->wait_ns(b.sink, clock_boot_ns()) == 0);
	CHECK(b.sink->stats.records == 0 && b.sink->stats.lost_records == 0);
	CHECK(listen_at(&b) == 0);
	pass_time(&b);
	CHECK(answer(&b) && hears(&b, 2, 1, 0) && hears(&b, 256, 1, 0) && hears(&b, 256, 1, 2));
	tick(&b);
	CHECK(!b.sink->trouble[0] && stream_drain(b.sink, NSEC_PER_SEC) == 0);
	CHECK(b.sink->stats.records == 3 && b.sink->stats.lost_records == 0);
	CHECK(stream_waiting(b.sink) == 0);
}

/* The pause is random within bounds: from 1 s, twice as long each time, to 60 s. */
TEST(attempts_come_ever_more_seldom)
{
	_cleanup_(bench_deinit) struct bench b;
	uint64_t now = clock_boot_ns(), waited = 0, longest = 0;
	uint64_t errors;

	CHECK(bench_init(&b) == 0);
	stop_listening(&b);
	CHECK(open_stream(&b) == 0);
	for (int i = 0; i < 12; i++) {
		uint64_t begun = now;

		errors = b.sink->stats.errors;
		for (; b.sink->stats.errors == errors; now += NSEC_PER_SEC / 10)
			b.sink->ops->tick(b.sink, now);
		waited = now - begun;
		longest = waited > longest ? waited : longest;
		CHECK(waited >= 9 * NSEC_PER_SEC / 10 && waited < 61 * NSEC_PER_SEC);
		CHECK(i || waited <= 22 * NSEC_PER_SEC / 10);
	}
	CHECK(waited >= 29 * NSEC_PER_SEC && longest > 30 * NSEC_PER_SEC);
}

TEST(a_collector_that_went_in_peace_costs_nothing)
{
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b) == 0 && open_stream(&b) == 0 && answer(&b));
	CHECK(say(&b, 1, 4) == 0 && hears(&b, 2, 1, 0) && hears(&b, 256, 1, 0));
	CHECK(stream_drain(b.sink, NSEC_PER_SEC) == 0);
	hang_up(&b);
	CHECK(say(&b, 1, 2) == 0);
	CHECK_STR(b.sink->trouble, "the collector closed the connection");
	CHECK(b.sink->stats.errors == 1 && !stream_is_up(b.sink));
	pass_time(&b);
	CHECK(answer(&b) && hears(&b, 2, 1, 0) && hears(&b, 256, 1, 0) && hears_nothing(&b));
	CHECK(stream_drain(b.sink, NSEC_PER_SEC) == 0);
	CHECK(b.sink->stats.records == 6 && b.sink->stats.lost_records == 0);
}

/* So little that it blocks soon: what the kernel holds is small, the rest is ours. */
static void make_slow(struct bench *b)
{
	int size = 4096;

	setsockopt(b->listener, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

/* Fill what the connection takes, and one message more at least. Records. */
static unsigned fill(struct bench *b)
{
	unsigned n = 0;

	while (n < 4000000 && !b->sink->ops->wait_ns(b->sink, clock_boot_ns() + b->ahead_ns)) {
		if (say(b, 1, 60) < 0)
			return 0;
		n += 60;
	}
	return n;
}

TEST(a_slow_collector_holds_the_export_back_until_it_hurries)
{
	_cleanup_(bench_deinit) struct bench b;
	uint64_t now;
	unsigned n;

	CHECK(bench_init(&b) == 0);
	make_slow(&b);
	CHECK(open_stream(&b) == 0 && answer(&b));
	n = fill(&b);
	now = clock_boot_ns();
	CHECK(n && b.sink->ops->wait_ns(b.sink, now) == NSEC_PER_MSEC);
	b.sink->ops->hurry(b.sink, now);
	CHECK(b.sink->ops->wait_ns(b.sink, now) == 0 && say(&b, 1, 60) == 0);
	/* one that takes nothing at all is not waited for */
	CHECK(b.sink->ops->wait_ns(b.sink, now + 2 * NSEC_PER_SEC) == 0 && stream_is_up(b.sink));
	b.ahead_ns = 20 * NSEC_PER_SEC;
	tick(&b);
	CHECK_STR(b.sink->trouble, "the collector takes nothing of what it is sent");
	CHECK(!stream_is_up(b.sink));
	for (unsigned heard = 0, i = 0; heard < n + 60; i++) {
		struct heard h;

		CHECK(hear(&b, &h));
		CHECK(h.set_id == (i ? 256 : 2) && h.sequence == heard);
		heard += h.set_id == 256 ? (h.len - 20) / RECORD_LEN : 0;
	}
	CHECK(hears_nothing(&b) && stream_drain(b.sink, NSEC_PER_SEC) == 0);
	CHECK(b.sink->stats.records == n + 60 && b.sink->stats.lost_records == 0);
	tick(&b);
	CHECK(!b.sink->trouble[0] && stream_is_up(b.sink));
}

/*
 * A reset in the middle of a stream: what the peer has acknowledged counts as sent, what had
 * left and was not acknowledged is in doubt, all else comes on the next connection.
 */
TEST(nothing_is_sent_twice_when_a_connection_breaks)
{
	_cleanup_(bench_deinit) struct bench b;
	struct linger reset = { 1, 0 };
	uint64_t acked, lost;
	unsigned n, again = 0;
	struct heard h;

	CHECK(bench_init(&b) == 0);
	make_slow(&b);
	CHECK(open_stream(&b) == 0 && answer(&b));
	n = fill(&b);
	CHECK(n && hears(&b, 2, 1, 0) && hears(&b, 256, 1, 0));
	setsockopt(b.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	hang_up(&b);
	tick(&b);
	acked = b.sink->stats.records;
	lost = b.sink->stats.lost_records;
	CHECK(acked >= 60 && lost < n && !strncmp(b.sink->trouble, "the connection to the collector "
						  "broke: Connection reset by peer", 63));
	CHECK(!lost == !strstr(b.sink->trouble, "may have arrived or not, and are not sent again"));
	pass_time(&b);
	CHECK(answer(&b) && hears(&b, 2, 1, 0));
	while (acked + lost + again < n) {
		CHECK(hear(&b, &h) && h.set_id == 256 && h.sequence == again);
		again += (h.len - 20) / RECORD_LEN;
	}
	CHECK(hears_nothing(&b) && again && acked + lost + again == n);
	CHECK(stream_drain(b.sink, NSEC_PER_SEC) == 0);
	CHECK(b.sink->stats.records == acked + again && b.sink->stats.lost_records == lost);
	/* told for one tick at least, and not for ever */
	tick(&b);
	tick(&b);
	CHECK(!b.sink->trouble[0]);
}

TEST(a_full_backlog_waits_a_little_then_loses_and_says_so)
{
	_cleanup_(bench_deinit) struct bench b;
	uint64_t now = clock_boot_ns();
	unsigned kept;

	CHECK(bench_init(&b) == 0);
	stop_listening(&b);
	b.config.backlog_bytes = 10000;
	CHECK(open_stream(&b) == 0);
	for (kept = 0; !b.sink->ops->wait_ns(b.sink, now) && kept < 20; kept++)
		CHECK(say(&b, 1, 60) == 0);
	CHECK(kept > 3 && kept < 10 && b.sink->stats.lost_records == 0);
	CHECK(b.sink->ops->wait_ns(b.sink, now + NSEC_PER_SEC) > 0);
	CHECK(b.sink->ops->wait_ns(b.sink, now + 3 * NSEC_PER_SEC) == 0);
	CHECK(say(&b, 1, 60) == -ENOSPC && b.sink->stats.lost_records == 60);
	CHECK_STR(b.sink->trouble, "cannot connect to the collector: Connection refused; "
				   "records are lost, the backlog is full");
	CHECK(b.sink->ops->wait_ns(b.sink, now + 3 * NSEC_PER_SEC) == 0);
	CHECK(listen_at(&b) == 0);
	pass_time(&b);
	CHECK(answer(&b) && hears(&b, 2, 1, 0));
	for (unsigned i = 0; i < kept; i++)
		CHECK(hears(&b, 256, 1, 60 * i));
	CHECK(hears_nothing(&b) && b.sink->ops->wait_ns(b.sink, now + 70 * NSEC_PER_SEC) == 0);
	tick(&b);
	CHECK(!b.sink->trouble[0]);
}

TEST(templates_that_are_gone_are_withdrawn_before_the_next_data)
{
	_cleanup_(bench_deinit) struct bench b;
	struct template_set *other = templates_of(257, false);
	struct heard h;

	CHECK(bench_init(&b) == 0 && open_stream(&b) == 0 && answer(&b));
	CHECK(say(&b, 1, 1) == 0 && hears(&b, 2, 1, 0) && hears(&b, 256, 1, 0));
	CHECK(other && stream_set_templates(b.sink, other) == 0);
	template_set_free(b.set);
	b.set = other;
	CHECK(hears_nothing(&b) && say(&b, 1, 1) == 0);
	/* a set of withdrawals, then one of templates */
	CHECK(hear(&b, &h) && h.sets == 2 && h.set_id == 2 && h.id == 256 && h.fields == 0);
	CHECK(h.sequence == 1 && hears(&b, 257, 1, 1));
	CHECK(say(&b, 2, 1) == 0 && hear(&b, &h) && h.sets == 1 && h.id == 257 && h.fields == 3);
	CHECK(hears(&b, 257, 2, 0));
}

TEST(a_template_of_the_same_number_and_other_elements_is_withdrawn_too)
{
	_cleanup_(bench_deinit) struct bench b;
	struct template_set *same = templates_of(256, false), *other = templates_of(256, true);
	struct heard h;

	CHECK(bench_init(&b) == 0 && open_stream(&b) == 0 && answer(&b));
	CHECK(say(&b, 1, 1) == 0 && hears(&b, 2, 1, 0) && hears(&b, 256, 1, 0));
	CHECK(stream_set_templates(b.sink, same) == 0);
	template_set_free(b.set);
	b.set = same;
	CHECK(say(&b, 1, 1) == 0 && hears(&b, 256, 1, 1));
	CHECK(stream_set_templates(b.sink, other) == 0);
	template_set_free(b.set);
	b.set = other;
	CHECK(say(&b, 1, 1) == 0 && hear(&b, &h) && h.sets == 2 && h.id == 256 && !h.fields);
	CHECK(hear(&b, &h) && h.set_id == 256 && h.sequence == 2 && h.len == 20 + RECORD_LEN + 1);
}

/* What waits is written in what it was written in, whatever is in force now. */
TEST(a_backlog_outlives_a_change_of_templates)
{
	_cleanup_(bench_deinit) struct bench b;
	struct template_set *other = templates_of(256, true);
	struct heard h;

	CHECK(bench_init(&b) == 0);
	stop_listening(&b);
	CHECK(open_stream(&b) == 0 && say(&b, 1, 2) == 0);
	CHECK(stream_set_templates(b.sink, other) == 0);
	template_set_free(b.set);
	b.set = other;
	CHECK(say(&b, 1, 1) == 0 && listen_at(&b) == 0);
	pass_time(&b);
	CHECK(answer(&b) && hear(&b, &h) && h.set_id == 2 && h.fields == 3 && h.sets == 1);
	CHECK(hear(&b, &h) && h.set_id == 256 && h.len == 20 + 2 * RECORD_LEN);
	CHECK(hear(&b, &h) && h.set_id == 2 && h.sets == 2 && h.fields == 0 && h.sequence == 2);
	CHECK(hear(&b, &h) && h.set_id == 256 && h.len == 20 + RECORD_LEN + 1 && h.sequence == 2);
}

TEST(templates_that_do_not_fit_are_refused)
{
	_cleanup_(bench_deinit) struct bench b;
	struct sink *s = NULL;

	CHECK(bench_init(&b) == 0);
	b.config.max_message_len = 35;
	CHECK(stream_new(&b.config, &s) == -EINVAL && !s);
	CHECK_STR(error_message(), "the longest template needs messages of 40 bytes, not 35");
}

TEST(what_cannot_be_is_refused)
{
	_cleanup_(bench_deinit) struct bench b;
	struct sink *s = NULL;

	CHECK(bench_init(&b) == 0);
	b.config.version = 9;
	CHECK(stream_new(&b.config, &s) == -EINVAL);
	CHECK_STR(error_message(),
		  "NetFlow v9 goes over UDP only: say transport: udp or version: ipfix");
	b.config.version = 0;
	b.config.remote = "127.0.0.1";
	CHECK(stream_new(&b.config, &s) == -EINVAL && strstr(error_message(), "is no address"));
	b.config.remote = b.remote;
	b.config.local = "nonsense";
	CHECK(stream_new(&b.config, &s) == -EINVAL && strstr(error_message(), "is no local address"));
}

TEST(sctp_works_or_says_that_the_kernel_has_none)
{
	_cleanup_(bench_deinit) struct bench b;
	struct sink *s = NULL;
	int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);

	CHECK(bench_init(&b) == 0);
	b.config.kind = STREAM_SCTP;
	if (fd >= 0) {
		close(fd);
		CHECK(stream_new(&b.config, &s) == 0);
		s->ops->close(s);
		return;
	}
	error_clear();
	CHECK(stream_new(&b.config, &s) < 0 && error_exit_status() == ERROR_SYSTEM);
	CHECK_STR(error_message(), "this kernel has no SCTP (try: modprobe sctp)");
}

TEST(a_name_that_is_not_resolved_is_told_and_asked_for_again)
{
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b) == 0);
	b.config.remote = "no-such-host.invalid:4739";
	CHECK(open_stream(&b) == 0);
	for (int i = 0; i < 2000 && !b.sink->trouble[0]; i++) {
		tick(&b);
		poll(NULL, 0, 5);
	}
	CHECK(!strncmp(b.sink->trouble, "cannot resolve the collector's name: ", 37));
	CHECK(say(&b, 1, 1) == 0 && b.sink->stats.lost_records == 0);
}

/* localhost may be ::1 first, where nobody listens. */
TEST(every_address_of_a_name_is_tried)
{
	_cleanup_(bench_deinit) struct bench b;
	char name[64];

	CHECK(bench_init(&b) == 0);
	snprintf(name, sizeof(name), "localhost:%u", ntohs(b.at.sin_port));
	b.config.remote = name;
	CHECK(open_stream(&b) == 0 && answer(&b) && say(&b, 1, 1) == 0 && hears(&b, 2, 1, 0));
	CHECK(!b.sink->trouble[0]);
}

TEST(the_local_port_can_be_chosen_and_is_had_again)
{
	_cleanup_(bench_deinit) struct bench b, free_one;
	struct session_tuple t;

	CHECK(bench_init(&b) == 0 && bench_init(&free_one) == 0);
	stop_listening(&free_one);
	b.config.local = free_one.remote;
	for (int i = 0; i < 2; i++) {
		if (i)
			pass_time(&b);
		else
			CHECK(open_stream(&b) == 0);
		CHECK(answer(&b) && stream_tuple(b.sink, &t) == 0);
		CHECK(t.local_port == ntohs(free_one.at.sin_port));
		CHECK(say(&b, 1, 1) == 0 && hears(&b, 2, 1, 0) && hears(&b, 256, 1, 0));
		hang_up(&b);
		tick(&b);
	}
}

/* No SIGPIPE: it would end this test. */
TEST(a_connection_that_is_reset_kills_nobody)
{
	_cleanup_(bench_deinit) struct bench b;
	struct linger reset = { 1, 0 };

	signal(SIGPIPE, SIG_DFL);
	CHECK(bench_init(&b) == 0 && open_stream(&b) == 0 && answer(&b));
	setsockopt(b.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	hang_up(&b);
	for (int i = 0; i < 3; i++)
		CHECK(say(&b, 1, 1) == 0);
	CHECK(b.sink->trouble[0]);
}

TEST(what_cannot_be_delivered_at_the_end_is_told)
{
	_cleanup_(bench_deinit) struct bench b;
	uint64_t begun = clock_boot_ns();
	unsigned n;

	CHECK(bench_init(&b) == 0);
	make_slow(&b);
	CHECK(open_stream(&b) == 0 && answer(&b));
	n = fill(&b);
	CHECK(n && stream_finish(b.sink, NSEC_PER_SEC / 10) == -EAGAIN);
	CHECK(b.sink->stats.lost_records && b.sink->stats.records + b.sink->stats.lost_records == n);
	CHECK(!strncmp(b.sink->trouble, "the collector takes nothing of what it is sent; ", 48));
	CHECK(strstr(b.sink->trouble, " records did not reach it and are lost"));
	close_stream(&b);
	CHECK(clock_boot_ns() - begun < 5 * NSEC_PER_SEC);
}

TEST(what_is_put_last_leaves_when_the_stream_is_closed)
{
	_cleanup_(bench_deinit) struct bench b;

	CHECK(bench_init(&b) == 0 && open_stream(&b) == 0 && answer(&b));
	for (int i = 0; i < 100; i++)
		CHECK(say(&b, 1, 60) == 0);
	close_stream(&b);
	CHECK(hears(&b, 2, 1, 0));
	for (int i = 0; i < 100; i++)
		CHECK(hears(&b, 256, 1, i * 60));
	CHECK(recv(b.fd, &b, 1, 0) == 0);
}
