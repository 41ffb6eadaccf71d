// SPDX-License-Identifier: Apache-2.0
/* A build without zlib: what is gzipped says so. */
#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/stream.h"

/* Two octets back: glibc has room for what it has just read. */
static bool is_gzip(FILE *f)
{
	int first = getc(f), second = getc(f);

	if (second != EOF)
		ungetc(second, f);
	if (first != EOF)
		ungetc(first, f);
	return first == 0x1f && second == 0x8b;
}

int stream_open(int fd, const char *path, FILE **ret)
{
	_cleanup_(fclosep) FILE *f = fdopen(fd, "r");

	if (!f) {
		close(fd);
		return fail(-ENOMEM, "cannot read '%s'", path);
	}
	if (is_gzip(f))
		return fail_system(-EOPNOTSUPP, "'%s' is gzipped, and this flowctl was built without zlib",
				   path);
	*ret = take_ptr(f);
	return 0;
}
