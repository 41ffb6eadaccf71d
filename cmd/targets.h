/* SPDX-License-Identifier: Apache-2.0 */
/* Which interfaces are meant: -n IFACE below --netns NS, and each -i [NS:]IFACE with its own. */
#ifndef FLOWCTL_CMD_TARGETS_H
#define FLOWCTL_CMD_TARGETS_H

#include <stddef.h>

#include "base/opt.h"
#include "kernel/netns.h"

/* Rows of an option table whose struct has `interfaces` and `netns`. */
#define TARGET_INTERFACE_OPT(args_)                                                            \
	OPT(STRS, args_, interfaces, .name = "interface", .letter = 'i', .arg = "[NS:]IFACE",  \
	    .help = "short for --netns NS --name IFACE")
#define TARGET_NETNS_OPT(args_)                                                                \
	OPT(STR, args_, netns, .name = "netns", .arg = "NS",                                   \
	    .help = "in this network namespace (a name, a path,\nor pid:PID)")

/* Names (or globs) of one namespace; none: all that are up. */
struct target {
	const char *netns;		/* as given; NULL = the caller's */
	const char *names[2 * OPT_STRS_MAX];
	size_t n;
};

struct targets {
	struct target v[OPT_STRS_MAX + 1];
	size_t n;
	char *copies[OPT_STRS_MAX];
	size_t n_copies;
};

/* @names of --netns @netns (NULL: none was given), and @interfaces, which exclude it where they
 * name a namespace. @t points into the command line, which must live as long. 0 or fail(). */
int targets_add(struct targets *t, const char *netns, const struct opt_strs *names,
		const struct opt_strs *interfaces);
/* All interfaces of that namespace. */
void targets_add_all(struct targets *t, const char *netns);
/*
 * Open their namespaces into @ns, which has room for t->n; all of it is the caller's to close, also
 * on failure. The same one by two names is one: its names are the first one's, the other has none.
 */
int targets_open(struct targets *t, struct netns *ns);
void targets_deinit(struct targets *t);

#endif
