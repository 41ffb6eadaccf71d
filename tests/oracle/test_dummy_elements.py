#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""ipfix-dummy, by libfixbuf: any value of every element that a flow file can name."""
import ipaddress
from fixbuf import *
from elements import ELEMENTS, groups
from truth import from_octets, plain

NOW = 1795233357


def number(e, salt):
    """Of as many octets as a template has that names no length: of TCP's flags one (RFC 9565)."""
    octets = 1 if e['name'].endswith('cpControlBits') else min(e['length'], 8)
    return (e['id'] * 2654435761 + e['pen'] + salt * 40503) % (1 << 8 * octets)


def value(name, salt):
    """What is written into the flow file, and what the collector should read."""
    e = ELEMENTS[name]
    kind, n = e['type'], number(e, salt)
    if kind == 'string':
        return ('%d %s' % (salt, name[-12:]),) * 2
    if kind == 'ipv4Address':
        a = ipaddress.ip_address((n * 7919) % (1 << 32))
        return '0x%08x' % int(a) if salt else str(a), str(a)
    if kind == 'ipv6Address':
        a = ipaddress.ip_address(0x20010db8 << 96 | n << 33 | e['id'])
        return '0x%032x' % int(a) if salt else str(a), str(a)
    if kind == 'macAddress':
        mac = ':'.join('%02x' % (n >> 8 * i & 255) for i in range(6))
        return '0x' + mac.replace(':', '') if salt else mac, mac
    for unit, per_s in ('dateTimeSeconds', 1), ('dateTimeMilliseconds', 10**3), \
            ('dateTimeMicroseconds', 10**6), ('dateTimeNanoseconds', 10**9):
        if kind == unit:
            t = (NOW + e['id']) * per_s + (per_s // 7 if salt else 0)
            return str(t), t
    return '0x%x' % n if salt else str(n), n


def flow_file(path, names, salts):
    """One flow a salt, as JSON; what should be read of each."""
    values = [{n: value(n, salt) for n in names} for salt in salts]
    with open(path, 'w') as f:
        json.dump({'flowsets': [{'templateId': 500, 'flows': [{n: v[0] for n, v in row.items()} for row in values]}]}, f)
    return [{n: v[1] for n, v in row.items()} for row in values]


@test
def every_element_takes_any_value():
    for names in groups(60):
        with tempfile.TemporaryDirectory(prefix='flowctl-dummy-') as d, Fixbuf() as c:
            with open(d + '/config.json', 'w') as f:
                json.dump({'outputs': [{'collector': {'remoteAddress': '127.0.0.1:%d' % c.port}}],
                           'templates': [{'id': 500, 'template': names}]}, f)
            wanted = flow_file(d + '/flows.json', names, range(3))
            run(FLOWCTL, 'ipfix-dummy', '-c', d + '/config.json', '-f', d + '/flows.json')
            c.wait(3)
            equal(c.complaints, [], 'what it complains of')
            for read, w in zip(c.records, wanted):
                equal(len(read.elements), len(names), 'elements')
                for name, (pen, _, called, _, shown) in zip(names, read.elements):
                    alien = called.startswith('_alien')
                    is_ = from_octets(shown, w[name]) if alien else plain(name, shown)
                    equal(is_, w[name], name)


main()
