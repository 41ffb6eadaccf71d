#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A segment is judged once, however many meters see it: whichever interfaces of a router are
metered, in whichever directions, its figures are those of the wire and of the ends' own TCP."""
from tcplive import *

net = Net('tcpo')
EVERY = ('retransmissions', 'fast_retransmits', 'timeout_retransmits', 'spurious_retransmits', 'out_of_order_pkts',
         'duplicate_acks', 'zero_windows', 'min_rtt_us', 'avg_rtt_us', 'max_rtt_us', 'rtt_samples', 'min_window_size',
         'max_window_size', 'last_window_size', 'avg_jitter_us', 'max_jitter_us', 'ecn_flags', 'max_bytes_in_flight',
         'handshake_latency_us', 'handshake_server_us', 'handshake_client_us', 'keep_alives')


def setup():
    global path
    path = Path(net)


def conns(n=4):
    return [dict(up=200000 + 1000 * i, down=10000 + 100 * i, v6=i % 2 == 1) for i in range(n)]


def attach(ns, *options):
    net.flowctl('meter', 'attach', '--netns', ns, *options)


def lossy(meters, conns=conns, between=None, **more):
    """Connections over 2 % loss; @meters() are attached to the near router before."""
    path.clean()
    path.open('--loss', '20', '--delay', '10ms', taps=[(path.near, 'eth0')])
    meters()
    crowd = Crowd(path, **more)
    for c in conns():
        crowd.add(**c)
    crowd.run(between=between)
    seen = Health(net, path.near, crowd.port)
    log = path.close()
    net.flowctl('meter', 'detach', '--all')
    return crowd.conns, seen, log


def is_true(conns, seen, log, up, down):
    """The figures of connections whose directions are advanced at @up and @down, (device, ingress or egress)."""
    places = (path.near, *up), (path.near, *down)
    for c in conns:
        of_up, of_down = seen.of(c, True), seen.of(c, False)
        equal((place_of(of_up), place_of(of_down)), (' '.join(up), ' '.join(down)), 'who advanced port %d' % c.port)
        equal(of_up['retransmissions'], c.client['total_retrans'], 'retransmissions of port %d' % c.port)
        server, client = log.handshake(c, *places)
        near_to(of_up['handshake_server_us'], server, 'SYN to SYN-ACK')
        near_to(of_down['handshake_client_us'], client, 'SYN-ACK to ACK')
        samples = log.rtt(c, *places, True)
        near_to(of_up['min_rtt_us'], min(samples), 'min RTT')
        near_to(of_up['avg_rtt_us'], sum(samples) / len(samples), 'avg RTT of %d' % len(samples))


def others_are_null(seen, n):
    """The hooks that did not advance: @n records of them, which know nothing."""
    for r in seen.silent:
        equal({k: r[k] for k in EVERY if r[k] is not None}, {}, 'the record of ' + place_of(r))
    equal(len(seen.silent), n, 'records without figures')


# What is metered of the near router; who advances what the client sends, and what the server sends; how many
# records of a connection know nothing.
METERS = (
    ('all interfaces', ['--all'], ('eth0', 'ingress'), ('wire0', 'ingress'), 2),
    ('the client side', ['-n', 'eth0'], ('eth0', 'ingress'), ('eth0', 'egress'), 0),
    ('the wire side', ['-n', 'wire0'], ('wire0', 'egress'), ('wire0', 'ingress'), 0),
    ('all, ingress only', ['--all', '--direction', 'ingress'], ('eth0', 'ingress'), ('wire0', 'ingress'), 0),
    ('all, egress only', ['--all', '--direction', 'egress'], ('wire0', 'egress'), ('eth0', 'egress'), 0),
)


def check_meters(n):
    what, options, up, down, silent = METERS[n]
    conns, seen, log = lossy(lambda: attach(path.near, *options))
    is_true(conns, seen, log, up, down)
    others_are_null(seen, silent * len(conns))


@test
def a_router_metered_everywhere_judges_a_segment_once():
    check_meters(0)


@test
def with_one_interface_metered_all_figures_are_there():
    check_meters(1)
    check_meters(2)


@test
def ingress_only_and_egress_only_are_enough():
    check_meters(3)
    check_meters(4)


@test
def one_direction_of_one_interface_tells_what_it_can():
    conns, seen, log = lossy(lambda: attach(path.near, '-n', 'eth0', '--direction', 'ingress'))
    for c in conns:
        r = seen.of(c, True)
        equal(r['retransmissions'], c.client['total_retrans'], 'retransmissions')
        equal([r[k] for k in ('handshake_latency_us', 'min_rtt_us')], [None, None], 'what the other direction tells')


def host_is_true(conns, seen):
    for c in conns:
        equal(place_of(seen.of(c, True)), 'eth0 egress', 'who advanced')
        equal(place_of(seen.of(c, False)), 'eth0 ingress', 'who advanced')
        equal(seen.of(c, True)['retransmissions'], c.client['total_retrans'], 'retransmissions of port %d' % c.port)


@test
def a_host_meters_what_it_sends_and_what_comes():
    path.clean()
    path.open('--loss', '20', '--delay', '10ms')
    attach(path.client, '-n', 'eth0')
    crowd = Crowd(path)
    for c in conns():
        crowd.add(**c)
    crowd.run()
    seen = Health(net, path.client, crowd.port)
    path.close()
    net.flowctl('meter', 'detach', '--all')
    host_is_true(crowd.conns, seen)
    others_are_null(seen, 0)


class Loopback:
    """Both ends in one namespace."""
    def __init__(self, ns):
        self.client = self.server = ns

    def addresses(self, v6):
        return ('::1', '::1') if v6 else ('127.0.0.1', '127.0.0.1')


@test
def on_lo_a_segment_goes_out_and_comes_in_and_is_one():
    attach(path.client, '-n', 'lo')
    crowd = Crowd(Loopback(path.client))
    for c in conns():
        crowd.add(**c)
    crowd.run()
    seen = Health(net, path.client, crowd.port)
    net.flowctl('meter', 'detach', '--all')
    for c in crowd.conns:
        for up, info in (True, c.client), (False, c.server):
            r = seen.of(c, up)
            equal(r['retransmissions'], info['total_retrans'], 'retransmissions on lo')
            check(r['handshake_latency_us'] is not None and r['min_rtt_us'] is not None, 'times on lo')
    others_are_null(seen, 2 * len(crowd.conns))


@test
def a_bridge_and_its_ports_judge_a_segment_once():
    mid = net.ns('bridge')
    if net.ip(mid, 'link', 'add', 'br0', 'type', 'bridge', ok=False).returncode:
        skip('this kernel has no bridge')
    ends = Loopback(None)
    ends.client, ends.server = net.ns('left'), net.ns('right')
    ends.addresses = lambda v6: ('fd93::1', 'fd93::2') if v6 else ('10.93.0.1', '10.93.0.2')
    for ns, port, n in (ends.client, 'p1', 1), (ends.server, 'p2', 2):
        net.veth(ns, 'eth0', mid, port, ['10.93.0.%d/24' % n, 'fd93::%d/64' % n])
        net.ip(mid, 'link', 'set', port, 'master', 'br0')
    net.ip(mid, 'link', 'set', 'br0', 'up')
    wait_for(lambda: net.exec(ends.client, 'ping', '-c1', '-W1', '10.93.0.2', ok=False).returncode == 0, 'the bridge')
    attach(mid, '--all')
    crowd = Crowd(ends)
    for c in conns():
        crowd.add(**c)
    crowd.run()
    seen = Health(net, mid, crowd.port)
    net.flowctl('meter', 'detach', '--all')
    for c in crowd.conns:
        for up, info, port in (True, c.client, 'p1'), (False, c.server, 'p2'):
            r = seen.of(c, up)
            equal((place_of(r), r['retransmissions']), (port + ' ingress', info['total_retrans']), 'by the bridge')
    others_are_null(seen, 2 * len(crowd.conns))


def stepwise(steps, step, every=.4):
    """Two connections that go on until @steps, of which step() takes one now and again, is empty."""
    state = {'next': time.monotonic() + .5}

    def between():
        if steps and time.monotonic() > state['next']:
            step()
            state['next'] = time.monotonic() + every

    over = lambda: not steps and time.monotonic() > state['next']
    return (lambda: [dict(up=100000, down=20000, v6=v6, until=over) for v6 in (False, True)]), between


@test
def meters_may_come_and_go_while_a_connection_runs():
    """Nothing is counted that is not so; what passed before a meter was there is not known."""
    steps = [('attach', '-n', 'wire0', '--direction', 'egress'), ('attach', '-n', 'eth0', '--direction', 'egress'),
             ('attach', '-n', 'wire0'), ('attach', '-n', 'eth0'), ('detach', '-n', 'wire0'),
             ('attach', '-n', 'wire0'), ('attach', '-n', 'eth0', '--force')]
    def step():
        word, *options = steps.pop(0)
        net.flowctl('meter', word, '--netns', path.near, *options)
    conns, seen, log = lossy(lambda: None, *stepwise(steps, step))
    for c in conns:
        up = [r for r in seen.records if r['src_port'] == c.port and (':' in r['src_ip']) == c.v6 and r['retransmissions'] is not None]
        check(up, 'nothing is known of port %d' % c.port)
        n = sum(r['retransmissions'] for r in up)
        check(n <= c.client['total_retrans'], '%d retransmissions, TCP made %d' % (n, c.client['total_retrans']))
        for r in up:
            if r['min_rtt_us'] is not None:
                check(r['min_rtt_us'] > 19000, 'an RTT of %d us, the wire takes 20 ms' % r['min_rtt_us'])
            # From one CPU's queue of the cable to the other's packets do overtake each other.
            real = log.overtaken(c, (path.near, 'eth0', 'ingress'), True)
            check(r['out_of_order_pkts'] <= real, '%d out of order, %d were' % (r['out_of_order_pkts'], real))


@test
def a_change_of_routes_counts_nothing_wrong():
    """The client's packets come by another link from some moment on, and back again."""
    net.veth(path.client, 'eth1', path.near, 'eth1', ['10.94.0.2/24', 'fd94::2/64'], ['10.94.0.1/24', 'fd94::1/64'])
    for dev in 'all', 'eth0', 'eth1':
        net.sysctl(path.near, 'net.ipv4.conf.%s.rp_filter' % dev, 0)
    routes = [('10.94.0.1', 'fd94::1'), ('10.91.0.1', 'fd91::1')] * 2

    def step():
        v4, v6 = routes.pop(0)
        net.ip(path.client, 'route', 'replace', 'default', 'via', v4)
        net.ip(path.client, '-6', 'route', 'replace', 'default', 'via', v6)
    conns, seen, log = lossy(lambda: attach(path.near, '--all'), *stepwise(routes, step, 1.5))
    net.ip(path.client, 'link', 'del', 'eth1')
    for c in conns:
        up = [r for r in seen.records if r['src_port'] == c.port and (':' in r['src_ip']) == c.v6 and r['direction'] == 0]
        equal(len(up), 2, 'links that port %d came by' % c.port)
        n = sum(r['retransmissions'] or 0 for r in up)
        check(n <= c.client['total_retrans'], '%d retransmissions, TCP made %d' % (n, c.client['total_retrans']))
        for r in up:
            if r['min_rtt_us'] is not None:
                check(r['min_rtt_us'] > 19000, 'an RTT of %d us, the wire takes 20 ms' % r['min_rtt_us'])
        down = seen.of(c, False)
        equal(place_of(down), 'wire0 ingress', 'the way back')


@test
def a_vlan_and_its_parent_judge_a_segment_once():
    ns = net.ns('vlan')
    net.veth(ns, 'eth0', path.far, 'vl0')
    r = net.ip(ns, 'link', 'add', 'link', 'eth0', 'name', 'v7', 'type', 'vlan', 'id', '7', ok=False)
    if r.returncode:
        skip('this kernel has no VLAN devices: ' + r.stderr.strip())
    net.ip(path.far, 'link', 'add', 'link', 'vl0', 'name', 'v7', 'type', 'vlan', 'id', '7')
    ends = Loopback(None)
    ends.client, ends.server = ns, path.far
    ends.addresses = lambda v6: ('fd95::1', 'fd95::2') if v6 else ('10.95.0.1', '10.95.0.2')
    for n, at in (1, ns), (2, path.far):
        net.ip(at, 'addr', 'add', '10.95.0.%d/24' % n, 'dev', 'v7')
        net.ip(at, 'addr', 'add', 'fd95::%d/64' % n, 'dev', 'v7', 'nodad')
        net.ip(at, 'link', 'set', 'v7', 'up')
    attach(ns, '--all')
    crowd = Crowd(ends)
    for c in conns():
        crowd.add(**c)
    crowd.run()
    seen = Health(net, ns, crowd.port)
    net.flowctl('meter', 'detach', '--all')
    for c in crowd.conns:
        equal(seen.of(c, True)['retransmissions'], c.client['total_retrans'], 'retransmissions')
        equal(seen.of(c, False)['retransmissions'], c.server['total_retrans'], 'retransmissions')


main(net, setup)
