#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`flowctl collect` beside tshark, on what softflowd and pmacctd (nfprobe) send; and on our
own exports, of which --strict may find nothing to say."""
from collect import *
from live import Box, all_kinds, sums
from tls import Certificates
from tshark import dissect

need('tshark', 'softflowd', 'pmacctd')
box = Box('coll')
FOLDER = tempfile.mkdtemp(prefix='flowctl-oracle-')
os.chmod(FOLDER, 0o777)      # softflowd gives root up, and hangs where it cannot clean up
box.net.cleanups.append(lambda: shutil.rmtree(FOLDER, ignore_errors=True))
CAPTURE = os.path.join(FOLDER, 'flows.pcap')


def setup():
    box.setup()
    with open(CAPTURE, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for i, frame in enumerate(all_kinds()):
            f.write(struct.pack('<IIII', 1795233357, 123456 + i * 1000, len(frame), len(frame)) + frame)


def received(send_all, last=0.3):
    """Datagrams, until none came for a while after send_all() returned."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        s.bind(('127.0.0.1', 0))
        send_all(s.getsockname()[1])
        s.settimeout(last)
        got = []
        try:
            while True:
                got.append(s.recv(65535))
        except socket.timeout:
            return got


def softflowd(*options):
    return lambda port: run('softflowd', '-r', CAPTURE, '-n', '127.0.0.1:%d' % port, '-d', *options, '-p',
                            FOLDER + '/pid', '-c', 'none', timeout=20)


def pmacctd(version):
    """Its plugin sends when the flows expire, a second later; it is ended then."""
    conf = os.path.join(FOLDER, 'pmacctd.conf')
    with open(conf, 'w') as f:
        f.write('daemonize: false\npcap_savefile: %s\nplugins: nfprobe[a]\n'
                'aggregate[a]: src_host, dst_host, src_port, dst_port, proto, tos, tcpflags\n' % CAPTURE +
                'nfprobe_version[a]: %d\n' % version +
                'nfprobe_timeouts[a]: expint=1:maxlife=1:general=1:tcp=1:udp=1:icmp=1:tcp.rst=1:tcp.fin=1\n')

    def send_all(port):
        with open(conf, 'a') as f:
            f.write('nfprobe_receiver[a]: 127.0.0.1:%d\n' % port)
        run('timeout', '-s', 'INT', '5', 'pmacctd', '-f', conf, ok=False)
    return send_all


def of_ours(r):
    v6 = 'sourceIPv6Address' in r
    return ((r['sourceIPv6Address' if v6 else 'sourceIPv4Address'],
             r['destinationIPv6Address' if v6 else 'destinationIPv4Address'], r['protocolIdentifier'],
             r.get('sourceTransportPort', 0), r.get('destinationTransportPort', 0)),
            (r['packetDeltaCount'], r['octetDeltaCount']))


def of_tshark(f):
    v6 = 'cflow.srcaddrv6' in f
    return ((f['cflow.srcaddrv6' if v6 else 'cflow.srcaddr'], f['cflow.dstaddrv6' if v6 else 'cflow.dstaddr'],
             int(f['cflow.protocol']), int(f.get('cflow.srcport', 0)), int(f.get('cflow.dstport', 0))),
            (int(f['cflow.packets']), int(f['cflow.octets'])))


def collected(datagrams, *options):
    with Collect(*options) as c:
        to(c.port, *datagrams)
        c.stop()
        return c.records, c.findings(), c.status


def agrees_with_tshark(send_all, packets):
    got = received(send_all)
    check(got, 'nothing was sent')
    records, findings, status = collected(got)
    equal(status, 0, 'its exit status')
    flows, _ = dissect(got)
    flows = [f for f in flows if 'cflow.packets' in f and ('cflow.srcaddr' in f or 'cflow.srcaddrv6' in f)]
    data = [r for r in records if 'options' not in r]
    equal(sorted(map(of_ours, data)), sorted(map(of_tshark, flows)), 'every flow')
    equal(sum(r['packetDeltaCount'] for r in data), packets, 'all packets')
    return got, data, findings


PACKETS = sum(1 for _ in all_kinds())


@test
def softflowd_in_every_version_and_clock():
    for options in ('-v', '9'), ('-v', '10'), *[('-v', '10', '-A', a) for a in
                                                                    ('sec', 'milli', 'micro', 'nano')]:
        _, data, _ = agrees_with_tshark(softflowd(*options), PACKETS)
        if options[-1] == 'milli':
            start = sorted(r['flowStartMilliseconds'] for r in data)[0]
            equal(start, '2026-11-21T03:55:57.123Z', 'the first packet')
        if options[-1] == 'micro':
            # It makes the fraction of one microsecond more.
            equal(sorted(r['flowStartMicroseconds'] for r in data)[0], '2026-11-21T03:55:57.123457Z', 'its time')
        if options[-1] == 'nano':
            equal(sorted(r['flowStartNanoseconds'] for r in data)[0], '2026-11-21T03:55:57.123457000Z', 'its time')


@test
def softflowds_reverse_elements_are_named():
    records, _, _ = collected(received(softflowd('-v', '10', '-b')))
    data = [r for r in records if 'options' not in r]
    # Of a capture with one direction only.
    check(data and all((r['reverseOctetDeltaCount'], r['reversePacketDeltaCount']) == (0, 0) for r in data), data)
    equal(sum(r['packetDeltaCount'] for r in data), PACKETS, 'all packets')


@test
def softflowd_over_tcp_says_the_same_as_over_udp():
    _, udp_data, _ = agrees_with_tshark(softflowd('-v', '10'), PACKETS)
    with Collect('--strict', url='tcp://127.0.0.1:0') as c:
        softflowd('-v', '10', '-P', 'tcp')(c.port)
        c.wait_records(len(udp_data) + 1)
        # It counts the records of a message before it sends it: RFC 7011 says after.
        equal(c.stop(), 1, 'its exit status')
        check('the first message has sequence' in c.kept, c.kept)
        equal(sorted(map(of_ours, c.data)), sorted(map(of_ours, udp_data)), 'every flow')


@test
def pmacctd_by_netflow_9_and_ipfix():
    for version in 9, 10:
        got, data, findings = agrees_with_tshark(pmacctd(version), PACKETS)
        equal(findings, [], 'what there is to say')
        _, findings, status = collected(got, '--strict')
        equal((status, findings), (0, []), 'with --strict')


def truth(r):
    v6, icmp, (sport, dport) = ':' in r['src'], icmp_of(r), ports_of(r)
    w = {'observationDomainId': r['domain'], 'packetDeltaCount': r['packets'], 'octetDeltaCount': r['bytes'],
         'sourceIPv6Address' if v6 else 'sourceIPv4Address': r['src'],
         'destinationIPv6Address' if v6 else 'destinationIPv4Address': r['dst'],
         'protocolIdentifier': r['proto'], 'ingressInterface': r['in'], 'egressInterface': r['out'],
         'flowEndReason': r['reason'], 'flowDirection': r['direction'], 'minimumTTL': r['min_ttl'],
         'maximumTTL': r['max_ttl'], 'ipClassOfService': r['tos'], 'ipVersion': 6 if v6 else 4}
    if not icmp and r['proto'] in (6, 17, 132):
        w.update(sourceTransportPort=sport, destinationTransportPort=dport)
    for name, ns in ('flowStartMilliseconds', r['first']), ('flowEndMilliseconds', r['last']):
        ms = ns // 10**6
        w[name] = time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(ms // 1000)) + '.%03dZ' % (ms % 1000)
    return w


NETFLOW_9 = ['packetDeltaCount', 'octetDeltaCount', 'protocolIdentifier', 'ingressInterface', 'egressInterface',
             'ipClassOfService', 'observationDomainId']


def is_whole(c, fields=None):
    """Every field of every record, and nothing to say."""
    equal(c.stop(), 0, c.says)
    equal(c.findings(), [], 'what there is to say')
    by_packets = {r['packetDeltaCount']: r for r in c.data}
    equal(len(c.data), len(RECORDS), 'the records')
    for r in RECORDS:
        agree({r['packets']: by_packets.get(r['packets'], {})}, {r['packets']: truth(r)}, fields or truth(r))


@test
def our_own_records_have_every_value_and_no_violation():
    for options in (), ('-9',), ('-b',), ('-i', '3:1:eth0:to übersee', '-t', '60'):
        with Collect('--strict') as c:
            send(c.port, list(with_templates_again(RECORDS, 100)), options=options)
            is_whole(c, NETFLOW_9 if '-9' in options else None)


@test
def every_element_that_we_have_breaks_no_rule():
    names = [row.split()[2] for row in run(find_flowctl(), 'ie').stdout.splitlines()[1:]]
    check(len(names) > 100, names)
    for family, other in ('v4', 'v6'), ('v6', 'v4'):
        mine = [r for r in RECORDS if (':' in r['src']) == (family == 'v6')]
        with Collect('--strict') as c:
            send(c.port, mine, 300, *(n for n in names if other not in n), max_len=9000)
            equal(c.stop(), 0, c.says)
            equal(c.findings(), [], 'what there is to say')
            equal(sorted(r['packetDeltaCount'] for r in c.data), sorted(r['packets'] for r in mine), 'the records')


@test
def elements_of_our_own_are_named_by_what_the_session_tells():
    with Collect('--strict') as c:
        send(c.port, RECORDS[:1], 300, 'sourceIPv4Address', 'packetMark',
             options=('-e', '99999', '-p', 'strict', '-t', '60', '-i', '3:1:eth0'))
        equal(c.stop(), 0, c.says)
        check('packetMark' in c.data[-1], c.data[-1])


@test
def over_tcp_and_tls_and_in_a_file_they_are_the_same():
    made = Certificates(FOLDER)
    for kind, more, ours in (
            ('tcp', (), ()),
            ('tls', ('--certificate', made.path('server.pem'), '--key', made.path('server.key')),
             ('-a', made.path('ca.pem'))),
            ('tls', ('--certificate', made.path('server.pem'), '--key', made.path('server.key'), '--ca',
                     made.path('ca.pem')),
             ('-a', made.path('ca.pem'), '-s', made.path('client.pem'), '-y', made.path('client.key')))):
        with Collect('--strict', *more, url=kind + '://127.0.0.1:0') as c:
            send(c.port, RECORDS, options=('-k', kind, *ours))
            c.wait_records(len(RECORDS))
            is_whole(c)
    path = os.path.join(FOLDER, 'ours.ipfix')
    run(SEND, '-k', 'file', path, '0', 1400, input=''.join(line(r) + '\n' for r in RECORDS))
    with Collect('--strict', '--read', path, url=None) as c:
        c.process.wait(60)
        is_whole(c)


@test
def a_key_of_another_certificate_is_refused():
    made = Certificates(FOLDER)
    r = run(FLOWCTL, 'collect', '-l', 'tls://127.0.0.1:0', '--certificate', made.path('server.pem'),
            '--key', made.path('client.key'), ok=False, timeout=10)
    equal((r.returncode, r.stdout), (2, ''), r.stderr)
    check("the key '%s' does not belong to the certificate '%s'" %
          (made.path('client.key'), made.path('server.pem')) in r.stderr, r.stderr)


@test
def the_agents_export_breaks_no_rule_and_agrees_with_dump():
    box.attach()
    try:
        box.send(all_kinds())
        held = {h.key: h.counts for h in box.dump().values()}
        with Collect('--strict') as u, Collect('--strict', url='tcp://127.0.0.1:0') as t:
            with box.agent([{'collector': {'remoteAddress': '127.0.0.1:%d' % u.port}},
                            {'collector': {'remoteAddress': '127.0.0.1:%d' % t.port, 'transport': 'tcp'}}],
                           timerOptionsSeconds=1):
                for c in u, t:
                    wait_for(lambda: len(c.data) >= len(held), 'every flow %d' % len(c.data))
            for c in u, t:
                equal(c.stop(), 0, c.says)
                equal([f for f in c.findings() if 'note' not in f], [], 'what there is to say')
                total = sums((of_ours_with_icmp(r), (r['packetDeltaCount'], r['octetDeltaCount'])) for r in c.data)
                equal(total, held, 'what dump says')
    finally:
        box.detach()


def of_ours_with_icmp(r):
    key, _ = of_ours(r)
    icmp = r.get('icmpTypeCodeIPv6', r.get('icmpTypeCodeIPv4', 0))
    return (*key[:4], key[4] or icmp)


main(box.net, setup)
