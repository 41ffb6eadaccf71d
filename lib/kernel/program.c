// SPDX-License-Identifier: Apache-2.0
/*
 * One load a meter: the maps are the namespace's, made by table.c and put in the place of
 * the object's own; the knobs are constants by the time the verifier looks.
 */
#include "kernel/program.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "kernel/forward.h"
#include "kernel/hook.h"
#include "kernel/refusal.h"
#include "tc.skel.h"
#include "xdp.skel.h"

DEFINE_CLEANUP(struct tc_bpf, tc_bpf__destroy)
DEFINE_CLEANUP(struct xdp_bpf, xdp_bpf__destroy)

/* libbpf would print; what the kernel says of a failure is in its log and in the errno. */
static int say_nothing(enum libbpf_print_level level, const char *format, va_list ap)
{
	return 0;
}

/* Rows of places for one packet each, by CPU. */
static int set_places(struct bpf_object *obj, uint32_t parts)
{
	static const char *const rows[] = { "tunnel_work" };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(rows); i++)
		r = bpf_map__set_max_entries(bpf_object__find_map_by_name(obj, rows[i]), parts);
	return r;
}

static uint16_t port_or(uint16_t port, uint16_t usual)
{
	return port ? port : usual;
}

static int set_maps(struct bpf_object *obj, const struct table *t, int hook_fd)
{
	const struct {
		const char *name;
		int fd;
	} rows[] = {
		{ "slots", t->slots_fd }, { "rings", t->rings_fd }, { ".data.ctl", t->ctl_fd },
		{ "hook", hook_fd },	  { "frags", t->frags_fd }, { "aged", t->aged_fd },
		{ "journal", t->journal_fd }, { "tcp", t->tcp_fd }, { "tcp_conns", t->tcp_conns_fd },
		{ "tcp_ends", t->tcp_ends_fd }, { "tcp_events", t->tcp_events_fd },
		{ "tcp_hints", t->tcp_hints_fd },
		{ "tcp_stats", t->tcp_stats_fd }, { "tcp_ingress", t->tcp_ingress_fd },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(obj, rows[i].name);
		int r = map ? bpf_map__reuse_fd(map, rows[i].fd) : -ENOENT;

		if (r < 0)
			return r;
	}
	/* Else the program has a small one of its own, to which it writes nothing. */
	if (t->outers_fd >= 0 && bpf_map__reuse_fd(bpf_object__find_map_by_name(obj, "outers"),
						   t->outers_fd) < 0)
		return -errno;
	return set_places(obj, t->ctl->parts);
}

/* Like that of outer packets; these are made when a program wants them. */
static int set_forward_maps(struct bpf_object *obj, const struct table *t)
{
	for (int i = 0; i < FORWARD_MAPS; i++) {
		_cleanup_(closep) int fd = -1;
		int r = forward_map_open(t, i, true, &fd);

		if (r < 0)
			return r;
		r = bpf_map__reuse_fd(bpf_object__find_map_by_name(obj, forward_map_name(i)), fd);
		if (r < 0)
			return fail(r, "cannot use the map '%s'", forward_map_name(i));
	}
	return 0;
}

/* libbpf asks for the verifier's log where a load failed, and loads once more for it. */
static int load_or_say(struct bpf_object *obj, struct bpf_program *prog)
{
	_cleanup_(freep) char *log = malloc(REFUSAL_LOG_SIZE);
	int r;

	if (log) {
		log[0] = '\0';
		bpf_program__set_log_buf(prog, log, REFUSAL_LOG_SIZE);
	}
	r = bpf_object__load(obj);
	if (log)
		bpf_program__set_log_buf(prog, NULL, 0);
	return r < 0 ? refusal_fail(r, log) : 0;
}

static int load(struct bpf_object *obj, struct bpf_program *prog, const struct table *t,
		int hook_fd, bool forward, int *ret_fd)
{
	int r, fd;

	r = set_maps(obj, t, hook_fd);
	if (r < 0)
		return refusal_fail(r, NULL);
	r = forward ? set_forward_maps(obj, t) : 0;
	if (r < 0)
		return r;
	r = load_or_say(obj, prog);
	if (r < 0)
		return r;
	fd = fcntl(bpf_program__fd(prog), F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return fail(-errno, "cannot keep the program");
	*ret_fd = fd;
	return 0;
}

/* The same names in both objects, whose types differ. */
#define SET_KNOBS(rodata_, t_, knobs_)                                  \
	do {                                                            \
		(rodata_)->knob_parts = (t_)->ctl->parts;               \
		(rodata_)->knob_bucket_mask = (t_)->ctl->buckets - 1;   \
		(rodata_)->knob_direction = (knobs_)->direction;        \
		(rodata_)->knob_ethernet = (knobs_)->ethernet;          \
		(rodata_)->knob_sample = (knobs_)->sample;              \
		(rodata_)->knob_tcp = (knobs_)->tcp;                    \
		(rodata_)->knob_tcp_buckets = (t_)->ctl->tcp_buckets;   \
		(rodata_)->knob_tcp_more_buckets = (t_)->ctl->tcp_more_buckets; \
		(rodata_)->knob_tcp_half_buckets = (t_)->ctl->tcp_half_buckets; \
		(rodata_)->knob_forward =                               \
			(knobs_)->forward ? UINT32_MAX / (knobs_)->forward : 0; \
		(rodata_)->knob_decap = (knobs_)->decap.decap;          \
		(rodata_)->knob_geneve_port =                           \
			port_or((knobs_)->decap.geneve_port, DECAP_GENEVE_PORT); \
		(rodata_)->knob_vxlan_port =                            \
			port_or((knobs_)->decap.vxlan_port, DECAP_VXLAN_PORT); \
	} while (0)

static int load_tc(const struct table *t, int hook_fd, const struct program_knobs *knobs,
		   int *ret_fd)
{
	_cleanup_(tc_bpf__destroyp) struct tc_bpf *skel = tc_bpf__open();

	if (!skel)
		return fail(-errno, "cannot open the program");
	SET_KNOBS(skel->rodata, t, knobs);
	skel->rodata->knob_replay = knobs->replay;
	return load(skel->obj, skel->progs.flowctl_tc, t, hook_fd, knobs->forward, ret_fd);
}

/* Packets of several buffers (Linux 5.18): without them a driver refuses the program where
 * the MTU is longer than a page. */
static bool has_frags(void)
{
	_cleanup_(closep) int fd = hook_trivial_prog(BPF_PROG_TYPE_XDP, XDP_PASS, BPF_F_XDP_HAS_FRAGS);

	return fd >= 0;
}

static int load_xdp(const struct table *t, int hook_fd, const struct program_knobs *knobs,
		    int *ret_fd)
{
	_cleanup_(xdp_bpf__destroyp) struct xdp_bpf *skel = xdp_bpf__open();

	if (!skel)
		return fail(-errno, "cannot open the program");
	SET_KNOBS(skel->rodata, t, knobs);
	skel->rodata->knob_super = knobs->software;
	skel->rodata->knob_frags = has_frags();
	if (skel->rodata->knob_frags)
		bpf_program__set_flags(skel->progs.flowctl_xdp, BPF_F_XDP_HAS_FRAGS);
	return load(skel->obj, skel->progs.flowctl_xdp, t, hook_fd, knobs->forward, ret_fd);
}

int program_load(const struct table *t, int hook_fd, const struct program_knobs *knobs, int *ret_fd)
{
	libbpf_set_print(say_nothing);
	return (knobs->xdp ? load_xdp : load_tc)(t, hook_fd, knobs, ret_fd);
}
