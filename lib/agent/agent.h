/* SPDX-License-Identifier: Apache-2.0 */
/* The exporter daemon: tables in, records to every output, until a signal ends it. */
#ifndef FLOWCTL_AGENT_AGENT_H
#define FLOWCTL_AGENT_AGENT_H

#include "conf/conf.h"

struct agent_options {
	const char *config_path;	/* read again at SIGHUP */
	const char *netns;		/* narrows to one namespace; NULL = all below the bpffs */
};

/*
 * Run in the foreground until SIGINT or SIGTERM (then what is held leaves with reason
 * "forced" and 0 is returned). Takes @conf over. -EBUSY when another agent runs below this bpffs.
 */
int agent_run(const struct agent_options *options, struct conf *conf);
/* Export what the tables hold once, leave it all there, and return. 0 or fail(). */
int agent_run_once(const struct agent_options *options, const struct conf *conf);

#endif
