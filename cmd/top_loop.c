// SPDX-License-Identifier: Apache-2.0
/*
 * One loop for both looks: a timer reads and shows, keys and a new size only show. In between,
 * while an agent empties the rings, they are looked into as often as it takes for nothing to pass
 * unseen; what is silent for long may be let go by the program, so all is read every few seconds
 * however seldom it is shown.
 */
#include "top_loop.h"

#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "enrich/hostname.h"
#include "flow/field_name.h"
#include "top/list.h"
#include "top/vitals.h"

enum {
	CHORE_MS = 100,
	CHECK_MS = 500,
	GATHER_MS = 5000,
	KEPT_BYTES = 1 << 20,		/* of lists that nobody reads; then one is left out */
	NICE = -10,
	NAME_THREADS = 32,
	NAME_ENTRIES = 65536,
};

/* What is in no line: on the screen as long as it runs, below a list once. */
static void tell_losses(struct top *t, uint64_t no_room)
{
	size_t size = sizeof(t->screen.note);
	bool told = t->screen.note[0];
	uint64_t overruns = 0;

	for (size_t i = 0; i < t->n; i++)
		overruns += t->source[i].follow.overruns;
	if (no_room)
		snprintf(t->screen.note, size, "%llu packets found no room in the table",
			 (unsigned long long)no_room);
	else if (overruns)
		snprintf(t->screen.note, size, "some packets passed unseen: the agent was faster %llu times",
			 (unsigned long long)overruns);
	if (!t->view && !told && t->screen.note[0])
		log_warning("%s", t->screen.note);
}

static int read_sources(struct top *t)
{
	struct ledger_count seen[2] = { { 0 } }, full = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < t->n; i++) {
		r = top_source_read(&t->source[i]);
		top_source_count(&t->source[i], seen, &full);
	}
	if (r == 0)
		r = top_rows_update(&t->rows, clock_boot_ns());
	if (r < 0)
		return r;
	top_gauge_add(&t->gauge, seen, t->rows.interval_ns);
	tell_losses(t, full.packets);
	return 0;
}

static int draw(struct top *t)
{
	return view_draw(t->view, &t->screen);
}

static int print_list(struct top *t)
{
	const struct top_list list = {
		.rows = &t->rows, .columns = t->columns, .style = t->style, .order = t->order,
		.limit = t->args->limit, .idle_ns = t->words.filter.idle_ns,
	};

	if (outlet_waiting(&t->out) > KEPT_BYTES)
		return 0;
	if (t->order.column == TOP_RTT || t->order.column == TOP_RETRANSMISSIONS)
		top_vitals_read_all(&t->rows);
	if (t->shown)
		strbuf_putc(&t->out.pending, '\n');
	return top_list_print(&list, &t->out.pending);
}

static int on_refresh(struct loop *loop, void *arg)
{
	struct top *t = arg;
	int r = 0;

	if (!t->view || !t->screen.paused)
		r = read_sources(t);
	if (r == 0)
		r = t->view ? draw(t) : print_list(t);
	if (r == 0 && !t->view)
		r = outlet_push(&t->out, 0);
	if (r == 0 && ++t->shown == t->args->count)
		loop_stop(loop);
	return r;
}

/* Has it been so long? Then it is done now. */
static bool is_due(uint64_t *last_ns, uint64_t now_ns, unsigned every_ms)
{
	if (now_ns < *last_ns + every_ms * NSEC_PER_MSEC)
		return false;
	*last_ns = now_ns;
	return true;
}

/* What an agent takes first is lost to us: on a busy box it is worth being called in time. */
static void hurry(struct top *t)
{
	if (!t->hurries && setpriority(PRIO_PROCESS, 0, NICE) < 0)
		log_debug("cannot have a higher priority");
	t->hurries = true;
}

static int gather(struct top *t, uint64_t now_ns, uint64_t *ret_wait_ns)
{
	bool all = is_due(&t->gathered_ns, now_ns, GATHER_MS);
	int r = 0;

	*ret_wait_ns = CHORE_MS * NSEC_PER_MSEC;
	for (size_t i = 0; r == 0 && i < t->n; i++) {
		struct follow *f = &t->source[i].follow;
		uint64_t patience_ns = follow_patience_ns(f);

		if (all)
			r = follow_gather(f);
		else if (patience_ns != UINT64_MAX)
			r = follow_drain(f);
		if (patience_ns == UINT64_MAX)
			continue;
		hurry(t);
		if (patience_ns < *ret_wait_ns)
			*ret_wait_ns = patience_ns;
	}
	return r;
}

static int on_chore(struct loop *loop, void *arg)
{
	uint64_t now_ns = clock_boot_ns(), wait_ns;
	struct top *t = arg;
	int r;

	r = gather(t, now_ns, &wait_ns);
	if (r == 0)
		r = loop_set_timer(loop, t->chore, wait_ns);
	if (r < 0 || !is_due(&t->checked_ns, now_ns, CHECK_MS))
		return r;
	for (size_t i = 0; r == 0 && i < t->n; i++)
		r = visit_check(t->source[i].visit);
	return r < 0 || t->view ? r : outlet_push(&t->out, 0);
}

/* In threads of their own: what is not known yet stands as an address meanwhile. */
static int show_names(struct top *t, bool on)
{
	const struct hostname_options options = { .threads = NAME_THREADS, .entries = NAME_ENTRIES };
	int r = on && !t->names ? hostname_new(&options, &t->names) : 0;

	field_set_resolver(on && r == 0 ? hostname_resolve : NULL, t->names);
	return r;
}

static int on_keys(struct loop *loop, int fd, uint32_t events, void *arg)
{
	struct top *t = arg;
	bool quit = false;
	uint32_t key;
	int r = 0;

	while (r == 0 && !quit && view_key(t->view, &key))
		r = top_screen_key(&t->screen, key, &quit);
	if (r == 0)
		r = show_names(t, t->screen.named);
	if (quit || events & (EPOLLHUP | EPOLLERR))
		loop_stop(loop);
	return r < 0 ? r : draw(t);
}

static int on_signal(struct loop *loop, int signo, void *arg)
{
	struct top *t = arg;

	if (signo != SIGWINCH) {
		loop_stop(loop);
		return 0;
	}
	if (!t->view)
		return 0;
	view_resize(t->view);
	return draw(t);
}

int top_loop_new(struct top *t)
{
	sigset_t set;
	int r;

	loop_end_signals(&set);
	sigaddset(&set, SIGWINCH);
	r = loop_new(&t->loop);
	return r < 0 ? r : loop_add_signals(t->loop, &set, on_signal, t);
}

/* "default:eth0", "default:eth0,eth1", "3 interfaces of 2 namespaces". */
static void tell_where(const struct top *t, char *buf, size_t size)
{
	size_t n = 0, at;

	for (size_t i = 0; i < t->n; i++)
		n += t->place[i].n_ifaces;
	if (t->n != 1 || n > 3) {
		snprintf(buf, size, "%zu interfaces of %zu namespace%s", n, t->n, t->n == 1 ? "" : "s");
		return;
	}
	at = snprintf(buf, size, "%s", t->place[0].netns);
	for (size_t i = 0; i < n && at < size; i++)
		at += snprintf(buf + at, size - at, "%c%s", i ? ',' : ':', t->place[0].ifaces[i].name);
}

static int begin_screen(struct top *t)
{
	int r;

	top_screen_init(&t->screen, &t->rows, &t->gauge, t->args->by);
	tell_where(t, t->screen.where, sizeof(t->screen.where));
	t->screen.interval_ns = t->interval_ns;
	t->screen.named = t->args->resolve;
	if (t->args->sort)
		t->screen.order = t->order;
	r = top_screen_filter(&t->screen, t->args->filter ? t->args->filter : "");
	if (r == 0)
		r = loop_add_fd(t->loop, STDIN_FILENO, EPOLLIN, on_keys, t);
	return r < 0 ? r : draw(t);
}

int top_loop_begin(struct top *t)
{
	int r, id;

	r = top_rows_init(&t->rows, t->place, t->n, t->by);
	if (r == 0)
		r = top_rows_choose(&t->rows, t->by, t->args->filter ? &t->words : NULL);
	if (r == 0)
		r = show_names(t, t->args->resolve);
	if (r == 0)
		r = read_sources(t);
	if (r == 0)
		r = loop_add_timer(t->loop, CHORE_MS * NSEC_PER_MSEC, on_chore, t, &t->chore);
	if (r == 0)
		r = loop_add_timer(t->loop, t->interval_ns, on_refresh, t, &id);
	return r == 0 && t->view ? begin_screen(t) : r;
}
