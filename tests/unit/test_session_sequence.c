// SPDX-License-Identifier: Apache-2.0
/* What of a session outlives the process: the sequence, where its local port is fixed. */
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>

#include "session_bench.h"

/* Names are answered when the test lets them; literals at once. */
static pthread_mutex_t answers = PTHREAD_MUTEX_INITIALIZER;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **res)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
		dlsym(RTLD_NEXT, "getaddrinfo");
	int r;

	if (hints->ai_flags & AI_NUMERICHOST)
		return real(node, service, hints, res);
	pthread_mutex_lock(&answers);
	r = real(node, service, hints, res);
	pthread_mutex_unlock(&answers);
	return r;
}

/* What sequence_ops keep, for the tests below. */
struct kept {
	uint64_t session;
	uint32_t domain, sequence;
	int sets;
};

static int kept_get(void *arg, uint64_t session, uint32_t domain, uint32_t *ret)
{
	const struct kept *k = arg;

	if ((k->session && k->session != session) || k->domain != domain)
		return -ENOENT;
	*ret = k->sequence;
	return 0;
}

static void kept_set(void *arg, uint64_t session, uint32_t domain, uint32_t sequence)
{
	struct kept *k = arg;

	*k = (struct kept) { session, domain, sequence, k->sets + 1 };
}

/* A port that is free now. */
static const char *free_port(char buf[32])
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(at);
	_cleanup_(closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		return NULL;
	snprintf(buf, 32, "127.0.0.1:%u", ntohs(at.sin_port));
	return buf;
}

TEST(with_a_fixed_port_the_sequence_goes_on_and_wraps)
{
	_cleanup_(bench_deinit) struct bench b;
	struct kept kept = { .domain = 9, .sequence = 0xffffffff };
	struct sequence_ops ops = { kept_get, kept_set, &kept };
	char local[32];
	struct heard h;

	CHECK(bench_init(&b, AF_INET) == 0 && free_port(local));
	CHECK(open_session(&b, local, &ops) == 0);
	CHECK(say(&b, 9, 2) == 0 && hears(&b, 2, 9, 0xffffffff) && hears(&b, 256, 9, 0xffffffff));
	CHECK(kept.sequence == 1 && kept.session);
	CHECK(say(&b, 9, 1) == 0 && hear(&b, &h) && h.sequence == 1 && kept.sequence == 2);
	CHECK(port_of(&h) == strtoul(strchr(local, ':') + 1, NULL, 10));

	/* the next process, on the same port at once */
	b.sink->ops->close(b.sink);
	b.sink = NULL;
	CHECK(open_session(&b, local, &ops) == 0);
	CHECK(say(&b, 9, 5) == 0 && hears(&b, 2, 9, 2) && hears(&b, 256, 9, 2));
	CHECK(kept.sequence == 7);
	CHECK(say(&b, 1, 1) == 0 && hears(&b, 2, 1, 0) && hears(&b, 256, 1, 0));
}

TEST(the_sequence_is_written_down_before_the_send)
{
	_cleanup_(bench_deinit) struct bench b;
	struct kept kept = { .domain = 9 };
	struct sequence_ops ops = { kept_get, kept_set, &kept };
	struct record r = record_of(9);
	char local[32];

	CHECK(bench_init(&b, AF_INET) == 0 && free_port(local));
	CHECK(open_session(&b, local, &ops) == 0);
	CHECK(b.sink->ops->put(b.sink, &r) == 0);
	b.sink->ops->prepare(b.sink);
	CHECK(kept.sequence == 1 && hears_nothing(&b));
	CHECK(b.sink->ops->flush(b.sink) == 0 && hears(&b, 2, 9, 0) && hears(&b, 256, 9, 0));
}

TEST(nothing_is_sent_that_was_not_written_down)
{
	_cleanup_(bench_deinit) struct bench b;
	struct kept kept = { .domain = 9 };
	struct sequence_ops ops = { kept_get, kept_set, &kept };
	struct record r = record_of(9);
	char local[32];

	CHECK(bench_init(&b, AF_INET) == 0 && free_port(local));
	snprintf(b.remote, sizeof(b.remote), "localhost:%u",
		 ntohs(((struct sockaddr_in *)&b.at)->sin_port));
	pthread_mutex_lock(&answers);
	CHECK(open_session(&b, local, &ops) == 0);
	CHECK(b.sink->ops->put(b.sink, &r) == 0);
	b.sink->ops->prepare(b.sink);
	pthread_mutex_unlock(&answers);
	/* the name is known by now, but nobody has prepared since */
	poll(NULL, 0, 50);
	CHECK(b.sink->ops->flush(b.sink) == -ENOTCONN && b.sink->stats.lost_records == 1);
	CHECK(b.sink->ops->put(b.sink, &r) == 0);
	for (int i = 0; i < 500 && !kept.sets; i++) {
		b.sink->ops->prepare(b.sink);
		poll(NULL, 0, 10);
	}
	CHECK(kept.sets == 1 && kept.sequence == 1);
	CHECK(b.sink->ops->flush(b.sink) == 0 && hears(&b, 2, 9, 0) && hears(&b, 256, 9, 0));
}

TEST(another_collector_is_another_session)
{
	_cleanup_(bench_deinit) struct bench b, c;
	struct kept kept = { .domain = 9 };
	struct sequence_ops ops = { kept_get, kept_set, &kept };
	char local[32];
	uint64_t first;

	CHECK(bench_init(&b, AF_INET) == 0 && bench_init(&c, AF_INET) == 0 && free_port(local));
	CHECK(open_session(&b, local, &ops) == 0 && say(&b, 9, 4) == 0);
	first = kept.session;
	b.sink->ops->close(b.sink);
	b.sink = NULL;
	CHECK(open_session(&c, local, &ops) == 0 && say(&c, 9, 1) == 0);
	CHECK(hears(&c, 2, 9, 0) && hears(&c, 256, 9, 0) && kept.session != first);
}

TEST(with_any_port_nothing_is_kept)
{
	_cleanup_(bench_deinit) struct bench b;
	struct kept kept = { .domain = 9, .sequence = 77 };
	struct sequence_ops ops = { kept_get, kept_set, &kept };

	CHECK(bench_init(&b, AF_INET) == 0 && open_session(&b, "127.0.0.1:0", &ops) == 0);
	CHECK(say(&b, 9, 2) == 0 && hears(&b, 2, 9, 0) && hears(&b, 256, 9, 0));
	CHECK(kept.sets == 0 && kept.sequence == 77);
}

/* The descriptor of the session's socket, by its port. */
static int find_socket(uint16_t port)
{
	for (int fd = 3; fd < 64; fd++) {
		struct sockaddr_in at = { 0 };
		socklen_t len = sizeof(at);

		if (getsockname(fd, (struct sockaddr *)&at, &len) == 0 &&
		    ntohs(at.sin_port) == port)
			return fd;
	}
	return -1;
}

TEST(what_was_not_sent_does_not_count_in_the_sequence)
{
	_cleanup_(bench_deinit) struct bench b;
	struct kept kept = { .domain = 9 };
	struct sequence_ops ops = { kept_get, kept_set, &kept };
	struct session_tuple t;
	char local[32];

	CHECK(bench_init(&b, AF_INET) == 0 && free_port(local));
	CHECK(open_session(&b, local, &ops) == 0);
	CHECK(say(&b, 9, 2) == 0 && session_tuple(b.sink, &t) == 0 && kept.sequence == 2);
	CHECK(shutdown(find_socket(t.local_port), SHUT_WR) == 0);
	CHECK(say(&b, 9, 3) == -EPIPE && say(&b, 9, 1) == -EPIPE);
	CHECK(kept.sequence == 3);	/* 2 and the record in doubt */
	CHECK(b.sink->stats.lost_records == 4 && b.sink->stats.records == 2);
	CHECK(b.sink->stats.errors == 2);
	CHECK_STR(b.sink->trouble, "cannot send: Broken pipe");
}
