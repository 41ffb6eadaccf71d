// SPDX-License-Identifier: Apache-2.0
/* A build without libcurl: who insists on the metadata service is told so. */
#include <errno.h>

#include "base/error.h"
#include "enrich/cloud_parts.h"

int cloud_http_load(void)
{
	return fail_system(-EOPNOTSUPP,
			   "this flowctl was built without the metadata service (libcurl)");
}

int cloud_http_open(struct cloud_http **ret)
{
	return cloud_http_load();
}

void cloud_http_close(struct cloud_http *h)
{
}

void cloud_http_stop(struct cloud_http *h)
{
}

int cloud_http_ask(struct cloud_http *h, const struct cloud_request *q, struct strbuf *body,
		   long *ret_status)
{
	return cloud_http_load();
}
