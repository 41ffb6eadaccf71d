/* SPDX-License-Identifier: Apache-2.0 */
/* A line as a shell would cut it into words, without a shell: nothing is expanded or run. */
#ifndef FLOWCTL_BASE_WORDS_H
#define FLOWCTL_BASE_WORDS_H

/*
 * Words stand between blanks and line ends; '...', "..." and \ quote as in POSIX (2.2).
 * *ret: NULL-terminated, the caller's, one free() for all of it. fail_usage() when a quote
 * is left open or there is no word.
 */
int words_split(const char *line, char ***ret);

#endif
