// SPDX-License-Identifier: Apache-2.0
/*
 * The keys of TCP's health. Each names what must have been observed for its value to be one:
 * else it stays null. A 0 was observed and is zero; records that are not of TCP, and those of
 * hooks that did not advance the connection, have observed nothing (record.tcp.known is 0).
 */
#include "flow/field_tcp.h"

#define HANDSHAKE (RECORD_TCP_SERVER | RECORD_TCP_CLIENT)

static void put(struct field_value *v, uint64_t n)
{
	v->kind = FIELD_U64;
	v->u64 = n;
}

/* Its value is @value_ where all of @known_ is known. */
#define GET(key_, known_, value_)                                                    \
	FIELD_TCP_GETTER(key_)                                                       \
	{                                                                            \
		const struct record_tcp *t = &r->tcp;                                \
		if ((t->known & (known_)) == (known_))                               \
			put(ret, value_);                                            \
	}

#define COUNT(key_, member_) GET(key_, RECORD_TCP_OBSERVED, t->member_)

static uint64_t ecn_flags(const struct record_tcp *t)
{
	return (t->ect1 ? FIELD_ECN_ECT1 : 0) | (t->ect0 ? FIELD_ECN_ECT0 : 0) |
	       (t->ce ? FIELD_ECN_CE : 0) | (t->ece ? FIELD_ECN_ECE : 0) |
	       (t->cwr ? FIELD_ECN_CWR : 0);
}

GET(handshake_latency_us, HANDSHAKE,
    (uint64_t)t->handshake_server_us + t->handshake_client_us)
GET(handshake_server_us, RECORD_TCP_SERVER, t->handshake_server_us)
GET(handshake_client_us, RECORD_TCP_CLIENT, t->handshake_client_us)
COUNT(retransmissions, retransmissions)
COUNT(fast_retransmits, fast_retransmits)
COUNT(timeout_retransmits, timeout_retransmits)
COUNT(spurious_retransmits, spurious_retransmits)
GET(avg_jitter_us, RECORD_TCP_JITTER, t->avg_jitter_us)
GET(max_jitter_us, RECORD_TCP_JITTER, t->max_jitter_us)
GET(min_window_size, RECORD_TCP_WINDOW, t->min_window)
GET(max_window_size, RECORD_TCP_WINDOW, t->max_window)
GET(last_window_size, RECORD_TCP_WINDOW, t->last_window)
COUNT(zero_windows, zero_windows)
COUNT(out_of_order_pkts, out_of_order)
COUNT(duplicate_acks, duplicate_acks)
GET(min_rtt_us, RECORD_TCP_RTT, t->min_rtt_us)
GET(max_rtt_us, RECORD_TCP_RTT, t->max_rtt_us)
COUNT(rtt_samples, rtt_samples)
GET(ecn_flags, RECORD_TCP_OBSERVED, ecn_flags(t))
COUNT(ecn_ect0_pkts, ect0)
COUNT(ecn_ect1_pkts, ect1)
COUNT(ecn_ce_pkts, ce)
COUNT(ecn_ece_pkts, ece)
COUNT(ecn_cwr_pkts, cwr)
GET(max_bytes_in_flight, RECORD_TCP_IN_FLIGHT, t->max_in_flight)
COUNT(keep_alives, keep_alives)

FIELD_TCP_GETTER(avg_rtt_us)
{
	if (r->tcp.known & RECORD_TCP_RTT && r->tcp.rtt_samples)
		put(ret, r->tcp.rtt_sum_us / r->tcp.rtt_samples);
}
