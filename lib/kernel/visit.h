/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The meters of some interfaces of a namespace for as long as a command looks at them: those that
 * are there are used as they are, the others attached, and taken off again at the end. Nothing
 * else is touched.
 */
#ifndef FLOWCTL_KERNEL_VISIT_H
#define FLOWCTL_KERNEL_VISIT_H

#include "kernel/meter.h"

struct visit_iface {
	uint32_t ifindex;
	char name[IFACE_NAME_MAX];
	bool ours;			/* attached by visit_open() */
	bool loopback;
	bool had[2];			/* by direction: was metered already */
	bool no_tcp;			/* one of its meters keeps no TCP metrics */
};

struct visit {
	struct netns ns;
	struct pin_dir dir;		/* says that somebody looks, as long as this process lives */
	struct table *table;		/* writable */
	struct visit_iface *ifaces;
	size_t n_ifaces;
};

/*
 * Take @ns over (also on failure) and meter the interfaces that match @names, as
 * meter_attach() does; @options: of those that are attached, its sizes only where there is no
 * table yet. *ret_warning as there. 0 or fail(). A process that is killed before visit_close()
 * leaves its meters to the next visit of the namespace, `meter status` or an agent: when nobody
 * looks any more, they take them off.
 */
int visit_open(struct netns *ns, const char *const *names, size_t n_names,
	       const struct meter_options *options, struct visit **ret, char **ret_warning);
/* Take off what was attached. NULL is fine. 0 or fail(); frees it in any case. */
int visit_close(struct visit *v);

/* Its interface of that number, or NULL. */
const struct visit_iface *visit_find(const struct visit *v, uint32_t ifindex);
/* Is all as it was? fail() where a meter was detached, the table replaced, an interface
 * or the namespace's name removed. */
int visit_check(const struct visit *v);

#endif
