/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that work beside the loop, and waits for them that a change of the clock does not touch. */
#ifndef FLOWCTL_BASE_THREAD_H
#define FLOWCTL_BASE_THREAD_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/*
 * Run @fn(@arg) in a thread that nobody joins and that takes no signals: they are for whoever
 * started it, and may be blocked there only later. 0 or a negative errno without a sentence.
 */
int thread_start(void *(*fn)(void *arg), void *arg);
/* For pthread_cond_timedwait() with thread_deadline(). */
void thread_cond_init(pthread_cond_t *cond);
/* In @ns from now, of CLOCK_MONOTONIC. */
struct timespec thread_deadline(uint64_t ns);

#endif
