// SPDX-License-Identifier: Apache-2.0
/*
 * Attaching went well, and yet: packets are counted twice where interfaces are stacked on
 * each other, and XDP has its price, which differs by driver and by mode.
 */
#include "kernel/meter_warn.h"

#include <string.h>

static void begin_sentence(struct strbuf *out)
{
	if (out->len)
		strbuf_puts(out, "; ");
}

void meter_warn_xdp(const struct meter_step *steps, size_t n, struct strbuf *out)
{
	const char *super = NULL;
	bool changed = false;

	for (size_t i = 0; i < n; i++) {
		if (steps[i].kind != HOOK_XDP || steps[i].action == STEP_KEEP)
			continue;
		changed = true;
		/* Of hardware the kernel turns off what joins packets while a generic program is
		 * there. */
		if (steps[i].xdp_mode == XDP_MODE_GENERIC && steps[i].link->software)
			super = steps[i].link->name;
	}
	if (changed) {
		begin_sentence(out);
		strbuf_puts(out,
			    "some drivers reset their rings, and lose what is in them, when an XDP "
			    "program comes or goes");
	}
	if (super) {
		begin_sentence(out);
		strbuf_printf(out, "generic XDP on '%s' cannot see how a super-packet (TSO, GRO below) is "
			      "cut: it counts as cut at the MTU, --hook tcx or tc is exact", super);
	}
}

/* How to put it, by the kind of the upper one. %1$s upper, %2$s lower. */
static const struct {
	const char *kind;
	const char *sentence;
} stackings[] = {
	{ "bridge", "bridge '%1$s' and its port '%2$s' see the same packets: to count them once "
		    "choose the ports, which also see what is only forwarded" },
	{ "bond", "bond '%1$s' and its member '%2$s' see the same packets: to count them once "
		  "choose '%1$s'" },
	{ "team", "team '%1$s' and its member '%2$s' see the same packets: to count them once "
		  "choose '%1$s'" },
	{ "vlan", "VLAN '%1$s' and its parent '%2$s' see the same packets: to count them once "
		  "choose '%2$s', whose records tell the VLAN" },
	{ NULL, "'%1$s' and '%2$s' below it see the same packets: to count them once choose '%2$s'" },
};

static void warn_of_pair(const struct link *upper, const struct link *lower, struct strbuf *out)
{
	size_t i = 0;

	while (stackings[i].kind && strcmp(stackings[i].kind, upper->kind) != 0)
		i++;
	begin_sentence(out);
	strbuf_printf(out, stackings[i].sentence, upper->name, lower->name);
}

void meter_warn_stacked(const struct link *links, size_t n_links, const bool *chosen,
			struct strbuf *out)
{
	for (size_t i = 0; i < n_links; i++) {
		for (size_t j = 0; j < n_links; j++) {
			if (i == j || !chosen[i] || !chosen[j])
				continue;
			if (links[i].parent == links[j].ifindex ||
			    links[j].master == links[i].ifindex) {
				warn_of_pair(&links[i], &links[j], out);
				return;
			}
		}
	}
}
