// SPDX-License-Identifier: Apache-2.0
/*
 * One loop for both looks: a timer reads and shows, keys and a new size only show. In between,
 * while an agent empties the rings, they are looked into as often as it takes for nothing to pass
 * unseen; what is silent for long may be let go by the program, so all is read every few seconds
 * however seldom it is shown.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "cmd.h"
#include "outlet.h"
#include "style.h"
#include "targets.h"
#include "top/list.h"
#include "top/screen.h"
#include "top/view.h"
#include "top/vitals.h"
#include "top_source.h"

enum {
	CHORE_MS = 100,
	CHECK_MS = 500,
	GATHER_MS = 5000,
	LIST_S = 5,
	SCREEN_S = 1,
	KEPT_BYTES = 1 << 20,		/* of lists that nobody reads; then one is left out */
	LAST_MS = 1000,
	NICE = -10,
};

struct top_args {
	struct opt_strs names, interfaces;
	const char *netns;
	bool batch, connections, has_interval;
	uint64_t interval_ns, count, limit;
	int by;
	const char *sort, *filter;
	struct style_args style;
};

static const struct opt top_opts[] = {
	OPT(STRS, top_args, names, .name = "name", .letter = 'n', .arg = "IFACE",
	    .help = "of this interface (repeatable, a glob is fine)"),
	TARGET_INTERFACE_OPT(top_args),
	TARGET_NETNS_OPT(top_args),
	OPT(FLAG, top_args, batch, .name = "batch", .letter = 'b',
	    .help = "a plain list again and again, no full screen"),
	OPT(DURATION, top_args, interval_ns, .name = "interval", .arg = "DURATION",
	    .help = "so often (list 5s, full screen 1s)", OPT_GIVEN(top_args, has_interval)),
	OPT(U64, top_args, count, .name = "count", .letter = 'c', .arg = "N", .min = 1,
	    .help = "end after N times"),
	OPT(CHOICE, top_args, by, .name = "by", .arg = "WHAT", .choices = top_by_names,
	    .help = "lines of connection (default), host, port,\ninterface or netns"),
	OPT(FLAG, top_args, connections, .name = "connections",
	    .help = "list each connection on its own,\nwith its start and duration"),
	OPT(STR, top_args, sort, .name = "sort", .arg = "KEY",
	    .help = "biggest KEY first; -KEY: smallest first"),
	OPT(STR, top_args, filter, .name = "filter", .arg = "WORDS",
	    .help = "only these: 'tcp dport 443', '10.0.0.0/8'"),
	OPT(U64, top_args, limit, .name = "limit", .arg = "N", .min = 1,
	    .help = "list the first N only"),
	STYLE_OPTS(top_args),
	OPT_END,
};

struct top {
	const struct top_args *args;
	struct loop *loop;
	struct top_source source[OPT_STRS_MAX + 1];
	struct top_place place[OPT_STRS_MAX + 1];
	size_t n;
	struct top_rows rows;
	struct top_words words;
	struct top_order order;
	enum top_by by;
	struct top_gauge gauge;
	struct top_screen screen;
	struct view *view;		/* NULL: plain list */
	struct columns columns;		/* of the plain list */
	struct columns_style style;
	struct outlet out;
	uint64_t interval_ns, shown;
	uint64_t gathered_ns, checked_ns;	/* CLOCK_BOOTTIME of the last time */
	int chore;			/* the timer's id */
	bool hurries;
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

static int on_keys(struct loop *loop, int fd, uint32_t events, void *arg)
{
	struct top *t = arg;
	bool quit = false;
	uint32_t key;
	int r = 0;

	while (r == 0 && !quit && view_key(t->view, &key))
		r = top_screen_key(&t->screen, key, &quit);
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

/* Below nohup. */
static bool is_ignored(int signo)
{
	struct sigaction old;

	return sigaction(signo, NULL, &old) == 0 && old.sa_handler == SIG_IGN;
}

static int make_loop(struct top *t)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGQUIT, SIGWINCH };
	sigset_t set;
	int r;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&set, signals[i]);
	if (!is_ignored(SIGHUP))
		sigaddset(&set, SIGHUP);
	r = loop_new(&t->loop);
	return r < 0 ? r : loop_add_signals(t->loop, &set, on_signal, t);
}

static int open_sources(struct top *t, struct targets *targets)
{
	struct netns ns[ARRAY_SIZE(targets->v)];
	int r;

	r = targets_open(targets, ns);
	for (size_t i = 0; r == 0 && i < targets->n; i++) {
		if (targets->v[i].n)
			r = top_source_open(&t->source[t->n++], &ns[i], &targets->v[i]);
	}
	for (size_t i = 0; i < targets->n; i++)
		netns_close(&ns[i]);
	for (size_t i = 0; r == 0 && i < t->n; i++)
		t->place[i] = top_source_place(&t->source[i]);
	return r;
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
	if (t->args->sort)
		t->screen.order = t->order;
	r = top_screen_filter(&t->screen, t->args->filter ? t->args->filter : "");
	if (r == 0)
		r = loop_add_fd(t->loop, STDIN_FILENO, EPOLLIN, on_keys, t);
	return r < 0 ? r : draw(t);
}

static int begin(struct top *t)
{
	int r, id;

	r = top_rows_init(&t->rows, t->place, t->n, t->by);
	if (r == 0)
		r = top_rows_choose(&t->rows, t->by, t->args->filter ? &t->words : NULL);
	if (r == 0)
		r = read_sources(t);
	if (r == 0)
		r = loop_add_timer(t->loop, CHORE_MS * NSEC_PER_MSEC, on_chore, t, &t->chore);
	if (r == 0)
		r = loop_add_timer(t->loop, t->interval_ns, on_refresh, t, &id);
	return r == 0 && t->view ? begin_screen(t) : r;
}

/* Detach what was attached, whatever happened; the first error is the one that is told. */
static int close_all(struct top *t, int r)
{
	struct error_kept kept;

	view_close(t->view);
	for (size_t i = 0; i < t->n; i++) {
		int closed;

		error_keep(&kept);
		closed = top_source_close(&t->source[i]);
		if (r < 0 && r != -EPIPE)
			error_restore(&kept);
		else if (closed < 0)
			r = closed;
	}
	top_screen_deinit(&t->screen);
	top_rows_deinit(&t->rows);
	outlet_deinit(&t->out);
	loop_free(t->loop);
	return r;
}

static int parse_sort(struct top *t)
{
	const char *key = t->args->sort;

	t->order.column = TOP_BYTES;
	if (!key)
		return 0;
	t->order.reversed = key[0] == '-';
	t->order.column = top_column_find(key + t->order.reversed);
	if (t->order.column == TOP_COLUMNS)
		return fail_usage("--sort: unknown key '%s'", key);
	if (!(top_columns[t->order.column].by & 1u << t->by))
		return fail_usage("--sort: '%s' says nothing of %ss%s", key, top_by_names[t->args->by],
				  (int)t->by == t->args->by ? "" : " in a plain list");
	return 0;
}

/* What a line is, and what is said of it. */
static int parse_lines(struct top *t, bool full_screen)
{
	const struct top_args *args = t->args;

	t->by = args->by;
	if (full_screen)
		return 0;
	if (t->by == TOP_BY_CONNECTION)
		t->by = args->connections ? TOP_BY_FLOW : TOP_BY_ENDS;
	t->style = style_of(&args->style);
	return top_list_pick(args->style.columns, &t->by, &t->columns);
}

static int parse_args(struct top *t, bool full_screen)
{
	const struct top_args *args = t->args;
	int r;

	if (!args->names.n && !args->interfaces.n)
		return fail_usage("no interface named: give -n IFACE");
	if (args->has_interval && args->interval_ns < 10 * NSEC_PER_MSEC)
		return fail_usage("--interval must be 10ms or longer");
	if (args->connections && args->by != TOP_BY_CONNECTION)
		return fail_usage("--connections and --by %s exclude each other", top_by_names[args->by]);
	t->interval_ns = args->has_interval ? args->interval_ns
					    : (full_screen ? SCREEN_S : LIST_S) * NSEC_PER_SEC;
	r = parse_lines(t, full_screen);
	if (r == 0)
		r = parse_sort(t);
	if (r == 0)
		r = top_words_parse(args->filter ? args->filter : "", &t->words);
	t->words.either_way = t->by == TOP_BY_CONNECTION;
	return r;
}

/* Only when all else stands: from here on the terminal is not to be written to. */
static int take_terminal(struct top *t)
{
	int r = view_open(&t->view);

	return r == -ENOTTY ? fail_plain(r, "this terminal cannot show a full screen: use --batch") : r;
}

/* Why there is none, though it was asked for; NULL: nothing speaks against it. */
static const char *no_screen(void)
{
	const char *term = getenv("TERM");

	if (!view_built_in)
		return "built without ncursesw";
	if (!isatty(STDIN_FILENO))
		return "standard input is no terminal";
	if (!term || !*term || strcmp(term, "dumb") == 0)
		return "this terminal cannot show one";
	return NULL;
}

static int run(struct top *t, struct targets *targets, bool full_screen)
{
	int r;

	r = targets_add(targets, t->args->netns, &t->args->names, &t->args->interfaces);
	if (r == 0)
		r = make_loop(t);
	if (r == 0)
		r = open_sources(t, targets);
	if (r == 0 && full_screen)
		r = take_terminal(t);
	if (r == 0)
		r = begin(t);
	if (r == 0)
		r = loop_run(t->loop);
	if (r == 0 && !t->view)
		r = outlet_push(&t->out, LAST_MS);
	return r;
}

static int top_run(const void *args_, int argc, char **argv)
{
	_cleanup_(targets_deinit) struct targets targets = { 0 };
	_cleanup_(freep) struct top *t = calloc(1, sizeof(*t));
	const struct top_args *args = args_;
	bool asked = !args->batch && !args->style.columns && isatty(STDOUT_FILENO);
	const char *why = asked ? no_screen() : NULL;
	int r;

	if (!t)
		return fail(-ENOMEM, "cannot start");
	t->args = args;
	log_set_name("flowctl top");
	r = parse_args(t, asked && !why);
	if (r == 0 && why)
		log_warning("no full screen, %s: here is the plain list", why);
	if (r == 0)
		r = run(t, &targets, asked && !why);
	return close_all(t, r);
}

static const char *sort_key(size_t i)
{
	return i < TOP_COLUMNS ? top_columns[i].name : NULL;
}

const struct cmd cmd_top = {
	.name = "top",
	.summary = "show live what crosses an interface",
	.opts = top_opts,
	.example = "flowctl top -n eth0\n  flowctl top -n eth0 --batch --count 1 --interval 10s",
	.needs = CMD_BPF | CMD_BPFFS,
	.args_size = sizeof(struct top_args),
	.columns = top_list_columns,
	.sort_key = sort_key,
	.style_at = offsetof(struct top_args, style),
	.run = top_run,
};
