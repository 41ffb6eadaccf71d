// SPDX-License-Identifier: Apache-2.0
/*
 * Paths are rows. The metrics page is kept for a tenth of a second, so that a client which asks
 * as fast as it can costs the agent no more than ten pages a second of each format.
 */
#include "metrics/serve.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define KEPT_NS (100 * NSEC_PER_MSEC)
#define PLAIN	"text/plain; charset=utf-8"

struct serve {
	struct serve_source source;
	struct kept {
		struct strbuf page;
		uint64_t made_ns;	/* CLOCK_BOOTTIME; 0 = never */
	} kept[EXPOSE_FORMATS];
	struct strbuf said;
	uint64_t requests;
};

static void say(struct serve *s, unsigned status, struct serve_answer *ret)
{
	strbuf_putc(&s->said, '\n');
	ret->status = status;
	ret->content_type = PLAIN;
	ret->body = strbuf_str(&s->said);
	ret->len = strlen(ret->body);
}

static void say_this(struct serve *s, unsigned status, const char *sentence,
		     struct serve_answer *ret)
{
	strbuf_puts(&s->said, sentence);
	say(s, status, ret);
}

static int make(struct serve *s, struct kept *k, enum expose_format format)
{
	uint64_t now = clock_boot_ns();
	int r;

	if (k->made_ns && now < k->made_ns + KEPT_NS)
		return 0;
	strbuf_reset(&k->page);
	k->made_ns = 0;
	r = s->source.metrics(s->source.arg, format, &k->page);
	if (r < 0 || k->page.failed) {
		strbuf_deinit(&k->page);
		k->page = (struct strbuf) STRBUF_NULL;
		return -1;
	}
	k->made_ns = now;
	return 0;
}

static void metrics(struct serve *s, const char *accept, struct serve_answer *ret)
{
	enum expose_format format = expose_accepted(accept);
	struct kept *k = &s->kept[format];

	if (make(s, k, format) < 0) {
		say_this(s, 500, "no memory for the metrics", ret);
		return;
	}
	ret->status = 200;
	ret->content_type = expose_content_type(format);
	ret->body = strbuf_str(&k->page);
	ret->len = k->page.len;
}

static void healthz(struct serve *s, const char *accept, struct serve_answer *ret)
{
	say_this(s, 200, "alive", ret);
}

static void readyz(struct serve *s, const char *accept, struct serve_answer *ret)
{
	bool ready = s->source.ready(s->source.arg, &s->said);

	say(s, ready ? 200 : 503, ret);
}

static const struct {
	const char *path;
	void (*answer)(struct serve *s, const char *accept, struct serve_answer *ret);
} pages[] = {
	{ "/metrics", metrics },
	{ "/healthz", healthz },
	{ "/readyz", readyz },
};

void serve_request(struct serve *s, const char *method, const char *path, const char *accept,
		   struct serve_answer *ret)
{
	*ret = (struct serve_answer) { 0 };
	strbuf_reset(&s->said);
	s->requests++;
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		if (strcmp(path, pages[i].path) != 0)
			continue;
		if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0) {
			pages[i].answer(s, accept, ret);
			return;
		}
		ret->allow = "GET, HEAD";
		say_this(s, 405, "only GET and HEAD", ret);
		return;
	}
	say_this(s, 404, "there is /metrics, /healthz and /readyz", ret);
}

uint64_t serve_requests(const struct serve *s)
{
	return s->requests;
}

struct serve *serve_new(const struct serve_source *source)
{
	struct serve *s = calloc(1, sizeof(*s));

	if (s)
		s->source = *source;
	return s;
}

void serve_free(struct serve *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < EXPOSE_FORMATS; i++)
		strbuf_deinit(&s->kept[i].page);
	strbuf_deinit(&s->said);
	free(s);
}
