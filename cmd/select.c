// SPDX-License-Identifier: Apache-2.0
/* See select.h. */
#include "select.h"

#include "base/clock.h"
#include "base/error.h"

static int prefix(const char *option, const char *word, bool *has, struct parse_prefix *ret)
{
	if (!word)
		return 0;
	if (parse_prefix(word, ret) < 0)
		return fail_usage("--%s: '%s' is not an address or prefix", option, word);
	*has = true;
	return 0;
}

int select_filter(const struct select_args *args, struct filter *ret)
{
	struct filter f = {
		.has_ifindex = args->has_ifindex,
		.ifindex = args->ifindex,
		.has_sport = args->has_sport,
		.sport = args->sport,
		.has_dport = args->has_dport,
		.dport = args->dport,
		.idle_ns = args->idle_ns,
		.now_ns = clock_real_ns(),
	};
	int r;

	if (args->proto) {
		if (filter_proto(args->proto, &f.proto) < 0)
			return fail_usage("--proto: '%s' is not a protocol", args->proto);
		f.has_proto = true;
	}
	r = prefix("saddr", args->saddr, &f.has_saddr, &f.saddr);
	if (r == 0)
		r = prefix("daddr", args->daddr, &f.has_daddr, &f.daddr);
	if (r < 0)
		return r;
	*ret = f;
	return 0;
}
