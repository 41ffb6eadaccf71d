/* SPDX-License-Identifier: Apache-2.0 */
/* The octets of a capture file, unpacked where it is gzipped: stream_gzip.c, stream_plain.c. */
#ifndef FLOWCTL_CAPTURE_STREAM_H
#define FLOWCTL_CAPTURE_STREAM_H

#include <stdio.h>

/*
 * What stands in @fd, from here on. @fd is taken over, in failure too. 0, or fail(); fail_system()
 * for a gzipped file in a build without zlib; @path is for the sentence.
 */
int stream_open(int fd, const char *path, FILE **ret);

#endif
