// SPDX-License-Identifier: Apache-2.0
/* A line at a time: a full table of the Internet has a million of them. */
#include "enrich/prefixes.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"

#define SPACE " \t\r\n"

DEFINE_CLEANUP(struct lpm, lpm_free)

/* The next word of *@at, which ends there; NULL: none. */
static char *next_word(char **at)
{
	char *word = *at + strspn(*at, SPACE);
	size_t len = strcspn(word, SPACE);

	if (!len)
		return NULL;
	*at = word[len] ? word + len + 1 : word + len;
	word[len] = '\0';
	return word;
}

static int parse_as(const char *word, uint64_t *ret)
{
	if (strncasecmp(word, "AS", 2) == 0)
		word += 2;
	return word[strspn(word, "0123456789")] ? -EINVAL : parse_u64(word, UINT32_MAX, ret);
}

static int read_line(char *line, const char *path, size_t number, struct lpm *to)
{
	struct parse_prefix prefix;
	char *at = line, *word, *as;
	uint64_t n;

	line[strcspn(line, "#")] = '\0';
	word = next_word(&at);
	if (!word)
		return 0;
	as = next_word(&at);
	if (parse_prefix(word, &prefix) < 0)
		return fail_usage("%s:%zu: '%.64s' is not a prefix (as 192.0.2.0/24 or 2001:db8::/32)",
				  path, number, word);
	if (!as)
		return fail_usage("%s:%zu: the number of an AS is missing", path, number);
	if (parse_as(as, &n) < 0)
		return fail_usage("%s:%zu: '%.64s' is not the number of an AS", path, number, as);
	if (next_word(&at))
		return fail_usage("%s:%zu: there is more than a prefix and an AS", path, number);
	return lpm_add(to, &prefix, n) < 0 ? fail(-ENOMEM, "cannot read '%s'", path) : 0;
}

int prefixes_load(const char *path, struct lpm **ret)
{
	_cleanup_(lpm_freep) struct lpm *lpm = lpm_new();
	_cleanup_(fclosep) FILE *f = fopen(path, "re");
	_cleanup_(freep) char *line = NULL;
	size_t size = 0, number = 0;
	int r = 0;

	if (!f)
		return fail(-errno, "cannot open the prefix file '%s'", path);
	if (!lpm)
		return fail(-ENOMEM, "cannot read '%s'", path);
	while (r == 0 && getline(&line, &size, f) >= 0)
		r = read_line(line, path, ++number, lpm);
	if (r == 0 && ferror(f))
		r = fail(-errno, "cannot read the prefix file '%s'", path);
	if (r == 0 && lpm_build(lpm) < 0)
		r = fail(-ENOMEM, "cannot read '%s'", path);
	if (r < 0)
		return r;
	*ret = take_ptr(lpm);
	return 0;
}
