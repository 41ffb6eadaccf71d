#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is lost, sent again, overtaken, asked for and waited for. Captures that this test writes
itself; what is true of them it knows, and tshark judges them too."""
from pcap import *
from scenes import *
from talk import MS, S, Talk

AT_ONCE = 50            # us: a host's answer
ONCE_FAST = dict(retransmissions=1, fast_retransmits=1, timeout_retransmits=0, spurious_retransmits=0)
ONCE_LATE = dict(retransmissions=1, fast_retransmits=0, timeout_retransmits=1, spurious_retransmits=0)
ONCE_IN_VAIN = dict(retransmissions=1, fast_retransmits=0, timeout_retransmits=0, spurious_retransmits=1)


def train(c, who, n, gap=100, size=1000):
    """@n segments at a distance of @gap us; where each begins."""
    return [c.wait(gap).send(who, size) for _ in range(n)]


def ask(c, who, lost, blocks):
    """Duplicate ACKs of @lost, one a block."""
    for block in blocks:
        c.wait(AT_ONCE).ack(who, lost, options=sack(block))


def lose_one(c, a, b, seen=True):
    """The first of five segments is lost behind the capture (@seen) or before it, asked for and sent again."""
    lost = c.ends[a].next
    if seen:
        c.send(a, 1000)
    else:
        c.ends[a].next += 1000
    rest = train(c, a, 4)
    c.wait(10 * MS).ack(b, lost)
    ask(c, b, lost, [(rest[0], s + 1000) for s in rest])
    c.wait(AT_ONCE).send(a, 1000, seq=lost)
    c.wait(10 * MS).ack(b)
    return lost


# -- sent again

@scene
def what_three_duplicate_acks_asked_for_is_a_fast_retransmission(t, a, b):
    c = Talk(t, a, b).open(options=(sack_ok(), sack_ok()))
    lose_one(c, a, b)
    return {a: dict(ONCE_FAST, out_of_order_pkts=0), b: dict(HEALTHY, duplicate_acks=5)}


@scene
def so_it_is_when_the_capture_never_saw_the_first_copy(t, a, b):
    c = Talk(t, a, b).open()
    lose_one(c, a, b, seen=False)
    return {a: dict(ONCE_FAST, out_of_order_pkts=0), b: dict(HEALTHY, duplicate_acks=5)}


@scene
def what_nobody_asked_for_is_sent_again_by_timeout(t, a, b):
    c = Talk(t, a, b).open()
    seq = c.send(a, 1000)
    c.wait(250 * MS).send(a, 1000, seq=seq)
    c.wait(10 * MS).ack(b)
    return {a: dict(ONCE_LATE, rtt_samples=1, max_rtt_us=10000), b: dict(HEALTHY)}


@scene
def a_hole_that_is_filled_after_a_timeout_is_a_retransmission(t, a, b):
    c = Talk(t, a, b).open()
    lost = c.ends[a].next
    c.ends[a].next += 1000
    c.send(a, 1000)
    c.wait(250 * MS).send(a, 1000, seq=lost)
    c.wait(10 * MS).ack(b)
    return {a: dict(ONCE_LATE, out_of_order_pkts=0), b: dict(HEALTHY)}


@scene(unlike={'fast_retransmits': 'the second loss was asked for by SACK, not by three ACKs of its own',
               'retransmissions': 'so it takes what comes within a round trip for overtaken',
               'out_of_order_pkts': 'the same'})
def two_losses_that_sack_tells_of_are_both_fast(t, a, b):
    c = Talk(t, a, b).open(options=(sack_ok(), sack_ok()))
    s = train(c, a, 6)
    c.wait(10 * MS).ack(b, s[0])
    for blocks in [(s[1], s[2])], [(s[3], s[4]), (s[1], s[2])], [(s[3], s[5]), (s[1], s[2])], [(s[3], s[5] + 1000),
                                                                                          (s[1], s[2])]:
        c.wait(AT_ONCE).ack(b, s[0], options=sack(*blocks))
    c.wait(AT_ONCE).send(a, 1000, seq=s[0])
    c.wait(AT_ONCE).send(a, 1000, seq=s[2])
    c.wait(10 * MS).ack(b)
    return {a: dict(retransmissions=2, fast_retransmits=2, timeout_retransmits=0, out_of_order_pkts=0),
            b: dict(duplicate_acks=5)}


@scene
def what_was_acknowledged_already_is_sent_in_vain(t, a, b):
    c = Talk(t, a, b).open()
    seq = c.exchange(a, 1000, 10 * MS)
    c.wait(1 * MS).send(a, 1000, seq=seq)
    c.wait(10 * MS).ack(b, options=sack((seq, seq + 1000)))
    return {a: dict(ONCE_IN_VAIN), b: dict(HEALTHY, duplicate_acks=1)}


@scene(unlike={'spurious_retransmits': 'tshark does not read the DSACK that says so'})
def what_a_dsack_answers_was_sent_in_vain(t, a, b):
    c = Talk(t, a, b).open(options=(sack_ok(), sack_ok()))
    seq = c.send(a, 1000)
    c.wait(250 * MS).send(a, 1000, seq=seq)
    c.wait(1 * MS).ack(b)                                   # of the first copy
    c.wait(10 * MS).ack(b, options=sack((seq, seq + 1000)))
    return {a: dict(ONCE_IN_VAIN, rtt_samples=1), b: dict(retransmissions=0)}


@scene
def a_dsack_is_of_the_last_copy_and_not_of_those_that_were_needed(t, a, b):
    c = Talk(t, a, b).open(options=(sack_ok(), sack_ok()))
    seq = c.send(a, 1000)
    c.wait(250 * MS).send(a, 1000, seq=seq)
    c.wait(10 * MS).ack(b)
    c.wait(1 * MS).send(a, 1000, seq=seq)
    c.wait(10 * MS).ack(b, options=sack((seq, seq + 1000)))
    return {a: dict(retransmissions=2, timeout_retransmits=1, spurious_retransmits=1), b: dict(duplicate_acks=1)}


@scene
def an_ack_of_what_was_sent_twice_is_no_sample(t, a, b):
    c = Talk(t, a, b).open()
    seq = c.send(a, 1000)
    c.wait(260 * MS).send(a, 1000, seq=seq)
    c.wait(20 * MS).ack(b)
    lose_one(c.wait(1 * S), a, b)
    c.wait(1 * S).exchange(a, 100, 14 * MS)
    return {a: dict(rtt_samples=2, min_rtt_us=10000, max_rtt_us=14000, avg_rtt_us=12000, retransmissions=2), b: {}}


@scene
def a_sequence_that_wraps_loses_nothing(t, a, b):
    c = Talk(t, a, b, isn=(2 ** 32 - 2500, 2 ** 32 - 10)).open()
    for _ in range(5):
        c.exchange(a, 999, 10 * MS)
        c.exchange(b, 7, 1 * MS)
    return {a: dict(HEALTHY, rtt_samples=6, min_rtt_us=10000, max_rtt_us=10000, max_bytes_in_flight=999),
            b: dict(HEALTHY, rtt_samples=6, max_rtt_us=1000)}


@scene
def what_is_lost_where_the_sequence_wraps_is_one_retransmission(t, a, b):
    c = Talk(t, a, b, isn=(2 ** 32 - 2600, 500)).open()
    c.exchange(a, 2000, 10 * MS)
    lose_one(c, a, b)
    return {a: dict(ONCE_FAST, out_of_order_pkts=0), b: dict(HEALTHY, duplicate_acks=5)}


@scene
def what_goes_again_in_larger_pieces_is_one_retransmission_and_the_rest_is_new(t, a, b):
    c = Talk(t, a, b).open()
    s = train(c, a, 2, size=500)
    c.wait(250 * MS).send(a, 1460, seq=s[0])
    c.wait(10 * MS).ack(b)
    c.exchange(a, 100, 10 * MS)
    return {a: dict(ONCE_LATE, max_bytes_in_flight=1460), b: dict(HEALTHY)}


# -- overtaken

@scene
def what_comes_half_a_millisecond_late_was_overtaken(t, a, b):
    c = Talk(t, a, b).open()
    first, second = c.ends[a].next, c.ends[a].next + 1000
    c.send(a, 1000, seq=second)
    c.wait(500).send(a, 1000, seq=first)
    c.wait(10 * MS).ack(b)
    return {a: dict(HEALTHY, out_of_order_pkts=1, rtt_samples=1), b: dict(HEALTHY)}


@scene
def each_of_several_that_are_overtaken_counts(t, a, b):
    c = Talk(t, a, b).open()
    base = c.ends[a].next
    for n in 0, 2, 4, 1, 6, 3, 5:
        c.wait(100).send(a, 1000, seq=base + n * 1000)
    c.wait(10 * MS).ack(b)
    c.exchange(a, 1000, 10 * MS)
    return {a: dict(HEALTHY, out_of_order_pkts=3, rtt_samples=2), b: dict(HEALTHY)}


@scene(unlike={'retransmissions': 'an older time stamp than that of what is behind it: it was sent before',
               'out_of_order_pkts': 'the same'})
def an_old_time_stamp_tells_what_was_overtaken_by_more_than_a_round_trip(t, a, b):
    c = Talk(t, a, b, server=1 * MS, client=1 * MS).open(options=(times(100, 0), times(900, 100)))
    first = c.ends[a].next
    c.send(a, 1000, seq=first + 1000, options=times(111, 900))
    c.wait(5 * MS).send(a, 1000, seq=first, options=times(110, 900))
    c.wait(1 * MS).ack(b, options=times(910, 110))
    return {a: dict(HEALTHY, out_of_order_pkts=1), b: dict(HEALTHY)}


# -- neither

@scene
def keep_alives_are_no_retransmissions_and_their_acks_no_duplicates(t, a, b):
    c = Talk(t, a, b).open()
    c.exchange(a, 100, 10 * MS)
    for n in 0, 1, 0:
        c.wait(60 * S).send(a, n, seq=c.ends[a].next - 1, flags=ACK)
        c.wait(10 * MS).ack(b)
    c.wait(1 * S).exchange(a, 100, 10 * MS)
    return {a: dict(HEALTHY, keep_alives=3, rtt_samples=3, max_rtt_us=10000), b: dict(HEALTHY)}


@scene
def a_closed_window_and_its_probes_lose_nothing(t, a, b):
    c = Talk(t, a, b).open()
    c.send(a, 1000)
    c.wait(10 * MS).ack(b, window=0)
    for wait in 200, 400, 800:
        c.wait(wait * MS).send(a, 1, seq=c.ends[b].acked, flags=ACK)
        c.ends[a].next = c.ends[b].acked
        c.wait(10 * MS).ack(b, window=0)
    c.wait(100 * MS).ack(b, window=5000)
    c.wait(AT_ONCE).exchange(a, 1000, 10 * MS)
    return {a: dict(HEALTHY), b: dict(HEALTHY, zero_windows=4, min_window_size=0, last_window_size=65535)}


@scene
def another_window_is_no_duplicate_ack(t, a, b):
    c = Talk(t, a, b).open()
    c.exchange(a, 1000, 10 * MS)
    for window in 60000, 61000, 62000, 63000:
        c.wait(1 * MS).ack(b, window=window)
    return {a: dict(HEALTHY), b: dict(HEALTHY, max_window_size=65535, min_window_size=60000, last_window_size=63000)}


# -- times

@scene
def an_ack_of_many_times_the_last_of_them(t, a, b):
    c = Talk(t, a, b).open()
    train(c, a, 3, gap=1 * MS)
    c.wait(10 * MS).ack(b)
    return {a: dict(HEALTHY, rtt_samples=2, min_rtt_us=10000, max_rtt_us=10000), b: dict(HEALTHY)}


@scene
def an_ack_on_data_is_an_ack(t, a, b):
    c = Talk(t, a, b).open()
    c.send(a, 100)
    for us in 12, 3, 14, 5:
        who = b if us > 10 else a
        c.wait(us * MS).send(who, 100, ack=c.ends[c.other(who)].next)
    return {a: dict(HEALTHY, rtt_samples=3, min_rtt_us=10000, max_rtt_us=14000, avg_rtt_us=12000),
            b: dict(HEALTHY, rtt_samples=3, min_rtt_us=1000, max_rtt_us=5000, avg_rtt_us=3000)}


@scene
def time_stamps_tell_where_no_ack_ends_with_a_segment(t, a, b):
    c = Talk(t, a, b).open(options=(times(100, 0), times(900, 100)))
    for n in range(60):
        c.send(a, 1000, options=times(200 + 20 * n, 900 + n))
        c.wait(10 * MS).ack(b, ack=c.ends[a].next - 1, options=times(901 + n, 200 + 20 * n))
        c.wait(10 * MS)
    return {a: dict(HEALTHY, min_rtt_us=10000, max_rtt_us=10000, avg_rtt_us=10000), b: dict(HEALTHY)}


GAPS = [10000, 10000, 25000, 4000, 4000, 60000, 10000, 10500]


def rfc3550(gaps):
    """Of the spacing: D is the difference of two gaps that follow each other."""
    j, most = 0.0, 0
    for before, gap in zip(gaps, gaps[1:]):
        d = abs(gap - before)
        j, most = j + (d - j) / 16, max(most, d)
    return j, most


@scene
def jitter_is_rfc_3550s_estimator_over_the_gaps_between_data(t, a, b):
    c = Talk(t, a, b).open()
    c.send(a, 100)
    for gap in GAPS:
        c.wait(gap // 2).ack(b)         # what is no data has no part in it
        c.wait(gap - gap // 2).send(a, 100)
    j, most = rfc3550(GAPS)
    return {a: dict(avg_jitter_us=(j, 2), max_jitter_us=most), b: dict(avg_jitter_us=None, max_jitter_us=None)}


# -- sizes

@scene
def in_flight_is_what_was_sent_and_not_acknowledged(t, a, b):
    c = Talk(t, a, b).open()
    s = train(c, a, 5)
    c.wait(10 * MS).ack(b, s[2])
    train(c, a, 4)
    c.wait(10 * MS).ack(b)
    train(c, a, 2)
    return {a: dict(HEALTHY, max_bytes_in_flight=7000), b: dict(HEALTHY, max_bytes_in_flight=None)}


@scene
def windows_are_scaled_as_both_ends_agreed(t, a, b):
    c = Talk(t, a, b).open(options=(wscale(7), wscale(3)))
    for wa, wb in (512, 5000), (2000, 100), (600, 9000):
        c.send(a, 100, window=wa)
        c.wait(10 * MS).ack(b, window=wb)
    return {a: dict(min_window_size=512 * 128, max_window_size=65535 * 128, last_window_size=600 * 128),
            b: dict(min_window_size=100 * 8, max_window_size=9000 * 8, last_window_size=9000 * 8)}


@scene
def windows_are_not_scaled_where_one_end_did_not_offer_it(t, a, b):
    c = Talk(t, a, b, window=(700, 800)).open(options=(wscale(7), b''))
    c.exchange(a, 100, 10 * MS)
    return {a: dict(max_window_size=700, last_window_size=700), b: dict(max_window_size=800, last_window_size=800)}


@scene
def marks_of_congestion_are_counted_apart(t, a, b):
    c = Talk(t, a, b).open(flags=(SYN | ECE | CWR, SYN | ACK | ECE))
    for ecn, n in (1, 1), (2, 4), (3, 3):
        for _ in range(n):
            c.send(a, 100, ecn=ecn)
            c.wait(10 * MS).put(b, ACK | (ECE if ecn == 3 else 0), c.ends[b].next, c.ends[a].next)
    c.send(a, 100, flags=ACK | CWR, ecn=2)
    return {a: dict(HEALTHY, ecn_ect1_pkts=1, ecn_ect0_pkts=5, ecn_ce_pkts=3, ecn_cwr_pkts=2, ecn_ece_pkts=1,
                    ecn_flags=31),
            b: dict(HEALTHY, ecn_ect1_pkts=0, ecn_ect0_pkts=0, ecn_ce_pkts=0, ecn_cwr_pkts=0, ecn_ece_pkts=4,
                    ecn_flags=8)}


@scene
def a_super_packet_is_a_range(t, a, b):
    c = Talk(t, a, b).open()
    seq = c.send(a, 32000)
    c.wait(10 * MS).ack(b, seq + 14480)             # ends inside of it: of which segment, nobody knows
    c.wait(1 * MS).ack(b, seq + 32000)
    c.send(a, 32000)
    c.wait(10 * MS).ack(b)
    c.wait(250 * MS).send(a, 1448, seq=seq + 32000 + 1448)
    return {a: dict(ONCE_IN_VAIN, out_of_order_pkts=0, bytes=4 * 40 + 40 + 64000 + 1448, max_bytes_in_flight=32000,
                    max_rtt_us=10000, min_rtt_us=10000, rtt_samples=2),
            b: dict(HEALTHY)}


@scene
def frames_cut_by_the_capture_count_as_they_were_on_the_wire(t, a, b):
    c = Talk(t, a, b).open()
    seq = c.send(a, 1000, cut=68)
    c.wait(10 * MS).ack(b)
    c.wait(1 * MS).send(a, 1000, cut=68)
    c.wait(250 * MS).send(a, 1000, seq=seq + 1000, cut=68)
    return {a: dict(ONCE_LATE, bytes=80 + 3 * 1040, rtt_samples=2), b: dict(HEALTHY)}


# -- all of it

def everything(t, a, b):
    """RTT 10 ms and 1 ms; once by timeout, once fast, once in vain, once overtaken, one keep-alive; 8,000 octets."""
    c = Talk(t, a, b).open(options=(sack_ok(), sack_ok()))
    c.exchange(a, 1000, 10 * MS)
    seq = c.wait(1 * MS).send(a, 1000)
    c.wait(250 * MS).send(a, 1000, seq=seq)
    c.wait(10 * MS).ack(b)
    s = train(c, a, 4)
    c.wait(10 * MS - 300)
    ask(c, b, s[0], [(s[1], s[1] + 1000), (s[1], s[2] + 1000), (s[1], s[3] + 1000)])
    c.wait(1 * MS).send(a, 1000, seq=s[0])
    c.wait(10 * MS).ack(b)
    last = c.ends[a].next + 1000
    c.wait(1 * MS).send(a, 1000, seq=last)
    c.wait(500).send(a, 1000, seq=last - 1000)
    c.wait(10 * MS).ack(b)
    c.wait(1 * MS).send(a, 1000, seq=last)
    c.wait(10 * MS).ack(b, options=sack((last, last + 1000)))
    c.wait(60 * S).send(a, 0, seq=c.ends[a].next - 1, flags=ACK)
    c.wait(10 * MS).ack(b)
    c.wait(1 * S).close()
    return {a: dict(retransmissions=3, timeout_retransmits=1, fast_retransmits=1, spurious_retransmits=1,
                    out_of_order_pkts=1, duplicate_acks=0, keep_alives=1, zero_windows=0, rtt_samples=3,
                    min_rtt_us=10000, max_rtt_us=10000, avg_rtt_us=10000, handshake_server_us=10000),
            b: dict(HEALTHY, duplicate_acks=4, handshake_client_us=1000, rtt_samples=2, max_rtt_us=1000)}


@scene
def one_of_each_kind_is_one_of_each_kind(t, a, b):
    return everything(t, a, b)


@scene(v6=True)
def one_of_each_kind_over_ipv6_is_the_same(t, a, b):
    return everything(t, a, b)


if __name__ == '__main__':
    run_scenes()
    main()
