// SPDX-License-Identifier: Apache-2.0
/*
 * One load a meter: the maps are the namespace's, made by table.c and put in the place of
 * the object's own; the knobs are constants by the time the verifier looks.
 */
#include "kernel/program.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "tc.skel.h"

DEFINE_CLEANUP(struct tc_bpf, tc_bpf__destroy)

/* libbpf would print; what it says of a failure is in the errno. */
static int say_nothing(enum libbpf_print_level level, const char *format, va_list ap)
{
	return 0;
}

static int set_maps(struct tc_bpf *skel, const struct table *t, int hook_fd)
{
	const struct {
		struct bpf_map *map;
		int fd;
	} rows[] = {
		{ skel->maps.slots, t->slots_fd }, { skel->maps.rings, t->rings_fd },
		{ skel->maps.ctl, t->ctl_fd },	   { skel->maps.hook, hook_fd },
		{ skel->maps.frags, t->frags_fd }, { skel->maps.aged, t->aged_fd },
		{ skel->maps.journal, t->journal_fd },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int r = bpf_map__reuse_fd(rows[i].map, rows[i].fd);

		if (r < 0)
			return r;
	}
	return 0;
}

static int cannot_load(int err)
{
	if (err != -EPERM && err != -EACCES)
		return fail(err, "cannot load the program");
	fail_system(err, "cannot load the program: %s", strerror(-err));
	error_hint("needs CAP_NET_ADMIN and CAP_BPF");
	return err;
}

int program_load(const struct table *t, int hook_fd, const struct program_knobs *knobs, int *ret_fd)
{
	_cleanup_(tc_bpf__destroyp) struct tc_bpf *skel = NULL;
	int r, fd;

	libbpf_set_print(say_nothing);
	skel = tc_bpf__open();
	if (!skel)
		return fail(-errno, "cannot open the program");
	skel->rodata->knob_parts = t->ctl->parts;
	skel->rodata->knob_bucket_mask = t->ctl->buckets - 1;
	skel->rodata->knob_direction = knobs->direction;
	skel->rodata->knob_ethernet = knobs->ethernet;
	skel->rodata->knob_sample = knobs->sample;
	r = set_maps(skel, t, hook_fd);
	if (r == 0)
		r = tc_bpf__load(skel);
	if (r < 0)
		return cannot_load(r);
	fd = fcntl(bpf_program__fd(skel->progs.flowctl_tc), F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return fail(-errno, "cannot keep the program");
	*ret_fd = fd;
	return 0;
}
