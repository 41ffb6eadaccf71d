// SPDX-License-Identifier: Apache-2.0
/* A build without libpcap: who wants to read a capture is told so. */
#include <errno.h>
#include <stddef.h>

#include "base/error.h"
#include "capture/capture.h"

int capture_open(const char *path, struct capture **ret)
{
	return fail_system(-EOPNOTSUPP, "this flowctl was built without libpcap");
}

void capture_close(struct capture *c)
{
}

int capture_next(struct capture *c, struct capture_frame *ret)
{
	return 0;
}

uint64_t capture_passed_over(const struct capture *c, const char **ret_type)
{
	*ret_type = "unknown";
	return 0;
}

uint64_t capture_progress(const struct capture *c, uint64_t *ret_size)
{
	*ret_size = 0;
	return 0;
}
