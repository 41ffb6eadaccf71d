#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Which tunnels a meter looks into: as attached, as attached again, as configured, in a table of
another size; what status says of it, and what was outside."""
import tempfile, threading

from lib import *

net = Net('dec')
OUTER = '10.88.0.1', '10.88.0.2'
INNER = '192.0.2.1', '198.51.100.2'


def setup():
    global a, b, wire
    a, b = net.ns('a'), net.ns('b')
    net.veth(a, 'eth0', b, 'eth0', '10.88.0.1/24', '10.88.0.2/24')
    wire = Wire(a, 'eth0')


def frame(ip):
    return eth(net.mac(b, 'eth0'), net.mac(a, 'eth0'), 0x0800, ip)


GWLB = struct.pack('!HBBQ', 0x0108, 1, 2, 0x1122334455667788) + \
    struct.pack('!HBBQ', 0x0108, 2, 2, 0x99aabbccddeeff00) + struct.pack('!HBBI', 0x0108, 3, 1, 0xcafe0001)


def geneve(inner, vni=7, options=GWLB, port=6081, proto=0x0800, flags=0):
    head = struct.pack('!BBHI', len(options) // 4, flags, proto, vni << 8)
    return frame(ipv4(*OUTER, 17, udp(50000, port, head + options + inner), tos=4))


def inside_udp(sport=1000, payload=b'x' * 12):
    return ipv4(*INNER, 17, udp(sport, 2000, payload))


def attach(*words, **kw):
    return net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0', '--direction', 'ingress', *words, **kw)


def status():
    return net.json('meter', 'status', '--netns', b)[0]


def table(*words):
    """Heads and the one row of the table."""
    return [line.split() for line in net.flowctl('meter', 'status', '--netns', b, *words).stdout.splitlines()]


def shown():
    """Packets and bytes by sides and VNI."""
    return {(r['pkt_src_ip'], r['src_port'], r['pkt_dst_ip'], r['dst_port']): (r['packets'], r['bytes'])
            for r in net.json('dump', '--netns', b) if r['proto'] == 'UDP'}


def seen(n):
    wait_for(lambda: status()['packets'] >= n, '%d packets' % n)


@test
def what_is_chosen_is_shown_and_stays():
    for words, choice, changed in ((['--decap', 'geneve,vxlan:8472'], 'geneve,vxlan:8472', True), ([], 'geneve,vxlan:8472', False),
                                   (['--sample', '2'], 'geneve,vxlan:8472', True), (['--sample', '1'], 'geneve,vxlan:8472', True),
                                   (['--decap', 'vxlan:8472,geneve:6081'], 'geneve,vxlan:8472', False),
                                   (['--decap', 'all', '--dry-run'], 'geneve,vxlan:8472', True),
                                   (['--decap', 'all'], 'all', True), (['--force'], 'all', True),
                                   (['--hook', 'xdp'], 'all', True), (['--hook', 'tc'], 'all', True),
                                   (['--decap', 'none'], 'none', True), ([], 'none', False)):
        out = attach(*words).stdout
        check(('(changed)' in out) == changed, '%r: %s' % (words, out))
        equal(status()['decap']['choice'], choice, str(words))
    net.flowctl('meter', 'detach', '--all')
    attach()
    equal(status()['decap']['choice'], 'none', 'by default')
    equal(table()[0][-1], 'ATTACHED', 'the last column where nothing looks into tunnels')
    net.flowctl('meter', 'detach', '--all')


@test
def the_inner_flow_is_metered_and_the_outer_one_where_there_is_none():
    for hook in 'tcx', 'tc', 'xdp':
        attach('--decap', 'geneve', '--hook', hook)
        net.flowctl('flush', '--all', '--netns', b, ok=False)
        n = status()['packets']
        for f in geneve(inside_udp()), geneve(inside_udp()), geneve(b'\x45\0', vni=8), geneve(inside_udp(), flags=0x80):
            wire.send(f)
        seen(n + 4)
        got = shown()
        equal(got.get(INNER[:1] + (1000,) + INNER[1:] + (2000,)), (2, 80), hook + ', inside')
        outer = got.get(OUTER[:1] + (50000,) + OUTER[1:] + (6081,))
        check(outer and outer[0] == 2, '%s, outside: %r' % (hook, got))
        d = status()['decap']
        equal((d['decapsulated'], d['short'], d['control'], d['geneve_port']), (2, 1, 1, 6081), hook)
        heads, row = table()
        equal((heads[10:], row[10:]), (['ATTACHED', 'DECAPSULATED', 'NOT-DECAPSULATED'], row[10:11] + ['2', '2']), hook + ', in the table')
        equal(table('--columns', 'decap,decap_short,decap_control,decap_inner')[1], ['geneve', '1', '1', '0'], hook + ', by reason')
        net.flowctl('meter', 'detach', '--all')


@test
def a_table_of_another_size_still_knows_what_was_outside():
    attach('--decap', 'all', '-l', '1000')
    for i in range(20):
        wire.send(geneve(inside_udp(3000 + i), vni=i))
    seen(20)
    memory = status()['memory_bytes']
    attach('--force', '-l', '5000')
    check(status()['memory_bytes'] > memory, 'memory')
    equal(status()['decap']['choice'], 'all', 'the choice')
    rows = [r for r in net.json('dump', '--netns', b) if r['pkt_src_ip'] == INNER[0]]
    equal(len(rows), 20, 'flows')
    equal({(r['src_ip'], r['dst_ip']) for r in rows}, {OUTER}, 'outer addresses')
    net.flowctl('meter', 'detach', '--all')


@test
def no_packet_is_lost_while_the_choice_changes():
    attach('--decap', 'none')
    total, end = [0], threading.Event()
    f = geneve(inside_udp())

    def send():
        while not end.is_set():
            wire.send(f)
            total[0] += 1
            time.sleep(0.0005)
    t = threading.Thread(target=send)
    t.start()
    try:
        for choice in ('all', 'none', 'geneve', 'gre', 'geneve:6082', 'all') * 2:
            attach('--decap', choice)
    finally:
        end.set()
        t.join()
    seen(total[0])
    got = shown()
    packets = sum(v[0] for k, v in got.items() if 6081 in k or 2000 in k)
    equal(packets, total[0], 'packets in flows')
    equal(sum(1 for k in got if 6081 in k or 2000 in k), 2, 'flows, inner and outer')
    net.flowctl('meter', 'detach', '--all')


@test
def the_agent_attaches_as_configured_and_tells_the_outer_addresses():
    folder = tempfile.mkdtemp()
    log, conf = os.path.join(folder, 'log'), os.path.join(folder, 'conf')
    with open(conf, 'w') as f:
        f.write("idleTimeoutSeconds: 1\nmeters: [{netns: %s, name: eth0, decap: [gre, 'geneve:6090']}]\n"
                'outputs: [{log: {file: %s, format: json}}]\n' % (b, log))
    agent = net.spawn(find_flowctl(), '--bpffs', net.bpffs, 'agent', '-c', conf, stderr=subprocess.DEVNULL)
    wait_for(lambda: net.json('meter', 'status'), 'the meter')
    equal({m['decap']['choice'] for m in net.json('meter', 'status')}, {'geneve:6090,gre'}, 'the choice')
    wire.send(geneve(inside_udp(4000), port=6090))
    wire.send(frame(ipv4(*OUTER, 47, struct.pack('!HHI', 0x2000, 0x0800, 99) + inside_udp(4001))))

    def rows():
        return {r['src_port']: r for r in json_lines(log) if r['src_port'] in (4000, 4001)}
    wait_for(lambda: len(rows()) == 2, 'both records')
    for r in rows().values():
        equal((r['src_ip'], r['dst_ip'], r['pkt_src_ip'], r['pkt_dst_ip']), OUTER + INNER, 'addresses')
    agent.terminate()
    agent.wait(60)
    net.flowctl('meter', 'detach', '--all')


main(net, setup)
