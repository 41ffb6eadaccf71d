# SPDX-License-Identifier: Apache-2.0
"""What was sent, as tshark's cflow dissector shows it."""
import os, select, socket, struct, tempfile
import xml.etree.ElementTree as ET
from datetime import datetime, timezone
from common import run


def datagrams(send_all):
    """What is sent to a socket of ours."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(('127.0.0.1', 0))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        send_all(s.getsockname()[1])
        got = []
        while select.select([s], [], [], 0)[0]:
            got.append(s.recv(65535))
        return got


def pcap(path, payloads):
    """As raw IPv4 packets from one port to 4739."""
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
        for p in payloads:
            packet = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 28 + len(p), 0, 0, 64, 17, 0, b'\x7f\0\0\1',
                                 b'\x7f\0\0\1') + struct.pack('!HHHH', 40000, 4739, 8 + len(p), 0) + p
            f.write(struct.pack('<IIII', 1795233500, 0, len(packet), len(packet)) + packet)


def dissect(payloads):
    """The flows, each a dict of field to what is shown; and what tshark complains of."""
    with tempfile.TemporaryDirectory(prefix='flowctl-oracle-') as d:
        pcap(d + '/x.pcap', payloads)
        out = run('tshark', '-r', d + '/x.pcap', '-d', 'udp.port==4739,cflow', '-T', 'pdml',
                  env=dict(os.environ, TZ='UTC')).stdout
    root, flows = ET.fromstring(out), []
    complaints = [f.get('showname') for f in root.iter('field')
                  if f.get('name') in ('_ws.expert', '_ws.malformed', 'cflow.no_template_found')
                  or 'Unknown' in (f.get('showname') or '')]
    complaints += ['malformed' for p in root.iter('proto') if p.get('name') == '_ws.malformed']
    for p in root.iter('packet'):
        domain = next(f.get('show') for f in p.iter('field') if f.get('name') == 'cflow.od_id')
        for f in p.iter('field'):
            if f.get('name') == '' and f.get('show', '').startswith('Flow '):
                flows.append({'domain': domain, **{x.get('name'): x.get('show') for x in f.iter('field')}})
    return flows, complaints


def at(ns, step=1):
    """As tshark shows a time."""
    ns -= ns % step
    t = datetime.fromtimestamp(ns // 10**9, timezone.utc)
    return t.strftime('%b %e, %Y %H:%M:%S') + '.%09d UTC' % (ns % 10**9)
