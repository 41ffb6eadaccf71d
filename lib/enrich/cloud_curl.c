// SPDX-License-Identifier: Apache-2.0
/*
 * One request by libcurl, whose wait another thread may end. The service is one hop away and
 * small: no proxy, no redirect, no name of a user, and little time and memory for whatever comes.
 *
 * libcurl is loaded when it is first needed. Linked, it and the 23 libraries behind it would
 * double the time that every command of flowctl takes to start (7 ms more) and cost 4 MB, and
 * hardly any machine needs it.
 */
#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "config.h"
#include "enrich/cloud_parts.h"

#undef curl_easy_setopt
#undef curl_easy_getinfo

#define CONNECT_MAX_MS 1000L
/* Of all headers of an answer. */
#define HEADERS_MAX (16 * 1024)
#define POLL_MS 1000

#define FUNCTIONS(x_)                                                                      \
	x_(global_init) x_(easy_init) x_(easy_setopt) x_(easy_getinfo) x_(easy_strerror)   \
	x_(easy_cleanup) x_(multi_init) x_(multi_add_handle) x_(multi_remove_handle)       \
	x_(multi_perform) x_(multi_poll) x_(multi_wakeup) x_(multi_info_read)              \
	x_(multi_cleanup) x_(slist_append) x_(slist_free_all)

#define MEMBER(name_) __typeof__(curl_##name_) *name_;
#define ROW(name_) { "curl_" #name_, (void **)&lib.name_ },

static struct {
	bool loaded;
	FUNCTIONS(MEMBER)
} lib;

static const struct function {
	const char *name;
	void **at;
} functions[] = { FUNCTIONS(ROW) };

static const char *const names[] = { FLOWCTL_LIBCURL, "libcurl-gnutls.so.4" };

int cloud_http_load(void)
{
	void *handle = NULL;

	if (lib.loaded)
		return 0;
	for (size_t i = 0; !handle && i < ARRAY_SIZE(names); i++)
		handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return fail_system(-ENOENT, "the metadata service needs libcurl, which is not installed");
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		*functions[i].at = dlsym(handle, functions[i].name);
		if (!*functions[i].at)
			return fail_system(-ENOENT, "libcurl is too old: it has no %s",
					   functions[i].name);
	}
	if (lib.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return fail_system(-ENOTSUP, "cannot initialise libcurl");
	lib.loaded = true;
	return 0;
}

struct cloud_http {
	CURLM *multi;
	bool stopped;	/* atomic */
};

int cloud_http_open(struct cloud_http **ret)
{
	struct cloud_http *h = calloc(1, sizeof(*h));

	if (h)
		h->multi = lib.multi_init();
	if (!h || !h->multi) {
		free(h);
		return fail(-ENOMEM, "cannot ask the metadata service");
	}
	*ret = h;
	return 0;
}

void cloud_http_close(struct cloud_http *h)
{
	if (!h)
		return;
	lib.multi_cleanup(h->multi);
	free(h);
}

void cloud_http_stop(struct cloud_http *h)
{
	__atomic_store_n(&h->stopped, true, __ATOMIC_RELEASE);
	lib.multi_wakeup(h->multi);
}

struct answer {
	struct strbuf *body;
	size_t header_bytes;
};

/* A count but @size * @n ends the transfer. */
static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct answer *a = arg;

	if (a->body->len + size * n > CLOUD_BODY_MAX)
		return 0;
	strbuf_add(a->body, data, size * n);
	return a->body->failed ? 0 : size * n;
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	struct answer *a = arg;

	a->header_bytes += size * n;
	return a->header_bytes > HEADERS_MAX ? 0 : size * n;
}

/* None of it is for the programs that a log's hooks start. */
static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static void set_limits(CURL *easy, const struct cloud_request *q)
{
	long ms = q->timeout_ns / NSEC_PER_MSEC;

	lib.easy_setopt(easy, CURLOPT_TIMEOUT_MS, ms > 0 ? ms : 1L);
	lib.easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MAX_MS);
	lib.easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	lib.easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	lib.easy_setopt(easy, CURLOPT_PROXY, "");
	lib.easy_setopt(easy, CURLOPT_NOPROXY, "*");
	lib.easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* Who looks up a name is not waited for. */
	lib.easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
}

static void set_request(CURL *easy, const struct cloud_request *q, struct curl_slist *headers,
			struct answer *a)
{
	lib.easy_setopt(easy, CURLOPT_URL, q->url);
	lib.easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	lib.easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	lib.easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	lib.easy_setopt(easy, CURLOPT_WRITEDATA, a);
	lib.easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	lib.easy_setopt(easy, CURLOPT_HEADERDATA, a);
	if (q->put) {
		lib.easy_setopt(easy, CURLOPT_POSTFIELDS, "");
		lib.easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "PUT");
	}
}

/* Until it is done. -ECANCELED: it was stopped. */
static int perform(struct cloud_http *h, CURLcode *ret)
{
	int running = 1, left;
	CURLMsg *message;

	while (running) {
		if (__atomic_load_n(&h->stopped, __ATOMIC_ACQUIRE))
			return fail_plain(-ECANCELED, "stopped");
		if (lib.multi_perform(h->multi, &running) != CURLM_OK)
			break;
		if (running)
			lib.multi_poll(h->multi, NULL, 0, POLL_MS, NULL);
	}
	message = lib.multi_info_read(h->multi, &left);
	*ret = message && message->msg == CURLMSG_DONE ? message->data.result : CURLE_FAILED_INIT;
	return 0;
}

/* libcurl's own sentence of the failure at hand may count milliseconds: the one of its kind. */
static int failure(CURL *easy, CURLcode code)
{
	double asked = 0;

	lib.easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME, &asked);
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		return asked > 0 ? fail_plain(-ETIMEDOUT, "takes too long to answer") :
				       fail_plain(-EHOSTUNREACH, "does not answer");
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
		return fail_plain(-EHOSTUNREACH, "cannot be reached: %s", lib.easy_strerror(code));
	case CURLE_WRITE_ERROR:
		return fail_plain(-EPROTO, "answers with more than it should");
	default:
		return fail_plain(-EPROTO, "gives no answer: %s", lib.easy_strerror(code));
	}
}

static int transfer(struct cloud_http *h, CURL *easy, long *ret_status)
{
	CURLcode code = CURLE_OK;
	int r;

	if (lib.multi_add_handle(h->multi, easy) != CURLM_OK)
		return fail(-ENOMEM, "cannot be asked");
	r = perform(h, &code);
	if (r == 0 && code != CURLE_OK)
		r = failure(easy, code);
	if (r == 0)
		lib.easy_getinfo(easy, CURLINFO_RESPONSE_CODE, ret_status);
	lib.multi_remove_handle(h->multi, easy);
	return r;
}

/* Of an empty PUT, form data is not what it is. */
static struct curl_slist *headers_of(const struct cloud_request *q)
{
	struct curl_slist *first = lib.slist_append(NULL, q->header), *all = NULL;

	if (first)
		all = lib.slist_append(first, "Content-Type:");
	if (!all)
		lib.slist_free_all(first);
	return all;
}

int cloud_http_ask(struct cloud_http *h, const struct cloud_request *q, struct strbuf *body,
		   long *ret_status)
{
	struct answer answer = { .body = body };
	struct curl_slist *headers = headers_of(q);
	CURL *easy = lib.easy_init();
	int r;

	strbuf_reset(body);
	if (easy && headers) {
		set_limits(easy, q);
		set_request(easy, q, headers, &answer);
		r = transfer(h, easy, ret_status);
	} else {
		r = fail(-ENOMEM, "cannot be asked");
	}
	lib.easy_cleanup(easy);
	lib.slist_free_all(headers);
	return r;
}
