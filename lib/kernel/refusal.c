// SPDX-License-Identifier: Apache-2.0
/*
 * The verifier tells the way it went, then in one line what it refuses, then statistics. Its
 * errno says little: EACCES is a bad memory access as well as a missing privilege. So the line
 * is told; and where there is none, whether the capabilities are there.
 */
#include "kernel/refusal.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "kernel/probe.h"

/* How the lines behind it begin. */
static const char *const statistics[] = { "processed ", "verification time ", "stack depth " };

static bool is_statistics(const char *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(statistics); i++) {
		if (strncmp(line, statistics[i], strlen(statistics[i])) == 0)
			return true;
	}
	return false;
}

const char *refusal_line(char *log)
{
	size_t len = log ? strlen(log) : 0;

	while (len) {
		char *line;

		while (len && log[len - 1] == '\n')
			log[--len] = '\0';
		line = strrchr(log, '\n');
		line = line ? line + 1 : log;
		if (*line && !is_statistics(line))
			return line;
		len = line - log;
		*line = '\0';
	}
	return NULL;
}

static void hint(void)
{
	char missing[PROBE_CAPS_MAX];

	probe_missing_caps(missing);
	if (missing[0])
		error_hint("needs %s", missing);
	else
		error_hint("the capabilities are there: kernel lockdown, a security module or a "
			   "container's seccomp profile forbids it");
}

int refusal_fail(int err, char *log)
{
	/* ENOSPC of a kernel before 6.4: the log ends somewhere in the middle. */
	const char *line = err == -ENOSPC ? NULL : refusal_line(log);
	struct utsname u = { 0 };

	if (line) {
		uname(&u);
		return fail_system(err, "cannot load the program: the verifier of this kernel (%s) "
				   "refuses it: %s", u.release, line);
	}
	if (err != -EPERM && err != -EACCES)
		return fail(err, "cannot load the program");
	fail_system(err, "cannot load the program: %s", strerror(-err));
	hint();
	return err;
}
