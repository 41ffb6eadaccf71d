#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The agent over time: its configured meters in any namespace."""
from lib import *
from export import *

net = Net('life')


def setup():
    global a, b
    a, b = net.ns('a'), net.ns('b')
    net.veth(a, 'eth0', b, 'eth0', '10.94.0.1/24', '10.94.0.2/24')
    for ns in a, b:
        net.sysctl(ns, 'net.ipv6.conf.all.disable_ipv6', 1)
    net.exec(a, 'ping', '-c', '1', '10.94.0.2')


def hooks():
    return sorted((m['netns'], m['iface'], m['direction']) for m in net.json('meter', 'status'))


def nf_packets(result, port):
    return sum(f['in_packets'] for f in result.nfdump() if f.get('dst_port') == port)


@test
def meters_are_named_by_path_as_well():
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(more="meters:\n- {netns: '/run/netns/%s', name: eth0, direction: egress}" % a))
        equal(hooks(), [(a, 'eth0', 'egress')])
        c.end_agent()
    net.flowctl('meter', 'detach', '--all')


@test
def meters_are_named_by_a_path_that_nothing_else_leads_to():
    """A namespace kept by a bind mount elsewhere, with no process inside."""
    path = tempfile.mkstemp(prefix='flowctl-netns-')[1]
    name = net.ns('moved')
    run('mount', '--bind', '/run/netns/' + name, path)
    net.cleanups.append(lambda: (run('umount', path, ok=False), os.unlink(path)))
    net.ip(name, 'link', 'add', 'veth7', 'type', 'veth', 'peer', 'name', 'other7')
    net.del_ns(name)
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(more="meters:\n- {netns: '%s', name: 'veth*', direction: egress}" % path))
        at = net.json('meter', 'status', '--netns', path)
        equal([(m['iface'], m['direction']) for m in at], [('veth7', 'egress')])
        time.sleep(4.5)     # the agent clears what it sees gone in three looks
        equal(len(net.json('meter', 'status', '--netns', path)), 1, 'after some looks')
        c.end_agent()
    net.flowctl('meter', 'detach', '--netns', path, '-n', 'veth7')


@test
def meters_are_attached_in_a_namespace_that_appears_later():
    with Collectors(net, nfacctd=False) as c:
        c.start_agent(c.config(more="meters:\n- {netns: '%s-new*', name: 'eth*', direction: ingress}" % net.prefix))
        equal(hooks(), [])
        late = net.ns('new1')
        net.veth(late, 'eth7', b, 'eth7')
        wait_for(lambda: hooks() == [(late, 'eth7', 'ingress')], 'the meter', 5)
        net.ip(late, 'link', 'del', 'eth7')
        net.veth(late, 'eth7', b, 'eth7')
        wait_for(lambda: [h for h in hooks() if h[0] == late], 'the meter on the next link of that name', 5)
        c.end_agent()
    net.flowctl('meter', 'detach', '--all')
    net.ip(late, 'link', 'del', 'eth7')


main(net, setup)
