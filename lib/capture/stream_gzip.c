// SPDX-License-Identifier: Apache-2.0
/* zlib gives what is not gzipped as it stands, so all files come this way. */
#include <errno.h>
#include <unistd.h>
#include <zlib.h>

#include "base/error.h"
#include "capture/stream.h"

#define BUFFER_BYTES (256 * 1024)

static ssize_t gzip_read(void *cookie, char *buf, size_t size)
{
	int n = gzread(cookie, buf, size);

	if (n < 0)
		errno = EIO;
	return n;
}

static int gzip_close(void *cookie)
{
	gzclose_r(cookie);
	return 0;
}

int stream_open(int fd, const char *path, FILE **ret)
{
	const cookie_io_functions_t io = { .read = gzip_read, .close = gzip_close };
	gzFile gz = gzdopen(fd, "rb");
	FILE *f;

	if (!gz) {
		close(fd);
		return fail(-ENOMEM, "cannot read '%s'", path);
	}
	gzbuffer(gz, BUFFER_BYTES);
	f = fopencookie(gz, "r", io);
	if (!f) {
		gzclose_r(gz);
		return fail(-ENOMEM, "cannot read '%s'", path);
	}
	setvbuf(f, NULL, _IOFBF, BUFFER_BYTES);
	*ret = f;
	return 0;
}
