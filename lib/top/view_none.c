// SPDX-License-Identifier: Apache-2.0
/* Built without ncursesw: no full screen, and `top` says so. */
#include <errno.h>

#include "top/view.h"

const bool view_built_in = false;

int view_open(bool color, struct view **ret)
{
	return -ENOTTY;
}

void view_close(struct view *v)
{
}

int view_draw(struct view *v, struct top_screen *s)
{
	return 0;
}

void view_resize(struct view *v)
{
}

bool view_key(struct view *v, uint32_t *ret)
{
	return false;
}
