// SPDX-License-Identifier: Apache-2.0
/*
 * The straight way comes to the same as tcp_advance(): put() of tcp.h compares the two for each
 * segment. Here are conversations of two ends that talk as those do that a network treats badly,
 * and user space that asks for the end of windows in between.
 */
#include "tcp.h"

static uint64_t state;

static uint32_t below(uint32_t n)
{
	state = state * 6364136223846793005 + 1442695040888963407;
	return (state >> 33) % n;
}

static bool one_in(uint32_t n)
{
	return below(n) == 0;
}

struct talk {
	uint32_t next[2];	/* to send; what of it the other end has */
	uint32_t had[2];
	uint16_t window[2];
	double ms;
	bool times;
	bool odd;		/* no ACK is the end of a segment */
};

/* What happens to few. */
static void spoil(struct tcp_segment *s, const struct talk *t)
{
	static const uint8_t flags[] = { TCP_ECE, TCP_CWR, TCP_FIN, TCP_SYN, TCP_RST };

	switch (below(12)) {
	case 0:
		s->flags |= flags[below(one_in(20) ? 5 : 3)];
		break;
	case 1:
		s->ecn = below(4);
		break;
	case 2:
		s->seq -= below(3000);
		break;
	case 3:
		s->seq += below(3000);
		break;
	case 4:
		s->ack -= below(3000);
		break;
	case 5:
		s->shown |= TCP_SHOWS_SACK;
		s->sack[0] = (struct tcp_range){ s->ack + 1000, s->ack + 1000 + below(3000) };
		break;
	case 6:
		s->window = 0;
		break;
	case 9:
		s->ack += below(3000);
		break;
	case 10:
		s->tsval -= below(100);
		break;
	case 7:
		s->segments = 1 + below(4);
		s->size = s->len / s->segments;
		break;
	case 8:
		s->seq = t->next[s->side] - 1;
		s->len = below(2);
		break;
	default:
		s->now_ns -= below(50 * MS);
	}
}

static void say(struct talk *t)
{
	int side = below(2);
	struct tcp_segment s = segment(side, t->ms, A, t->next[side], one_in(2) ? 0 : 1 + below(1448),
				       t->next[!side]);

	t->ms += below(1000) * 0.01;
	if (one_in(4))
		t->window[side] = one_in(10) ? 0 : 1 + below(65535);
	s.window = t->window[side];
	if (t->times) {
		s.shown = TCP_SHOWS_TIMES;
		s.tsval = t->ms;
		s.tsecr = t->ms - below(20);
	}
	if (one_in(8))
		s.ack = t->had[!side];
	s.ack -= t->odd;
	if (!t->window[!side] && one_in(2))
		s.len = 1;
	if (one_in(12))
		spoil(&s, t);
	t->had[!side] = s.ack;
	if ((int32_t)(s.seq + s.len - t->next[side]) > 0)
		t->next[side] = s.seq + s.len;
	if (one_in(20))
		conn.side[below(2)].asked++;
	put(s);
}

static void converse(uint32_t seed)
{
	struct talk t = { .ms = 20, .times = seed & 1, .odd = seed % 16 == 9, .window = { 1000, 1000 } };

	state = seed;
	if (seed & 2) {
		handshake();
		t.next[0] = t.had[0] = 100;
		t.next[1] = t.had[1] = 500;
	} else {
		fresh();
	}
	if (seed & 4)
		conn.side[0].scale = conn.side[1].scale = 7;
	for (int i = 0, more = 20; i < 200 && more; i++) {
		say(&t);
		more -= conn.flags & TCP_CONN_RST ? 1 : 0;
	}
}

TEST(whatever_goes_straight_is_counted_as_it_would_be_otherwise)
{
	for (uint32_t seed = 1; seed <= ROUNDS(20000); seed++) {
		converse(seed);
		if (test_failed_) {
			printf("# seed %u\n", seed);
			return;
		}
	}
}

TEST(and_it_is_much)
{
	printf("# %u went straight\n", went_straight);
	CHECK(went_straight > ROUNDS(20000) * 20);
}

TEST(data_and_its_acks_go_straight)
{
	went_straight = 0;
	handshake();
	seg(0, 20, A, 100, 1000, 500); /* the server has shown no window but that of its SYN */
	seg(1, 30, A, 500, 0, 1100);
	CHECK(went_straight == 0);
	seg(0, 40, A, 1100, 1000, 500);
	seg(0, 40, A | 8, 2100, 1000, 500);
	seg(1, 50, A, 500, 0, 3100);
	CHECK(went_straight == 3 && rtt(0, 3, 10000, 10000));
}

TEST(what_is_seldom_does_not)
{
	struct tcp_segment s;

	handshake();
	seg(0, 20, A, 100, 1000, 500);
	seg(1, 30, A, 500, 0, 1100);
	went_straight = 0;
	seg(1, 31, A, 500, 0, 1100);		/* a duplicate ACK */
	seg(0, 40, A, 100, 1000, 500);		/* again */
	seg(0, 41, A, 2100, 1000, 500);		/* one is missing */
	seg_window(1, 42, 500, 0, 1101, 0);	/* no more, please */
	seg(0, 43, A, 3100, 1, 500);
	seg(1, 44, A, 500, 0, 3101);
	CHECK(went_straight == 0);
	s = segment(0, 45, A, 3101, 10, 500);
	s.ecn = 3;
	put(s);
	s = segment(0, 46, A, 3111, 20, 500);
	s.segments = 2;
	s.size = 10;
	put(s);
	conn.side[0].asked++;
	seg(0, 47, A, 3131, 10, 500);
	seg(0, 48, F | A, 3141, 10, 500);
	CHECK(went_straight == 0);
}
