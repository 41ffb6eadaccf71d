/* SPDX-License-Identifier: Apache-2.0 */
/* Which interfaces are meant. */
#ifndef FLOWCTL_KERNEL_METER_SELECT_H
#define FLOWCTL_KERNEL_METER_SELECT_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/rtnl.h"

/* Is @iface meant by @name: an anchored glob, or the very name (lo only by that)? */
bool meter_name_matches(const char *name, const char *iface, bool loopback);
/*
 * Mark in @chosen (@n_links bools) the links that match one of @names, or with no names
 * those that are up but lo. A name that matches none: fail() -ENODEV, @where naming the namespace.
 */
int meter_select(const struct link *links, size_t n_links, const char *const *names, size_t n_names,
		 const char *where, bool *chosen);

#endif
