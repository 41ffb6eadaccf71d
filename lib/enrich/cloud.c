// SPDX-License-Identifier: Apache-2.0
/*
 * What a thread (cloud_asker.c) learnt lies here as a whole. Nothing that was put there is changed,
 * and the lock is held for a pointer's change or a look through a short list, so that nobody waits
 * for the network.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/thread.h"
#include "enrich/cloud_parts.h"

void cloud_let_go(struct cloud *c)
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

/* What goes on asking by the same settings is left alone. */
static int replace_asker(struct cloud *c, struct cloud_settings *settings)
{
	struct cloud_asker *new = NULL;
	int r;

	if (c->asker && cloud_settings_equal(&c->asker->settings, settings))
		return 0;
	pthread_mutex_lock(&c->lock);
	c->trouble[0] = '\0';
	c->answered = false;
	pthread_mutex_unlock(&c->lock);
	r = cloud_asker_start(c, settings, &new);
	if (r < 0)
		return r;
	cloud_asker_stop(c->asker);
	c->asker = new;
	return 0;
}

static void turn_off(struct cloud *c)
{
	struct cloud_snapshot *old;

	if (!c)
		return;
	cloud_asker_stop(c->asker);
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
	cloud_asker_stop(c->asker);
	cloud_let_go(c);
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
