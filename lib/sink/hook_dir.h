/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The private place of a log's hooks: a folder of mode 0700 below $TMPDIR or /tmp, locked as
 * long as its owner lives, with a folder `work` in it that a run begins with empty.
 */
#ifndef FLOWCTL_SINK_HOOK_DIR_H
#define FLOWCTL_SINK_HOOK_DIR_H

struct hook_dir {
	char *path;		/* absolute */
	char *work;		/* PATH/work */
	int lock_fd;
};

/* Remove what killed processes of this user left behind, and make one. fail(). */
int hook_dir_init(struct hook_dir *d);
/* Remove it with all that is in it. */
void hook_dir_deinit(struct hook_dir *d);
/* Make the folder `work`. 0 or a negative errno. */
int hook_dir_begin(const struct hook_dir *d);
/* Remove it with all that is in it. */
void hook_dir_end(const struct hook_dir *d);

#endif
