/* SPDX-License-Identifier: Apache-2.0 */
/* Several outputs of which one at a time is used: the first that is up. */
#ifndef FLOWCTL_SINK_FAILOVER_H
#define FLOWCTL_SINK_FAILOVER_H

#include <stdbool.h>
#include <stddef.h>

#include "sink/sink.h"

/*
 * @members, at least one, in the order they are wanted, become the group's, which closes
 * them; the array is copied. On failure they stay the caller's. @is_up is asked of each about
 * once a second. The group goes over to another member when the one in use has been down for
 * some seconds, and comes back to one before it that has been up for a while. Meanwhile what
 * is due is held (wait_ns()), if there is a member to go over to. stats are sums, the trouble
 * names the members. fail(-ENOMEM).
 */
int sink_failover_new(struct sink *const *members, size_t n, bool (*is_up)(const struct sink *),
		      struct sink **ret);
/* The member of @s in use; @s itself when it is no group. */
struct sink *sink_failover_in_use(struct sink *s);

#endif
