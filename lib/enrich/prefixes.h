/* SPDX-License-Identifier: Apache-2.0 */
/* Autonomous systems by prefix, from a file: the box itself knows no more than next hops. */
#ifndef FLOWCTL_ENRICH_PREFIXES_H
#define FLOWCTL_ENRICH_PREFIXES_H

#include <stdint.h>

#include "enrich/lpm.h"

/*
 * Read @path: lines of a prefix (or an address) and the number of an AS, with or without AS
 * before it; empty ones, and comments from a # on. lpm_free() the result, whose values are the
 * numbers. fail_usage("FILE:LINE: ...") for any other line, fail() for a file that cannot be
 * read.
 */
int prefixes_load(const char *path, struct lpm **ret);

#endif
