/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays that are looked into at random: on large pages, a look waits for memory once,
 * not twice. */
#ifndef FLOWCTL_BASE_LARGE_H
#define FLOWCTL_BASE_LARGE_H

#include <stddef.h>

/* Zeroed memory for free(), on large pages where it is large and the system has them. NULL: none. */
void *large_zalloc(size_t bytes);

#endif
