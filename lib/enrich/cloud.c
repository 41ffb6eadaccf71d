// SPDX-License-Identifier: Apache-2.0
/*
 * A thread asks, and puts what it learnt, as a whole, where cloud_find() looks. Nothing that was
 * put there is changed, and the lock is held for a pointer's change or a look through a short list,
 * so that nobody waits for the network.
 *
 * A thread that is told to end does so at once, but where libcurl waits for somebody else (a
 * resolver of names): such a one is left behind after a while and ends alone. So the thread and
 * whoever opened it hold what they share together, and the last one frees it.
 */
#include "enrich/cloud.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/thread.h"
#include "enrich/cloud_parts.h"

#define RETRY_FIRST_NS (1 * NSEC_PER_SEC)
#define RETRY_MAX_NS (300 * NSEC_PER_SEC)
/* How long a thread may take to end before it is left behind. */
#define PATIENCE_NS (700 * NSEC_PER_MSEC)

struct asker {
	struct cloud *cloud;
	struct cloud_settings settings;
	struct imds imds;
	uint64_t retry_ns;
	/* Under the cloud's lock: */
	bool stop, done, left_behind;
};

struct cloud {
	pthread_mutex_t writing;	/* taken before lock: the pool, and who may publish */
	struct cloud_pool pool;
	pthread_mutex_t lock;		/* what follows */
	pthread_cond_t changed;		/* of CLOCK_MONOTONIC */
	int holders;
	struct asker *asker;		/* NULL: nobody asks */
	struct cloud_snapshot *now;	/* NULL: nothing is known */
	bool answered;			/* once, or there was trouble */
	enum cloud_news news;
	char trouble[256];		/* the one at hand, "" = none */
};

static void let_go(struct cloud *c)
{
	bool last;

	pthread_mutex_lock(&c->lock);
	last = --c->holders == 0;
	pthread_mutex_unlock(&c->lock);
	if (!last)
		return;
	cloud_snapshot_free(c->now);
	cloud_pool_deinit(&c->pool);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	pthread_mutex_destroy(&c->writing);
	free(c);
}

static struct cloud *cloud_new(void)
{
	struct cloud *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->holders = 1;
	pthread_mutex_init(&c->writing, NULL);
	pthread_mutex_init(&c->lock, NULL);
	thread_cond_init(&c->changed);
	return c;
}

static void asker_free(struct asker *a)
{
	if (!a)
		return;
	cloud_http_close(a->imds.http);
	cloud_settings_deinit(&a->settings);
	free(a);
}

/* Returns what was known before, or @new if nobody wants it any more. */
static struct cloud_snapshot *put(struct cloud *c, const struct asker *a,
				  struct cloud_snapshot *new)
{
	struct cloud_snapshot *old = new;

	pthread_mutex_lock(&c->lock);
	if (!a->stop) {
		old = c->now;
		if (!old || c->trouble[0])
			c->news = CLOUD_KNOWN;
		else if (strcmp(old->text, new->text) != 0 && c->news != CLOUD_KNOWN)
			c->news = CLOUD_CHANGED;
		c->now = new;
		c->trouble[0] = '\0';
		c->answered = true;
		pthread_cond_broadcast(&c->changed);
	}
	pthread_mutex_unlock(&c->lock);
	return old;
}

static int publish(struct asker *a, const struct imds_facts *facts)
{
	struct cloud *c = a->cloud;
	struct cloud_snapshot *new = NULL;
	int r;

	pthread_mutex_lock(&c->writing);
	r = cloud_snapshot_new(facts, &c->pool, &new);
	if (r == 0)
		cloud_snapshot_free(put(c, a, new));
	pthread_mutex_unlock(&c->writing);
	return r;
}

/* The sentence that stands is told, unless it was. */
static void note_trouble(struct asker *a)
{
	struct cloud *c = a->cloud;

	pthread_mutex_lock(&c->lock);
	if (!a->stop && strncmp(c->trouble, error_message(), sizeof(c->trouble) - 1) != 0) {
		snprintf(c->trouble, sizeof(c->trouble), "%s", error_message());
		c->news = a->settings.quiet && !c->now ? CLOUD_QUIET : CLOUD_TROUBLE;
	}
	c->answered = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

/* Returns in how many ns the next time is. */
static uint64_t ask_once(struct asker *a)
{
	struct imds_facts facts = { 0 };
	uint64_t wait = a->retry_ns;
	int r = imds_ask(&a->imds, &facts);

	if (r == 0)
		r = publish(a, &facts);
	imds_facts_deinit(&facts);
	if (r == 0) {
		a->retry_ns = RETRY_FIRST_NS;
		return a->settings.refresh_ns;
	}
	note_trouble(a);
	a->retry_ns = 2 * wait < RETRY_MAX_NS ? 2 * wait : RETRY_MAX_NS;
	return wait;
}

/* False: it is to end. */
static bool sleep_for(struct asker *a, uint64_t ns)
{
	struct timespec until = thread_deadline(ns);
	struct cloud *c = a->cloud;
	bool go_on;
	int r = 0;

	pthread_mutex_lock(&c->lock);
	while (!a->stop && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&c->changed, &c->lock, &until);
	go_on = !a->stop;
	pthread_mutex_unlock(&c->lock);
	return go_on;
}

static void *thread_main(void *arg)
{
	struct asker *a = arg;
	struct cloud *c = a->cloud;
	bool alone;

	while (sleep_for(a, ask_once(a)))
		;
	pthread_mutex_lock(&c->lock);
	a->done = true;
	alone = a->left_behind;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	if (alone)
		asker_free(a);
	let_go(c);
	return NULL;
}

static int start_thread(struct asker *a)
{
	int r;

	pthread_mutex_lock(&a->cloud->lock);
	a->cloud->holders++;
	pthread_mutex_unlock(&a->cloud->lock);
	r = thread_start(thread_main, a);
	if (r == 0)
		return 0;
	let_go(a->cloud);
	return fail(r, "cannot ask the metadata service");
}

/* *@settings is moved from. */
static int asker_start(struct cloud *c, struct cloud_settings *settings, struct asker **ret)
{
	struct asker *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return fail(-ENOMEM, "cannot ask the metadata service");
	a->cloud = c;
	a->settings = *settings;
	*settings = (struct cloud_settings) { 0 };
	a->retry_ns = RETRY_FIRST_NS;
	a->imds.settings = &a->settings;
	r = cloud_http_open(&a->imds.http);
	if (r == 0)
		r = start_thread(a);
	if (r < 0) {
		asker_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

static void asker_stop(struct asker *a)
{
	struct timespec until = thread_deadline(PATIENCE_NS);
	struct cloud *c = a ? a->cloud : NULL;
	bool done;
	int r = 0;

	if (!a)
		return;
	pthread_mutex_lock(&c->lock);
	a->stop = true;
	cloud_http_stop(a->imds.http);
	pthread_cond_broadcast(&c->changed);
	while (!a->done && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&c->changed, &c->lock, &until);
	done = a->done;
	a->left_behind = !done;
	pthread_mutex_unlock(&c->lock);
	if (done)
		asker_free(a);
}

/* What goes on asking by the same settings is left alone. */
static int replace_asker(struct cloud *c, struct cloud_settings *settings)
{
	struct asker *new = NULL;
	int r;

	if (c->asker && cloud_settings_equal(&c->asker->settings, settings))
		return 0;
	pthread_mutex_lock(&c->lock);
	c->trouble[0] = '\0';
	c->answered = false;
	pthread_mutex_unlock(&c->lock);
	r = asker_start(c, settings, &new);
	if (r < 0)
		return r;
	asker_stop(c->asker);
	c->asker = new;
	return 0;
}

static void turn_off(struct cloud *c)
{
	struct cloud_snapshot *old;

	if (!c)
		return;
	asker_stop(c->asker);
	c->asker = NULL;
	pthread_mutex_lock(&c->lock);
	old = c->now;
	c->now = NULL;
	c->trouble[0] = '\0';
	c->news = CLOUD_NO_NEWS;
	pthread_mutex_unlock(&c->lock);
	cloud_snapshot_free(old);
}

int cloud_change(struct cloud **c, const struct cloud_options *options)
{
	_cleanup_(cloud_settings_deinit) struct cloud_settings settings = { 0 };
	struct cloud *was = *c;
	int r;

	r = cloud_settings_init(&settings, options);
	if (r < 0)
		return r;
	if (settings.on && cloud_http_load() < 0) {
		if (!settings.quiet)
			return -EOPNOTSUPP;
		error_clear();
		settings.on = false;
	}
	if (!settings.on) {
		turn_off(was);
		return 0;
	}
	if (!was)
		*c = cloud_new();
	if (!*c)
		return fail(-ENOMEM, "cannot ask the metadata service");
	r = replace_asker(*c, &settings);
	if (r < 0 && !was) {
		cloud_close(*c);
		*c = NULL;
	}
	return r;
}

void cloud_close(struct cloud *c)
{
	if (!c)
		return;
	asker_stop(c->asker);
	let_go(c);
}

const struct record_cloud *cloud_find(struct cloud *c, const uint8_t mac[6])
{
	const struct record_cloud *r = NULL;

	if (!c)
		return NULL;
	pthread_mutex_lock(&c->lock);
	if (c->now)
		r = cloud_snapshot_find(c->now, mac);
	pthread_mutex_unlock(&c->lock);
	return r;
}

void cloud_wait(struct cloud *c, uint64_t timeout_ns)
{
	struct timespec until = thread_deadline(timeout_ns);
	int r = 0;

	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	while (!c->answered && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&c->changed, &c->lock, &until);
	pthread_mutex_unlock(&c->lock);
}

static void tell_known(const struct cloud_snapshot *s, struct strbuf *out)
{
	const char *name = s->machine->instance ? s->machine->instance : "this machine";

	strbuf_printf(out, "the metadata service tells of %s, with %zu interface%s", name, s->n,
		      s->n == 1 ? "" : "s");
}

enum cloud_news cloud_news(struct cloud *c, struct strbuf *out)
{
	enum cloud_news news;

	if (!c)
		return CLOUD_NO_NEWS;
	pthread_mutex_lock(&c->lock);
	news = c->news;
	c->news = CLOUD_NO_NEWS;
	if (news == CLOUD_TROUBLE || news == CLOUD_QUIET)
		strbuf_puts(out, c->trouble);
	else if (news != CLOUD_NO_NEWS && c->now)
		tell_known(c->now, out);
	pthread_mutex_unlock(&c->lock);
	return news;
}

void cloud_describe(struct cloud *c, struct strbuf *out)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	if (c->now)
		strbuf_puts(out, c->now->text);
	pthread_mutex_unlock(&c->lock);
}
