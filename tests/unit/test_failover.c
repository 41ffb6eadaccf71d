// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/clock.h"
#include "sink/failover.h"
#include "test.h"

#define SECOND NSEC_PER_SEC

/* A member that does nothing but remember. */
struct fake {
	struct sink sink;
	bool up;
	int puts, flushes, prepares, ticks, reopens, hurries, closes;
	uint64_t wait_ns;
};

static struct fake *fake_of(struct sink *s)
{
	return (struct fake *)s;
}

static uint64_t fake_wait_ns(struct sink *s, uint64_t now)
{
	return fake_of(s)->wait_ns;
}

static void fake_hurry(struct sink *s, uint64_t now)
{
	fake_of(s)->hurries++;
}

static bool fake_room(struct sink *s, const struct record *r)
{
	return fake_of(s)->puts % 3 != 2;
}

static int fake_put(struct sink *s, const struct record *r)
{
	fake_of(s)->puts++;
	return 0;
}

static void fake_prepare(struct sink *s)
{
	fake_of(s)->prepares++;
}

static int fake_flush(struct sink *s)
{
	fake_of(s)->flushes++;
	s->stats.records++;
	return 0;
}

static void fake_tick(struct sink *s, uint64_t now)
{
	fake_of(s)->ticks++;
}

static int fake_reopen(struct sink *s)
{
	fake_of(s)->reopens++;
	return 0;
}

static void fake_close(struct sink *s)
{
	fake_of(s)->closes++;
}

static const struct sink_ops fake_ops = {
	.name = "fake",
	.wait_ns = fake_wait_ns,
	.hurry = fake_hurry,
	.room = fake_room,
	.put = fake_put,
	.prepare = fake_prepare,
	.flush = fake_flush,
	.tick = fake_tick,
	.reopen = fake_reopen,
	.close = fake_close,
};

static bool is_up(const struct sink *s)
{
	return ((const struct fake *)s)->up;
}

static struct fake a, b;
static struct sink *group;
static uint64_t now;

static int open_group(bool first, bool second)
{
	struct sink *members[] = { &a.sink, &b.sink };

	a = (struct fake) { .sink = { .ops = &fake_ops, .label = "tcp://a:1" }, .up = first };
	b = (struct fake) { .sink = { .ops = &fake_ops, .label = "udp://b:2" }, .up = second };
	now = clock_boot_ns();
	return sink_failover_new(members, 2, is_up, &group);
}

static void wait_s(unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		now += SECOND;
		group->ops->tick(group, now);
	}
}

static int say(void)
{
	struct record r = { 0 };

	if (group->ops->room(group, &r))
		group->ops->put(group, &r);
	group->ops->prepare(group);
	return group->ops->flush(group);
}

TEST(the_first_that_is_up_is_used_alone)
{
	CHECK(open_group(true, true) == 0);
	CHECK_STR(group->label, "tcp://a:1|udp://b:2");
	CHECK(sink_failover_in_use(group) == &a.sink && sink_failover_in_use(&b.sink) == &b.sink);
	wait_s(20);
	CHECK(say() == 0 && a.puts == 1 && a.flushes == 1 && a.prepares == 1 && !b.puts && !b.flushes);
	CHECK(a.ticks == 20 && b.ticks == 20 && !group->trouble[0]);
	group->ops->hurry(group, now);
	CHECK(group->ops->reopen(group) == 0 && a.hurries == 1 && a.reopens == 1 && b.reopens == 1);
	group->ops->close(group);
	CHECK(a.closes == 1 && b.closes == 1);
}

TEST(one_that_is_down_for_some_seconds_is_left_and_what_is_due_is_held)
{
	CHECK(open_group(true, true) == 0);
	wait_s(5);
	a.up = false;
	snprintf(a.sink.trouble, sizeof(a.sink.trouble), "gone");
	CHECK(group->ops->wait_ns(group, now) > 0);
	wait_s(2);
	CHECK(group->ops->wait_ns(group, now) > 0);
	CHECK_STR(group->trouble, "tcp://a:1: gone");
	wait_s(2);
	CHECK(group->ops->wait_ns(group, now) == 0 && say() == 0 && b.flushes == 1 && !a.flushes);
	CHECK_STR(group->trouble, "exporting to udp://b:2; tcp://a:1: gone");
	CHECK(sink_failover_in_use(group) == &b.sink);
	group->ops->close(group);
}

TEST(one_that_is_back_for_a_while_is_used_again)
{
	CHECK(open_group(false, true) == 0);
	wait_s(4);
	CHECK(say() == 0 && b.flushes == 1);
	a.up = true;
	wait_s(5);
	a.up = false;
	wait_s(1);
	a.up = true;
	wait_s(8);
	CHECK(say() == 0 && b.flushes == 2 && !a.flushes);
	wait_s(4);
	CHECK(say() == 0 && b.flushes == 2 && a.flushes == 1 && !group->trouble[0]);
	CHECK(group->stats.records == 3);
	group->ops->close(group);
}

TEST(a_batch_stays_with_whom_it_was_begun)
{
	struct record r = { 0 };

	CHECK(open_group(true, true) == 0);
	wait_s(1);
	CHECK(group->ops->put(group, &r) == 0);
	a.up = false;
	wait_s(8);
	CHECK(group->ops->flush(group) == 0 && a.flushes == 1 && !b.flushes);
	wait_s(1);
	CHECK(say() == 0 && b.flushes == 1);
	group->ops->close(group);
}

TEST(when_none_is_up_the_one_in_use_does_what_it_can)
{
	CHECK(open_group(false, false) == 0);
	wait_s(8);
	a.wait_ns = 7;
	CHECK(group->ops->wait_ns(group, now) == 7 && say() == 0 && a.flushes == 1);
	b.up = true;
	wait_s(1);
	a.wait_ns = 0;
	CHECK(group->ops->wait_ns(group, now) == 0 && say() == 0 && b.flushes == 1);
	group->ops->close(group);
}
