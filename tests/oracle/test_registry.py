#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Numbers, names, lengths and types against libfixbuf's copy of the IANA registry."""
import ctypes, re, select, struct
from common import *

TABLE = os.path.join(HERE, '../../lib/flow/ie.c')
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


# RFC 5610 3.1, by what ie.c calls them.
TYPES = {'U8': 1, 'U16': 2, 'U32': 3, 'U64': 4, 'BE16': 2, 'MAC': 12, 'SEC': 14, 'MSEC': 15,
         'NTP_US': 16, 'NTP_NS': 17, 'IPV4': 18, 'IPV6': 19}
# RFC 7011 6.2: unsigned16 in one octet, see there.
REDUCED = {'tcpControlBits': 1}


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


def rows():
    """(id, name, type) as the source has them."""
    with open(TABLE) as f:
        return [(int(i), name, t) for i, name, t in
                re.findall(r'^\t[A-Z]+\((\d+), (\w+), (\w+),', f.read(), re.M)]


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
def every_row_has_the_number_the_length_and_the_type_of_the_registry():
    known, table = registry(), rows()
    check(len(known) > 400 and len(table) > 40, 'both lists are read')
    v4 = next(r for r in RECORDS if ':' not in r['src'])
    v6 = next(r for r in RECORDS if ':' in r['src'])
    lengths = dict(templates_of([name for _, name, _ in table if 'IPv6Address' not in name], v4) +
                   templates_of([name for _, name, _ in table if 'IPv6Address' in name], v6))
    for i, name, t in table:
        check(name in known, 'libfixbuf knows no %s' % name)
        equal(i, known[name].num, 'number of ' + name)
        equal(lengths[i], REDUCED.get(name, known[name].len), 'length of ' + name)
        if name not in REDUCED:
            equal(TYPES[t], known[name].type, 'type of ' + name)


# RFC 5610 3.1, by what ie_registry.c calls them.
DATA = ('OCTETS U8 U16 U32 U64 S8 S16 S32 S64 F32 F64 BOOL MAC STRING SEC MSEC USEC NSEC IPV4 IPV6 '
        'LIST STL STML U256').split()
# RFC 7270 4.12 has unsigned32, which the registry took over after that library's time.
NEWER = {'forwardingStatus': 'U32'}


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
