#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Numbers, names, lengths and types against libfixbuf's copy of the IANA registry."""
import ctypes, json, re, select, struct
from common import *

NAMES = os.path.join(HERE, '../../lib/flow/ie_registry.c')

try:
    ctypes.CDLL('libglib-2.0.so.0', ctypes.RTLD_GLOBAL)     # Debian's libfixbuf does not name it
    fixbuf = ctypes.CDLL('libfixbuf.so.9')
except OSError as e:
    print('1..0 # SKIP %s' % e)
    sys.exit(77)


class InfoElement(ctypes.Structure):
    """fbInfoElement_t of fixbuf/public.h, 2.x."""
    _fields_ = [('name', ctypes.c_char_p), ('midx', ctypes.c_uint32), ('ent', ctypes.c_uint32),
                ('num', ctypes.c_uint16), ('len', ctypes.c_uint16), ('flags', ctypes.c_uint32),
                ('min', ctypes.c_uint64), ('max', ctypes.c_uint64), ('type', ctypes.c_uint8)]


# enum: RFC 5610 3.6 and 3.7
SEMANTICS = 'default quantity totalCounter deltaCounter identifier flags'.split()
UNITS = ('none bits octets packets flows seconds milliseconds microseconds nanoseconds words messages '
         'hops').split()
REVERSIBLE = 0x40
# Wire lengths: RFC 9710 wants one octet of the unsigned32.
REDUCED = {'forwardingStatus': 1}
# Elements that came after that library: RFC 9740.
LATER = {'ipv6ExtensionHeadersFull': 515, 'tcpOptionsFull': 520}


def registry():
    fixbuf.fbInfoModelAlloc.restype = ctypes.c_void_p
    fixbuf.fbInfoModelIterNext.restype = ctypes.POINTER(InfoElement)
    model, it, found = ctypes.c_void_p(fixbuf.fbInfoModelAlloc()), ctypes.create_string_buffer(256), {}
    fixbuf.fbInfoModelIterInit(it, model)
    while e := fixbuf.fbInfoModelIterNext(it):
        # It has some of NetFlow 9 too (9999, 33002, 40005).
        if e.contents.ent == 0 and e.contents.num < 1000:
            found[e.contents.name.decode()] = e.contents
    return found


# RFC 5610 3.1, by what ie_registry.c calls them.
DATA = ('OCTETS U8 U16 U32 U64 S8 S16 S32 S64 F32 F64 BOOL MAC STRING SEC MSEC USEC NSEC IPV4 IPV6 '
        'LIST STL STML U256').split()
# RFC 7270 4.12 has unsigned32, which the registry took over after that library's time.
NEWER = {'forwardingStatus': 'U32'}
TYPE_NAMES = {'U8': 'unsigned8', 'U16': 'unsigned16', 'U32': 'unsigned32', 'U64': 'unsigned64',
              'MAC': 'macAddress', 'STRING': 'string', 'SEC': 'dateTimeSeconds',
              'MSEC': 'dateTimeMilliseconds', 'USEC': 'dateTimeMicroseconds',
              'NSEC': 'dateTimeNanoseconds', 'IPV4': 'ipv4Address', 'IPV6': 'ipv6Address'}


def listed():
    return json.loads(run(FLOWCTL, 'ie', '-o', 'json').stdout)


def templates_of(names, record):
    """(id, length) of each field, as they leave in a template set."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(('127.0.0.1', 0))
        send(s.getsockname()[1], [record], 300, *names)
        check(select.select([s], [], [], 5)[0], 'no template came')
        d = s.recv(65535)
    check(d[16:18] == b'\0\2', 'the first set is of templates')
    n = struct.unpack('!H', d[22:24])[0]
    return [struct.unpack('!HH', d[24 + 4 * i:28 + 4 * i]) for i in range(n)]


@test
def every_element_is_what_the_registry_says():
    known, ours = registry(), [e for e in listed() if e['pen'] == 0]
    check(len(known) > 400 and len(ours) > 70, 'both lists are read')
    for e in ours:
        name = e['name']
        if name in LATER:
            equal(e['id'], LATER[name], 'number of ' + name)
            continue
        check(name in known, 'libfixbuf knows no %s' % name)
        k = known[name]
        equal(e['id'], k.num, 'number of ' + name)
        equal(e['length'], REDUCED.get(name, k.len), 'length of ' + name)
        equal(e['type'], TYPE_NAMES[NEWER.get(name, DATA[k.type])], 'type of ' + name)
        equal(e['semantics'], SEMANTICS[k.flags >> 8 & 0xff], 'semantics of ' + name)
        equal(e['units'], UNITS[k.flags >> 16], 'units of ' + name)
        equal((e['range_begin'], e['range_end'] or 0), (k.min, k.max), 'range of ' + name)


@test
def every_element_that_has_a_reverse_has_it():
    known, ours = registry(), listed()
    reverse = {e['name']: e for e in ours if e['pen'] == 29305}
    for e in ours:
        name = 'reverse' + e['name'][0].upper() + e['name'][1:]
        has = e['pen'] == 0 and (e['name'] in LATER or known[e['name']].flags & REVERSIBLE)
        equal(name in reverse, bool(has), name)
        if has:
            equal({**reverse[name], 'name': e['name'], 'pen': 0}, e, name)


@test
def templates_announce_the_lengths_that_are_listed():
    ours = [e for e in listed() if e['pen'] == 0]
    for family in 'IPv4', 'IPv6':
        record = next(r for r in RECORDS if (':' in r['src']) == (family == 'IPv6'))
        other = 'IPv6Address' if family == 'IPv4' else 'IPv4Address'
        names = [e for e in ours if other not in e['name']]
        for i in range(0, len(names), 40):
            some = names[i:i + 40]
            sent = templates_of(['%s:%d' % (e['name'], e['length']) for e in some], record)
            equal(sent, [(e['id'], e['length']) for e in some], family)


@test
def the_whole_registry_has_its_numbers_names_and_types():
    with open(NAMES) as f:
        ours = {name: (int(i), t) for i, t, name in re.findall(r'R\((\d+), (\w+), (\w+)\)', f.read())}
    known = registry()
    equal(sorted(n for n in known if n not in ours), [], 'names that are missing')
    for name, e in known.items():
        equal(ours[name], (e.num, NEWER.get(name, DATA[e.type])), name)
    ids = sorted(i for i, _ in ours.values())
    equal(len(ids), len(set(ids)), 'no number stands twice')
    equal(ids, [i for i, _ in ours.values()], 'they stand by number')


main()
