/* SPDX-License-Identifier: Apache-2.0 */
/* Records to every collector and file of a configuration, by whoever has no agent. */
#ifndef FLOWCTL_AGENT_SENDER_H
#define FLOWCTL_AGENT_SENDER_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "sink/sink.h"

struct sender_how {
	bool unpaced;		/* whoever puts records has a pace of his own */
	bool in_order;		/* they leave as they come, message by message */
};

struct sender_output {
	struct sink *sink;
	struct template_set *templates;	/* of its profile */
	bool confirms;			/* output_drain() knows what has arrived */
	uint64_t n_put;			/* records that it took */
};

struct sender {
	struct sender_output *v;
	size_t n;
	const volatile sig_atomic_t *stop;	/* not 0: wait no longer. Borrowed */
	uint64_t opened_ns;	/* CLOCK_BOOTTIME */
	uint64_t ticked_ns;
};

/*
 * Open the outputs of @conf, which outlives the sender, but for logs; fail_usage() when there
 * is no other. Waits some seconds for names and connections.
 */
int sender_open(struct sender *s, const struct conf *conf, const struct sender_how *how,
		const volatile sig_atomic_t *stop);
void sender_close(struct sender *s);
/* Put @r; what is open leaves when it is full, at the pace of each output. */
void sender_put(struct sender *s, const struct record *r);
/* The same into output @i alone. */
void sender_put_into(struct sender *s, size_t i, const struct record *r);
/* Let leave what is open. */
void sender_flush(struct sender *s);
/* To be called now and again: templates, connections. Does that once a second. */
void sender_tick(struct sender *s);
/*
 * Flush, wait some seconds until it is known to have arrived where that can be known, and
 * fail_plain() when it did not. Stopped, it does not wait and judges nothing.
 */
int sender_finish(struct sender *s);

#endif
