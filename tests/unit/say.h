/* SPDX-License-Identifier: Apache-2.0 */
/* Records for an output, put as the agent puts them. */
#ifndef FLOWCTL_TESTS_SAY_H
#define FLOWCTL_TESTS_SAY_H

#include <errno.h>

#include "sink/sink.h"

static inline struct record record_of(uint32_t domain)
{
	return (struct record) { .key.family = 4, .domain = domain, .packets = 1, .bytes = 40 };
}

/* @n records of @domain. 0, or -EOVERFLOW: not all of them fit. */
static inline int put_records(struct sink *s, uint32_t domain, unsigned n)
{
	struct record r = record_of(domain);

	for (unsigned i = 0; i < n; i++) {
		if (!s->ops->room(s, &r) || s->ops->put(s, &r) < 0)
			return -EOVERFLOW;
	}
	return 0;
}

#endif
