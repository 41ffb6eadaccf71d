// SPDX-License-Identifier: Apache-2.0
/*
 * A bucket that refills by time. Its size is what a collector with a default socket buffer
 * takes without reading at all; what it refills by is what it is trusted to read.
 *
 * The usual rate is for bursts: many flows that end together are spread over a moment. It is
 * not for a load that is always there, which held back would only pile up in the table: when
 * somebody waits all the time for some seconds, the rate doubles every second until nobody
 * does; at once when the table is full.
 */
#include "ipfix/pace.h"

#include "base/clock.h"

/*
 * A tenth of what nfcapd keeps up with. On a busy machine a reader waits its turn: for 19 ms
 * at this rate until a buffer of the usual size, a burst in it, overflows.
 */
#define USUAL_BYTES_PER_S (5 * 1000 * 1000)
#define PATIENCE_NS (15 * NSEC_PER_SEC)
#define HURRY_NS (2 * NSEC_PER_SEC)
#define IDLE_NS (100 * NSEC_PER_MSEC)
#define DOUBLINGS_MAX 10

/* A message of 1400 bytes takes 2304. */
#define COST_OF(bytes_) ((bytes_) * 2304 / 1400)

/* What the kernel keeps beside the data: headers, and skb_shared_info within the block. */
#define BLOCK_OVERHEAD 362
#define SKB_BYTES 256

size_t pace_cost(size_t len)
{
	size_t block = 512;

	while (block < len + BLOCK_OVERHEAD)
		block *= 2;
	return block + SKB_BYTES;
}

void pace_init(struct pace *p, uint64_t bytes_per_s)
{
	*p = (struct pace) { .level = PACE_BURST };
	p->rises = bytes_per_s == PACE_AUTO;
	if (p->rises)
		bytes_per_s = USUAL_BYTES_PER_S;
	/* above this it makes no difference */
	if (bytes_per_s > 100 * NSEC_PER_SEC)
		bytes_per_s = 0;
	p->rate = COST_OF(bytes_per_s);
}

static uint64_t rate_now(const struct pace *p, uint64_t now)
{
	uint64_t late = now - p->idle_ns, doublings;

	if (!p->rises || late < PATIENCE_NS)
		return p->rate;
	doublings = (late - PATIENCE_NS) / NSEC_PER_SEC + 1;
	return p->rate << (doublings < DOUBLINGS_MAX ? doublings : DOUBLINGS_MAX);
}

/* What came in since, in whole bytes; the time of a part of one is not used up. */
static void refill(struct pace *p, uint64_t rate, uint64_t now)
{
	uint64_t passed = now > p->at_ns ? now - p->at_ns : 0, lacks = PACE_BURST - p->level;
	uint64_t needed = lacks * NSEC_PER_SEC / rate, gained;

	if (passed < needed) {
		gained = passed * rate / NSEC_PER_SEC;
		p->at_ns += (gained * NSEC_PER_SEC + rate - 1) / rate;
		p->level += gained;
		return;
	}
	/* Full: because nobody had more to send, or because whoever had was told to wait. */
	if ((!p->rests || passed - needed > IDLE_NS) && now >= p->hurry_ns)
		p->idle_ns = now;
	p->level = PACE_BURST;
	p->at_ns = now;
	p->rests = false;
}

uint64_t pace_wait_ns(struct pace *p, size_t batch, uint64_t now)
{
	size_t least = batch < PACE_BURST / 2 ? batch : PACE_BURST / 2;
	uint64_t rate;

	if (!p->rate)
		return 0;
	if (!p->at_ns)
		p->at_ns = p->idle_ns = now;
	rate = rate_now(p, now);
	refill(p, rate, now);
	if (p->level < (int64_t)least)
		p->rests = true;
	if (!p->rests)
		return 0;
	return (PACE_BURST - p->level) * NSEC_PER_SEC / rate + 1;
}

void pace_hurry(struct pace *p, uint64_t now)
{
	p->hurry_ns = now + HURRY_NS;
	if (now > PATIENCE_NS && now - p->idle_ns < PATIENCE_NS)
		p->idle_ns = now - PATIENCE_NS;
}

size_t pace_budget(const struct pace *p)
{
	return !p->rate || p->rests || p->level <= 0 ? PACE_NO_LIMIT : (size_t)p->level;
}

void pace_spend(struct pace *p, size_t len)
{
	if (p->rate)
		p->level -= pace_cost(len);
	if (p->level < -PACE_BURST)
		p->level = -PACE_BURST;
}
