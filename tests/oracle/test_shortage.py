#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Disks that are full and names that cannot be resolved for a while: what arrived and what
the agent says was lost is what was metered."""
from faults import *

box = Counted('shortage')


def whole_lines(path):
    """Objects, and how many lines are none."""
    flows, cut = [], 0
    with open(path) as f:
        for l in f:
            try:
                flows.append(json.loads(l))
            except ValueError:
                cut += 1
    return flows, cut


SMALL = 'mkdir -p $0 && mount -t tmpfs -o size=%s none $0 && exec "$@"'


def with_small_disk(folder, size):
    """A prefix of a command that has such a folder to itself."""
    return ['unshare', '-m', 'sh', '-c', SMALL % size, folder]


@test
def full_disks_cost_the_others_nothing_and_what_is_missing_is_counted():
    box.fresh()
    folder, n = box.dir + '/small', 4000
    with Fixbuf('tcp') as good:
        outputs = [{'file': {'path': folder + '/flow.ipfix'}}, {'log': {'file': folder + '/flow.log'}},
                   {'collector': {'remoteAddress': '127.0.0.1:%d' % good.port, 'transport': 'tcp'}}]
        with box.agent(outputs, with_small_disk(folder, '1M'), timerOptionsSeconds=1) as a:
            seen = '/proc/%d/root%s' % (a.proc.pid, folder)
            with open(seen + '/filler', 'wb') as f:
                f.write(bytes(900 * 1024))
            box.send(many_flows(n))
            box.gone()
            good.wait(n, 30)
            wait_for(lambda: 'No space left' in a.says(), 'the agent telling of it')
            os.unlink(seen + '/filler')
            box.send(many_flows(PER_WAVE, 60000 - PER_WAVE))
            box.gone()
            good.wait(n + PER_WAVE)
            box.all_told(lambda: Stored(seen + '/flow.ipfix'))
            for name in 'flow.ipfix', 'flow.log':
                shutil.copy(seen + '/' + name, box.dir + '/full-' + name)
    equal(received(good), box.sent(), 'what the collector got')
    f = Stored(box.dir + '/full-flow.ipfix')
    equal(f.complaints, [], 'what libfixbuf complains of in the file')
    check(lost(f) > (0, 0), 'nothing was lost of the file')
    equal(added(received(f), lost(f)), box.sent(), 'what the file has and what it says that it lacks')
    flows, cut = whole_lines(box.dir + '/full-flow.log')
    check(cut <= 1, '%d lines are cut' % cut)
    check(PER_WAVE < len(flows) < n, '%d lines' % len(flows))
    equal(len([x for x in flows if x['src_port'] >= 60000 - PER_WAVE]), PER_WAVE, 'lines of after')


HOSTS = 'mount --bind $0/hosts /etc/hosts && mount --bind $0/resolv.conf /etc/resolv.conf && exec "$@"'


@test
def names_that_cannot_be_resolved_for_a_while_cost_tcp_nothing_and_udp_what_it_says():
    box.fresh()
    for name in 'hosts', 'resolv.conf':
        with open(box.dir + '/' + name, 'w') as f:
            f.write('nameserver 127.0.0.1\noptions timeout:1 attempts:1\n' if name != 'hosts' else '127.0.0.1 localhost\n')
    with Fixbuf('tcp') as tcp, Fixbuf('udp') as udp:
        outputs = [{'collector': {'remoteAddress': 'collector.test:%d' % tcp.port, 'transport': 'tcp'}},
                   {'collector': {'remoteAddress': 'collector.test:%d' % udp.port}}]
        with box.agent(outputs, ['unshare', '-m', 'sh', '-c', HOSTS, box.dir], timerOptionsSeconds=1) as a:
            box.wave(0)
            box.gone()
            wait_for(lambda: 'collector.test' in a.says(), 'the agent telling of it')
            with open(box.dir + '/hosts', 'a') as f:
                f.write('127.0.0.1 collector.test\n')
            tcp.wait(PER_WAVE, 30)
            wait_for(lambda: a.says().count('works again') == 2, 'both resolved', 20)
            box.wave(1)
            tcp.wait(2 * PER_WAVE)
            udp.wait(PER_WAVE)
            box.all_told(lambda: (udp.look(), udp)[1])
    equal(received(tcp), box.sent(), 'what arrived by TCP')
    equal(added(received(udp), lost(udp)), box.sent(), 'what arrived by UDP, and what it says was lost')


main(box.net, box.setup)
