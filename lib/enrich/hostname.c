// SPDX-License-Identifier: Apache-2.0
/*
 * See hostname.h. Questions wait in a short queue; what finds it full is not asked for now, and
 * asked for again when it is wanted again: a resolver that is away must not pile up a day's
 * addresses. Threads begin when there is something to ask and wait for more.
 *
 * getnameinfo() can be called off by nobody, and waits ten seconds where nothing answers. So the
 * threads are detached, and what they share with the caller goes with the last of them.
 */
#include "enrich/hostname.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/thread.h"
#include "enrich/hostname_cache.h"

#define THREADS 4
#define ENTRIES 4096
#define QUEUE_PART 4		/* of the entries, at least QUEUE_MIN */
#define QUEUE_MIN 256
#define TTL_NS (600 * NSEC_PER_SEC)
#define NONE_TTL_NS (60 * NSEC_PER_SEC)

struct hostnames {
	pthread_mutex_t lock;
	pthread_cond_t wanted, answered;
	struct hostname_options options;
	struct hostname_cache cache;
	struct hostname_key *queue;	/* a ring */
	uint32_t queue_max, first, n;
	unsigned threads, idle;		/* of them waiting for a question */
	bool closing;
};

static int by_system(void *arg, const struct sockaddr *addr, socklen_t len, char *buf, size_t size)
{
	return getnameinfo(addr, len, buf, size, NULL, 0, NI_NAMEREQD);
}

static struct hostname_options with_defaults(const struct hostname_options *given)
{
	struct hostname_options o = *given;

	o.threads = o.threads ? o.threads : THREADS;
	o.entries = o.entries ? o.entries : ENTRIES;
	o.ttl_ns = o.ttl_ns ? o.ttl_ns : TTL_NS;
	o.none_ttl_ns = o.none_ttl_ns ? o.none_ttl_ns : NONE_TTL_NS;
	o.lookup = o.lookup ? o.lookup : by_system;
	return o;
}

static void init_locks(struct hostnames *h)
{
	pthread_mutex_init(&h->lock, NULL);
	thread_cond_init(&h->wanted);
	thread_cond_init(&h->answered);
}

static void destroy(struct hostnames *h)
{
	hostname_cache_deinit(&h->cache);
	free(h->queue);
	pthread_cond_destroy(&h->wanted);
	pthread_cond_destroy(&h->answered);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

int hostname_new(const struct hostname_options *options, struct hostnames **ret)
{
	struct hostnames *h = calloc(1, sizeof(*h));
	uint32_t part;

	if (!h)
		return fail(-ENOMEM, "cannot look up names");
	h->options = with_defaults(options);
	part = h->options.entries / QUEUE_PART;
	h->queue_max = part > QUEUE_MIN ? part : QUEUE_MIN;
	h->queue = calloc(h->queue_max, sizeof(*h->queue));
	init_locks(h);
	if (!h->queue || hostname_cache_init(&h->cache, h->options.entries) < 0) {
		destroy(h);
		return fail(-ENOMEM, "cannot look up names");
	}
	*ret = h;
	return 0;
}

void hostname_free(struct hostnames *h)
{
	bool last;

	if (!h)
		return;
	pthread_mutex_lock(&h->lock);
	h->closing = true;
	last = h->threads == 0;
	pthread_cond_broadcast(&h->wanted);
	pthread_mutex_unlock(&h->lock);
	if (last)
		destroy(h);
}

/* Whoever runs the reverse zone chooses these bytes: none of them may move a cursor, end a line, or
 * part a column. */
static void make_harmless(char *name)
{
	for (; *name; name++) {
		if (*name <= ' ' || *name >= 0x7f)
			*name = '?';
	}
}

static socklen_t to_sockaddr(const struct hostname_key *key, struct sockaddr_storage *ret)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (key->family == 4) {
		in->sin_family = AF_INET;
		memcpy(&in->sin_addr, key->addr, sizeof(in->sin_addr));
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	memcpy(&in6->sin6_addr, key->addr, sizeof(in6->sin6_addr));
	return sizeof(*in6);
}

/* malloc'd, or NULL. */
static char *look_up(const struct hostname_options *o, const struct hostname_key *key)
{
	struct sockaddr_storage addr;
	socklen_t len = to_sockaddr(key, &addr);
	char name[NI_MAXHOST];

	if (o->lookup(o->arg, (struct sockaddr *)&addr, len, name, sizeof(name)) != 0 || !name[0])
		return NULL;
	name[HOSTNAME_MAX - 1] = '\0';
	make_harmless(name);
	return strdup(name);
}

/* The lock is held. A name outlives the time when nobody answered. */
static void learn(struct hostnames *h, const struct hostname_key *key, char *name)
{
	struct hostname_entry *e = hostname_cache_find(&h->cache, key);

	if (!e) {
		free(name);
		return;
	}
	e->asked = false;
	e->until_ns = clock_boot_ns() + (name ? h->options.ttl_ns : h->options.none_ttl_ns);
	if (name) {
		free(e->name);
		e->name = name;
	}
}

/* The lock is held, but while it asks. */
static void answer_one(struct hostnames *h)
{
	struct hostname_key key = h->queue[h->first];
	char *name;

	h->first = (h->first + 1) % h->queue_max;
	h->n--;
	pthread_mutex_unlock(&h->lock);
	name = look_up(&h->options, &key);
	pthread_mutex_lock(&h->lock);
	learn(h, &key, name);
	pthread_cond_broadcast(&h->answered);
}

static void *answer_all(void *arg)
{
	struct hostnames *h = arg;
	bool last;

	pthread_mutex_lock(&h->lock);
	while (!h->closing) {
		if (h->n) {
			answer_one(h);
			continue;
		}
		h->idle++;
		pthread_cond_broadcast(&h->answered);
		pthread_cond_wait(&h->wanted, &h->lock);
		h->idle--;
	}
	last = --h->threads == 0;
	pthread_mutex_unlock(&h->lock);
	if (last)
		destroy(h);
	return NULL;
}

/* The lock is held. */
static void ask(struct hostnames *h, struct hostname_entry *e)
{
	if (h->n == h->queue_max)
		return;
	h->queue[(h->first + h->n) % h->queue_max] = e->key;
	h->n++;
	e->asked = true;
	if (h->idle < h->n && h->threads < h->options.threads)
		h->threads += thread_start(answer_all, h) == 0;
	pthread_cond_signal(&h->wanted);
}

bool hostname_get(struct hostnames *h, uint8_t family, const uint8_t *addr, char *buf, size_t size)
{
	struct hostname_key key = { .family = family };
	struct hostname_entry *e;
	bool known;

	memcpy(key.addr, addr, family == 4 ? 4 : 16);
	pthread_mutex_lock(&h->lock);
	e = hostname_cache_find(&h->cache, &key);
	if (!e)
		e = hostname_cache_add(&h->cache, &key);
	if (!e->asked && clock_boot_ns() >= e->until_ns)
		ask(h, e);
	known = e->name && strlen(e->name) < size;
	if (known)
		memcpy(buf, e->name, strlen(e->name) + 1);
	pthread_mutex_unlock(&h->lock);
	return known;
}

bool hostname_resolve(void *h, uint8_t family, const uint8_t *addr, char *buf, size_t size)
{
	return hostname_get(h, family, addr, buf, size);
}

static bool is_quiet(const struct hostnames *h)
{
	return !h->n && h->idle == h->threads;
}

/* Until @end, of CLOCK_MONOTONIC. With @room: until there is some in the queue. */
static bool wait_until(struct hostnames *h, const struct timespec *end, bool room)
{
	bool done;

	pthread_mutex_lock(&h->lock);
	while (!(done = room ? h->n < h->queue_max : is_quiet(h))) {
		if (pthread_cond_timedwait(&h->answered, &h->lock, end) == ETIMEDOUT)
			break;
	}
	pthread_mutex_unlock(&h->lock);
	return done;
}

bool hostname_ask(struct hostnames *h, const struct record *records, size_t n, uint64_t timeout_ns)
{
	char name[HOSTNAME_MAX];
	struct timespec end = thread_deadline(timeout_ns);

	for (size_t i = 0; i < n; i++) {
		const struct flow_key *key = &records[i].key;

		if (!wait_until(h, &end, true))
			return false;
		hostname_get(h, key->family, key->src, name, sizeof(name));
		if (!wait_until(h, &end, true))
			return false;
		hostname_get(h, key->family, key->dst, name, sizeof(name));
	}
	return wait_until(h, &end, false);
}
