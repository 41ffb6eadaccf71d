// SPDX-License-Identifier: Apache-2.0
/*
 * A thread asks, and puts what it learnt, as a whole, where cloud_find() looks.
 *
 * A thread that is told to end does so at once, but where libcurl waits for somebody else (a
 * resolver of names): such a one is left behind after a while and ends alone. So the thread and
 * whoever opened it hold what they share together, and the last one frees it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/thread.h"
#include "enrich/cloud_parts.h"

#define RETRY_FIRST_NS (1 * NSEC_PER_SEC)
#define RETRY_MAX_NS (300 * NSEC_PER_SEC)
/* How long a thread may take to end before it is left behind. */
#define PATIENCE_NS (700 * NSEC_PER_MSEC)

static void cloud_asker_free(struct cloud_asker *a)
{
	if (!a)
		return;
	cloud_http_close(a->imds.http);
	cloud_settings_deinit(&a->settings);
	free(a);
}

/* Returns what was known before, or @new if nobody wants it any more. */
static struct cloud_snapshot *put(struct cloud *c, const struct cloud_asker *a,
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

static int publish(struct cloud_asker *a, const struct imds_facts *facts)
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
static void note_trouble(struct cloud_asker *a)
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
static uint64_t ask_once(struct cloud_asker *a)
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
static bool sleep_for(struct cloud_asker *a, uint64_t ns)
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
	struct cloud_asker *a = arg;
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
		cloud_asker_free(a);
	cloud_let_go(c);
	return NULL;
}

static int start_thread(struct cloud_asker *a)
{
	int r;

	pthread_mutex_lock(&a->cloud->lock);
	a->cloud->holders++;
	pthread_mutex_unlock(&a->cloud->lock);
	r = thread_start(thread_main, a);
	if (r == 0)
		return 0;
	cloud_let_go(a->cloud);
	return fail(r, "cannot ask the metadata service");
}

int cloud_asker_start(struct cloud *c, struct cloud_settings *settings, struct cloud_asker **ret)
{
	struct cloud_asker *a = calloc(1, sizeof(*a));
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
		cloud_asker_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

void cloud_asker_stop(struct cloud_asker *a)
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
		cloud_asker_free(a);
}
