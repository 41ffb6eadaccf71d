/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations: loaded, or refused with one sentence each. */
#ifndef FLOWCTL_TESTS_CONF_ROWS_H
#define FLOWCTL_TESTS_CONF_ROWS_H

#include <errno.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "conf/conf.h"
#include "test.h"

/* NULL, and why is printed. */
static inline struct conf *load(const char *text)
{
	struct conf *c = NULL;

	error_clear();
	if (conf_parse("c.yaml", text, strlen(text), &c) < 0)
		printf("# %s\n", error_message());
	return c;
}

struct conf_fault {
	const char *text, *message, *hint;	/* hint: NULL = any */
};

static inline void check_faults(const struct conf_fault *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct conf *c = NULL;

		error_clear();
		if (conf_parse("c.yaml", rows[i].text, strlen(rows[i].text), &c) != -EINVAL)
			printf("# row %zu was accepted\n", i);
		CHECK(!c);
		CHECK_STR(error_message(), rows[i].message);
		CHECK(error_exit_status() == ERROR_USAGE);
		if (rows[i].hint)
			CHECK_STR(error_hint_text(), rows[i].hint);
	}
}

#endif
