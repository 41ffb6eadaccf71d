// SPDX-License-Identifier: Apache-2.0
/*
 * A person at a terminal gets aligned numbers and a little colour; a pipe gets the same bytes
 * as ever. NO_COLOR as no-color.org has it: set, and not empty.
 */
#include "style.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

enum { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };
const char *const style_colors[] = { "auto", "always", "never", NULL };
const char *const style_formats[] = { "table", "json", NULL };

static bool may_color(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

struct columns_style style_of(const struct style_args *args)
{
	bool terminal = isatty(STDOUT_FILENO);

	return (struct columns_style) {
		.aligned = terminal,
		.color = args->color == COLOR_ALWAYS ||
			 (args->color == COLOR_AUTO && terminal && may_color()),
		.human = args->human,
	};
}

int style_check(const struct style_args *args, enum style_format format)
{
	if (format != STYLE_TABLE && args->columns)
		return fail_usage("--columns goes with -o table");
	return 0;
}
