// SPDX-License-Identifier: Apache-2.0
/*
 * Records become lines as they are put, and leave a batch at a time: to the file at once or,
 * where there are hooks, to the queue that feeds them. What finds that full goes to the file
 * too, before what waits: nothing is lost for a slow hook, and nobody waits for it.
 */
#include "sink/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "flow/field.h"
#include "sink/hook_queue.h"
#include "sink/log_out.h"
#include "sink/log_text.h"

#define BATCH_BYTES (64 * 1024)

struct sink_log {
	struct sink sink;
	struct log_out *out;
	struct hook_queue *hooks;	/* NULL = none */
	bool resolve;
	bool text;			/* the batch holds text; JSON is what hooks are given */
	struct strbuf batch;
	uint64_t records;		/* in it */
};

static bool log_room(struct sink *s, const struct record *r)
{
	return ((struct sink_log *)s)->batch.len < BATCH_BYTES;
}

static void put_json(struct strbuf *out, const struct record *r, bool resolve)
{
	struct json j;

	json_init(&j, out, false);
	if (resolve)
		field_record_json_extra(&j, NULL, r);
	else
		field_record_json(&j, NULL, r);
	strbuf_putc(out, '\n');
}

static int log_put(struct sink *s, const struct record *r)
{
	struct sink_log *log = (struct sink_log *)s;

	if (!log->records)
		field_set_timestamp(clock_real_ns());
	if (log->text)
		(log->resolve ? log_text_of_record_extra : log_text_of_record)(&log->batch, r);
	else
		put_json(&log->batch, r, log->resolve);
	log->records++;
	return 0;
}

static int leave(struct sink_log *log)
{
	if (!log->hooks)
		return log_out_write(log->out, &log->batch, log->records);
	if (hook_queue_put(log->hooks, &log->batch, log->records))
		return 0;
	return log_out_write_json(log->out, &log->batch, log->records, true);
}

static int log_flush(struct sink *s)
{
	struct sink_log *log = (struct sink_log *)s;
	int r;

	if (!log->records)
		return 0;
	r = leave(log);
	log_out_look(log->out, s);
	log->records = 0;
	strbuf_reset(&log->batch);
	return r;
}

static void log_tick(struct sink *s, uint64_t now_ns)
{
	log_out_look(((struct sink_log *)s)->out, s);
}

static int log_reopen(struct sink *s)
{
	return log_out_reopen(((struct sink_log *)s)->out);
}

static void log_close(struct sink *s)
{
	struct sink_log *log = (struct sink_log *)s;

	if (log->hooks)
		hook_queue_leave(log->hooks);
	log_out_let_go(log->out);
	strbuf_deinit(&log->batch);
	free(log);
}

static const struct sink_ops sink_log_ops = {
	.name = "log",
	.room = log_room,
	.put = log_put,
	.flush = log_flush,
	.tick = log_tick,
	.reopen = log_reopen,
	.close = log_close,
};

static int open_parts(struct sink_log *log, const struct log_config *config)
{
	int r = log_out_new(config->file, config->text, &log->out);

	if (r < 0 || !config->n_hooks)
		return r;
	return hook_queue_new(config->hooks, config->n_hooks, log->out, &log->hooks);
}

int sink_log_new(const struct log_config *config, struct sink **ret)
{
	struct sink_log *log = calloc(1, sizeof(*log));
	int r;

	if (!log)
		return fail(-ENOMEM, "cannot open the flow log '%s'", config->file);
	log->sink.ops = &sink_log_ops;
	log->resolve = config->resolve;
	log->text = config->text && !config->n_hooks;
	snprintf(log->sink.label, sizeof(log->sink.label), "log:%s", config->file);
	r = open_parts(log, config);
	if (r < 0) {
		log_close(&log->sink);
		return r;
	}
	*ret = &log->sink;
	return 0;
}

void sink_log_drain(struct sink *s)
{
	struct sink_log *log = (struct sink_log *)s;

	if (s->ops != &sink_log_ops || !log->hooks)
		return;
	hook_queue_drain(log->hooks);
	log_out_look(log->out, s);
}

void sink_log_settle(void)
{
	hook_queue_settle();
}
