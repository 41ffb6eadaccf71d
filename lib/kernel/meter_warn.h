/* SPDX-License-Identifier: Apache-2.0 */
/* What an attach that succeeded is to be warned of. */
#ifndef FLOWCTL_KERNEL_METER_WARN_H
#define FLOWCTL_KERNEL_METER_WARN_H

#include <stddef.h>

#include "base/strbuf.h"
#include "kernel/meter_step.h"

/* Append a sentence, behind "; " where @out has one already: of what XDP does to drivers and
 * what a generic program cannot see, where @steps changed a meter of that kind. */
void meter_warn_xdp(const struct meter_step *steps, size_t n, struct strbuf *out);
/* The same of the first pair of stacked links among @chosen. */
void meter_warn_stacked(const struct link *links, size_t n_links, const bool *chosen,
			struct strbuf *out);

#endif
