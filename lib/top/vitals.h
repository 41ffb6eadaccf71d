/* SPDX-License-Identifier: Apache-2.0 */
/* How healthy a line's TCP connection is: asked for the lines that are shown or sorted by it. */
#ifndef FLOWCTL_TOP_VITALS_H
#define FLOWCTL_TOP_VITALS_H

#include "top/rows.h"

/* Fill in row->health, once a reading and where something changed. The place's health was looked
 * at (health_look()) with this reading. */
void top_vitals_read(const struct top_rows *r, struct top_row *row);
/* Of all lines; of very many of some, and with the next readings of the others. */
void top_vitals_read_all(struct top_rows *r);

#endif
