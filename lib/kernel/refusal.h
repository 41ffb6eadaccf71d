/* SPDX-License-Identifier: Apache-2.0 */
/* Why the kernel did not take a program: what its verifier wrote, or what forbade the call. */
#ifndef FLOWCTL_KERNEL_REFUSAL_H
#define FLOWCTL_KERNEL_REFUSAL_H

/* Room for what a verifier says of a program of ours; memory is taken only where it does. */
#define REFUSAL_LOG_SIZE (16 << 20)

/*
 * The line of @log in which the verifier says what it refuses, cut out in place; NULL when it
 * wrote none, because it was not asked: the kernel refused for another reason.
 */
const char *refusal_line(char *log);

/*
 * The sentence on a load that failed with @err, a negative errno, and left @log (may be NULL).
 * Returns @err. EPERM and EACCES come from the verifier, too; a hint on privileges is given
 * only where this process lacks them.
 */
int refusal_fail(int err, char *log);

#endif
