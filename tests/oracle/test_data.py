#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The configurations in tests/data, which exporters before this one were given: they load,
and what goes out by their templates is read right."""
import glob, signal
from fixbuf import *
from truth import LOOSE, TRUTH, check_loose, plain

need('nfcapd', 'nfdump')
DATA = os.path.join(HERE, '..', 'data')
V4 = [r for r in RECORDS[:60] if ':' not in r['src']]


def config(name):
    return os.path.join(DATA, name + '.yaml')


def templates(name):
    """By id: the names in the order of the file. Read by eye of the machine, not by its parser."""
    found, of = {}, None
    with open(config(name)) as f:
        for line in f:
            m = re.match(r'- id: (\d+)', line)
            if m:
                of = found.setdefault(int(m.group(1)), [])
            m = re.match(r'  - (?:name: )?(\w+)$', line)
            if m and of is not None:
                of.append(m.group(1)[0].lower() + m.group(1)[1:])
    return found


@test
def every_configuration_is_accepted():
    for path in glob.glob(DATA + '/*.yaml'):
        r = run(FLOWCTL, 'agent', '-c', path, '--check')
        equal(r.stdout, path + ': OK\n', path)


@test
def a_json_file_of_the_same_means_the_same():
    r = run(FLOWCTL, 'agent', '-c', os.path.join(DATA, 'outputs-and-log.json'), '--check')
    check('no template carries records of TCP over IPv6' in r.stderr, r.stderr)


def is_idle(name, r):
    """Says the element nothing of such a record?"""
    if name.endswith(('TransportPort',)):
        return r['proto'] not in (6, 17, 132)
    return (name == 'tcpControlBits' and r['proto'] != 6) or (name == 'icmpTypeCodeIPv4' and r['proto'] != 1)


def chosen(of, r):
    """Fewest elements that do not apply, then the most, then the first."""
    return min(of, key=lambda i: (sum(is_idle(n, r) for n in of[i]), -len(of[i])))


def by_libfixbuf(name):
    of = templates(name)
    check(of, 'no template was found')
    with Fixbuf() as f:
        send(f.port, V4, max_len=0, options=['-c', config(name)])
        f.wait(len(V4))
    equal(f.complaints, [], 'what it complains of')
    for x, r in zip(f.records, V4):
        equal(x.template, chosen(of, r), 'template of the record of protocol %d' % r['proto'])
        equal([e[2] for e in x.elements], of[x.template], 'elements in their order')
        for n in of[x.template]:
            if n not in LOOSE:
                equal(plain(n, x[n]), TRUTH[n](r), n)


@test
def what_the_older_spelling_asks_for_goes_out():
    by_libfixbuf('older-collectors')


@test
def what_the_newer_spelling_asks_for_goes_out_in_messages_of_100_bytes():
    by_libfixbuf('outputs-and-log')


@test
def tcp_and_icmp_records_go_by_the_template_made_for_them():
    by_libfixbuf('exporter-tcp-icmp')


@test
def nfcapd_reads_the_tcp_and_icmp_templates():
    """Which have times that it gets wrong: 21 and 22 swapped, and without 160 not of this year."""
    with Collector(lambda c: ['nfcapd', '-w', c.dir, '-p', str(c.port), '-b', '127.0.0.1', '-t', '3600'],
                   signal.SIGTERM) as c:
        send(c.port, V4, max_len=0, options=['-c', config('exporter-tcp-icmp')])
        wait_for(lambda: drained(c.port), 'the socket read empty')
        log = c.stop()
        out = run('nfdump', '-r', glob.glob(c.dir + '/nfcapd.*')[0], '-q', '-o', 'fmt:%pkt,%byt,%pr,%sa,%da,%sp,%dp,%flg,%tos,%in,%out,%dir',
                  '-N').stdout
    check('Sequence Errors: 0, Bad Packets: 0' in log, log)
    rows = {int(f[0]): [x.strip() for x in f] for f in (l.split(',') for l in out.splitlines())}
    equal(len(rows), len(V4), 'the number of records')
    for r in V4:
        row, ports = rows[r['packets']], ports_of(r)
        icmp = icmp_of(r)
        equal(row[1], str(r['bytes']), 'bytes')
        equal(row[3:5], [r['src'], r['dst']], 'addresses')
        equal(row[5:7], [str(ports[0]), '%d.%d' % icmp if icmp else str(ports[1])], 'ports')
        equal(row[7], ''.join(c if r['flags'] >> (7 - i) & 1 else '.' for i, c in enumerate('CEUAPRSF')), 'flags')
        equal(row[8:12], [str(r['tos']), str(r['in']), str(r['out']), 'IE'[r['direction']]],
              'ToS, interfaces, direction')


main()
