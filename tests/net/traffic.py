# SPDX-License-Identifier: Apache-2.0
"""Known traffic in the background: UDP over many flows, sent by processes of their own, one
on each CPU, so that all parts of a table see some.

    t = Traffic(wires, flows=500, pace=20000)   # packets a second, all senders together
    t.start(seconds)                            # or start(packets=N)
    ...
    sent_packets, sent_bytes = t.wait()
"""
import mmap
import os
import struct
import time

from lib import *

BATCH = 50


class Traffic:
    """Each sender has its own source address, so what flow a packet is of is known by it."""
    def __init__(self, ns, dev, dst_mac, src_mac, flows=500, pace=20000, senders=2, fresh=0, net16='10.82'):
        self.ns, self.dev, self.macs = ns, dev, (dst_mac, src_mac)
        self.flows, self.pace, self.senders, self.fresh = flows, pace, senders, fresh
        self.net16 = net16
        self.children = []

    def frames(self, sender, generation=0):
        """Flows of different sizes; a new @generation of them has other addresses."""
        frames = []
        for i in range(self.flows // self.senders):
            src = '%s.%d.%d' % (self.net16, sender, generation % 250 + 1)
            ip = ipv4(src, '10.83.0.2', 17, udp(1024 + i, 7, bytes(i % 400)))
            frames.append((eth(*self.macs, 0x800, ip), len(ip)))
        return frames

    def _send(self, sender, packets, seconds, pipe):
        os.sched_setaffinity(0, {sender % os.cpu_count()})
        wire = Wire(self.ns, self.dev)
        end = time.monotonic() + (seconds or 1e9)
        gap = BATCH * self.senders / self.pace
        n = n_bytes = round_ = 0
        frames, next_ = self.frames(sender), time.monotonic()
        at = 0
        while n < packets and time.monotonic() < end:
            for _ in range(min(BATCH, packets - n)):
                frame, size = frames[at]
                wire.send(frame)
                n_bytes += size
                n += 1
                at += 1
                if at == len(frames):
                    at = 0
                    round_ += 1
                    if self.fresh and round_ % self.fresh == 0:
                        frames = self.frames(sender, round_ // self.fresh)
            next_ += gap
            time.sleep(max(0, next_ - time.monotonic()))
        os.write(pipe, struct.pack('QQ', n, n_bytes))

    def start(self, seconds=None, packets=None):
        for sender in range(self.senders):
            r, w = os.pipe()
            pid = os.fork()
            if pid == 0:
                try:
                    self._send(sender, packets // self.senders if packets else 1 << 62, seconds, w)
                finally:
                    os._exit(0)
            os.close(w)
            self.children.append((pid, r))
        return self

    def wait(self):
        """All of it: what was sent, packets and bytes of the IP layer."""
        total = [0, 0]
        for pid, pipe in self.children:
            data = os.read(pipe, 16)
            os.close(pipe)
            os.waitpid(pid, 0)
            if len(data) != 16:
                raise Failed('a sender died')
            for i, v in enumerate(struct.unpack('QQ', data)):
                total[i] += v
        self.children = []
        return tuple(total)


REASONS = ('held', 'exported', 'flushed', 'duplicate', 'self', 'undelivered', 'full', 'unparsed', 'non_ip',
           'sampled_out', 'aged')


def ledgers(net, *args):
    """The ledger of every hook by (netns, iface, direction): {reason: (packets, bytes)}."""
    return {(m['netns'], m['iface'], m['direction']):
            {k: (v['packets'], v['bytes']) for k, v in m['ledger'].items()}
            for m in net.json('meter', 'status', *args)}


def balanced(ledger, what=''):
    for i, unit in enumerate(('packets', 'bytes')):
        found = sum(ledger[r][i] for r in REASONS)
        if found != ledger['seen'][i]:
            raise Failed('%s: %d %s seen, %d found: %s' % (what, ledger['seen'][i], unit, found, ledger))
    equal(set(ledger), {'seen', *REASONS}, 'the reasons')


def sum_of(records):
    records = list(records)
    return sum(r['packets'] for r in records), sum(r['bytes'] for r in records)


class Ctl:
    """A table's control block, mapped as flowctl maps it: to make the clock of a test short."""
    STREAMS = 32

    def __init__(self, net, ns):
        with inside(ns):
            s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            cookie, = struct.unpack('Q', s.getsockopt(socket.SOL_SOCKET, 71, 8))    # SO_NETNS_COOKIE
            s.close()
        fd = obj_get('%s/flowctl/%d/ctl' % (net.bpffs, cookie))
        with open('/proc/self/fdinfo/%d' % fd) as f:
            self.size, = [int(line.split()[1]) for line in f if line.startswith('value_size')]
        self.map = mmap.mmap(fd, -(-self.size // mmap.PAGESIZE) * mmap.PAGESIZE)
        os.close(fd)

    def set_reclaim_ticks(self, n):
        struct.pack_into('I', self.map, 12, n)

    def fill_streams(self):
        """The sequences of sessions and domains that are long gone: they are its last member."""
        for i in range(self.STREAMS):
            struct.pack_into('QII', self.map, self.size - 16 * (self.STREAMS - i), 1000 + i, 7000 + i, 5)
