#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What UDP carries is as right by TCP, by TLS and in files (RFC 5655): to libfixbuf every
element by each, to tshark from a capture of TCP and from a file."""
from elements import groups, layout
from fixbuf import *
from tls import Certificates, TlsFront
from truth import LOOSE, from_octets, plain, truth
from tshark import Tap, dissect_file, elements_of_file, value_of

FOLDER = tempfile.mkdtemp(prefix='flowctl-oracle-')
BY_PACKETS = {r['packets']: r for r in RECORDS + BIFLOWS}
ALIEN = '_alienInformationElement'


def agree_with(records, read, ids=None):
    equal(len(read), len(records), 'the number of records')
    for x, r in zip(read, records):
        for pen, number, called, _, shown in x.elements:
            n = ids[pen, number] if ids else called
            w = truth(n, r)
            is_ = from_octets(shown, w) if called == ALIEN else plain(n, shown)
            check(n in LOOSE or is_ == w, 'record of %d packets: %s is %r, wanted %r' % (r['packets'], n, is_, w))


def by_tcp(records, *template, options=()):
    with Fixbuf('tcp') as f:
        send(f.port, records, *template, options=('-k', 'tcp', *options))
        f.wait(len(records))
    return f


def by_tls(records, *template, options=()):
    if os.environ.get('FLOWCTL_TLS') == '0':
        skip('this build has no TLS')
    c = CERTIFICATES
    with Fixbuf('tcp') as f, TlsFront(f.port, c, verify=True) as front:
        send(front.port, records, *template, options=(
            '-k', 'tls', '-a', c.path('ca.pem'), '-s', c.path('client.pem'), '-y', c.path('client.key'), *options))
        f.wait(len(records))
    return f


def by_file(records, *template, options=()):
    class Read:
        path = os.path.join(FOLDER, 'flow.ipfix')
    if os.path.exists(Read.path):
        os.unlink(Read.path)
    send(0, records, *template, options=('-k', 'file', *options), remote=Read.path)
    Read.records, Read.options, Read.complaints = read_file(Read.path)
    return Read


def every_builtin_template(by):
    f = by(RECORDS)
    agree_with(RECORDS, f.records)
    equal(f.complaints, [], 'what libfixbuf complains of')
    equal(len({x.template for x in f.records}), 8, 'templates that were used')
    # With the other direction, options data and variable lengths.
    f = by(BIFLOWS, options=('-B', '-p', 'strict', '-t', '60', '-i', '7:1:eth7:uplink'))
    agree_with(BIFLOWS, f.records)
    equal(f.complaints, [], 'what libfixbuf complains of')
    check(f.options, 'there is no options data')
    names = {x.by_name['interfaceName'] for x in f.options if 'interfaceName' in x.by_name}
    equal(names, {'eth7'}, 'names of interfaces')


def every_element(by):
    for names in groups(60):
        records = [r for r in BIFLOWS + RECORDS[:40] if (':' in r['src']) == any('IPv6' in n for n in names)]
        f = by(records, 300, *names)
        equal(f.complaints, [], 'what libfixbuf complains of')
        agree_with(records, f.records, {(pen, number): n for n, (pen, number, _) in zip(names, layout(names))})


@test
def every_builtin_template_is_right_by_tcp():
    every_builtin_template(by_tcp)


@test
def every_element_is_right_by_tcp():
    every_element(by_tcp)


@test
def every_builtin_template_is_right_by_tls():
    every_builtin_template(by_tls)


@test
def every_element_is_right_by_tls():
    every_element(by_tls)


@test
def every_builtin_template_is_right_in_a_file():
    every_builtin_template(by_file)


@test
def every_element_is_right_in_a_file():
    every_element(by_file)


def shown_by_tshark(path, *decode_as):
    flows, complaints = dissect_file(path, *decode_as)
    equal(complaints, [], 'what tshark complains of')
    got = sorted((int(f['cflow.packets']), int(f['cflow.octets'])) for f in flows if 'cflow.packets' in f)
    equal(got, sorted((r['packets'], r['bytes']) for r in RECORDS), 'packets and octets')


@test
def tshark_reads_what_goes_by_tcp():
    path = os.path.join(FOLDER, 'tcp.pcap')
    with Fixbuf('tcp') as f:
        tap = Tap(f.port)
        send(f.port, RECORDS, options=['-k', 'tcp'])
        f.wait(len(RECORDS))
    tap.stop(path)
    shown_by_tshark(path, 'tcp.port==%d,cflow' % f.port)


@test
def tshark_reads_the_file():
    shown_by_tshark(by_file(RECORDS).path)


@test
def tshark_shows_every_element_of_the_file():
    for names in groups(60):
        records = [r for r in BIFLOWS[:10] if (':' in r['src']) == any('IPv6' in n for n in names)]
        flows = elements_of_file(by_file(records, 300, *names).path, layout(names))
        equal(len(flows), len(records), 'flows')
        for flow, r in zip(flows, records):
            for n, shown in zip(names, flow):
                if n not in LOOSE:
                    equal(value_of(n, shown, truth(n, r)), truth(n, r), n)


@test
def a_server_that_is_not_the_one_meant_is_told_nothing():
    """By its name, by its issuer; and one that asks for a certificate gets nothing without."""
    c = CERTIFICATES
    c.make_ca('other')
    with Fixbuf('tcp') as f, TlsFront(f.port, c) as front, TlsFront(f.port, c, verify=True) as strict:
        for port, more in ((front.port, ('-a', c.path('other.pem'))), (front.port, ('-a', c.path('ca.pem'), '-n', 'x.example')),
                           (strict.port, ('-a', c.path('ca.pem')))):
            r = run(SEND, '-k', 'tls', *more, '127.0.0.1:%d' % port, '127.0.0.1:0', 1400, input=line(RECORDS[0]) + '\n', ok=False)
            check('records 0' in r.stdout or r.returncode == 1, r.stdout + r.stderr)
        f.look()
    equal(f.records, [], 'what arrived')


CERTIFICATES = Certificates(FOLDER)
try:
    main()
finally:
    shutil.rmtree(FOLDER)
