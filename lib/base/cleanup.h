/* SPDX-License-Identifier: Apache-2.0 */
/* Variables that release what they hold when they leave their scope, and how to give it away. */
#ifndef FLOWCTL_BASE_CLEANUP_H
#define FLOWCTL_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f_) __attribute__((cleanup(f_)))

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define DEFINE_CLEANUP(type_, free_)                 \
	static inline void free_##p(type_ **p)       \
	{                                            \
		if (*p)                              \
			free_(*p);                   \
	}

static inline int take_fd(int *fd)
{
	int r = *fd;

	*fd = -1;
	return r;
}

#define take_ptr(p_)                              \
	({                                        \
		__typeof__(p_) *pp_ = &(p_);      \
		__typeof__(p_) r_ = *pp_;         \
		*pp_ = NULL;                      \
		r_;                               \
	})

#define ARRAY_SIZE(a_) (sizeof(a_) / sizeof((a_)[0]))

#endif
