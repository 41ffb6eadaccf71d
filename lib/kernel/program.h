/* SPDX-License-Identifier: Apache-2.0 */
/* The BPF program of a meter, from the object inside this binary. */
#ifndef FLOWCTL_KERNEL_PROGRAM_H
#define FLOWCTL_KERNEL_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/tunnel.h"
#include "kernel/table.h"

struct program_knobs {
	uint8_t direction;
	bool ethernet;		/* frames begin with an Ethernet header */
	uint32_t sample;	/* one packet of so many */
	bool xdp;		/* the program of the XDP hook, else that of tc and tcx */
	bool tcp;		/* TCP metrics */
	uint32_t forward;	/* forwarding latency of one packet of so many; 0 = of none */
	struct tunnel_choice decap;	/* with any: table_outers() was called */
	bool replay;		/* tc: clock, lengths and place of frames are the context's */
	bool software;		/* xdp: a device that passes on what devices or processes sent */
};

/*
 * Load the program for one hook of @t, its counts going into the array @hook_fd. fail(), or
 * fail_system() with what the verifier said (refusal.h). The caller closes *ret_fd.
 */
int program_load(const struct table *t, int hook_fd, const struct program_knobs *knobs,
		 int *ret_fd);

#endif
