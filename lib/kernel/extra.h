/* SPDX-License-Identifier: Apache-2.0 */
/* What the headers of a flow said besides (union flow_extra): put together, and made a record's. */
#ifndef FLOWCTL_KERNEL_EXTRA_H
#define FLOWCTL_KERNEL_EXTRA_H

#include "abi.h"
#include "flow/record.h"

/* Two parts of flow @key: values of the @earlier, bits of both. */
union flow_extra extra_merge(union flow_extra earlier, union flow_extra later,
			     const struct flow_key *key);
/* Fill in fragment_id, flow_label, ip6_headers and tcp_options of @ret, whose key is there. */
void extra_unfold(union flow_extra extra, struct record *ret);

#endif
