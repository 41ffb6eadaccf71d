/* SPDX-License-Identifier: Apache-2.0 */
/* In which order to ask for the health of many flows. */
#ifndef FLOWCTL_KERNEL_HEALTH_ORDER_H
#define FLOWCTL_KERNEL_HEALTH_ORDER_H

#include <stdint.h>

#include "kernel/health.h"
#include "kernel/reader.h"

/* The numbers of @s's flows, in the order of their connections where they are many; free() it. 0
 * or fail(-ENOMEM). */
int health_order(const struct health *h, const struct snapshot *s, uint32_t **ret);

#endif
