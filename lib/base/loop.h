/* SPDX-License-Identifier: Apache-2.0 */
/* The epoll loop: descriptors, periodic timers (timerfd) and signals (signalfd). */
#ifndef FLOWCTL_BASE_LOOP_H
#define FLOWCTL_BASE_LOOP_H

#include <signal.h>
#include <stdint.h>

struct loop;

/* A callback returns 0, or a negative errno that ends loop_run() with it. */
typedef int (*loop_fd_fn)(struct loop *loop, int fd, uint32_t events, void *arg);
typedef int (*loop_timer_fn)(struct loop *loop, void *arg);
typedef int (*loop_signal_fn)(struct loop *loop, int signo, void *arg);

/* 0 or fail(). */
int loop_new(struct loop **ret);
/* NULL is fine; closes its own descriptors, not the caller's. */
void loop_free(struct loop *loop);

/* Watch @fd for epoll @events; @fd stays the caller's. */
int loop_add_fd(struct loop *loop, int fd, uint32_t events, loop_fd_fn fn, void *arg);
void loop_remove_fd(struct loop *loop, int fd);
/* Call @fn every @period_ns, first after one period. *ret_id names it for loop_set_timer(). */
int loop_add_timer(struct loop *loop, uint64_t period_ns, loop_timer_fn fn, void *arg, int *ret_id);
int loop_set_timer(struct loop *loop, int id, uint64_t period_ns);
/* Those at which a command in the foreground ends: INT, TERM, QUIT and, unless it is ignored, HUP. */
void loop_end_signals(sigset_t *ret);
/* Block the signals of @set (whatever their disposition was) and call @fn for each. */
int loop_add_signals(struct loop *loop, const sigset_t *set, loop_signal_fn fn, void *arg);

/* Run until loop_stop() or a callback fails. Returns 0 or that callback's error. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

#endif
