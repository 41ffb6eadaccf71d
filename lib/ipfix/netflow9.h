/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NetFlow version 9 (RFC 3954), for collectors that know no IPFIX: a finished IPFIX message said
 * in the older words.
 */
#ifndef FLOWCTL_IPFIX_NETFLOW9_H
#define FLOWCTL_IPFIX_NETFLOW9_H

#include <stddef.h>
#include <stdint.h>

#include "ipfix/message.h"
#include "ipfix/template.h"

#define NETFLOW9_VERSION 9
#define NETFLOW9_HEADER_LEN 20

/*
 * Can NetFlow v9 say all templates of @set? It has no enterprises and no variable lengths.
 * 0, or fail_usage() with the first that it cannot.
 */
int netflow9_check(const struct template_set *set);
/*
 * The built-in templates of NetFlow v9, ids as of the others: TCP, UDP, ICMP and other, in types
 * that Cisco defined for it, with times since the system started.
 */
int netflow9_add_builtin(struct template_set *set);
/*
 * How long an IPFIX message may be for its packet to have @len bytes at the most, when it has
 * @sets sets at the most. 0: not even an empty one.
 */
size_t netflow9_cap(size_t len, size_t sets);
/*
 * Write the packet that says what the finished message @m does at @out, where it has room.
 * @sequence: packets sent in the domain before. @real_ns: now, since 1970. Returns its length.
 */
size_t netflow9_convert(const struct message *m, uint32_t sequence, uint64_t real_ns, uint8_t *out);

#endif
