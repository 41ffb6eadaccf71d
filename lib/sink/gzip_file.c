// SPDX-License-Identifier: Apache-2.0
/* By zlib, which does all of it. */
#include "sink/gzip_file.h"

#include <errno.h>
#include <zlib.h>

#include "base/error.h"

int gzip_file_probe(void)
{
	return 0;
}

int gzip_file_open(const char *path, struct gzip_file **ret)
{
	gzFile f = gzopen(path, "wbe");

	if (!f)
		return fail(errno ? -errno : -ENOMEM, "cannot write '%s'", path);
	*ret = (struct gzip_file *)f;
	return 0;
}

int gzip_file_write(struct gzip_file *f, const void *data, size_t len)
{
	return !len || gzfwrite(data, len, 1, (gzFile)f) == 1 ? 0 : errno ? -errno : -EIO;
}

int gzip_file_close(struct gzip_file *f)
{
	return gzclose((gzFile)f) == Z_OK ? 0 : errno ? -errno : -EIO;
}
