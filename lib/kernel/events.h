/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the ring `tcp_events` of a table: handshakes and RTT samples as they happen. The
 * program fills it only while somebody watches; there is one watcher a table at a time.
 */
#ifndef FLOWCTL_KERNEL_EVENTS_H
#define FLOWCTL_KERNEL_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/table.h"

struct events;

/* Begin to watch @t, which is writable and lives as long; @every_rtt: not only handshakes. 0 or
 * fail(): -EBUSY when somebody else watches, -EOPNOTSUPP when it has no TCP metrics. */
int events_open(struct table *t, bool every_rtt, struct events **ret);
/* NULL is fine. */
void events_close(struct events *e);
/* Up to @max events, at once; 0: none. Renews the watch: call it once a second at least. */
size_t events_read(struct events *e, struct tcp_event *ret, size_t max);
/* Lost since the watch began: the ring was full. */
uint64_t events_lost(const struct events *e);
/* Half-open connections that gave way since the watch began: of them no handshake is told. */
uint64_t events_forgotten(const struct events *e);
/* How long nobody watched, because events_read() was not called for too long: what happened then
 * is in no count. ns. */
uint64_t events_unwatched_ns(const struct events *e);

#endif
