// SPDX-License-Identifier: Apache-2.0
/*
 * Where the packets of every hook went. A hook's counts are a row; the rows of a namespace have
 * a sum, which balances when they do. Without --live it is judged, which takes as long as packets
 * move, up to a bound.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit_rows.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "cmd.h"
#include "kernel/netns.h"
#include "style.h"
#include "watch.h"

struct audit_args {
	int format;
	struct style_args style;
	struct watch_args watch;
	const char *netns;
	bool live;
	uint64_t wait_ns;
};

static const struct audit_args audit_defaults = { .wait_ns = 2 * NSEC_PER_SEC };

static const struct opt audit_opts[] = {
	STYLE_FORMAT_OPT(audit_args),
	STYLE_OPTS(audit_args),
	WATCH_OPTS(audit_args),
	OPT(FLAG, audit_args, live, .name = "live",
	    .help = "print what is in motion, judge nothing"),
	OPT(DURATION, audit_args, wait_ns, .name = "wait", .arg = "DURATION",
	    .help = "how long to wait for packets to rest (2s)"),
	OPT(STR, audit_args, netns, .name = "netns", .arg = "NS",
	    .help = "of this network namespace only\n(a name, a path, or pid:PID)"),
	OPT_END,
};

struct audit {
	const struct audit_args *args;
	uint64_t cookie;		/* 0 = all */
	struct columns columns;
};

static int complain(const struct audit_row *row)
{
	if (row->verdict == AUDIT_MOVING) {
		error_hint("'--live' prints what is in motion; '--wait' waits longer");
		return fail_plain(-EBUSY, "%s:%s:%s does not come to rest: nothing can be said of it",
				  row->netns, row->iface, row->direction);
	}
	return fail_plain(-EBADMSG,
			  "the ledger of %s:%s:%s does not balance: %" PRId64 " packets of %" PRId64
			  " bytes are missing",
			  row->netns, row->iface, row->direction, row->missing_packets,
			  row->missing_bytes);
}

/* What is wrong for certain comes before what could not be seen. */
static int judge(const struct audit_rows *rows, bool again)
{
	const enum audit_verdict worst[] = { AUDIT_UNBALANCED, AUDIT_MOVING };

	/* With --watch what does not rest now may rest the next time. */
	for (size_t k = 0; k < ARRAY_SIZE(worst) - again; k++) {
		for (size_t i = 0; i < rows->n; i++) {
			if (!rows->v[i].sum && rows->v[i].verdict == worst[k])
				return complain(&rows->v[i]);
		}
	}
	return 0;
}

static int print_tables(const struct audit *a, const struct audit_rows *rows, struct strbuf *out)
{
	const struct columns_style style = style_of(&a->args->style);
	int r;

	r = columns_print(&a->columns, rows->v, rows->n, sizeof(*rows->v), &style, out);
	if (r < 0 || !rows->n_outputs || a->args->style.columns)
		return r;
	strbuf_putc(out, '\n');
	return audit_print_outputs(rows, &style, out);
}

static int print_now(void *arg, FILE *out)
{
	_cleanup_(audit_rows_deinit) struct audit_rows rows = { 0 };
	_cleanup_(strbuf_deinit) struct strbuf text = STRBUF_NULL;
	const struct audit *a = arg;
	int r;

	r = audit_rows_read(a->cookie, a->args->live, a->args->wait_ns, &rows);
	if (r < 0)
		return r;
	if (a->args->format == STYLE_JSON)
		audit_json(&rows, &text);
	else
		r = print_tables(a, &rows, &text);
	if (r == 0 && text.failed)
		r = fail(-ENOMEM, "cannot print");
	if (r < 0)
		return r;
	if (fputs(strbuf_str(&text), out) < 0)
		return -EPIPE;
	return a->args->live ? 0 : judge(&rows, a->args->watch.on);
}

static int audit_run(const void *args_, int argc, char **argv)
{
	_cleanup_(netns_close) struct netns ns = NETNS_NULL;
	struct audit a = { .args = args_ };
	const struct column *all;
	size_t n;
	int r;

	r = style_check(&a.args->style, a.args->format);
	if (r < 0)
		return r;
	all = audit_columns(&n);
	r = columns_pick(all, n, a.args->style.columns, &a.columns);
	if (r == 0 && a.args->netns)
		r = netns_open(a.args->netns, &ns);
	if (r < 0)
		return r;
	a.cookie = a.args->netns ? ns.cookie : 0;
	return watch_run(&a.args->watch, print_now, &a);
}

const struct cmd cmd_audit = {
	.name = "audit",
	.summary = "where every packet went, and whether the sums are right",
	.opts = audit_opts,
	.example = "flowctl audit -o json | jq '.hooks[] | {iface, seen, exported}'",
	.needs = CMD_BPF | CMD_BPFFS,
	.args_size = sizeof(struct audit_args),
	.defaults = &audit_defaults,
	.columns = audit_columns,
	.style_at = offsetof(struct audit_args, style),
	.run = audit_run,
};
