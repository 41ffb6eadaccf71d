#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Many records at once, to collectors whose socket buffer is the system's default: none is
lost, whoever reads. Nothing here sets SO_RCVBUF."""
import os, re, signal, struct, threading
from common import *

HEADER = struct.Struct('!HHIII')


def flood(port, n):
    r = run(SEND, '-b', '127.0.0.1:%d' % port, '127.0.0.1:0', 1400, input='flood=%d\n' % n)
    equal(r.stdout.strip(), 'records %d lost 0 errors 0' % n, 'what ipfix_send says')


def to_nfcapd(n):
    need('nfcapd', 'nfdump')
    # Before other processes: it is its buffer that is tried here, not a machine with more to do.
    with Collector(lambda c: ['nice', '-n', '-20', 'nfcapd', '-w', c.dir, '-p', str(c.port), '-b', '127.0.0.1', '-t', '3600'],
                   signal.SIGTERM) as c:
        flood(c.port, n)
        wait_for(lambda: drained(c.port), 'the socket read empty')
        log = c.stop()
    flows, packets, octets, errors, bad = map(int, re.search(
        r'Flows: (\d+), Packets: (\d+), Bytes: (\d+), Sequence Errors: (\d+), Bad Packets: (\d+)', log).groups())
    equal((flows, packets, octets), (n, n * (n + 1) // 2, 100 * n), 'flows, packets and bytes')
    equal((errors, bad), (0, 0), 'sequence errors and bad packets')


@test
@patiently
def nfcapd_misses_none_of_100000():
    to_nfcapd(100000)


@test
@patiently
def nfcapd_misses_none_of_1000000():
    to_nfcapd(1000000)


class Reader(threading.Thread):
    """Reads one datagram after the other, and looks at each of its sets."""
    def __init__(self):
        super().__init__(daemon=True)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(('127.0.0.1', 0))
        self.sock.settimeout(1)
        self.lengths, self.seen, self.faults, self.messages = {}, bytearray(1 << 20), [], 0
        self.sequence = self.records = 0

    def template(self, body):
        at = 0
        while at < len(body):
            id_, n = struct.unpack_from('!HH', body, at)
            fields, at = [], at + 4
            for _ in range(n):
                fields.append(struct.unpack_from('!HH', body, at))
                at += 8 if fields[-1][0] & 0x8000 else 4       # an enterprise's has its number behind
            before = [f for f, _ in fields].index(2)
            self.lengths[id_] = sum(l for _, l in fields), sum(l for _, l in fields[:before])

    def data(self, id_, body):
        length, at = self.lengths[id_]
        if len(body) % length:
            self.faults.append('%d bytes of records of %d' % (len(body), length))
        for k in range(at, len(body) - length + at + 1, length):
            packets, = struct.unpack_from('!Q', body, k)
            self.seen[packets] += 1
        return len(body) // length

    def message(self, m):
        version, length, _, sequence, domain = HEADER.unpack_from(m)
        if (version, length, sequence, domain) != (10, len(m), self.sequence, 1):
            self.faults.append('message %d: %s' % (self.messages, (version, length, sequence, domain)))
        at = 16
        while at < length:
            id_, size = struct.unpack_from('!HH', m, at)
            if id_ == 2:
                self.template(m[at + 4:at + size])
            else:
                self.sequence += self.data(id_, m[at + 4:at + size])
            at += size
        self.messages += 1

    def run(self):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), -20)
        try:
            while True:
                self.message(self.sock.recv(65535))
        except socket.timeout:
            pass


@test
@patiently
def a_slow_reader_in_python_misses_none_of_100000():
    r = Reader()
    r.start()
    flood(r.sock.getsockname()[1], 100000)
    r.join()
    equal(r.faults[:3], [], 'faults')
    equal(r.sequence, 100000, 'records')
    equal(sum(r.seen[1:100001]), 100000, 'records once each')
    equal(max(r.seen), 1, 'records twice')
    check(r.messages < 100000 / 12, '%d messages, most of them full' % r.messages)


main()
