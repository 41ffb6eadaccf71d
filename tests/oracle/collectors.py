# SPDX-License-Identifier: Apache-2.0
"""What nfcapd and nfacctd make of what is sent: the flows, by the number they were made with
(which the ingress interface tells), and what the daemon logged."""
import glob, json, re, signal, time
from datetime import datetime, timezone
from common import *


def flow(i, **more):
    """One of the last minute, told apart by its ingress interface."""
    now = int(time.time()) * 10**9
    r = complete(i, dict(dict(src='192.0.2.1', dst='192.0.2.2', proto=17, sport=i, dport=53, bytes=100 * i, dur=0,
                              reason=1, direction=0), **more))
    r['first'] = now - 60 * 10**9 + i * 1000003
    # The last of them is not yet over when this second began.
    r['last'] = now - (i % 50) * 10**9 + i * 10**6
    return r


def flows(n):
    return [flow(i) for i in range(1, n + 1)]


def hour(records):
    """Of resends, once a minute, with a record in each."""
    for r in records:
        yield r
        yield 'flush'
        yield 'later=60'


def of(path, name):
    return shutil.which(name, path=os.environ.get('PATH', '') + path)


def nfcapd(send_all, port=None):
    with Collector(lambda c: ['nfcapd', '-w', c.dir, '-p', str(c.port), '-b', '127.0.0.1', '-t', '3600'],
                   signal.SIGTERM, port) as c:
        send_all(c.port)
        wait_for(lambda: drained(c.port), 'the socket read empty')
        log = c.stop()
        path, = glob.glob(c.dir + '/nfcapd.2*')
        out = run('nfdump', '-q', '-r', path, '-o', 'json', env=dict(os.environ, TZ='UTC')).stdout
    rows = json.loads('[' + re.sub(r'}\s*{', '},{', out.strip().strip('[]').strip(',')) + ']')
    return {r['input_snmp'] - 100: r for r in rows}, log


BUFFERED = 8        # what an unfilled buffer of its plugin holds comes when it ends
NFACCTD = '''\
daemonize: false
nfacctd_ip: 127.0.0.1
nfacctd_port: %d
nfacctd_disable_checks: false
nfacctd_renormalize: true
aggregate: src_host,dst_host,src_port,dst_port,proto,tcpflags,tos,in_iface,out_iface,\
timestamp_start,timestamp_end
plugins: print
print_output: json
print_output_file: out.json
print_output_file_append: true
print_refresh_time: 2
plugin_buffer_size: 1024
plugin_pipe_size: 1024000
timestamps_since_epoch: true
'''


def nfacctd(send_all, n):
    def start(c):
        with open(c.dir + '/conf', 'w') as f:
            f.write(NFACCTD % c.port)
        return [of(':/usr/sbin', 'nfacctd'), '-f', c.dir + '/conf']

    def rows(c):
        return json_lines(c.dir + '/out.json')

    with Collector(start, signal.SIGINT) as c:
        wait_for(lambda: 'object handlers' in open(c.log).read(), 'the plugin ready')
        send_all(c.port)
        wait_for(lambda: len(rows(c)) >= n - BUFFERED, '%d records' % n, timeout=30)
        log = c.stop()
        return {r['iface_in'] - 100: r for r in rows(c)}, log
