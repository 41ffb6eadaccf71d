# SPDX-License-Identifier: Apache-2.0
"""IPFIX read by hand (RFC 7011), from the datagrams that a Recorder kept: what a test says of
sequence numbers must not rest on a collector's idea of them."""
import socket
import struct
from collections import defaultdict

OCTETS, PACKETS, PROTO, SPORT, SRC4, DPORT, DST4 = 1, 2, 4, 7, 8, 11, 12
SRC6, DST6 = 27, 28
# An enterprise's element: (its number, the element's).
FLOWCTL = 32473


class Message:
    """The sequence counts all data records (RFC 7011 3.1): those of flows, and of options."""
    def __init__(self, sequence, domain, records, n_options):
        self.sequence, self.domain, self.records = sequence, domain, records
        self.n_counted = len(records) + n_options


class Stream:
    """All messages of one exporter's address and port, in the order they came."""
    def __init__(self):
        self.templates, self.messages, self.options = {}, [], set()

    def add(self, data):
        version, length, _, sequence, domain = struct.unpack_from('!HHIII', data)
        if version != 10 or length != len(data):
            raise ValueError('no IPFIX message')
        records, at, n_options = [], 16, 0
        while at < length:
            set_id, set_len = struct.unpack_from('!HH', data, at)
            body = data[at + 4:at + set_len]
            if set_id in (2, 3):
                self._templates(domain, body, set_id == 3)
            elif (domain, set_id) in self.options:
                n_options += len(self._records(self.templates[domain, set_id], body))
            elif set_id >= 256:
                records += self._records(self.templates[domain, set_id], body)
            at += set_len
        self.messages.append(Message(sequence, domain, records, n_options))

    def _templates(self, domain, body, options):
        at = 0
        while at + 4 <= len(body):
            tid, n = struct.unpack_from('!HH', body, at)
            # A withdrawal (RFC 7011 8.1) has no scope count.
            at += 6 if options and n else 4
            if options:
                self.options.add((domain, tid))
            fields = []
            for _ in range(n):
                ie, length = struct.unpack_from('!HH', body, at)
                at += 4
                if ie & 0x8000:
                    ie = struct.unpack_from('!I', body, at)[0], ie & 0x7fff
                    at += 4
                fields.append((ie, length))
            self.templates[domain, tid] = fields

    @staticmethod
    def _value(body, at, length):
        """(bytes, place behind them); 65535 is a variable length (RFC 7011 7)."""
        if length == 65535:
            length, at = body[at], at + 1
            if length == 255:
                length, at = int.from_bytes(body[at:at + 2], 'big'), at + 2
        return body[at:at + length], at + length

    @classmethod
    def _records(cls, fields, body):
        least = sum(1 if length == 65535 else length for _, length in fields)
        records, at = [], 0
        while at + least <= len(body):
            r = {}
            for ie, length in fields:
                raw, at = cls._value(body, at, length)
                r[ie] = raw if ie in (SRC4, DST4, SRC6, DST6) else int.from_bytes(raw, 'big')
            records.append(r)
        return records

    def gaps(self, domain):
        """(messages seen before it, records missing) wherever a sequence does not go on."""
        found, next_ = [], None
        for i, m in enumerate(m for m in self.messages if m.domain == domain):
            if next_ is not None and m.sequence != next_:
                found.append((i, m.sequence - next_))
            next_ = m.sequence + m.n_counted
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
