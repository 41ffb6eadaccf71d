# SPDX-License-Identifier: Apache-2.0
"""nfcapd, and what nfdump shows of its files."""
import glob, json, signal
from common import *

need('nfcapd', 'nfdump')


def canonical(addr):
    return socket.inet_pton(socket.AF_INET6 if ':' in addr else socket.AF_INET, addr)


def seen(j, raw):
    """What is shown of a flow, addresses, ports and so on under one name whatever the family."""
    k = 'src6_addr' if 'src6_addr' in j else 'src4_addr'
    j['v6'] = k == 'src6_addr'
    j['addrs'] = (canonical(j[k]), canonical(j[k.replace('src', 'dst')])) if k in j else None
    j['ports'] = (j.get('src_port', 0), j.get('dst_port', 0))
    j['icmp'] = (j['icmp_type'], j['icmp_code']) if 'icmp_type' in j else None
    j['flags'] = j.get('tcp_flags', '.' * 8)
    reason = re.search(r'end reason\s*=\s*(0x\w+)', raw)
    j['reason'] = int(reason.group(1), 16) if reason else 0
    j['raw'] = raw
    return j


def read(folder):
    """Every record in nfcapd's files of @folder."""
    files = sorted(glob.glob(folder + '/nfcapd.2*'))
    env, flows = dict(os.environ, TZ='UTC'), []
    for f in files:
        out = run('nfdump', '-q', '-r', f, '-o', 'json', env=env).stdout.strip().strip('[]').strip(',')
        raw = run('nfdump', '-q', '-r', f, '-o', 'raw', env=env).stdout.split('Flow Record:')[1:]
        flows += map(seen, json.loads('[' + re.sub(r'}\s*{', '},{', out) + ']'), raw)
    return flows


class Nfcapd(Collector):
    """With its files in self.dir; after stop() in self.log_text what it counted."""
    def __init__(self, port=None, *more):
        super().__init__(lambda c: ['nfcapd', '-w', c.dir, '-p', str(c.port), '-b', '127.0.0.1', '-t', '3600',
                                    *more], signal.SIGTERM, port)

    def flows(self):
        wait_for(lambda: drained(self.port), 'the socket read empty')
        self.log_text = self.stop()
        return read(self.dir)

    def sequence_errors(self):
        return sum(map(int, re.findall(r'Sequence Errors: (\d+)', self.log_text)))
