/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a service manager is told of the agent: sd_notify(3). Without one, or built without
 * libsystemd, nothing happens.
 */
#ifndef FLOWCTL_AGENT_NOTIFY_H
#define FLOWCTL_AGENT_NOTIFY_H

#include <stdint.h>

/* The outputs are open, and records leave; also after notify_reloading(). */
void notify_ready(unsigned n_outputs);
void notify_reloading(void);
/* Asked to end: what is held is exported now. */
void notify_stopping(void);
/* Still alive; called with every tick. @now_ns: CLOCK_BOOTTIME. */
void notify_alive(uint64_t now_ns);

#endif
