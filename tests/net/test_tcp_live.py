#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TCP's health on live traffic, against what the wire between wrote down and what the ends'
own TCP says (TCP_INFO): with loss, late and repeated packets, a stall, a slow reader, ECN."""
from collections import Counter

from tcplive import *

net = Net('tcpl')


def setup():
    global path, VIEWS
    path = Path(net)
    near, far, client, server = path.near, path.far, path.client, path.server
    # Of each namespace, where its meters advance what the client sends, and what the server sends.
    VIEWS = {
        client: ((client, 'eth0', 'egress'), (client, 'eth0', 'ingress')),
        near: ((near, 'eth0', 'ingress'), (near, 'wire0', 'ingress')),
        far: ((far, 'wire1', 'ingress'), (far, 'eth0', 'ingress')),
        server: ((server, 'eth0', 'ingress'), (server, 'eth0', 'egress')),
    }
    for ns in VIEWS:
        net.flowctl('meter', 'attach', '--netns', ns, '--all')


def snmp(ns):
    """TCP's own counters of a namespace."""
    out = net.exec(ns, 'nstat', '-asz', 'TcpExt*').stdout
    return Counter({w[0][6:]: int(w[1]) for w in map(str.split, out.splitlines()) if w[0].startswith('TcpExt')})


class Run:
    """Connections over a wire of those options, all four namespaces metered."""
    busy_before = {}

    def __init__(self, *options, conns=(), **more):
        path.open(*options, taps=[(ns, 'eth0') for ns in VIEWS])
        crowd = Crowd(path, **more)
        for c in conns:
            crowd.add(**c)
        before = snmp(path.client)
        crowd.run()
        self.conns, self.by_client = crowd.conns, snmp(path.client)
        self.by_client.subtract(before)
        self.seen = {ns: Health(net, ns, crowd.port) for ns in VIEWS}
        # Segments at which another CPU had the connection for too long: not looked at, and said so.
        now = {ns: net.json('meter', 'status', '--netns', ns)[0]['tcp']['busy'] for ns in VIEWS}
        self.busy = {ns: n - Run.busy_before.get(ns, 0) for ns, n in now.items()}
        Run.busy_before = now
        if any(self.busy.values()):
            print('# busy: %s' % self.busy)
        self.log = path.close()

    def each(self):
        """(what it is, connection, namespace, where its two directions advanced)"""
        for c in self.conns:
            for ns in VIEWS:
                yield 'port %d in %s' % (c.port, ns), c, ns, VIEWS[ns]


def handshakes_are_the_wires(run):
    for what, c, ns, (up, down) in run.each():
        server, client = run.log.handshake(c, up, down)
        for is_up in True, False:
            r = run.seen[ns].of(c, is_up)
            near_to(r['handshake_server_us'], server, 'SYN to SYN-ACK of ' + what)
            near_to(r['handshake_client_us'], client, 'SYN-ACK to ACK of ' + what)
            near_to(r['handshake_latency_us'], server + client, 'the handshake of ' + what)


def rtts_are_the_wires(run):
    """The program remembers a few segments on their way, so it takes some of the samples that there
    are: their mean differs from that of all by no more than what the others can make of it."""
    taken = there_are = 0
    for port, c, ns, (up, down) in run.each():
        for is_up, there, back in (True, up, down), (False, down, up):
            r, samples = run.seen[ns].of(c, is_up), run.log.rtt(c, there, back, is_up)
            what = 'of %s, %s, %s of %d samples' % (port, 'up' if is_up else 'down', r['rtt_samples'], len(samples))
            if not samples:
                continue
            check(0 < r['rtt_samples'] <= len(samples), what)
            taken, there_are = taken + r['rtt_samples'], there_are + len(samples)
            slack = (1 - r['rtt_samples'] / len(samples)) * (max(samples) - min(samples))
            near_to(r['avg_rtt_us'], sum(samples) / len(samples), 'avg RTT ' + what, slack)
            if r['rtt_samples'] == len(samples):
                near_to(r['min_rtt_us'], min(samples), 'min RTT ' + what)
                near_to(r['max_rtt_us'], max(samples), 'max RTT ' + what)
            near_to(min(r['min_rtt_us'], min(samples)), min(samples), 'min RTT ' + what)
            near_to(max(r['max_rtt_us'], max(samples)), max(samples), 'max RTT ' + what)
    print('# %d of %d samples of RTT' % (taken, there_are))
    check(taken > there_are / 2, '%d of %d samples' % (taken, there_are))


def retransmissions_are_those_of_tcp(run):
    """Where the sender's packets pass before the wire can lose them."""
    for c in run.conns:
        for is_up, info, places in ((True, c.client, (path.client, path.near)),
                                    (False, c.server, (path.server, path.far))):
            for ns in places:
                r = run.seen[ns].of(c, is_up)
                check(abs(r['retransmissions'] - info['total_retrans']) <= run.busy[ns],
                      '%d retransmissions of port %d, %s in %s, by TCP %d (busy: %d)' % (
                          r['retransmissions'], c.port, 'up' if is_up else 'down', ns, info['total_retrans'], run.busy[ns]))
                equal(r['fast_retransmits'] + r['timeout_retransmits'] + r['spurious_retransmits'],
                      r['retransmissions'], 'their kinds')


def some(n=8, up=400000, down=20000):
    return [dict(up=up + 1000 * i, down=down + 100 * i, v6=i % 2 == 1) for i in range(n)]


def lossy(offloads):
    path.offloads(offloads)
    run = Run('--loss', '20', '--delay', '20ms', conns=some())
    check(sum(c.client['total_retrans'] for c in run.conns) > 10, 'hardly anything was lost')
    return run


@test
def with_loss_the_handshake_takes_what_the_wire_says():
    global on
    on = lossy(True)
    handshakes_are_the_wires(on)


@test
def with_loss_the_rtt_is_what_the_wire_says():
    rtts_are_the_wires(on)


@test
def retransmissions_are_those_that_tcp_counts_itself():
    retransmissions_are_those_of_tcp(on)


def timers_agree(run):
    """A probe for loss (RFC 8985, 7) is one too: it is sent when a timer runs out. Which of them were needless
    TCP does not count apart; DSACK's counter has the stale SACK blocks with which Linux answers a FIN."""
    said = Counter()
    for c in run.conns:
        said.update({k: run.seen[path.client].of(c, True)[k] for k in (
            'fast_retransmits', 'timeout_retransmits', 'spurious_retransmits')})
    fast, timers = run.by_client['TCPFastRetrans'], run.by_client['TCPTimeouts'] + run.by_client['TCPLossProbes']
    print('# %s; by TCP %d fast, %d by a timer' % (dict(said), fast, timers))
    slack = 3 + said['spurious_retransmits']
    return abs(said['timeout_retransmits'] - timers) <= slack and abs(said['fast_retransmits'] - fast) <= slack


@test
def timeouts_are_those_that_tcp_had():
    """If not, once more: where the CPU was taken away for 20 ms, an answer comes as late as by a timer."""
    check(timers_agree(on) or timers_agree(lossy(True)), 'timeouts and fast retransmissions')


@test
def without_offloads_all_is_the_same():
    run = lossy(False)
    path.offloads(True)
    handshakes_are_the_wires(run)
    rtts_are_the_wires(run)
    retransmissions_are_those_of_tcp(run)


@test
def without_loss_nothing_is_sent_again():
    run = Run('--delay', '2ms', conns=some(up=2000000))
    retransmissions_are_those_of_tcp(run)
    rtts_are_the_wires(run)
    for what, c, ns, _ in run.each():
        for is_up in True, False:
            r = run.seen[ns].of(c, is_up)
            if c.client['total_retrans'] + c.server['total_retrans'] == 0:
                equal((r['retransmissions'], r['out_of_order_pkts']), (0, 0), 'sent again or out of order, ' + what)


@test
def late_segments_are_out_of_order_and_not_retransmissions():
    for ns in path.client, path.server:
        net.sysctl(ns, 'net.ipv4.tcp_reordering', 200)
    run = Run('--late', '20', '--late-by', '2ms', '--delay', '20ms', conns=some(4))
    place = VIEWS[path.far][0]
    n = again = 0
    for c in run.conns:
        overtaken = run.log.overtaken(c, place, True)
        equal(c.client['total_retrans'], 0, 'retransmissions by TCP')
        r = run.seen[path.far].of(c, True)
        equal(r['out_of_order_pkts'] + r['retransmissions'], overtaken, 'out of order and retransmissions')
        n, again = n + overtaken, again + r['retransmissions']
        r = run.seen[path.near].of(c, True)
        equal((r['out_of_order_pkts'], r['retransmissions']), (0, 0), 'before the wire')
    check(n > 20, 'only %d were overtaken' % n)
    # Of those that overtook it, in the same millisecond sent, two had been answered by duplicate ACKs: so it looks asked for.
    check(again <= n / 5, '%d of %d that were late were taken for retransmissions' % (again, n))


@test
def what_the_wire_repeats_is_spurious():
    run = Run('--twice', '40', '--delay', '20ms', conns=some(4))
    for c in run.conns:
        r, n = run.seen[path.far].of(c, True), run.log.done(c, 'twice')
        equal(r['retransmissions'], n, 'repeated by the wire')
        # TCP tells of one by DSACK, if no other came before it could.
        told = min(n, c.client['dsack_dups'])
        check(told <= r['spurious_retransmits'] <= n, '%d spurious of %d, by DSACK %d' % (r['spurious_retransmits'], n, told))
        equal(run.seen[path.near].of(c, True)['retransmissions'], c.client['total_retrans'], 'before the wire')


@test
def after_a_stall_a_timeout_was_spurious():
    run = Run('--stall', '30', '--stall-for', '700ms', '--delay', '10ms', conns=some(1))
    retransmissions_are_those_of_tcp(run)
    c = run.conns[0]
    r = run.seen[path.near].of(c, True)
    check(c.client['total_retrans'] > 0, 'TCP sent nothing again')
    equal(r['spurious_retransmits'], c.client['dsack_dups'], 'spurious of %d' % r['retransmissions'])


@test
def a_slow_reader_closes_its_window():
    rcvbuf = {(socket.SOL_SOCKET, socket.SO_RCVBUF): 20000}
    run = Run('--delay', '5ms', conns=[dict(up=300000, down=100, v6=v6, pause=1.5, sockopts=rcvbuf) for v6 in (False, True)])
    retransmissions_are_those_of_tcp(run)
    for what, c, ns, (up, down) in run.each():
        r = run.seen[ns].of(c, False)
        wanted = run.log.zero_windows(c, down, False)
        check(wanted > 0, 'the window never closed')
        equal((r['zero_windows'], r['min_window_size']), (wanted, 0), 'zero windows of ' + what)
        equal(run.seen[ns].of(c, True)['zero_windows'], 0, 'zero windows of the client')


@test
def ecn_is_counted_apart():
    for ns in path.client, path.server:
        net.sysctl(ns, 'net.ipv4.tcp_ecn', 1)
    run = Run('--mark', '15', '--delay', '5ms', conns=some(4))
    for ns in path.client, path.server:
        net.sysctl(ns, 'net.ipv4.tcp_ecn', 2)
    for what, c, ns, (up, down) in run.each():
        r, back = run.seen[ns].of(c, True), run.seen[ns].of(c, False)
        marks = run.log.done(c, 'mark') if ns in (path.far, path.server) else 0
        equal((r['ecn_ce_pkts'], bool(r['ecn_flags'] & 4)), (marks, marks > 0), 'CE of ' + what)
        check(marks == 0 or back['ecn_ece_pkts'] > 0 and c.client['delivered_ce'] > 0, 'no ECE came back')
        equal(back['ecn_ce_pkts'], 0, 'CE of the way back')
        if ns in (path.near, path.far):     # segments as they are on the wire
            place = down
            passed, busy = run.log.ece(c, place, False), run.busy[ns]
            check(passed - busy <= back['ecn_ece_pkts'] <= passed, 'ECE is %d of %s, %d passed (busy: %d)' % (
                back['ecn_ece_pkts'], what, passed, busy))


main(net, setup)
