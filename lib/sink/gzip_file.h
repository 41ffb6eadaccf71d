/* SPDX-License-Identifier: Apache-2.0 */
/* A file that is compressed while it is written (RFC 1952). */
#ifndef FLOWCTL_SINK_GZIP_FILE_H
#define FLOWCTL_SINK_GZIP_FILE_H

#include <stddef.h>

struct gzip_file;

/* Make @path anew. fail(); without zlib fail_system(-EOPNOTSUPP). */
int gzip_file_open(const char *path, struct gzip_file **ret);
/* 0 or a negative errno without a sentence. */
int gzip_file_write(struct gzip_file *f, const void *data, size_t len);
/* Write what is left and close; @f is gone whatever is returned. The same. */
int gzip_file_close(struct gzip_file *f);
/* 0, or fail_system(-EOPNOTSUPP) where this was built without zlib. */
int gzip_file_probe(void);

#endif
