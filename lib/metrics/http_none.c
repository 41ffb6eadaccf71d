// SPDX-License-Identifier: Apache-2.0
/* A build without libmicrohttpd: whoever configures metrics is told so. */
#include <errno.h>

#include "base/error.h"
#include "metrics/http.h"

int http_open(struct loop *loop, const char *listen, struct http *old, struct serve *serve,
	      struct http **ret)
{
	return fail_system(-EOPNOTSUPP, "this flowctl was built without metrics (libmicrohttpd)");
}

void http_take_over(struct http *h, struct http *old)
{
}

void http_close(struct http *h)
{
}
