/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things lie below $BPFFS/flowctl/: a folder a namespace, named by its cookie.
 *
 *	<cookie>/ctl slots rings ring_<part> journal store frags aged	the table
 *	<cookie>/outers	what was outside of flows in tunnels, if any are looked into
 *	<cookie>/tcp tcp_conns tcp_hints tcp_ends tcp_events tcp_stats tcp_ingress	its connections
 *	<cookie>/outputs			what each output of the agent was handed
 *	<cookie>/hook_<ifindex>_<direction>	ledger and options of one meter
 *	<cookie>/prog_<ifindex>_<direction>	its program
 *	<cookie>/link_<ifindex>_<direction>	its tcx or XDP link (tc has none)
 *	<cookie>/next_<ifindex>_<direction>	a program that is taking the other's place
 *	<cookie>/past_<ifindex>_<direction>	ledger of a meter taken off, of which flows are held
 *
 * A flock on the folder is held around every change of what it holds and around every
 * writing of journal and store. The running agent holds one on flowctl/ itself.
 */
#ifndef FLOWCTL_KERNEL_PIN_H
#define FLOWCTL_KERNEL_PIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/record.h"

/* The bpffs to work below; set once by main (--bpffs, $FLOWCTL_BPFFS, /sys/fs/bpf). */
void pin_set_root(const char *path);
/* 0, or fail_system(): not a bpffs (hint: mount command, or --netns below `ip netns exec`). */
int pin_check_root(void);

struct pin_dir {
	uint64_t cookie;
	char path[512];		/* $BPFFS/flowctl/<cookie> */
	int fd;			/* of the folder, -1 when closed */
	bool locked;
};
#define PIN_DIR_NULL { .fd = -1 }

/* Open the folder of @cookie; -ENOENT without a sentence when there is none and !@create. */
int pin_dir_open(uint64_t cookie, bool create, struct pin_dir *ret);
/* Wait for the exclusive lock; -ENOENT when the folder was removed meanwhile. */
int pin_dir_lock(struct pin_dir *dir);
/* Both, again where the folder was removed in between. -ENOENT as pin_dir_open(). */
int pin_dir_acquire(uint64_t cookie, bool create, struct pin_dir *ret);
void pin_dir_unlock(struct pin_dir *dir);
void pin_dir_close(struct pin_dir *dir);
/*
 * What a process does with a namespace, said for as long as @dir's descriptor is open: a lock that
 * goes with the process. Others may say the same; who must be alone asks first, below the
 * folder's exclusive lock. 0 or fail().
 */
enum pin_sign {
	PIN_SIGN_VISITOR,	/* looks at its meters (visit.h) */
	PIN_SIGN_WATCHER,	/* reads its events (events.h) */
};
int pin_dir_sign(const struct pin_dir *dir, enum pin_sign sign);
/* Does another descriptor than @dir's say so? */
bool pin_dir_has_sign(const struct pin_dir *dir, enum pin_sign sign);
/* Remove the folder, and flowctl/, if nothing is in it. */
void pin_dir_remove_empty(struct pin_dir *dir);
/* Remove every pin in it and the folder (locked by the caller); flowctl/ too when it is
 * empty and no agent runs. */
int pin_dir_remove(struct pin_dir *dir);
/* The cookies that have a folder; free() the array. No flowctl/ at all: 0 of them. */
int pin_dirs(uint64_t **ret, size_t *ret_n);

/* "name" or "name_<a>_<b>" below the folder, into @buf (512). */
const char *pin_path(const struct pin_dir *dir, const char *name, char buf[512]);
const char *pin_hook_path(const struct pin_dir *dir, const char *what, uint32_t ifindex,
			  uint8_t direction, char buf[512]);
/* The (ifindex, direction) pairs that have a hook_* pin. free() the array. */
int pin_hooks(const struct pin_dir *dir, struct hook_id **ret, size_t *ret_n);
/* The same of another kind of pin: "past", "link", "prog". */
int pin_hooks_of(const struct pin_dir *dir, const char *what, struct hook_id **ret, size_t *ret_n);

/* Be the one agent below this bpffs: *ret_fd holds the lock.
 * -EBUSY + sentence when there is one. */
int pin_agent_lock(int *ret_fd);
/* Is an agent running below this bpffs? */
bool pin_agent_alive(void);

#endif
