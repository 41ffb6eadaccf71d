/* SPDX-License-Identifier: Apache-2.0 */
/* The map `outers` of a table, for this folder; table.h has what others ask of it. */
#ifndef FLOWCTL_KERNEL_TABLE_OUTER_H
#define FLOWCTL_KERNEL_TABLE_OUTER_H

#include <stdint.h>

#include "kernel/table.h"

/* Set t->outers_fd where the map is pinned; without it nothing is done. 0 or fail(). */
int table_outers_open(struct table *t);
/* Remove the pin, which may be one that a killed command left. */
void table_outers_unpin(const struct pin_dir *dir);
/* What @from knows and @to does not, where both have the map. */
void table_outers_copy(const struct table *from, const struct table *to);
/* Memory that the map takes, about; 0 without it. */
uint64_t table_outers_bytes(const struct table *t);

#endif
