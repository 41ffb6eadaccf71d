#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An agent whose outputs change while it exports: one collector of a group takes over from
another and gives back, and a reload brings other templates. Nothing is lost or doubled."""
from faults import *
from tls import Front

box = Counted('changes')


class Behind:
    """libfixbuf behind a front that takes its port again at once."""
    def __init__(self, port=None):
        self.fixbuf = Fixbuf('tcp')
        self.fixbuf.__enter__()
        self.front = Front(self.fixbuf.port, port=port)
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


def member(port):
    return {'collector': {'remoteAddress': '127.0.0.1:%d' % port, 'transport': 'tcp', 'group': 'g'}}


@test
def the_second_of_a_group_takes_over_and_gives_back():
    box.fresh()
    with Behind() as first, Behind() as second, box.agent([member(first.port), member(second.port)]):
        box.wave(0)
        first.fixbuf.wait(PER_WAVE)
        first.kill()
        box.wave(1)
        second.fixbuf.wait(PER_WAVE, 30)
        with Behind(first.port) as again:
            wait_for(lambda: comes_back(again), 'the first in use again', 40)
            box.gone()
    equal(received(first.fixbuf, second.fixbuf, again.fixbuf), box.sent(), 'what arrived at all')
    equal((second.fixbuf.complaints, again.fixbuf.complaints), ([], []), 'complaints')


def comes_back(again, n=[1]):
    n[0] += 1
    box.wave(n[0])
    time.sleep(1.5)
    return again.fixbuf.look()


def template(*names):
    return [{'id': 300, 'template': ['sourceIPv4Address', 'sourceTransportPort', 'packetDeltaCount', 'octetDeltaCount', *names]}]


@test
def a_reload_brings_other_templates_of_the_same_number():
    """By TCP the old one is withdrawn first (RFC 7011 8.1), by UDP it is said anew."""
    box.fresh()
    with Fixbuf('tcp') as tcp, Fixbuf('udp') as udp:
        outputs = [{'collector': {'remoteAddress': '127.0.0.1:%d' % tcp.port, 'transport': 'tcp'}},
                   {'collector': {'remoteAddress': '127.0.0.1:%d' % udp.port}}]
        with box.agent(outputs, templates=template()) as a:
            box.wave(0)
            tcp.wait(PER_WAVE)
            os.replace(box.config(outputs, templates=template('minimumTTL', 'flowEndReason')), a.path)
            a.proc.send_signal(signal.SIGHUP)
            wait_for(lambda: 'read again' in a.says(), 'the reload')
            box.wave(1)
            tcp.wait(2 * PER_WAVE)
            udp.wait(2 * PER_WAVE)
    for f in tcp, udp:
        equal(received(f), box.sent(), 'what arrived')
        equal(f.complaints, [], 'what libfixbuf complains of')
        equal([len(x.elements) for x in f.records], [4] * PER_WAVE + [6] * PER_WAVE, 'elements of each record')


main(box.net, box.setup)
