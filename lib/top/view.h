/* SPDX-License-Identifier: Apache-2.0 */
/* A terminal that a screen is drawn on, by ncursesw. */
#ifndef FLOWCTL_TOP_VIEW_H
#define FLOWCTL_TOP_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "top/screen.h"

/* Is it built in at all? */
extern const bool view_built_in;

struct view;

/*
 * Take the terminal on standard input and output over. -ENOTTY without a sentence where it cannot
 * show a full screen, or this build cannot. @color: where the terminal has colours.
 */
int view_open(bool color, struct view **ret);
/* Give it back as it was. NULL is fine. */
void view_close(struct view *v);
/* Draw @s; what did not change is not written. 0 or fail(). */
int view_draw(struct view *v, struct top_screen *s);
/* The terminal has another size now. */
void view_resize(struct view *v);
/* The next key that was pressed (see enum top_key); false: none is waiting. */
bool view_key(struct view *v, uint32_t *ret);

#endif
