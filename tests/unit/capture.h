/* SPDX-License-Identifier: Apache-2.0 */
/* What a function prints on standard output, as a string. */
#ifndef FLOWCTL_TESTS_CAPTURE_H
#define FLOWCTL_TESTS_CAPTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct capture {
	int saved, file;
};

static inline struct capture capture_begin(void)
{
	struct capture c;

	fflush(stdout);
	c.saved = dup(STDOUT_FILENO);
	c.file = memfd_create("capture", MFD_CLOEXEC);
	dup2(c.file, STDOUT_FILENO);
	return c;
}

/* free() the text. */
static inline char *capture_end(struct capture *c)
{
	char *text;
	off_t len;

	fflush(stdout);
	len = lseek(c->file, 0, SEEK_END);
	text = calloc(1, len + 1);
	if (text && pread(c->file, text, len, 0) != len)
		text[0] = '\0';
	dup2(c->saved, STDOUT_FILENO);
	close(c->saved);
	close(c->file);
	return text;
}

#endif
