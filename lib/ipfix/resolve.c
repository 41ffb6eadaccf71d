// SPDX-License-Identifier: Apache-2.0
/*
 * Two hold a question, the asker and the thread that waits for the answer; the last one
 * frees it. So an asker may go at any time, and nobody ever joins a thread.
 */
#include "ipfix/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/thread.h"

enum { WORKING, DONE, FAILED };

struct resolve {
	char host[256], port[8];
	int holders;		/* atomic */
	int state;		/* atomic; what follows is written before it leaves WORKING */
	int error;
	struct resolve_addrs addrs;
};

static void let_go(struct resolve *r)
{
	if (__atomic_sub_fetch(&r->holders, 1, __ATOMIC_ACQ_REL) == 0)
		free(r);
}

static void look_up(struct resolve *r, int flags)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = flags | AI_NUMERICSERV };
	struct resolve_addrs *got = &r->addrs;
	struct addrinfo *list;

	r->error = getaddrinfo(r->host, r->port, &hints, &list);
	if (r->error == 0) {
		for (struct addrinfo *a = list; a && got->n < RESOLVE_MAX; a = a->ai_next) {
			memcpy(&got->v[got->n].addr, a->ai_addr, a->ai_addrlen);
			got->v[got->n++].len = a->ai_addrlen;
		}
		freeaddrinfo(list);
	}
	__atomic_store_n(&r->state, r->error ? FAILED : DONE, __ATOMIC_RELEASE);
}

static void *thread_main(void *arg)
{
	look_up(arg, AI_ADDRCONFIG);
	let_go(arg);
	return NULL;
}

static int start_thread(struct resolve *r)
{
	int err;

	r->state = WORKING;
	r->holders = 2;
	err = thread_start(thread_main, r);
	if (err == 0)
		return 0;
	r->holders = 1;
	return fail(err, "cannot resolve '%s'", r->host);
}

int resolve_start(const struct parse_endpoint *e, struct resolve **ret)
{
	struct resolve *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return fail(-ENOMEM, "cannot resolve '%s'", e->host);
	snprintf(r->host, sizeof(r->host), "%s", e->host);
	snprintf(r->port, sizeof(r->port), "%u", e->port);
	r->holders = 1;
	look_up(r, AI_NUMERICHOST);
	if (r->state == FAILED) {
		err = start_thread(r);
		if (err < 0) {
			let_go(r);
			return err;
		}
	}
	*ret = r;
	return 0;
}

int resolve_poll(const struct resolve *r, struct resolve_addrs *ret)
{
	switch (__atomic_load_n(&r->state, __ATOMIC_ACQUIRE)) {
	case WORKING:
		return -EAGAIN;
	case FAILED:
		return -ENOENT;
	}
	*ret = r->addrs;
	return 0;
}

const char *resolve_error(const struct resolve *r)
{
	return gai_strerror(r->error);
}

void resolve_free(struct resolve *r)
{
	if (r)
		let_go(r);
}
