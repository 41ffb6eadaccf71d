# SPDX-License-Identifier: Apache-2.0
"""A TCP conversation that a test writes, segment by segment, into a capture (pcap.Tape).

    c = Talk(tape, a, b)            # a is the client
    c.open()                        # 10 ms to the SYN-ACK, 1 ms to the ACK
    s = c.send(a, 1000)             # 1,000 octets; their sequence number
    c.wait(10 * MS); c.ack(b)       # all that a sent
    c.send(a, 1000, seq=s)          # again

Its clock stands still but for wait(). Sequence numbers are real ones, modulo 2^32.
"""
from pcap import ACK, FIN, PSH, RST, SYN

US, MS, S = 1, 1000, 1000000
MOD = 1 << 32


def after(x, y):
    return 0 < (x - y) % MOD < MOD // 2


class End:
    def __init__(self, isn, window):
        self.isn, self.next, self.acked, self.window = isn, isn, None, window
        self.options = b''          # of each segment but a SYN


class Talk:
    def __init__(self, tape, a, b, at=0, isn=(1000, 70000), window=(65535, 65535), server=10 * MS, client=1 * MS,
                 vlans=((), ())):
        self.tape, self.a, self.b, self.at = tape, a, b, at
        self.ends = {a: End(isn[0], window[0]), b: End(isn[1], window[1])}
        self.server, self.client = server, client
        self.vlans = {a: vlans[0], b: vlans[1]}

    def other(self, who):
        return self.b if who is self.a else self.a

    def wait(self, us):
        self.at += us
        return self

    def put(self, who, flags, seq, ack=0, data=0, **kw):
        """Any segment."""
        end = self.ends[who]
        kw.setdefault('window', end.window)
        kw.setdefault('options', b'' if flags & SYN else end.options)
        self.tape.tcp(self.at, who, self.other(who), flags, seq, ack, data, vlans=self.vlans[who], **kw)
        behind = (seq + (data if isinstance(data, int) else len(data)) + bool(flags & SYN) + bool(flags & FIN)) % MOD
        if after(behind, end.next):
            end.next = behind

    def syn(self, who, flags=SYN, **kw):
        ack = kw.pop('ack', self.ends[self.other(who)].next if flags & ACK else 0)
        if flags & ACK:
            self.ends[who].acked = ack
        self.put(who, flags, self.ends[who].isn, ack, **kw)

    def open(self, options=(b'', b''), flags=(SYN, SYN | ACK)):
        self.syn(self.a, flags[0], options=options[0])
        self.wait(self.server).syn(self.b, flags[1], options=options[1])
        self.wait(self.client).ack(self.a)
        return self

    def send(self, who, n, seq=None, flags=PSH | ACK, ack=None, **kw):
        """@n octets, at the end of what was sent or at @seq. Where they begin."""
        end = self.ends[who]
        seq = end.next if seq is None else seq
        self.put(who, flags, seq, self.acking(who, ack), n, **kw)
        return seq

    def acking(self, who, ack):
        end = self.ends[who]
        if end.acked is None:
            end.acked = self.ends[self.other(who)].next
        if ack is not None and after(ack, end.acked):
            end.acked = ack
        return end.acked if ack is None else ack

    def ack(self, who, ack=None, **kw):
        """All that the other end sent, or up to @ack."""
        self.put(who, ACK, self.ends[who].next,
                 self.acking(who, self.ends[self.other(who)].next if ack is None else ack), **kw)

    def exchange(self, who, n, rtt):
        """Data, and their ACK."""
        seq = self.send(who, n)
        self.wait(rtt).ack(self.other(who))
        return seq

    def close(self):
        self.put(self.a, FIN | ACK, self.ends[self.a].next, self.ends[self.b].next)
        self.wait(self.server).put(self.b, FIN | ACK, self.ends[self.b].next, self.ends[self.a].next)
        self.wait(self.client).ack(self.a)

    def reset(self, who):
        self.put(who, RST | ACK, self.ends[who].next, self.ends[self.other(who)].next, window=0)
