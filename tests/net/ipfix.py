# SPDX-License-Identifier: Apache-2.0
"""IPFIX read by hand (RFC 7011), from the datagrams that a Recorder kept: what a test says of
sequence numbers must not rest on a collector's idea of them."""
import socket
import struct
from collections import defaultdict

OCTETS, PACKETS, PROTO, SPORT, SRC4, DPORT, DST4 = 1, 2, 4, 7, 8, 11, 12
SRC6, DST6 = 27, 28


class Message:
    def __init__(self, sequence, domain, records):
        self.sequence, self.domain, self.records = sequence, domain, records


class Stream:
    """All messages of one exporter's address and port, in the order they came."""
    def __init__(self):
        self.templates, self.messages = {}, []

    def add(self, data):
        version, length, _, sequence, domain = struct.unpack_from('!HHIII', data)
        if version != 10 or length != len(data):
            raise ValueError('no IPFIX message')
        records, at = [], 16
        while at < length:
            set_id, set_len = struct.unpack_from('!HH', data, at)
            body = data[at + 4:at + set_len]
            if set_id == 2:
                self._templates(domain, body)
            elif set_id >= 256:
                records += self._records(self.templates[domain, set_id], body)
            at += set_len
        self.messages.append(Message(sequence, domain, records))

    def _templates(self, domain, body):
        at = 0
        while at + 4 <= len(body):
            tid, n = struct.unpack_from('!HH', body, at)
            at += 4
            fields = []
            for _ in range(n):
                ie, length = struct.unpack_from('!HH', body, at)
                at += 4
                if ie & 0x8000:
                    ie = None
                    at += 4
                fields.append((ie, length))
            self.templates[domain, tid] = fields

    @staticmethod
    def _records(fields, body):
        size = sum(length for _, length in fields)
        records = []
        for at in range(0, len(body) - size + 1, size):
            r = {}
            for ie, length in fields:
                raw = body[at:at + length]
                r[ie] = raw if ie in (SRC4, DST4, SRC6, DST6) else int.from_bytes(raw, 'big')
                at += length
            records.append(r)
        return records

    def gaps(self, domain):
        """(messages seen before it, records missing) wherever a sequence does not go on."""
        found, next_ = [], None
        for i, m in enumerate(m for m in self.messages if m.domain == domain):
            if next_ is not None and m.sequence != next_:
                found.append((i, m.sequence - next_))
            next_ = m.sequence + len(m.records)
        return found

    def domains(self):
        return {m.domain for m in self.messages}

    def records(self):
        return [r for m in self.messages for r in m.records]


def streams(datagrams):
    """By the exporter's port. @datagrams: (time, data, (address, port))."""
    by_port = defaultdict(Stream)
    for _, data, (_, port) in datagrams:
        by_port[port].add(data)
    return dict(by_port)


def totals(records):
    records = list(records)
    return sum(r[PACKETS] for r in records), sum(r[OCTETS] for r in records)


def flow_of(r):
    return socket.inet_ntoa(r[SRC4]), r[SPORT], socket.inet_ntoa(r[DST4]), r[DPORT]
