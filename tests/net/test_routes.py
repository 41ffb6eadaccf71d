#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Routes of a record, against what `ip route get` says, and against where packets really go."""
import ipaddress, random, tempfile
from lib import *

ASK = os.environ.get('ENRICH_ASK', os.path.join(ROOT, 'build', 'tests', 'net', 'enrich_ask'))
net = Net('routes')
FORWARDED, DROPPED, DENIED, UNROUTABLE, FOR_US = 64, 128, 129, 131, 195
box = None


class Asker:
    """enrich_ask in a namespace, asked a line at a time."""
    def __init__(self, ns, *argv, **env):
        self.p = net.spawn(ASK, *argv, ns=ns, env=dict(os.environ, **env), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, line):
        self.p.stdin.write(line + '\n')
        self.p.stdin.flush()

    def tick(self, word='tick'):
        self.say(word)
        equal(self.p.stdout.readline(), 'ticked\n', 'the answer')

    def speed(self, n):
        self.say('speed %d' % n)
        return [float(w) for w in self.p.stdout.readline().split()]

    def ask(self, dst, src=None, proto=17, sport=1000, dport=2000, iif=0, oif=0, mark=0, tos=0, label=0):
        src = src or ('fd00:a::7' if ':' in dst else '10.0.10.7')
        self.say('%s %s %d %d %d %d %d %d %d %d' % (src, dst, proto, sport, dport, iif, oif, mark, tos, label))
        w = self.p.stdout.readline().split()
        check(len(w) == 7, 'no answer to %s' % dst)
        return dict(src_len=int(w[0]), dst_len=int(w[1]), next=w[2], bgp=w[3], status=int(w[4]),
                    src_as=int(w[5]), dst_as=int(w[6]))


def setup():
    """A router: eth0 and eth1 to next hops, in0 to where flows come from."""
    global box, asker, north, south, west
    box, north, south, west = net.ns('box'), net.ns('north'), net.ns('south'), net.ns('west')
    net.veth(box, 'eth0', north, 'eth0', ['10.0.0.1/24', 'fd00::1/64'], ['10.0.0.2/24', 'fd00::2/64'])
    net.veth(box, 'eth1', south, 'eth0', ['10.0.1.1/24', 'fd00:1::1/64'], ['10.0.1.2/24', 'fd00:1::2/64'])
    net.veth(box, 'in0', west, 'eth0', ['10.0.10.1/24', 'fd00:a::1/64'], ['10.0.10.7/24', 'fd00:a::7/64'])
    for key in 'net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding':
        net.sysctl(box, key, 1)
    for route in ('10.8.0.0/16 via 10.0.0.2', '10.8.1.0/24 via 10.0.1.2', '10.9.0.0/16 nexthop via 10.0.0.2 '
                  'nexthop via 10.0.1.2', '10.7.0.0/16 via inet6 fd00::2 dev eth0', '10.6.0.0/15 via 10.0.0.2 proto bgp',
                  'blackhole 10.20.0.0/16', 'unreachable 10.21.0.0/17', 'prohibit 10.22.0.0/18',
                  'fd08::/32 via fd00::2', 'fd08:0:1::/48 via fd00:1::2', 'fd09::/32 nexthop via fd00::2 nexthop via '
                  'fd00:1::2', 'fd06::/32 via fd00::2 proto bird', 'blackhole fd20::/32', 'unreachable fd21::/32',
                  'prohibit fd22::/32', '10.5.0.0/16 via 10.0.1.2 proto zebra'):
        net.ip(box, *(['-6'] if 'fd' in route and 'inet6' not in route else []), 'route', 'add', *route.split())
    asker = Asker(box)


def fibmatch(dst, *more):
    """What iproute2 makes of the kernel's answer: prefix length, [(gateway, dev)]."""
    r = json.loads(net.ip(box, '-j', 'route', 'get', 'fibmatch', dst, *more).stdout)[0]
    full = 128 if ':' in dst else 32
    hops = [(h.get('gateway'), h.get('dev')) for h in r.get('nexthops', [r])]
    return int(r['dst'].split('/')[1]) if '/' in r['dst'] else 0 if r['dst'] == 'default' else full, hops


@test
def prefix_and_next_hop_are_those_of_the_matching_route():
    for dst in '10.8.2.1', '10.8.1.1', '10.8.0.0', '10.0.0.77', '10.0.1.2', 'fd08:0:2::1', 'fd08:0:1::1', 'fd00::77':
        length, hops = fibmatch(dst)
        a = asker.ask(dst)
        equal(a['dst_len'], length, 'prefix length of ' + dst)
        equal(a['next'], hops[0][0] or ('::' if ':' in dst else '0.0.0.0'), 'next hop to ' + dst)
        equal(a['src_len'], 64 if ':' in dst else 24, 'prefix length of the source')


@test
def the_route_back_to_the_source_is_its_own():
    equal(asker.ask('10.8.2.1', src='10.8.1.9')['src_len'], 24, 'of a route')
    equal(asker.ask('10.8.2.1', src='10.0.0.1')['src_len'], 32, 'of an address of this box')
    equal(asker.ask('10.8.2.1', src='192.0.2.1')['src_len'], 0, 'without a route')


@test
def the_status_says_what_became_of_the_packets():
    for dst, oif, status in (('10.8.2.1', 2, FORWARDED), ('10.0.0.1', 0, FOR_US), ('10.0.0.255', 0, FOR_US),
                             ('10.20.1.1', 0, DROPPED), ('10.21.1.1', 0, UNROUTABLE), ('10.22.1.1', 0, DENIED),
                             ('192.0.2.1', 0, UNROUTABLE), ('10.8.2.1', 0, 0), ('fd00::1', 0, FOR_US),
                             ('fd20::1', 0, DROPPED), ('fd21::1', 0, UNROUTABLE), ('fd22::1', 0, DENIED),
                             ('2001:db8::1', 0, UNROUTABLE), ('ff02::1', 0, 0), ('10.20.1.1', 2, FORWARDED)):
        a = asker.ask(dst, oif=oif)
        equal(a['status'], status, 'status of %s by %d' % (dst, oif))
        if status != FORWARDED and status != 0:
            check(a['next'] in ('0.0.0.0', '::'), 'a next hop for ' + dst)


@test
def a_bgp_next_hop_is_that_of_a_route_by_such_a_daemon():
    equal(asker.ask('10.6.1.1')['bgp'], '10.0.0.2', 'proto bgp')
    equal(asker.ask('10.5.1.1')['bgp'], '10.0.1.2', 'proto zebra')
    equal(asker.ask('fd06::1')['bgp'], 'fd00::2', 'proto bird')
    equal(asker.ask('10.8.2.1')['bgp'], '0.0.0.0', 'a static one')


@test
def a_gateway_of_the_other_family_is_none():
    a = asker.ask('10.7.1.1')
    equal((a['dst_len'], a['next']), (16, '0.0.0.0'), 'via inet6')


@test
def of_several_hops_the_egress_interface_names_one():
    for dev, v4, v6 in ('eth0', '10.0.0.2', 'fd00::2'), ('eth1', '10.0.1.2', 'fd00:1::2'):
        oif = net.ifindex(box, dev)
        for sport in range(1, 30):
            equal(asker.ask('10.9.1.1', oif=oif, sport=sport)['next'], v4, dev)
            equal(asker.ask('fd09::1', oif=oif, sport=sport)['next'], v6, dev)


def label_of(sport):
    return sport * 40503 % (1 << 20)


def way_of_packets(sports, v6):
    """By source port, the gateway that a packet from in0 really went to."""
    gone, wires = {}, (Wire(north, 'eth0'), Wire(south, 'eth0'))
    hops, proto, at = (('fd00::2', 'fd00:1::2'), 0x86dd, 54) if v6 else (('10.0.0.2', '10.0.1.2'), 0x0800, 34)
    out = Wire(west, 'eth0')
    for sport in sports:
        packet = ipv6('fd00:a::7', 'fd09::1', 17, udp(sport, 53)) if v6 else ipv4('10.0.10.7', '10.9.1.1', 17, udp(sport, 53))
        if v6:
            packet = struct.pack('!I', 6 << 28 | label_of(sport)) + packet[4:]
        out.send(eth(net.mac(box, 'in0'), net.mac(west, 'eth0'), proto, packet))
    for hop, wire in zip(hops, wires):
        for frame in wire.drain():
            if frame[12:14] == struct.pack('!H', proto) and frame[20 if v6 else 23] == 17:
                gone[struct.unpack('!H', frame[at:at + 2])[0]] = hop
    return gone


@test
def without_an_egress_interface_it_is_the_hop_that_packets_take():
    iif, sports = net.ifindex(box, 'in0'), range(2000, 2060)
    for v6, policy in (False, 1), (False, 0), (True, 1), (True, 0):
        net.sysctl(box, 'net.ipv%d.fib_multipath_hash_policy' % (6 if v6 else 4), policy)
        if v6 and not policy and len({asker.ask('fd09::1', iif=iif, label=l)['next'] for l in range(64)}) == 1:
            print('# this kernel is not asked with a flow label, and hashes it')
            continue
        gone = {}

        def all_came():
            gone.update(way_of_packets([s for s in sports if s not in gone], v6))
            return len(gone) == len(sports)
        wait_for(all_came, 'every packet on one of the ways')
        said = {s: asker.ask('fd09::1' if v6 else '10.9.1.1', sport=s, dport=53, iif=iif,
                             label=label_of(s) if v6 else 0)['next'] for s in sports}
        equal(said, gone, 'the ways of IPv%d with hash policy %d' % (6 if v6 else 4, policy))
        equal(len(set(gone.values())), 2 if policy or v6 else 1, 'ways with policy %d' % policy)


@test
def a_change_of_routes_is_noticed():
    def now(dst):
        asker.tick()
        a = asker.ask(dst)
        return a['dst_len'], a['next']
    equal(now('10.30.1.1'), (0, '0.0.0.0'), 'before')
    net.ip(box, 'route', 'add', '10.30.0.0/16', 'via', '10.0.0.2')
    equal(now('10.30.1.1'), (16, '10.0.0.2'), 'a new route')
    net.ip(box, 'route', 'add', '10.30.1.0/24', 'via', '10.0.1.2')
    equal(now('10.30.1.1'), (24, '10.0.1.2'), 'a longer one')
    net.ip(box, 'route', 'del', '10.30.1.0/24')
    equal(now('10.30.1.1'), (16, '10.0.0.2'), 'without it')
    net.veth(box, 'eth2', north, 'eth2', '10.0.2.1/24')
    net.ip(box, 'route', 'add', '10.30.2.0/24', 'via', '10.0.2.2')
    equal(now('10.30.2.1'), (24, '10.0.2.2'), 'by another link')
    net.ip(box, 'link', 'set', 'eth2', 'down')
    equal(now('10.30.2.1'), (16, '10.0.0.2'), 'its link down')
    net.ip(box, '-6', 'route', 'add', 'fd30::/40', 'via', 'fd00:1::2')
    equal(now('fd30::1'), (40, 'fd00:1::2'), 'a new route of IPv6')


@test
def rules_are_obeyed():
    iif = net.ifindex(box, 'in0')
    net.ip(box, 'route', 'add', '10.40.0.0/16', 'via', '10.0.0.2')
    net.ip(box, 'route', 'add', '10.40.0.0/20', 'via', '10.0.1.2', 'table', 77)
    asker.tick()
    equal(asker.ask('10.40.1.1', mark=5)['dst_len'], 16, 'without a rule')
    for rule, given in ((('fwmark', '5'), dict(mark=5)), (('tos', '0x10'), dict(tos=0x10)),
                        (('from', '10.0.10.0/24'), dict(iif=iif)), (('iif', 'in0'), dict(iif=iif)),
                        (('ipproto', 'udp', 'dport', '2000'), {})):
        net.ip(box, 'rule', 'add', *rule, 'table', 77)
        asker.tick()
        a = asker.ask('10.40.1.1', **given)
        equal((a['dst_len'], a['next']), (20, '10.0.1.2'), 'by the rule %r' % (rule,))
        others = dict(src='10.0.0.1', dport=9)
        equal(asker.ask('10.40.1.1', **others)['dst_len'], 16, 'not by the rule %r' % (rule,))
        net.ip(box, 'rule', 'del', *rule, 'table', 77)
    asker.tick()
    equal(asker.ask('10.40.1.1', mark=5, tos=0x10, iif=iif)['dst_len'], 16, 'without rules again')


@test
def a_vrf_has_routes_of_its_own():
    r = net.ip(box, 'link', 'add', 'red', 'type', 'vrf', 'table', 90, ok=False)
    if r.returncode:
        skip('no VRF: ' + r.stderr.strip())
    net.ip(box, 'link', 'set', 'red', 'up')
    net.veth(box, 'vin', west, 'vin', '10.0.20.1/24', '10.0.20.7/24')
    net.ip(box, 'link', 'set', 'vin', 'master', 'red')
    net.ip(box, 'route', 'add', '10.8.0.0/13', 'via', '10.0.20.9', 'vrf', 'red')
    asker.tick()
    a = asker.ask('10.8.2.1', src='10.0.20.7', iif=net.ifindex(box, 'vin'))
    equal((a['dst_len'], a['next']), (13, '10.0.20.9'), 'in the VRF')
    equal(asker.ask('10.8.2.1', iif=net.ifindex(box, 'in0'))['dst_len'], 16, 'outside')
    net.ip(box, 'link', 'del', 'red')


@test
def autonomous_systems_come_from_the_file():
    with tempfile.NamedTemporaryFile('w') as f:
        f.write('10.8.0.0/16 64500\n10.8.1.0/24 64501\n10.0.10.0/24 4200000000\nfd08::/32 64502\n')
        f.flush()
        own = Asker(box, f.name)
        equal([own.ask(d)['dst_as'] for d in ('10.8.2.1', '10.8.1.1', '10.9.1.1', 'fd08::1', 'fd09::1')],
              [64500, 64501, 0, 64502, 0], 'AS of destinations')
        equal([own.ask(d)['src_as'] for d in ('10.8.2.1', 'fd08::1')], [4200000000, 0], 'AS of sources')
    equal(asker.ask('10.8.2.1')['dst_as'], 0, 'without a file')


@test
def by_classes_of_addresses_the_answers_are_the_same():
    asker.tick('later')
    for f in (prefix_and_next_hop_are_those_of_the_matching_route, the_route_back_to_the_source_is_its_own,
              the_status_says_what_became_of_the_packets, a_bgp_next_hop_is_that_of_a_route_by_such_a_daemon,
              a_gateway_of_the_other_family_is_none, of_several_hops_the_egress_interface_names_one):
        f()


def random_prefix(rng, v6):
    if v6:
        return 'fd70:%x:%x::/%d' % (rng.getrandbits(1) << 15, rng.getrandbits(2) << 14, rng.choice((32, 33, 34, 47, 48)))
    return '10.%d.%d.%d/%d' % (64 + rng.getrandbits(1), rng.getrandbits(2) << 6, rng.getrandbits(2) << 6,
                               rng.choice((16, 17, 18, 24, 25, 26, 32)))


def canonical(prefix):
    return str(ipaddress.ip_network(prefix, strict=False))


def random_address(rng, v6):
    if v6:
        return 'fd70:%x:%x::%x' % (rng.getrandbits(1) << 15, rng.getrandbits(2) << 14 | rng.getrandbits(1), rng.getrandbits(8))
    return '10.%d.%d.%d' % (64 + rng.getrandbits(1), rng.getrandbits(2) << 6 | rng.getrandbits(1),
                            rng.getrandbits(2) << 6 | rng.getrandbits(1))


def fibmatches(addresses):
    """(prefix length, gateway) of each, by one run of ip; None where there is no route."""
    found = {}
    for v in '4', '6':
        asked = [a for a in addresses if (':' in a) == (v == '6')]
        r = net.exec(box, 'ip', '-%s' % v, '-batch', '-', '-force', ok=False,
                     input=''.join('route get fibmatch %s\nroute get fibmatch %s\n' %
                                   (a, '10.0.0.77' if v == '4' else 'fd00::77') for a in asked))
        # every second answer is the mark between those that may be missing
        lines = [l for l in r.stdout.splitlines() if l.strip()]
        at = 0
        for a in asked:
            mark = lines[at].startswith(('10.0.0.0/24', 'fd00::/64'))
            if not mark:
                w = lines[at].split()
                dst = w[1] if w[0] == 'local' else w[0]
                found[a] = (int(dst.split('/')[1]) if '/' in dst else 32 if v == '4' else 128, w[w.index('via') + 1])
                at += 1
            at += 1
    return found


@test
def random_routes_that_come_and_go_are_those_of_the_kernel():
    rng, there = random.Random(7), set()
    for round in range(20):
        changes = []
        addresses = sorted({random_address(rng, rng.random() < .4) for _ in range(60)})
        if round % 5:       # answers by class that may become wrong
            asker.tick('later')
        for a in addresses:
            asker.ask(a)
        for _ in range(rng.choice((1, 3, 40))):
            v6 = rng.random() < .4
            prefix = canonical(random_prefix(rng, v6))
            if round % 2 and there:
                prefix = rng.choice(sorted(there))
                v6 = ':' in prefix
            gateway = rng.choice(('fd00::2', 'fd00:1::2') if v6 else ('10.0.0.2', '10.0.1.2'))
            if prefix in there and rng.random() < .5:
                changes.append('route del %s' % prefix)
                there.discard(prefix)
            else:
                changes.append('route replace %s via %s' % (prefix, gateway))
                there.add(prefix)
        net.exec(box, 'ip', '-batch', '-', input='\n'.join(changes) + '\n')
        asker.tick()
        wanted = fibmatches(addresses)
        for a in addresses:
            is_ = asker.ask(a)
            none = (0, '::' if ':' in a else '0.0.0.0')
            equal((is_['dst_len'], is_['next']), wanted.get(a, none), 'round %d, %s' % (round, a))
    net.exec(box, 'ip', '-batch', '-', input=''.join('route del %s\n' % p for p in there))


@test
def one_question_is_enough_for_a_class_of_addresses():
    own = Asker(box)
    own.ask('10.8.2.1')
    alone = own.speed(2000)
    own.tick()
    classes = own.speed(2000)
    print('# ns a record: asked %.0f, kept %.0f; by classes asked %.0f, kept %.0f' % (*alone, *classes))
    again = min(own.speed(2000)[1] for _ in range(5))
    check(again < 5000, '%.0f ns a record that was asked before' % again)
    check(classes[0] < alone[0], 'classes do not help')


CONFIG = """
prefixFile: {dir}/prefixes
outputs:
- file: {{path: {dir}/out.ipfix}}
templates:
- id: 300
  template: [sourceIPv4Address, destinationIPv4Address, sourceIPv4PrefixLength, destinationIPv4PrefixLength,
    ipNextHopIPv4Address, bgpNextHopIPv4Address, bgpSourceAsNumber, bgpDestinationAsNumber, forwardingStatus,
    interfaceName, interfaceDescription, packetDeltaCount]
"""


@test
def the_agent_exports_what_was_found():
    for dev in 'in0', 'eth0', 'eth1':
        net.flowctl('meter', 'attach', '--netns', box, '-n', dev)
    net.ip(box, 'link', 'set', 'in0', 'alias', 'to the west')
    out = Wire(west, 'eth0')
    for dst in '10.8.2.1', '10.6.1.1', '10.0.10.1', '10.20.0.1':
        out.send(eth(net.mac(box, 'in0'), net.mac(west, 'eth0'), 0x0800, ipv4('10.0.10.7', dst, 17, udp(7, 9))))
    wait_for(lambda: len([f for f in net.json('dump', '--netns', box, '--direction', 'ingress') if f['src_port'] == 7]) == 4,
             'four flows metered')
    wait_for(lambda: len([f for f in net.json('dump', '--netns', box, '--direction', 'egress') if f['src_port'] == 7]) == 2,
             'two of them forwarded')
    with tempfile.TemporaryDirectory(prefix='flowctl-routes-') as d:
        with open(d + '/prefixes', 'w') as f:
            f.write('10.8.0.0/16 64500\n10.0.10.0/24 64501\n')
        with open(d + '/config.yaml', 'w') as f:
            f.write(CONFIG.format(dir=d))
        net.flowctl('agent', '--once', '--netns', box, '-c', d + '/config.yaml')
        read = [json.loads(l) for l in net.flowctl('collect', '-r', d + '/out.ipfix', '-o', 'ndjson').stdout.splitlines()]
    of = {r['destinationIPv4Address']: r for r in read if r['sourceIPv4Address'] == '10.0.10.7'}
    for dst, length, hop, bgp, asn, status in (('10.8.2.1', 16, '10.0.0.2', '0.0.0.0', 64500, 64),
                                               ('10.6.1.1', 15, '10.0.0.2', '10.0.0.2', 0, 64),
                                               ('10.0.10.1', 32, '0.0.0.0', '0.0.0.0', 64501, FOR_US),
                                               ('10.20.0.1', 0, '0.0.0.0', '0.0.0.0', 0, DROPPED)):
        r = of[dst]
        equal([r[k] for k in ('sourceIPv4PrefixLength', 'destinationIPv4PrefixLength', 'ipNextHopIPv4Address',
                              'bgpNextHopIPv4Address', 'bgpSourceAsNumber', 'bgpDestinationAsNumber', 'forwardingStatus',
                              'interfaceName', 'interfaceDescription')],
              [24, length, hop, bgp, 64501, asn, status, 'in0', 'to the west'], 'the record to ' + dst)


@test
def a_namespace_that_goes_is_let_go():
    gone = net.ns('gone')
    net.veth(gone, 'eth0', box, 'peer', '10.0.50.1/24', '10.0.50.2/24')
    own = Asker(None, ENRICH_NETNS=gone)
    equal(own.ask('10.0.50.9')['dst_len'], 24, 'while it is there')
    own.tick('later')
    equal(own.ask('10.0.50.9')['dst_len'], 24, 'it is kept')
    net.del_ns(gone)
    own.tick('later')
    wait_for(lambda: 'peer' not in net.ip(box, 'link').stdout, 'its end of the cable gone')


main(net, setup)
