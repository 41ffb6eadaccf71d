/* SPDX-License-Identifier: Apache-2.0 */
/* A program on three pipes, as a hook is run. */
#ifndef FLOWCTL_SINK_HOOK_PROCESS_H
#define FLOWCTL_SINK_HOOK_PROCESS_H

#include <sys/types.h>

struct hook_process {
	pid_t pid;		/* and its process group; not reaped */
	int pid_fd;		/* readable: it ended */
	int in, out, err;	/* our ends, non-blocking */
};

/* Start @argv in @dir. 0 or a negative errno. */
int hook_process_start(struct hook_process *p, char *const argv[], const char *name, const char *dir);
/* Kill what is left of the group, wait, close. Returns the status of waitpid(), or a negative errno. */
int hook_process_end(struct hook_process *p);

#endif
