/* SPDX-License-Identifier: Apache-2.0 */
/* The options that say which flows are meant, common to dump and flush. */
#ifndef FLOWCTL_CMD_SELECT_H
#define FLOWCTL_CMD_SELECT_H

#include "base/opt.h"
#include "flow/filter.h"

struct select_args {
	uint64_t ifindex;
	const char *proto, *saddr, *daddr;
	uint64_t sport, dport;
	uint64_t idle_ns;
	bool has_ifindex, has_sport, has_dport;
};

/* Rows for a command whose argument struct @args_ has a member `select`. */
#define SELECT_OPTS(args_)                                                                        \
	OPT(U64, args_, select.ifindex, .name = "ifindex", .letter = 'i', .arg = "N", .min = 1,   \
	    .max = UINT32_MAX, .help = "metered at the interface of this number",                 \
	    OPT_GIVEN(args_, select.has_ifindex)),                                                \
	SELECT_FLOW_OPTS(args_)

/* Without the place. */
#define SELECT_FLOW_OPTS(args_)                                                                   \
	OPT(STR, args_, select.proto, .name = "proto", .letter = 'p', .arg = "PROTO",             \
	    .help = "protocol, by number or name"),                                               \
	OPT(STR, args_, select.saddr, .name = "saddr", .letter = 's', .arg = "ADDR[/LEN]",        \
	    .help = "source address or prefix"),                                                  \
	OPT(U64, args_, select.sport, .name = "sport", .letter = 'S', .arg = "PORT",              \
	    .max = 65535, .help = "source port", OPT_GIVEN(args_, select.has_sport)),             \
	OPT(STR, args_, select.daddr, .name = "daddr", .letter = 'd', .arg = "ADDR[/LEN]",        \
	    .help = "destination address or prefix"),                                             \
	OPT(U64, args_, select.dport, .name = "dport", .letter = 'D', .arg = "PORT",              \
	    .max = 65535, .help = "destination port", OPT_GIVEN(args_, select.has_dport)),        \
	OPT(DURATION, args_, select.idle_ns, .name = "idle", .arg = "DURATION",                   \
	    .help = "silent for at least this long")

/* The filter that @args mean; fail_usage() for a malformed protocol or address. */
int select_filter(const struct select_args *args, struct filter *ret);

#endif
