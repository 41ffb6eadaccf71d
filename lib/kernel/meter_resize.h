/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another size for the table of a namespace, under traffic: a second table is made beside
 * the first, every program is replaced by one that counts into it, and what the first still
 * held becomes stored flows of the second. No packet and no flow is lost.
 */
#ifndef FLOWCTL_KERNEL_METER_RESIZE_H
#define FLOWCTL_KERNEL_METER_RESIZE_H

#include <stdint.h>

#include "kernel/table.h"

/*
 * Make a table of size @g in place of @old, whose folder is locked: *ret has the
 * new maps, and @old's folder and lock. fail() when @old holds more flows than the new one can
 * store.
 */
int resize_begin(struct table *old, const struct table_geometry *g, struct table **ret);
/* Every program counts into @t now: move what @old held, and put the pins of @t in place. */
int resize_finish(struct table *old, struct table *t);
/* Not this time: remove what resize_begin() made. @old has its folder again. */
void resize_undo(struct table *old, struct table *t);

#endif
