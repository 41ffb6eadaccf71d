// SPDX-License-Identifier: Apache-2.0
/*
 * Receives IPFIX and NetFlow 9, prints records by element names, and with --strict says what
 * the stream does wrong. Findings are lines on stderr; of a rule that is broken all the time
 * the first are told, the rest counted.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "cmd.h"
#include "collect/judge.h"
#include "collect/receive.h"
#include "collect/show.h"

enum { TOLD_A_RULE = 20 };

struct collect_args {
	struct opt_strs listen, read;
	int format;
	uint64_t count;
	bool strict;
	uint64_t lifetime_ns;
	const char *certificate, *key, *ca;
};

static const struct collect_args collect_defaults = {
	.format = SHOW_TEXT,
	.lifetime_ns = DECODE_LIFETIME_S * NSEC_PER_SEC,
};

static const struct opt collect_opts[] = {
	OPT(STRS, collect_args, listen, .name = "listen", .letter = 'l', .arg = "URL",
	    .help = "udp://, tcp://, tls:// or sctp://ADDRESS:PORT\n(repeatable; default "
		    "udp://127.0.0.1:4739)"),
	OPT(STRS, collect_args, read, .name = "read", .letter = 'r', .arg = "FILE",
	    .help = "an IPFIX file (RFC 5655) instead, - is stdin\n(repeatable)"),
	OPT(CHOICE, collect_args, format, .name = "output", .letter = 'o', .arg = "FORMAT",
	    .choices = show_format_names, .help = "text (default) or ndjson"),
	OPT(U64, collect_args, count, .name = "count", .letter = 'c', .arg = "N", .min = 1,
	    .help = "end after N records"),
	OPT(FLAG, collect_args, strict, .name = "strict",
	    .help = "tell all that the stream does wrong; exit 1 if it\ndoes anything"),
	OPT(DURATION, collect_args, lifetime_ns, .name = "template-lifetime", .arg = "DURATION",
	    .help = "of templates over UDP (30m; 0: for ever)"),
	OPT(STR, collect_args, certificate, .name = "certificate", .arg = "FILE",
	    .help = "tls: ours, in PEM"),
	OPT(STR, collect_args, key, .name = "key", .arg = "FILE",
	    .help = "tls: its private key, in PEM"),
	OPT(STR, collect_args, ca, .name = "ca", .arg = "FILE",
	    .help = "tls: hear only whom these authorities know"),
	OPT_END,
};

struct collector {
	const struct collect_args *args;
	struct loop *loop;
	struct receive *receive;
	struct show show;
	uint64_t records;
	uint64_t told[RULE_N];
	uint64_t violations;
	uint64_t dropped, tls_failures, refused; /* as told */
	bool failed;			/* no memory for a line */
};

/* "udp 127.0.0.1:2055, message 3, domain 1, octet 16: set length 3 (RFC 7011 3.3.2)" */
static void tell(const struct finding *f, const struct rule_row *row)
{
	char domain[24] = "", octet[32] = "";
	void (*log)(const char *fmt, ...) = row->weight == RULE_VIOLATION ? log_error : log_warning;

	if (f->has_domain)
		snprintf(domain, sizeof(domain), ", domain %u", f->domain);
	if (f->offset)
		snprintf(octet, sizeof(octet), ", octet %zu", f->offset);
	log("%s %s, message %" PRIu64 "%s%s: %s%s (%s)",
	    decode_transport_names[f->session->transport], f->session->peer, f->message, domain,
	    octet, row->weight == RULE_NOTE ? "note: " : "", f->text, row->clause);
}

static void on_finding(void *arg, const struct finding *f)
{
	const struct rule_row *row = rule_row(f->rule);
	struct collector *c = arg;

	if (!row->always && !c->args->strict)
		return;
	if (row->weight == RULE_VIOLATION)
		c->violations++;
	c->told[f->rule]++;
	if (c->told[f->rule] <= TOLD_A_RULE)
		tell(f, row);
	if (c->told[f->rule] == TOLD_A_RULE)
		log_warning("more of '%s' are counted, not told", row->name);
}

static void on_message(void *arg, const struct decode_message *m)
{
	judge_message(m);
}

static void on_schema(void *arg, const struct decode_message *m, const struct schema *s,
		      const uint8_t *at)
{
	judge_schema(m, s, at);
}

static bool is_done(const struct collector *c)
{
	return c->args->count && c->records >= c->args->count;
}

static void on_record(void *arg, const struct decode_record *r)
{
	struct collector *c = arg;

	if (is_done(c))
		return;
	c->records++;
	if (c->args->strict)
		judge_record(r);
	if (show_record(&c->show, r) < 0)
		c->failed = true;
	if (is_done(c)) {
		receive_stop(c->receive);
		if (c->loop)
			loop_stop(c->loop);
	}
}

static void tell_troubles(struct collector *c)
{
	const struct receive_counts *counts = receive_counts(c->receive);
	uint64_t dropped = counts->dropped;

	if (dropped != c->dropped)
		log_warning("the kernel dropped %" PRIu64 " datagrams: the receive buffer was full "
			    "(net.core.rmem_max)",
			    dropped - c->dropped);
	c->dropped = dropped;
	if (counts->tls_failures != c->tls_failures)
		log_warning("a TLS connection failed: %s", counts->tls_reason);
	c->tls_failures = counts->tls_failures;
	if (counts->refused != c->refused)
		log_warning("%" PRIu64 " connections were turned away: there are %d",
			    counts->refused - c->refused, RECEIVE_CONNECTIONS_MAX);
	c->refused = counts->refused;
}

static int write_out(struct collector *c)
{
	size_t len = c->show.len;

	c->show.len = 0;
	if (c->failed)
		return fail(-ENOMEM, "cannot print a record");
	if (len && (fwrite(c->show.data, 1, len, stdout) != len || fflush(stdout)))
		return errno == EPIPE ? -EPIPE : fail(-errno, "cannot write to standard output");
	return 0;
}

static int on_settled(void *arg)
{
	tell_troubles(arg);
	return write_out(arg);
}

static int on_signal(struct loop *loop, int signo, void *arg)
{
	loop_stop(loop);
	return 0;
}

/* Whoever read our output has gone: there is no point in going on. */
static int on_output_gone(struct loop *loop, int fd, uint32_t events, void *arg)
{
	return events & (EPOLLERR | EPOLLHUP) ? -EPIPE : 0;
}

static int watch(struct collector *c)
{
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	r = loop_add_signals(c->loop, &set, on_signal, c);
	/* A regular file cannot be watched, and need not be. */
	if (r == 0 && loop_add_fd(c->loop, STDOUT_FILENO, 0, on_output_gone, c) < 0)
		error_clear();
	return r;
}

static int listen_all(struct collector *c)
{
	const struct opt_strs standard = { .v = { "udp://127.0.0.1:4739" }, .n = 1 };
	const struct opt_strs *urls = c->args->listen.n ? &c->args->listen : &standard;
	const char *name;
	int r = 0;

	for (size_t i = 0; i < urls->n && r == 0; i++)
		r = receive_listen(c->receive, urls->v[i]);
	for (unsigned i = 0; r == 0 && (name = receive_listening(c->receive, i)); i++)
		log_info("listening on %s", name);
	return r;
}

static int run(struct collector *c)
{
	const struct opt_strs *files = &c->args->read;
	int r = 0;

	if (!files->n) {
		r = watch(c);
		if (r == 0)
			r = listen_all(c);
		if (r == 0)
			r = loop_run(c->loop);
		return r == 0 && !is_done(c) ? receive_drain(c->receive) : r;
	}
	for (size_t i = 0; i < files->n && r == 0 && !is_done(c); i++)
		r = receive_file(c->receive, files->v[i]);
	return r;
}

static int sum_up(struct collector *c)
{
	const struct receive_counts *counts = receive_counts(c->receive);

	tell_troubles(c);
	for (int i = 0; i < RULE_N; i++) {
		if (c->told[i] > TOLD_A_RULE || (c->told[i] && c->args->strict))
			log_info("%" PRIu64 " x %s: %s (%s)", c->told[i], rule_row(i)->name,
				 rule_row(i)->says, rule_row(i)->clause);
	}
	log_info("%" PRIu64 " records", c->records);
	log_debug("%" PRIu64 " datagrams, %" PRIu64 " connections, %" PRIu64 " bytes, %" PRIu64
		  " foreign datagrams",
		  counts->datagrams, counts->connections, counts->bytes, counts->foreign);
	if (c->args->strict && c->violations)
		return fail_plain(-EBADMSG, "%" PRIu64 " violations", c->violations);
	return 0;
}

/* An authority that nobody is held against would only seem to keep others out. */
static int check_tls(const struct collect_args *args)
{
	for (size_t i = 0; i < args->listen.n; i++) {
		if (strncmp(args->listen.v[i], "tls://", strlen("tls://")) == 0)
			return 0;
	}
	if (args->certificate || args->key || args->ca)
		return fail_usage("--certificate, --key and --ca belong to --listen tls://");
	return 0;
}

static int collect_run(const void *args_, int argc, char **argv)
{
	const struct collect_args *args = args_;
	struct collector c = { .args = args, .show.format = args->format };
	struct receive_config config = {
		.certificate = args->certificate,
		.key = args->key,
		.ca = args->ca,
		.lifetime_ns = args->lifetime_ns,
		.settled = on_settled,
		.handler = { .finding = on_finding, .record = on_record, .arg = &c },
	};
	int r;

	if (args->listen.n && args->read.n)
		return fail_usage("--listen and --read exclude each other");
	r = check_tls(args);
	if (r < 0)
		return r;
	if (args->strict) {
		config.handler.message = on_message;
		config.handler.schema = on_schema;
	}
	log_set_name("flowctl collect");
	r = loop_new(&c.loop);
	if (r == 0)
		r = receive_new(&config, c.loop, &c.receive);
	if (r == 0)
		r = run(&c);
	if (r == 0)
		r = write_out(&c);
	if (r == 0)
		r = sum_up(&c);
	receive_free(c.receive);
	loop_free(c.loop);
	show_deinit(&c.show);
	return r;
}

const struct cmd cmd_collect = {
	.name = "collect",
	.summary = "receive and judge IPFIX and NetFlow 9",
	.opts = collect_opts,
	.example = "flowctl collect --listen udp://[::]:4739 -o ndjson --strict",
	.args_size = sizeof(struct collect_args),
	.defaults = &collect_defaults,
	.run = collect_run,
};
