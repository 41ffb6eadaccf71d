// SPDX-License-Identifier: Apache-2.0
/* In place of gzip_file.c where zlib is missing. */
#include "sink/gzip_file.h"

#include <errno.h>

#include "base/error.h"

int gzip_file_probe(void)
{
	return fail_system(-EOPNOTSUPP, "this flowctl was built without zlib, and cannot write gzip files");
}

int gzip_file_open(const char *path, struct gzip_file **ret)
{
	return gzip_file_probe();
}

int gzip_file_write(struct gzip_file *f, const void *data, size_t len)
{
	return -EOPNOTSUPP;
}

int gzip_file_close(struct gzip_file *f)
{
	return -EOPNOTSUPP;
}
