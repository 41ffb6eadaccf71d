#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""libfixbuf, the strictest reader of messages that Debian has: every element of every record,
by UDP; and that it would complain if there were a reason."""
from fixbuf import *
from truth import LOOSE, TRUTH, check_loose, from_octets, plain, truth
from elements import ELEMENTS, for_group, groups, layout

BOOT_MS = [int(l.split()[1]) * 1000 for l in open('/proc/stat') if l.startswith('btime')][0]


def collected(records, *template, **how):
    with Fixbuf() as f:
        send(f.port, records, *template, **how)
        f.wait(sum(not isinstance(r, str) for r in records))
    equal(f.complaints, [], 'what it complains of')
    return f.records


# What the library does not know: RFC 9740, which is younger than it, and the enterprise's own.
ALIEN = '_alienInformationElement'
YOUNG = {(0, 515), (0, 520), (29305, 515), (29305, 520)}


def right(read, r, ids=None):
    """Every element that the template had; @ids: names by (enterprise, number), else the library's."""
    is_ = {}
    for pen, number, called, _, shown in read.elements:
        name = ids[pen, number] if ids else called
        if called == ALIEN:
            check((pen, number) in YOUNG or pen == 32473, '%s is unknown' % name)
            is_[name] = from_octets(shown, truth(name, r))
        else:
            equal(called, name, 'the name of %d/%d' % (pen, number))
            is_[name] = plain(name, shown)
        if name not in LOOSE:
            equal(is_[name], truth(name, r), 'record of %d packets: %s' % (r['packets'], name))
    check_loose(r, is_, BOOT_MS)


@test
def every_record_by_the_builtin_templates_is_right():
    read = {int(x['packetDeltaCount']): x for x in collected(RECORDS)}
    equal(len(read), len(RECORDS), 'the number of records')
    for r in RECORDS:
        right(read[r['packets']], r)
        equal(read[r['packets']].domain, r['domain'], 'domain')
    equal(len({x.template for x in read.values()}), 8, 'templates that were used')


def by_builtin(records, *options):
    """That all elements of all records are right, where health is in the built-in templates; the
    templates that were used, and an example of each one's elements by their names."""
    with Fixbuf() as f:
        send(f.port, records, options=['-p', 'strict', '-t', '60', '-i', '3:1:eth0', *options])
        f.wait(len(records))
        wait_for(lambda: f.look() or f.options, 'options data')
    equal(f.complaints, [], 'what it complains of')
    ids = {(x['privateEnterpriseNumber'], x['informationElementId']): x['informationElementName']
           for x in f.options if 'informationElementName' in x.by_name}
    used = {}
    for x, r in zip(f.records, records):
        named = {(pen, number): ids.get((str(pen), str(number)), called) for pen, number, called, _, _ in x.elements}
        right(x, r, named)
        used[x.template] = set(named.values())
    return used


@test
def the_health_of_tcp_is_right_in_the_builtin_templates():
    used = by_builtin(HEALTHY)
    equal(sorted(used), [272, 276], 'templates')
    for names in used.values():
        check({'tcpHandshakeServerMicroseconds', 'tcpRttMeanMicroseconds', 'tcpRetransmissionDeltaCount'} <= names, names)
    used = by_builtin([both_healthy(r) for r in HEALTHY], '-B')
    equal(sorted(used), [280, 284], 'templates of both directions')
    for names in used.values():
        check({'tcpRttMeanMicroseconds', 'reverseTcpRttMeanMicroseconds', 'reverseOctetDeltaCount'} <= names, names)


@test
def tunnels_have_builtin_templates_of_their_own():
    flows = [r for r in TUNNELS if not r.get('reverse')]
    used = by_builtin(flows)
    # by family and protocol inside, with health or without, over IPv4 and IPv6
    equal(sorted(used), sorted({256 + (4 if ':' in r['src'] else 0) + {6: 0, 17: 1, 132: 1}.get(r['proto'], 2 if icmp_of(r) else 3)
                                + (16 if r.get('tcp_known') else 0) + (64 if ':' in r['outer_src'] else 32)
                                for r in flows}), 'templates')
    check(len(used) > 15, used.keys())
    for template, names in used.items():
        check({'tunnelType', 'tunnelIdentifier', 'layer2SegmentId',
               'outerSourceIPv%dAddress' % (6 if template >= 320 else 4)} <= names, names)
    used = by_builtin([r for r in TUNNELS if r.get('reverse')] +
                      [in_tunnel(i, both_healthy(r)) for i, r in enumerate(HEALTHY)], '-B')
    check({296, 312, 328, 344, 316} <= set(used), used.keys())


@test
def every_element_is_right_in_templates_of_the_user():
    for names in groups(60):
        records = for_group(names, BIFLOWS + [both_healthy(r) for r in HEALTHY[:10]] + HEALTHY + RECORDS[:40] + TUNNELS)
        ids = {(pen, number): n for n, (pen, number, _) in zip(names, layout(names))}
        read = collected(records, 300, *names)
        equal(len(read), len(records), 'the number of records')
        for x, r in zip(read, records):
            equal([(e[0], e[1]) for e in x.elements], list(ids), 'elements')
            right(x, r, ids)


@test
def both_directions_go_in_one_record_by_the_builtin_templates():
    records = [r for r in BIFLOWS if r['domain'] == 1]
    read = {int(x['packetDeltaCount']): x for x in collected(records + RECORDS[40:60], options=['-B'])}
    for r in records:
        x = read[r['packets']]
        right(x, r)
        back = {n for n in x.by_name if n.startswith('reverse')}
        check({'reversePacketDeltaCount', 'reverseOctetDeltaCount', 'reverseFlowStartMilliseconds'} <= back, back)
    for r in RECORDS[40:60]:
        right(read[r['packets']], r)
        equal([n for n in read[r['packets']].by_name if n.startswith('reverse')], [], 'reverse elements')


@test
def netflow_v9_is_right_by_the_translation_of_the_library():
    with Fixbuf('udp9') as f:
        send(f.port, RECORDS, options=['-9'])
        f.wait(len(RECORDS))
    equal(f.complaints, [], 'what it complains of')
    for x, r in zip(f.records, RECORDS):
        right(x, r)


@test
def every_element_is_known_here():
    equal(sorted(n for n in ELEMENTS if not n.startswith('reverse') and n not in TRUTH and n not in LOOSE), [], 'elements without a truth')


@test
def a_flow_has_the_same_number_in_each_of_its_records():
    r = RECORDS[0]
    again = dict(r, packets=5, bytes=300, first=r['last'] + 1, last=r['last'] + 10**9)
    a, b, other = collected([r, again, RECORDS[1]], 300, 'flowId', 'packetDeltaCount')
    equal(a['flowId'], b['flowId'], 'flowId')
    check(a['flowId'] != other['flowId'], 'two flows have one number')


PROFILES = 'default', 'nfdump', 'pmacct', 'ntop', 'strict'
INTERFACES = ['-i', '7:1:eth7:uplink', '-i', '8:100:eth8', '-i', '9:0:eth9']


def hour():
    """A record and a minute, sixty times, of two domains and in part of both directions."""
    for r in BIFLOWS[:20] + RECORDS[590:]:
        yield from (r, 'flush', 'later=60')
    yield from (x for r in RECORDS[100:120] for x in (r, 'later=60'))


@test
def an_hour_of_any_profile_is_nothing_to_complain_of():
    records = list(hour())
    n = sum(not isinstance(r, str) for r in records)
    for profile in PROFILES:
        with Fixbuf() as f:
            send_slowly(f.port, records, ['-B', '-p', profile, '-t', '60', *INTERFACES])
            f.wait(n)
        equal(f.complaints, [], 'complaints of the profile ' + profile)
        equal([int(x['packetDeltaCount']) for x in f.records],
              [r['packets'] for r in records if not isinstance(r, str)], 'records in their order')


@test
def our_own_judge_agrees():
    records = list(hour())
    for profile in PROFILES:
        with Strict() as s:
            send_slowly(s.port, records, ['-B', '-p', profile, '-t', '60', *INTERFACES])
        equal(s.status, 0, 'of the profile %s, the judge says: %s' % (profile, s.says))
        equal(s.flows, sum(not isinstance(r, str) for r in records), 'flows that the judge saw')


class Strict(Collector):
    """flowctl collect --strict, told to stop at the end."""
    def __init__(self):
        super().__init__(lambda c: [FLOWCTL, 'collect', '--strict', '-l', 'udp://127.0.0.1:%d' % c.port], signal.SIGTERM)

    def __exit__(self, *why):
        wait_for(lambda: drained(self.port), 'all of it read')
        lines = self.stop().splitlines()
        self.flows = sum(' packetDeltaCount=' in l for l in lines)
        self.says = '\n'.join(lines[-10:])
        self.status = self.process.returncode
        super().__exit__(*why)


class Forward:
    """Between ipfix_send and the collector: of messages of records, numbered, loses what @drops says."""
    def __init__(self, to, drops):
        self.drops, self.to, self.seen = drops, to, 0
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(('127.0.0.1', 0))
        self.port = self.sock.getsockname()[1]

    def run(self):
        self.sock.setblocking(False)
        out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            while True:
                data = self.sock.recv(65535)
                changed = data
                if data[16:18] != b'\0\2':
                    changed = self.drops(self.seen, data)
                    self.seen += 1
                if changed:
                    out.sendto(changed, ('127.0.0.1', self.to))
        except BlockingIOError:
            pass


def complaints(drops):
    with Fixbuf() as f:
        between = Forward(f.port, drops)
        send(between.port, RECORDS[:60])
        between.run()
        wait_for(lambda: f.look() or f.complaints, 'anything at all')
        wait_for(lambda: drained(f.port), 'all of it read')
    return f.complaints


@test
def a_message_that_is_missing_would_be_complained_of():
    equal(complaints(lambda i, d: d), [], 'complaints of all messages')
    check(any('out of sequence' in c for c in complaints(lambda i, d: d if i != 1 else None)), 'no complaint')


@test
def a_set_of_a_wrong_length_would_be_complained_of():
    check(complaints(lambda i, d: d if i != 1 else d[:19] + b'\xff' + d[20:]), 'no complaint')


main()
