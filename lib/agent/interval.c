// SPDX-License-Identifier: Apache-2.0
/*
 * An output may want records that do not go across a multiple of the wall clock (AWS VPC flow
 * logs: sink/log_vpc.h). So all flows are cut there: what is held is marked, shortly before, and at
 * the full second the epoch moves; what comes then is counted apart. What was marked leaves at
 * once, to every output, and so does what turns up later of before the cut: two scans find it all.
 * Then the outputs are told, with what each interface has counted between two cuts.
 */
#include "agent/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"

/* Marking flows takes less, as a rule. */
#define AHEAD_NS (10 * NSEC_PER_MSEC)
#define SCANS 2
#define RESCAN_NS (20 * NSEC_PER_MSEC)

struct interval_hook {
	struct hook_id id;
	uint64_t seen, lost;		/* of the meter, at the last cut, or when it was met */
	uint64_t now_seen, now_lost;	/* at the cut that is to be told of */
	uint64_t since_ns;
};

/* Lost is what `meter status` calls unmetered: flows may give way to others while an agent hangs. */
static void count_hook(struct table *t, const struct hook_id *id, uint64_t *ret_seen, uint64_t *ret_lost)
{
	uint64_t by[LEDGER_KERNEL_REASONS];

	for (int i = 0; i < LEDGER_KERNEL_REASONS; i++)
		by[i] = table_hook_count(t, id->ifindex, id->direction, i).packets;
	*ret_seen = by[LEDGER_SEEN] - by[LEDGER_NON_IP];
	*ret_lost = by[LEDGER_FULL] + by[LEDGER_UNPARSED] +
		    table_aged(t, id->ifindex, id->direction).packets;
}

static struct interval_hook *find_hook(const struct agent_table *t, const struct hook_id *id)
{
	for (size_t i = 0; i < t->n_hooks; i++) {
		if (t->hooks[i].id.ifindex == id->ifindex && t->hooks[i].id.direction == id->direction)
			return &t->hooks[i];
	}
	return NULL;
}

/* Those that are there, with what is known of them already. */
static int learn_hooks(struct agent_table *t, uint64_t now_ns)
{
	struct interval_hook *v = calloc(t->names.n_hooks + 1, sizeof(*v));

	if (!v)
		return fail(-ENOMEM, "cannot look at the meters");
	for (size_t i = 0; i < t->names.n_hooks; i++) {
		const struct hook_id *id = &t->names.hooks[i];
		const struct interval_hook *known = find_hook(t, id);

		if (known) {
			v[i] = *known;
			continue;
		}
		v[i] = (struct interval_hook) { .id = *id, .since_ns = now_ns };
		count_hook(t->table, id, &v[i].seen, &v[i].lost);
		v[i].now_seen = v[i].seen;
		v[i].now_lost = v[i].lost;
	}
	free(t->hooks);
	t->hooks = v;
	t->n_hooks = t->names.n_hooks;
	return 0;
}

void interval_forget(struct agent_table *t)
{
	free(t->hooks);
	t->hooks = NULL;
	t->n_hooks = 0;
}

static uint64_t next_multiple(uint64_t now_ns, uint64_t ns)
{
	return now_ns - now_ns % ns + ns;
}

/* Away from the multiple it was set for, if the clock was set: then on_timer() is told. */
static int set_timer(struct agent_interval *i)
{
	uint64_t at = i->to_ns - AHEAD_NS;
	struct itimerspec spec = {
		.it_value = { at / NSEC_PER_SEC, at % NSEC_PER_SEC },
	};

	if (timerfd_settime(i->timer_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, NULL) < 0)
		return fail(-errno, "cannot set a timer");
	return 0;
}

static int begin_interval(struct agent_interval *i)
{
	i->to_ns = next_multiple(clock_real_ns() + AHEAD_NS, i->ns);
	return set_timer(i);
}

static void wait_until(uint64_t real_ns)
{
	uint64_t now = clock_real_ns();

	if (now < real_ns && real_ns - now <= AHEAD_NS)
		clock_sleep_ns(real_ns - now);
}

static bool mark(struct agent_table *t)
{
	if (t->gone || pin_dir_lock(&t->table->dir) < 0) {
		error_clear();
		return false;
	}
	if (t->table->ctl->closing != TABLE_OPEN || journal_refresh(t->table) < 0) {
		error_clear();
		pin_dir_unlock(&t->table->dir);
		return false;
	}
	journal_recover(t->table);
	journal_cut_all(t->table);
	return true;
}

static void note_counts(struct agent_table *t)
{
	for (size_t i = 0; i < t->n_hooks; i++) {
		struct interval_hook *h = &t->hooks[i];

		count_hook(t->table, &h->id, &h->now_seen, &h->now_lost);
	}
}

static int cut_all(struct agent *a)
{
	_cleanup_(freep) bool *marked = calloc(a->n_tables + 1, sizeof(*marked));

	if (!marked)
		return fail(-ENOMEM, "cannot cut the flows");
	for (size_t i = 0; i < a->n_tables; i++)
		marked[i] = mark(&a->tables[i]);
	wait_until(a->interval.to_ns);
	for (size_t i = 0; i < a->n_tables; i++) {
		if (marked[i])
			journal_bump_epoch(a->tables[i].table);
	}
	for (size_t i = 0; i < a->n_tables; i++) {
		struct agent_table *t = &a->tables[i];

		if (!marked[i])
			continue;
		note_counts(t);
		t->cut_scans = SCANS;
		t->cut_scan = false;
		t->next_scan_ns = 0;
		pin_dir_unlock(&t->table->dir);
	}
	return 0;
}

static int on_timer(struct loop *loop, int fd, uint32_t events, void *arg)
{
	struct agent *a = arg;
	struct agent_interval *i = &a->interval;
	uint64_t n;
	bool is_set = read(fd, &n, sizeof(n)) < 0 && errno == ECANCELED;

	if (!i->ns)
		return 0;
	if (!is_set && clock_real_ns() + AHEAD_NS >= i->to_ns) {
		if (cut_all(a) == 0) {
			i->cut_ns = i->to_ns;
			loop_set_timer(loop, a->tick_timer, NSEC_PER_MSEC);
		}
	}
	return begin_interval(i);
}

static uint64_t wanted_ns(const struct agent_outputs *o)
{
	for (size_t i = 0; i < o->n; i++) {
		struct sink *s = o->v[i].sink;
		uint64_t ns = s && s->ops->interval_ns ? s->ops->interval_ns(s) : 0;

		if (ns)
			return ns;
	}
	return 0;
}

static int start(struct agent *a, uint64_t ns)
{
	struct agent_interval *i = &a->interval;
	int r;

	i->ns = ns;
	if (!ns)
		return 0;
	if (!i->timer_fd) {
		i->timer_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
		if (i->timer_fd < 0) {
			i->timer_fd = 0;
			return fail(-errno, "cannot make a timer");
		}
		r = loop_add_fd(a->loop, i->timer_fd, EPOLLIN, on_timer, a);
		if (r < 0)
			return r;
	}
	return begin_interval(i);
}

int interval_look(struct agent *a)
{
	uint64_t ns = wanted_ns(&a->outputs), now = clock_real_ns();
	int r = ns == a->interval.ns ? 0 : start(a, ns);

	for (size_t i = 0; r == 0 && ns && i < a->n_tables; i++) {
		if (!a->tables[i].gone)
			r = learn_hooks(&a->tables[i], now);
	}
	return r;
}

void interval_scan_begins(struct agent_table *t)
{
	t->cut_scan = t->cut_scans > 0;
}

void interval_scan_ended(struct agent_table *t, uint64_t now_ns)
{
	/* An output has to be waited for: rings have not so much time. */
	if (t->sweep.running || (!t->cut_scan && t->cut_scans == SCANS))
		t->table->cut_waits = false;
	if (t->sweep.running || !t->cut_scan)
		return;
	t->cut_scan = false;
	t->cut_scans--;
	if (t->cut_scans)
		t->next_scan_ns = now_ns + RESCAN_NS;
	else
		t->table->cut_waits = false;
}

/* A meter that was taken off and came back counts from 0. */
static uint64_t grown(uint64_t now, uint64_t before)
{
	return now >= before ? now - before : now;
}

/* Both directions of an interface are one place. */
static struct sink_place *place_of(struct sink_place *v, size_t *n, const struct agent_table *t,
				   const struct interval_hook *h)
{
	const struct link *link = record_names_link(&t->names, h->id.ifindex);

	if (!link)
		return NULL;
	for (size_t i = 0; i < *n; i++) {
		if (v[i].iface == link->name)
			return &v[i];
	}
	v[*n] = (struct sink_place) {
		.netns = t->names.netns,
		.iface = link->name,
		.cloud = link->cloud,
		.since_ns = h->since_ns,
	};
	return &v[(*n)++];
}

static void add_places(struct agent_table *t, struct sink_place *v, size_t *n)
{
	for (size_t i = 0; i < t->n_hooks; i++) {
		struct interval_hook *h = &t->hooks[i];
		struct sink_place *p = place_of(v, n, t, h);

		if (p) {
			p->seen += grown(h->now_seen, h->seen);
			p->lost += grown(h->now_lost, h->lost);
			p->since_ns = h->since_ns < p->since_ns ? h->since_ns : p->since_ns;
		}
		h->seen = h->now_seen;
		h->lost = h->now_lost;
	}
}

static bool all_have_left(const struct agent *a)
{
	for (size_t i = 0; i < a->n_tables; i++) {
		if (!a->tables[i].gone && a->tables[i].cut_scans)
			return false;
	}
	return true;
}

void interval_tell(struct agent *a)
{
	struct sink_interval in = { .from_ns = a->interval.cut_ns - a->interval.ns,
				    .to_ns = a->interval.cut_ns };
	_cleanup_(freep) struct sink_place *v = NULL;
	size_t n_hooks = 0;

	if (!a->interval.cut_ns || !all_have_left(a))
		return;
	for (size_t i = 0; i < a->n_tables; i++)
		n_hooks += a->tables[i].n_hooks;
	v = calloc(n_hooks + 1, sizeof(*v));
	if (!v)
		return;
	for (size_t i = 0; i < a->n_tables; i++)
		add_places(&a->tables[i], v, &in.n);
	in.v = v;
	for (size_t i = 0; i < a->outputs.n; i++) {
		struct sink *s = a->outputs.v[i].sink;

		if (s->ops->interval)
			s->ops->interval(s, &in);
	}
	a->interval.cut_ns = 0;
}

void interval_close(struct agent *a)
{
	if (a->interval.timer_fd)
		close(a->interval.timer_fd);
	a->interval.timer_fd = 0;
}
