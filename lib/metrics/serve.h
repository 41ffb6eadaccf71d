/* SPDX-License-Identifier: Apache-2.0 */
/* What is answered to which request, whatever carries it: the three pages. */
#ifndef FLOWCTL_METRICS_SERVE_H
#define FLOWCTL_METRICS_SERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "metrics/expose.h"

/* Who knows the answers. */
struct serve_source {
	/* Append the metrics page to the empty @out; 0, or -ENOMEM. */
	int (*metrics)(void *arg, enum expose_format format, struct strbuf *out);
	/* Is it exporting? Append a sentence that says so or why not. */
	bool (*ready)(void *arg, struct strbuf *out);
	void *arg;
};

struct serve;

struct serve_answer {
	unsigned status;
	const char *content_type;
	const char *allow;	/* of a 405, else NULL */
	const char *body;	/* the server's, until the next request */
	size_t len;
};

/* NULL: no memory. */
struct serve *serve_new(const struct serve_source *source);
/* NULL is fine. */
void serve_free(struct serve *s);
/* Answer a request. @accept: its header, or NULL. A page is made at most ten times a second. */
void serve_request(struct serve *s, const char *method, const char *path, const char *accept,
		   struct serve_answer *ret);
/* How many were answered. */
uint64_t serve_requests(const struct serve *s);

#endif
