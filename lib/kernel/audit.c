// SPDX-License-Identifier: Apache-2.0
/*
 * A packet that is in the program just now is in one count of its hook and not yet in another,
 * so a ledger under traffic is off by what is in motion. One that balances at any moment is
 * right: to be wrong and to balance, what is in motion would have to be just what is missing.
 * One that does not, and does not change either, is wrong. In between it is read again.
 */
#include "kernel/audit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"

DEFINE_CLEANUP(struct table, table_close)

#define AGAIN_NS (20 * NSEC_PER_MSEC)

struct reading {
	struct audit_hook *v;
	uint64_t *since_ns;	/* of each: its ledger is as it is since then */
	size_t n;
};

const char *audit_verdict_name(enum audit_verdict verdict)
{
	static const char *const names[] = { "balanced", "unbalanced", "moving" };

	return names[verdict];
}

static void reading_deinit(struct reading *r)
{
	free(r->v);
	free(r->since_ns);
	*r = (struct reading) { 0 };
}

static bool is_same_hook(const struct meter_status *a, const struct meter_status *b)
{
	return a->cookie == b->cookie && a->ifindex == b->ifindex && a->direction == b->direction;
}

/* Its place in @r, or r->n. */
static size_t find(const struct reading *r, const struct meter_status *status)
{
	size_t i;

	for (i = 0; i < r->n && !is_same_hook(&r->v[i].status, status); i++)
		;
	return i;
}

/* What of the ledger moves: all but what is beside its sum. */
static bool is_unchanged(const struct meter_ledger *a, const struct meter_ledger *b)
{
	return memcmp(a->by, b->by, sizeof(a->by)) == 0 &&
	       memcmp(&a->held, &b->held, sizeof(a->held)) == 0 &&
	       memcmp(&a->aged, &b->aged, sizeof(a->aged)) == 0;
}

static void judge(struct reading *now, size_t i, const struct reading *before, uint64_t now_ns)
{
	struct audit_hook *h = &now->v[i];
	size_t k = find(before, &h->status);

	now->since_ns[i] = now_ns;
	if (meter_ledger_balances(&h->status.ledger, &h->missing_packets, &h->missing_bytes)) {
		h->verdict = AUDIT_BALANCED;
		return;
	}
	h->verdict = AUDIT_MOVING;
	if (k == before->n)
		return;
	if (before->v[k].verdict == AUDIT_BALANCED) {
		*h = before->v[k];
	} else if (is_unchanged(&before->v[k].status.ledger, &h->status.ledger)) {
		now->since_ns[i] = before->since_ns[k];
		if (now_ns - now->since_ns[i] >= AUDIT_REST_NS)
			h->verdict = AUDIT_UNBALANCED;
	}
}

static int take_reading(uint64_t cookie, const struct reading *before, struct reading *ret)
{
	_cleanup_(freep) struct meter_status *list = NULL;
	struct reading r = { 0 };
	int err;

	err = meter_list_ledgers(cookie, &list, &r.n);
	if (err < 0)
		return err;
	r.v = calloc(r.n + 1, sizeof(*r.v));
	r.since_ns = calloc(r.n + 1, sizeof(*r.since_ns));
	if (!r.v || !r.since_ns) {
		reading_deinit(&r);
		return fail(-ENOMEM, "cannot read the ledgers");
	}
	for (size_t i = 0; i < r.n; i++) {
		r.v[i].status = list[i];
		judge(&r, i, before, clock_boot_ns());
	}
	*ret = r;
	return 0;
}

static bool has_moving(const struct reading *r)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->v[i].verdict == AUDIT_MOVING)
			return true;
	}
	return false;
}

int audit_read(uint64_t cookie, uint64_t patience_ns, struct audit_hook **ret, size_t *ret_n)
{
	_cleanup_(reading_deinit) struct reading before = { 0 };
	uint64_t end_ns = clock_boot_ns() + patience_ns;
	struct reading now = { 0 };
	int r;

	for (;;) {
		r = take_reading(cookie, &before, &now);
		if (r < 0)
			return r;
		if (!has_moving(&now) || clock_boot_ns() >= end_ns)
			break;
		reading_deinit(&before);
		before = now;
		clock_sleep_ns(AGAIN_NS);
	}
	*ret = now.v;
	*ret_n = now.n;
	free(now.since_ns);
	return 0;
}

int audit_outputs(uint64_t cookie, struct output_count **ret, size_t *ret_n)
{
	_cleanup_(output_counts_close) struct output_counts counts = { 0 };
	_cleanup_(table_closep) struct table *t = NULL;
	struct output_count *v;
	size_t n = 0;
	int r;

	r = table_open(cookie, false, &t);
	if (r == 0)
		r = output_counts_open(t, &counts);
	if (r < 0 && r != -ENOENT)
		return r;
	v = calloc(counts.n + 1, sizeof(*v));
	if (!v)
		return fail(-ENOMEM, "cannot read what outputs were given");
	while (n < counts.n && counts.v[n].label[0]) {
		v[n] = counts.v[n];
		n++;
	}
	*ret = v;
	*ret_n = n;
	return 0;
}
