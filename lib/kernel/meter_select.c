// SPDX-License-Identifier: Apache-2.0
/*
 * Names to links. A name is first the name of an interface and only then a glob, because
 * an interface may be called 'tap[0]'.
 */
#include "kernel/meter_select.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

bool meter_name_matches(const char *name, const char *iface, bool loopback)
{
	if (strcmp(name, iface) == 0)
		return true;
	return !loopback && fnmatch(name, iface, 0) == 0;
}

static size_t select_name(const struct link *links, size_t n, const char *name, bool *chosen)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		if (!meter_name_matches(name, links[i].name, links[i].loopback))
			continue;
		chosen[i] = true;
		found++;
	}
	return found;
}

static int select_up(const struct link *links, size_t n, const char *where, bool *chosen)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		chosen[i] = links[i].up && !links[i].loopback;
		found += chosen[i];
	}
	if (found == 0)
		return fail_plain(-ENODEV, "no interface but lo is up in network namespace '%s'",
				  where);
	return 0;
}

int meter_select(const struct link *links, size_t n_links, const char *const *names, size_t n_names,
		 const char *where, bool *chosen)
{
	if (n_names == 0)
		return select_up(links, n_links, where, chosen);
	for (size_t i = 0; i < n_names; i++) {
		if (select_name(links, n_links, names[i], chosen) > 0)
			continue;
		return fail_plain(-ENODEV, "no interface %s '%s' in network namespace '%s'",
				  strpbrk(names[i], "*?[") ? "matches" : "is called", names[i],
				  where);
	}
	return 0;
}
