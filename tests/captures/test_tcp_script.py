#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The life of a connection: how it begins and ends, what is seen of it, whose it is. Captures
that this test writes itself; what is true of them it knows, and tshark judges them too."""
from pcap import *
from scenes import *
from talk import MS, S, Talk

NO_HANDSHAKE = dict(handshake_latency_us=None, handshake_server_us=None, handshake_client_us=None)
NO_RTT = dict(rtt_samples=0, min_rtt_us=None, max_rtt_us=None, avg_rtt_us=None)
SHAKEN = dict(handshake_latency_us=11000, handshake_server_us=10000, handshake_client_us=1000)


def rtt(samples, least, most=None, avg=None):
    most = least if most is None else most
    return dict(rtt_samples=samples, min_rtt_us=least, max_rtt_us=most,
                avg_rtt_us=least if avg is None else avg)


# -- how it begins

@scene
def a_handshake_has_two_halves_and_both_directions_show_it(t, a, b):
    c = Talk(t, a, b).open()
    c.exchange(a, 100, 12 * MS)
    return {a: dict(HEALTHY, **SHAKEN, **rtt(2, 10000, 12000, 11000), packets=3, bytes=220),
            b: dict(HEALTHY, **SHAKEN, **rtt(1, 1000), packets=2, bytes=80)}


@scene(v6=True)
def a_handshake_over_ipv6_has_them_too(t, a, b):
    c = Talk(t, a, b).open()
    c.exchange(b, 100, 1500)
    return {a: dict(HEALTHY, **SHAKEN, **rtt(1, 10000), bytes=180),
            b: dict(HEALTHY, **SHAKEN, **rtt(2, 1000, 1500, 1250), bytes=220)}


@scene
def a_syn_without_an_answer_is_half_a_connection_and_times_nothing(t, a, b):
    Talk(t, a, b).syn(a)
    return {a: dict(HEALTHY, **NO_HANDSHAKE, **NO_RTT, packets=1, min_window_size=None, max_bytes_in_flight=None)}


@scene
def a_syn_that_is_repeated_is_a_retransmission_and_does_not_move_the_handshake(t, a, b):
    c = Talk(t, a, b)
    c.syn(a)
    c.wait(1 * S).syn(a)
    c.wait(2 * S).open()
    # The RTT of a SYN that was sent three times is not known (Karn).
    return {a: dict(retransmissions=3 - 1, timeout_retransmits=2, fast_retransmits=0, spurious_retransmits=0,
                    handshake_server_us=3010000, handshake_client_us=1000, handshake_latency_us=3011000, **NO_RTT),
            b: dict(HEALTHY, **rtt(1, 1000))}


@scene
def a_syn_that_nobody_answers_is_repeated_by_timeout(t, a, b):
    c = Talk(t, a, b)
    for wait in 0, 1, 2, 4:
        c.wait(wait * S).syn(a)
    return {a: dict(NO_HANDSHAKE, retransmissions=3, timeout_retransmits=3, packets=4, **NO_RTT)}


@scene
def a_syn_ack_that_is_repeated_does_not_move_the_handshake(t, a, b):
    c = Talk(t, a, b)
    c.syn(a)
    c.wait(10 * MS).syn(b, SYN | ACK)
    c.wait(1 * S).syn(b, SYN | ACK)
    c.wait(1 * MS).ack(a)
    return {a: dict(HEALTHY, handshake_server_us=10000, handshake_client_us=1001000, **rtt(1, 10000)),
            b: dict(retransmissions=1, timeout_retransmits=1, handshake_server_us=10000, **NO_RTT)}


@scene
def an_ack_that_was_lost_makes_the_server_repeat_itself_and_the_client_nothing(t, a, b):
    c = Talk(t, a, b).open()
    c.wait(1 * S).syn(b, SYN | ACK)
    c.wait(1 * MS).ack(a)
    c.exchange(a, 10, 10 * MS)
    return {a: dict(SHAKEN, retransmissions=0), b: dict(SHAKEN, retransmissions=1)}


@scene(unlike={'retransmissions': 'the SYN that goes out again with the ACK of the other is no loss: RFC 9293 3.5'})
def two_ends_that_open_at_once_are_one_connection_without_loss(t, a, b):
    c = Talk(t, a, b)
    c.syn(a)
    c.wait(2 * MS).syn(b)
    c.wait(3 * MS).syn(a, SYN | ACK)
    c.wait(5 * MS).syn(b, SYN | ACK)
    c.wait(1 * MS).exchange(a, 100, 9 * MS)
    return {a: dict(retransmissions=0, out_of_order_pkts=0, handshake_server_us=10000, packets=3),
            b: dict(retransmissions=0, out_of_order_pkts=0, handshake_server_us=10000, packets=3)}


@scene
def data_in_the_syn_are_data_that_were_sent_once(t, a, b):
    c = Talk(t, a, b)
    c.syn(a, data=100, options=fast_open())
    c.wait(10 * MS).syn(b, SYN | ACK)
    c.send(b, 500, flags=PSH | ACK)
    c.wait(1 * MS).ack(a)
    c.exchange(a, 50, 10 * MS)
    return {a: dict(HEALTHY, **SHAKEN, **rtt(2, 10000)), b: dict(HEALTHY, **SHAKEN)}


@scene
def data_in_a_syn_that_the_server_did_not_take_are_sent_again(t, a, b):
    c = Talk(t, a, b)
    c.syn(a, data=100, options=fast_open())
    c.wait(10 * MS).syn(b, SYN | ACK, ack=c.ends[a].isn + 1)
    c.wait(1 * MS).send(a, 100, seq=c.ends[a].isn + 1)
    c.wait(10 * MS).ack(b)
    return {a: dict(SHAKEN, retransmissions=1, timeout_retransmits=1), b: dict(HEALTHY, **SHAKEN)}


# -- how it ends, and what comes after

@scene
def a_connection_that_closes_counts_its_fin_as_sent_once(t, a, b):
    c = Talk(t, a, b).open()
    c.exchange(a, 100, 10 * MS)
    c.close()
    return {a: dict(HEALTHY, **rtt(3, 10000)), b: dict(HEALTHY, **rtt(2, 1000))}


@scene
def a_fin_that_is_repeated_is_a_retransmission(t, a, b):
    c = Talk(t, a, b).open()
    seq = c.ends[a].next
    c.put(a, FIN | ACK, seq, c.ends[b].next)
    c.wait(300 * MS).put(a, FIN | ACK, seq, c.ends[b].next)
    c.wait(10 * MS).ack(b)
    return {a: dict(retransmissions=1, timeout_retransmits=1, **rtt(1, 10000)), b: dict(HEALTHY)}


def twice(t, a, b, end, isn, isn2):
    """Two connections between the same ends: the first loses a segment, the second none."""
    c = Talk(t, a, b, isn=isn)
    c.open()
    seq = c.send(a, 100)
    c.wait(250 * MS).send(a, 100, seq=seq)
    c.wait(10 * MS).ack(b)
    c.exchange(b, 100, 1 * MS)
    end(c)
    d = Talk(t, a, b, at=c.at + 1 * S, isn=isn2, server=20 * MS, client=2 * MS).open()
    d.exchange(a, 100, 20 * MS)
    d.close()
    return {a: dict(retransmissions=[1, 0], handshake_server_us=[10000, 20000], handshake_client_us=[1000, 2000],
                    max_rtt_us=[10000, 20000], min_rtt_us=[10000, 20000]),
            b: dict(retransmissions=[0, 0], handshake_server_us=[10000, 20000], min_rtt_us=[1000, 2000])}


@scene
def the_same_ports_after_fin_are_another_connection_and_the_old_one_is_kept(t, a, b):
    return twice(t, a, b, Talk.close, (1000, 70000), (9000000, 8000000))


@scene
def the_same_ports_in_the_same_sequence_space_are_another_connection(t, a, b):
    return twice(t, a, b, Talk.close, (1000, 70000), (1500, 70600))


@scene
def the_same_ports_in_an_older_sequence_space_are_another_connection(t, a, b):
    return twice(t, a, b, Talk.close, (100000, 700000), (99000, 699000))


@scene
def the_same_ports_after_a_reset_are_another_connection(t, a, b):
    return twice(t, a, b, lambda c: c.reset(b), (1000, 70000), (9000000, 8000000))


@scene
def the_same_ports_after_a_crash_are_another_connection(t, a, b):
    return twice(t, a, b, lambda c: c.wait(300 * S), (1000, 70000), (4000000000, 8000000))


@scene
def a_reset_counts_nothing_and_its_window_is_none(t, a, b):
    c = Talk(t, a, b).open()
    c.exchange(a, 100, 10 * MS)
    c.reset(b)
    return {a: dict(HEALTHY), b: dict(HEALTHY, min_window_size=65535, last_window_size=65535)}


@scene
def a_refused_connection_is_timed_by_nothing(t, a, b):
    c = Talk(t, a, b)
    c.syn(a)
    c.wait(10 * MS).put(b, RST | ACK, 0, c.ends[a].next, window=0)
    return {a: dict(HEALTHY, **NO_HANDSHAKE), b: dict(HEALTHY, **NO_HANDSHAKE, min_window_size=None)}


# -- what is seen of it

@scene
def a_connection_met_in_its_middle_has_no_handshake_and_windows_as_they_are_written(t, a, b):
    c = Talk(t, a, b, isn=(5000, 6000), window=(500, 800))
    for _ in range(3):
        c.exchange(a, 100, 10 * MS)
    return {a: dict(HEALTHY, **NO_HANDSHAKE, **rtt(3, 10000), min_window_size=500, max_window_size=500),
            b: dict(HEALTHY, **NO_HANDSHAKE, **NO_RTT, min_window_size=800, last_window_size=800)}


@scene
def of_one_direction_alone_what_it_sends_again_is_known_and_no_time(t, a, b):
    c = Talk(t, a, b)
    c.send(a, 100)
    seq = c.wait(5 * MS).send(a, 100)
    c.wait(250 * MS).send(a, 100, seq=seq)
    return {a: dict(NO_HANDSHAKE, **NO_RTT, retransmissions=1, timeout_retransmits=1, out_of_order_pkts=0,
                    max_bytes_in_flight=None)}


@scene
def a_server_seen_alone_has_no_times(t, a, b):
    c = Talk(t, a, b)
    c.syn(b, SYN | ACK, ack=1001)
    c.wait(5 * MS).send(b, 100, ack=1001)
    return {b: dict(HEALTHY, **NO_HANDSHAKE, **NO_RTT, packets=2)}


@scene
def udp_has_no_health(t, a, b):
    t.udp(0, a, b, 100)
    return {}


# -- whose it is

BLIND = 'tshark does not tell VLANs apart'


def tenant(t, a, b, vlan, at, isn, server, again):
    c = Talk(t, a, b, at=at, isn=isn, server=server, vlans=((vlan,), (vlan,))).open()
    seq = c.send(a, 100)
    for _ in range(again):
        c.wait(250 * MS).send(a, 100, seq=seq)
    c.wait(server).ack(b)
    c.exchange(a, 100, server)
    return c


def two_tenants(t, a, b, later, server2):
    """Either what is theirs, or nothing: never what is the other's."""
    tenant(t, a, b, 10, 0, (1000, 70000), 10 * MS, 1)
    tenant(t, a, b, 20, later, (500000, 900000), server2, 3)
    return {a: dict(packets=[5, 7], retransmissions=[1, null_or(3)], min_rtt_us=[10000, null_or(server2)],
                    max_rtt_us=[10000, null_or(server2)], handshake_server_us=[10000, null_or(server2)],
                    handshake_client_us=[1000, null_or(1000)], out_of_order_pkts=[0, null_or(0)]),
            b: dict(packets=[3, 3], retransmissions=[0, null_or(0)], duplicate_acks=[0, null_or(0)],
                    min_rtt_us=[1000, null_or(1000)], max_rtt_us=[1000, null_or(1000)])}


@scene(blind=BLIND)
def tenants_with_the_same_addresses_in_two_vlans_never_mix(t, a, b):
    return two_tenants(t, a, b, 3 * MS, 20 * MS)


@scene(blind=BLIND)
def nor_when_the_one_is_answered_before_the_other(t, a, b):
    """The SYN-ACK of the second comes first: it takes nothing from the first."""
    tenant(t, a, b, 10, 0, (1000, 70000), 10 * MS, 1)
    tenant(t, a, b, 20, 1 * MS, (500000, 900000), 4 * MS, 3)
    client = [null_or(1000)] * 2
    return {a: dict(handshake_server_us=[null_or(10000), null_or(4000)], handshake_client_us=client,
                    packets=[5, 7], retransmissions=[null_or(1), null_or(3)],
                    min_rtt_us=[null_or(10000), null_or(4000)], max_rtt_us=[null_or(10000), null_or(4000)]),
            b: dict(handshake_server_us=[null_or(4000), null_or(10000)], handshake_client_us=client,
                    packets=[3, 3], duplicate_acks=[null_or(0)] * 2, min_rtt_us=client, max_rtt_us=client)}


@scene
def a_connection_that_comes_by_one_vlan_and_goes_by_another_is_one(t, a, b):
    c = Talk(t, a, b, vlans=((10,), (20,))).open()
    seq = c.exchange(a, 100, 10 * MS)
    c.wait(1 * S).send(a, 100, seq=seq)
    return {a: dict(SHAKEN, spurious_retransmits=1, **rtt(2, 10000)), b: dict(HEALTHY, **SHAKEN, **rtt(1, 1000))}


if __name__ == '__main__':
    path = run_scenes()

    @test
    def every_value_of_tcp_is_null_for_udp():
        udp = [r for r in oracle.replay(path) if r['proto'] == 'UDP']
        check(len(udp) == 1, '%d records of UDP' % len(udp))
        for key in list(HEALTHY) + list(NO_HANDSHAKE) + list(NO_RTT) + ['tcp_flags', 'ecn_flags', 'min_window_size',
                                                                        'avg_jitter_us', 'max_bytes_in_flight']:
            check(udp[0][key] is None, '%s is %r' % (key, udp[0][key]))

    main()
