/* SPDX-License-Identifier: Apache-2.0 */
/* For field.c: the getters of TCP's health (record.tcp), each named as its key. field_tcp.c */
#ifndef FLOWCTL_FLOW_FIELD_TCP_H
#define FLOWCTL_FLOW_FIELD_TCP_H

#include "flow/field.h"

/* What `ecn_flags` has a bit for, where one such packet was seen. */
enum field_ecn {
	FIELD_ECN_ECT1 = 1,
	FIELD_ECN_ECT0 = 2,
	FIELD_ECN_CE = 4,
	FIELD_ECN_ECE = 8,
	FIELD_ECN_CWR = 16,
};

#define FIELD_TCP_GETTER(key_) \
	void field_tcp_##key_(const struct record *r, struct field_value *ret)

FIELD_TCP_GETTER(handshake_latency_us);
FIELD_TCP_GETTER(handshake_server_us);
FIELD_TCP_GETTER(handshake_client_us);
FIELD_TCP_GETTER(retransmissions);
FIELD_TCP_GETTER(fast_retransmits);
FIELD_TCP_GETTER(timeout_retransmits);
FIELD_TCP_GETTER(spurious_retransmits);
FIELD_TCP_GETTER(avg_jitter_us);
FIELD_TCP_GETTER(max_jitter_us);
FIELD_TCP_GETTER(min_window_size);
FIELD_TCP_GETTER(max_window_size);
FIELD_TCP_GETTER(last_window_size);
FIELD_TCP_GETTER(zero_windows);
FIELD_TCP_GETTER(out_of_order_pkts);
FIELD_TCP_GETTER(duplicate_acks);
FIELD_TCP_GETTER(min_rtt_us);
FIELD_TCP_GETTER(max_rtt_us);
FIELD_TCP_GETTER(avg_rtt_us);
FIELD_TCP_GETTER(rtt_samples);
FIELD_TCP_GETTER(ecn_flags);
FIELD_TCP_GETTER(ecn_ect0_pkts);
FIELD_TCP_GETTER(ecn_ect1_pkts);
FIELD_TCP_GETTER(ecn_ce_pkts);
FIELD_TCP_GETTER(ecn_ece_pkts);
FIELD_TCP_GETTER(ecn_cwr_pkts);
FIELD_TCP_GETTER(max_bytes_in_flight);
FIELD_TCP_GETTER(keep_alives);

#endif
