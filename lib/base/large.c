// SPDX-License-Identifier: Apache-2.0
/* Transparent huge pages, by request (madvise): the default setting of most distributions. */
#include "base/large.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE (2ul << 20)

static void *alloc(size_t bytes)
{
	size_t whole = (bytes + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	void *p;

	if (bytes < HUGE_PAGE)
		return malloc(bytes);
	p = aligned_alloc(HUGE_PAGE, whole);
	if (p)
		madvise(p, whole, MADV_HUGEPAGE);
	return p;
}

void *large_zalloc(size_t bytes)
{
	void *p = alloc(bytes);

	if (p)
		memset(p, 0, bytes);
	return p;
}
