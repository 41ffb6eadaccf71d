#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Collectors that die and come back, and one that never reads: the agent under all of it,
counted out. What arrived and what it says was lost is what was metered."""
import select
import threading

from faults import *
from tls import Certificates, Front, TlsFront
import ipfix      # of tests/net

box = Counted('faults')


def setup():
    box.setup()
    box.certificates = Certificates(box.dir)


class Behind:
    """libfixbuf behind a front that takes its port again at once."""
    def __init__(self, front, port=None):
        self.fixbuf = Fixbuf('tcp')
        self.fixbuf.__enter__()
        self.front = front(self.fixbuf.port, port)
        self.port = self.front.port

    def __enter__(self):
        self.front.__enter__()
        return self

    def kill(self):
        self.front.kill()
        self.fixbuf.kill()

    def __exit__(self, *why):
        self.front.__exit__(*why)
        self.fixbuf.__exit__(*why)


def killed_and_restarted(front, remote):
    """Three waves: before, while it is dead, and after; all of them arrive."""
    box.fresh()
    with Behind(front) as first, box.agent([{'collector': remote(first.port)}]):
        box.wave(0)
        first.fixbuf.wait(PER_WAVE)
        first.kill()
        box.wave(1)
        box.gone()
        with Behind(front, first.port) as second:
            box.wave(2)
            second.fixbuf.wait(2 * PER_WAVE, 30)
            box.gone()
    equal(received(first.fixbuf, second.fixbuf), box.sent(), 'what arrived at both')
    equal(second.fixbuf.complaints, [], 'what the second complains of')


@test
def a_tcp_collector_that_is_killed_and_comes_back_misses_nothing():
    killed_and_restarted(lambda to, port: Front(to, port=port), lambda port: {
        'remoteAddress': '127.0.0.1:%d' % port, 'transport': 'tcp'})


@test
def nor_does_one_behind_tls():
    c = box.certificates
    killed_and_restarted(lambda to, port: TlsFront(to, c, port=port), lambda port: {
        'remoteAddress': '127.0.0.1:%d' % port, 'transport': 'tls', 'tls': {'ca': c.path('ca.pem')}})


class Mortal:
    """A UDP collector of our own that counts by the messages themselves, and may be dead."""
    def __init__(self, port=0):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(('127.0.0.1', port))
        self.port = self.sock.getsockname()[1]
        self.stream = ipfix.Stream()

    def read(self, quiet=0.3):
        """What waits; data whose templates did not come before it is an error."""
        while select.select([self.sock], [], [], quiet)[0]:
            self.stream.add(self.sock.recv(65535))
        return len(self.stream.records())


@test
def a_udp_collector_that_comes_back_has_templates_at_once_and_misses_what_the_sequence_says():
    box.fresh()
    first = Mortal()
    remote = {'remoteAddress': '127.0.0.1:%d' % first.port, 'localAddress': '127.0.0.1:%d' % free_port()}
    with box.agent([{'collector': remote}], timerTemplateFlushSeconds=3600, timerOptionsSeconds=3600):
        box.wave(0)
        wait_for(lambda: first.read() == PER_WAVE, 'the first wave')
        first.sock.close()
        box.wave(1)
        box.gone()
        box.wave(2)
        box.gone()
        second = Mortal(first.port)
        box.wave(3)
        box.gone()
        wait_for(lambda: second.read() >= PER_WAVE, 'the last wave')
    domain, = second.stream.domains()
    last, = [m for m in first.stream.messages if m.records][-1:]
    begin = next(m for m in second.stream.messages if m.domain == domain)
    missed = begin.sequence - (last.sequence + len(last.records))
    equal(second.stream.gaps(domain), [], 'gaps of the second')
    equal(len(first.stream.records()) + missed + len(second.stream.records()), 4 * PER_WAVE,
          'records that arrived, and those that the sequence says are missing')


class Sleeper(threading.Thread):
    """A TCP collector that takes a connection and reads nothing until start(); then all, to the end."""
    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.size = path, 0
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self.listener.bind(('127.0.0.1', 0))
        self.listener.listen()
        self.port = self.listener.getsockname()[1]

    def run(self):
        connection, _ = self.listener.accept()
        with open(self.path, 'wb') as f:
            while data := connection.recv(1 << 16):
                f.write(data)
                f.flush()
                self.size += len(data)


@test
def one_that_never_reads_costs_the_others_nothing_and_is_told_what_it_missed():
    """Its sockets and its backlog hold some of it; the rest is lost, counted, and told in
    options data when it reads at last."""
    box.fresh()
    n, slow = 9000, Sleeper(box.dir + '/slow.ipfix')
    # 600 octets a record
    names = ['sourceIPv4Address', 'sourceTransportPort', 'packetDeltaCount', 'octetDeltaCount',
             {'name': 'interfaceDescription', 'length': 255}, {'name': 'reverseInterfaceDescription', 'length': 255},
             {'name': 'networkNamespaceName', 'length': 64}]
    with Fixbuf('tcp') as good:
        outputs = [{'collector': {'remoteAddress': '127.0.0.1:%d' % slow.port, 'transport': 'tcp',
                                  'backlog': {'bytes': 65536}}},
                   {'collector': {'remoteAddress': '127.0.0.1:%d' % good.port, 'transport': 'tcp',
                                  'backlog': {'bytes': 1 << 28}}}]
        with box.agent(outputs, timerOptionsSeconds=1, templates=[{'id': 300, 'template': names}]) as a:
            box.send(many_flows(n))
            box.gone()
            good.wait(n, 30)
            slow.start()
            wait_for(lambda: slow.size, 'the sleeper reading')
            box.all_told(lambda: Stored(slow.path))     # by options data of after the last loss
        slow.join(30)
    equal(received(good), box.sent(), 'what the good one got')
    got = Stored(slow.path)
    equal(got.complaints, [], 'what libfixbuf complains of in what the sleeper got')
    check(lost(got) > (0, 0), 'nothing was lost: the sleeper got %d records' % len(got.records))
    equal(added(received(got), lost(got)), box.sent(), 'what the sleeper got and what it was told that it missed')


main(box.net, setup)
