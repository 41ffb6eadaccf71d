// SPDX-License-Identifier: Apache-2.0
/*
 * See words.h. wordexp() would expand variables and file names too, which a name of a
 * program and its arguments in a configuration is not meant to do.
 */
#include "base/words.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Copy what stands within a quote; the character behind it, or NULL when it is left open. */
static const char *take_quoted(const char *p, char **to)
{
	char quote = *p++;

	for (; *p && *p != quote; p++) {
		if (quote == '"' && *p == '\\' && p[1] && strchr("$`\"\\", p[1]))
			p++;
		*(*to)++ = *p;
	}
	return *p ? p + 1 : NULL;
}

/* Copy one word; what is behind it, or NULL when a quote is left open. */
static const char *take_word(const char *p, char **to)
{
	while (p && *p && !is_blank(*p)) {
		if (*p == '\'' || *p == '"') {
			p = take_quoted(p, to);
			continue;
		}
		if (*p == '\\' && !*++p)
			return NULL;
		*(*to)++ = *p++;
	}
	*(*to)++ = '\0';
	return p;
}

/* @words has room for every second character to be a word; the text is put behind it. */
static int split(const char *line, char **words, char *text)
{
	size_t n = 0;

	for (const char *p = line;;) {
		while (is_blank(*p))
			p++;
		if (!*p)
			break;
		words[n++] = text;
		p = take_word(p, &text);
		if (!p)
			return fail_usage("a quote is left open in '%s'", line);
	}
	words[n] = NULL;
	return n ? 0 : fail_usage("no program is named in '%s'", line);
}

int words_split(const char *line, char ***ret)
{
	size_t len = strlen(line), room = len / 2 + 2;
	char **words = malloc(room * sizeof(*words) + len + 2);
	int r;

	if (!words)
		return fail(-ENOMEM, "cannot take '%s' apart", line);
	r = split(line, words, (char *)(words + room));
	if (r < 0) {
		free(words);
		return r;
	}
	*ret = words;
	return 0;
}
