# SPDX-License-Identifier: Apache-2.0
"""The meter on a veth pair flat out, attached by the real `flowctl meter attach`."""
import array
import fcntl
import glob
import json
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'net'))
from lib import Net, inside, run

SIOCETHTOOL, ETHTOOL_SGRO = 0x8946, 0x2c
METER = 'flowctl'


def receive_by_napi(ns, dev):
    """veth takes XDP frames only where the peer polls; with GRO it does."""
    with inside(ns):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    value = array.array('I', [ETHTOOL_SGRO, 1])
    fcntl.ioctl(s, SIOCETHTOOL, struct.pack('16sP', dev.encode(), value.buffer_info()[0]))
    s.close()


def attach(net, ns, dev, flows):
    net.flowctl('meter', 'attach', '--netns', ns, '-n', dev, '--direction', 'ingress',
                '--max-flows', max(2 * flows, 131072))
    pins = glob.glob('%s/flowctl/*/prog_%d_0' % (net.bpffs, net.ifindex(ns, dev)))
    return pins[0]


def measure(args, tool, flows):
    """Nothing, an empty program, a hash map, the meter and each object, on a pair each."""
    net = Net('bench')
    try:
        net.start()
        a, b = net.ns('from'), net.ns('to')
        wanted = ['none', ':ref_empty', '@', ':ref_hash40'] + args.object
        pairs = []
        for i, spec in enumerate(wanted):
            dev = 'v%d' % i
            net.veth(a, dev, b, dev)
            receive_by_napi(b, dev)
            if spec == '@':
                spec = '@%s,%s' % (attach(net, b, dev, flows), METER)
            pairs.append('%s=%s' % (dev, spec))
        out = run(tool, '--from', a, '--to', b, '--flows', flows, '--rounds', args.rounds,
                  '--duration', '20ms' if args.smoke else '500ms', *pairs, timeout=900).stdout
        results = [json.loads(line) for line in out.splitlines()]
        status = net.json('meter', 'status')[0]
        for r in results:
            if r['program'] == METER:
                r.update(flows_held=status['flows'], unmetered=status['unmetered_packets'],
                         hook=status['hook'])
        return results
    finally:
        net.cleanup()
