#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the fuzzer's seeds into a folder: one script a file, as fuzz_collect.c reads them."""
import os, struct, sys

UDP, TCP, TLS, SCTP, FILE = range(5)
NOW = 1795233357
VAR = 65535


def ipfix(*sets, seq=0, domain=1, time=NOW):
    body = b''.join(sets)
    return struct.pack('!HHIII', 10, 16 + len(body), time, seq, domain) + body


def netflow9(*sets, count=1, seq=0, domain=1):
    return struct.pack('!HHIIII', 9, count, 123456, NOW, seq, domain) + b''.join(sets)


def set_(id_, *parts, pad=0):
    body = b''.join(parts) + bytes(pad)
    return struct.pack('!HH', id_, 4 + len(body)) + body


def fields(*f):
    out = b''
    for x in f:
        id_, length = x[0], x[1]
        out += struct.pack('!HH', id_ | (0x8000 if len(x) > 2 else 0), length)
        out += struct.pack('!I', x[2]) if len(x) > 2 else b''
    return out


def template(id_, *f):
    return struct.pack('!HH', id_, len(f)) + fields(*f)


def options(id_, scope, *f):
    return struct.pack('!HHH', id_, len(f), scope) + fields(*f)


def options9(id_, scope, option):
    return struct.pack('!HHH', id_, 4 * len(scope), 4 * len(option)) + fields(*scope, *option)


def var(data):
    return bytes([len(data)]) + data if len(data) < 255 else struct.pack('!BH', 255, len(data)) + data


FLOW = ((8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (1, 8), (2, 4), (152, 8), (153, 8), (136, 1), (210, 1))
RECORD = struct.pack('!4s4sHHBQIQQBx', b'\xc0\0\2\1', b'\xc0\0\2\2', 49375, 443, 6, 5186818123, 1000,
                     NOW * 1000 - 500, NOW * 1000, 3)
TYPES = ((1, 0), (5, 2), (40, 8), (83, VAR), (82, 16), (276, 1), (320, 8), (321, 4), (56, 6), (27, 16),
         (150, 4), (154, 8), (156, 8), (158, 4), (22, 4), (291, VAR), (292, VAR), (293, VAR), (313, VAR))
VALUES = (struct.pack('!HQ', 5, 7) + var(b'eth0 "x"\\\n\xff\xc3\xa9') + b'name\0\0\0\0\0\0\0\0\0\0\0\0\1' +
          struct.pack('!df', 0.1, 1e30) + b'\2\0\0\0\1\1' + b'\x20\1\r\xb8' + bytes(11) + b'\1' +
          struct.pack('!IIIII', NOW, NOW - 61505152 & 0xffffffff, 0x80000000, 1, 0xffffffff) +
          struct.pack('!II', 5, 9) + var(b'\3' + struct.pack('!HH', 7, 2) + b'\0\1\0\2') +
          var(b'\3' + struct.pack('!H', 256) + RECORD) + var(b'\3' + struct.pack('!HH', 256, 4)) + var(bytes(300)))
# RFC 5610: privateEnterpriseNumber, informationElementId; type, semantics, name
TYPE_INFO = options(300, 2, (346, 4), (303, 2), (339, 1), (344, 1), (341, VAR))
OWN = template(301, (5, 4, 99999), (1, 8, 29305), (6, VAR, 99999))

seeds = {
    'flow': (UDP, [ipfix(set_(2, template(256, *FLOW)), set_(256, RECORD, RECORD)),
                   ipfix(set_(256, RECORD, pad=2), seq=2)]),
    'types': (TCP, [ipfix(set_(2, template(257, *TYPES[1:])), set_(257, VALUES))]),
    'types-cut': (TCP, [ipfix(set_(2, template(257, *TYPES[1:])), set_(257, VALUES[:-200]))]),
    'lists': (UDP, [ipfix(set_(2, template(258, (291, VAR))), set_(
        258, var(b'\3' + struct.pack('!HH', 291, VAR) + var(b'\1' + struct.pack('!HH', 8, 4) + bytes(8)))))]),
    'options': (UDP, [ipfix(set_(3, options(259, 1, (149, 4), (41, 8), (42, 8), (164, 8))),
                            set_(259, struct.pack('!IQQQ', 1, 2, 3, 4)))]),
    'type-information': (TCP, [ipfix(set_(3, TYPE_INFO), set_(2, OWN), set_(
        300, struct.pack('!IHBB', 99999, 5, 3, 0) + var(b'ourCount'),
        struct.pack('!IHBB', 99999, 6, 13, 0) + var(b'ourName')),
        set_(301, struct.pack('!IQ', 7, 8) + var(b'x')))]),
    'withdraw': (TCP, [ipfix(set_(2, template(256, *FLOW)), set_(3, options(257, 1, (149, 4), (41, 8)))),
                       ipfix(set_(2, struct.pack('!HH', 256, 0)), set_(256, RECORD)),
                       ipfix(set_(2, template(256, *FLOW[:4])), set_(3, struct.pack('!HH', 3, 0))),
                       ipfix(set_(2, struct.pack('!HH', 2, 0)))]),
    'redefine': (UDP, [ipfix(set_(2, template(256, *FLOW))), ipfix(set_(2, template(256, *FLOW[:3]))),
                       ipfix(set_(256, bytes(10)), seq=0)]),
    'sequence': (UDP, [ipfix(set_(2, template(256, (4, 1))), set_(256, bytes(3)), seq=s, time=NOW + t)
                       for s, t in ((0xfffffffe, 0), (1, 1), (10, 2), (4, 3), (1, 1), (0, 4), (3, 5), (1 << 31, 6))]),
    'netflow9': (UDP, [netflow9(set_(0, template(256, *FLOW[:7])), set_(256, RECORD[:25], pad=3), count=2),
                       netflow9(set_(1, options9(257, ((1, 4), (2, 4)), ((34, 4), (35, 1))), pad=2),
                                set_(257, bytes(13)), count=2, seq=1)]),
    'domains': (SCTP, [ipfix(set_(2, template(256, (4, 1))), domain=d) for d in range(20)]),
    'empty': (FILE, [ipfix(), ipfix(set_(256)), b'']),
    'zero': (UDP, [ipfix(set_(2, template(256, (4, 0), (1, 0))), set_(256, bytes(8)))]),
    'broken': (UDP, [b'\0\n', ipfix()[:12], ipfix(b'\1\0\0\3'), ipfix(b'\1\0\xff\xff'), b'\0\5' + bytes(40)]),
    'wide': (UDP, [ipfix(set_(2, template(256, *[(95, VAR)] * 300)), set_(256, bytes(300)))]),
}

os.makedirs(sys.argv[1], exist_ok=True)
for name, (transport, messages) in seeds.items():
    with open(os.path.join(sys.argv[1], name), 'wb') as f:
        f.write(bytes([transport]))
        for m in messages:
            f.write(struct.pack('!HB', len(m), 1) + m)
