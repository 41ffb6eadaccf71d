# SPDX-License-Identifier: Apache-2.0
"""Real collectors for the live tests, on loopback: nfcapd, nfacctd, and a recorder whose
datagrams tshark dissects; and the agent that exports to all of them and to a log.

    with Collectors(net) as c:
        c.run_agent(c.config(), until=lambda: ...)
        result = c.stop()
"""
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import lib
from lib import Failed, drained, equal, find_flowctl, free_port, is_bound, json_lines, run, wait_for

CONFIG = '''
count: {count}
timerForceDrainSeconds: {active}
idleTimeoutSeconds: {idle}
{more}
outputs:
{outputs}
'''


class Recorder(threading.Thread):
    """Keeps every datagram, and writes them as a pcap file of UDP over IPv4."""
    def __init__(self):
        super().__init__(daemon=True)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, lib.SO_RCVBUFFORCE, 64 << 20)
        self.sock.bind(('127.0.0.1', 0))
        self.sock.settimeout(0.2)
        self.port = self.sock.getsockname()[1]
        self.datagrams, self.ending = [], False
        self.start()

    def run(self):
        while not self.ending:
            try:
                self.datagrams.append((time.time(),) + self.sock.recvfrom(65535))
            except socket.timeout:
                pass

    def stop(self):
        self.ending = True
        self.join()
        self.sock.close()

    def pcap(self, path):
        with open(path, 'wb') as f:
            f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
            for when, data, addr in self.datagrams:
                packet = lib.ipv4('127.0.0.1', '127.0.0.1', 17, lib.udp(addr[1], self.port, data))
                f.write(struct.pack('<IIII', int(when), int(when % 1 * 1e6), len(packet), len(packet)) + packet)


class Result:
    """What every collector says it got."""
    log = ()
    nfacctd = None
    nfcapd_sequence_errors = None

    def nfdump(self):
        """Records as dicts. nfdump's -q leaves the brackets of its JSON list away."""
        out = run('nfdump', '-R', self.nf_dir, '-o', 'json', '-q').stdout
        records, at, decoder = [], 0, json.JSONDecoder()
        while True:
            at = out.find('{', at)
            if at < 0:
                return records
            record, at = decoder.raw_decode(out, at)
            records.append(record)

    def nfdump_totals(self):
        r = self.nfdump()
        return sum(f['in_packets'] for f in r), sum(f['in_bytes'] for f in r)

    def _tshark(self, *args):
        return run('tshark', '-n', '-r', self.pcap, '-d', 'udp.port==%d,cflow' % self.port, *args).stdout

    def tshark_complaints(self):
        out = self._tshark('-V')
        # A port among those of traceroute makes it chat about that.
        bad = re.compile(r'.*(Malformed|Expert Info \((?!Chat)|[Uu]nexpected flow sequence|No template found|unreassembled).*')
        return [line.strip() for line in out.splitlines() if bad.match(line)]

    def tshark_totals(self):
        out = self._tshark('-T', 'fields', '-e', 'cflow.packets', '-e', 'cflow.octets', '-E', 'occurrence=a')
        packets = octets = 0
        for line in out.splitlines():
            p, o = (line.split('\t') + ['', ''])[:2]
            packets += sum(int(x) for x in p.split(',') if x)
            octets += sum(int(x) for x in o.split(',') if x)
        return packets, octets


class Collectors:
    def __init__(self, net, nfacctd=True, small_buffers=False):
        """small_buffers: nfcapd's socket has the system's default, and nfcapd the CPU before others."""
        self.net, self.want_nfacctd = net, nfacctd and shutil.which('nfacctd')
        self.before = ['nice', '-n', '-20'] if small_buffers else []
        self.buffer = [] if small_buffers else ['-B', '67108864']

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix='flowctl-test-')
        os.chmod(self.dir, 0o755)
        self.nf_dir = self.dir + '/nf'
        os.mkdir(self.nf_dir)
        self.nf_port = free_port()
        self.recorder = Recorder()
        self.nfcapd = self.acct = self.agent = None
        self.start_nfcapd()
        if self.want_nfacctd:
            self.start_nfacctd()
        return self

    def __exit__(self, *_):
        for p in self.agent, self.nfcapd:
            if p and p.poll() is None:
                p.kill()
                p.wait()
        if self.acct:
            # Its plugin is a process of its own, and stays when the core is killed.
            try:
                os.killpg(self.acct.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.acct.wait()
        if self.recorder.is_alive():
            self.recorder.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def start_nfcapd(self):
        self.nf_log = open(self.dir + '/nfcapd.log', 'a')
        self.nfcapd = subprocess.Popen([*self.before, 'nfcapd', '-b', '127.0.0.1', '-p', str(self.nf_port), '-l', self.nf_dir,
                                        '-I', 'test', *self.buffer, '-t', '3600'],
                                       stdout=self.nf_log, stderr=subprocess.STDOUT)
        wait_for(lambda: 'Startup' in open(self.dir + '/nfcapd.log').read(), 'nfcapd')
        wait_for(lambda: is_bound(self.nf_port), 'the port of nfcapd')

    def end_nfcapd(self):
        """When it has read what came; it writes its file."""
        wait_for(lambda: drained(self.nf_port), 'the socket of nfcapd read empty')
        self.nfcapd.terminate()
        self.nfcapd.wait(60)

    def start_nfacctd(self):
        self.acct_port = free_port()
        with open(self.dir + '/nfacctd.conf', 'w') as f:
            f.write('daemonize: false\nnfacctd_ip: 127.0.0.1\nnfacctd_port: %d\nplugins: print\n'
                    'plugin_pipe_size: 10240000\nplugin_buffer_size: 10240\nnfacctd_pipe_size: 33554432\n'
                    'aggregate: src_host,dst_host,src_port,dst_port,proto,tos,tcpflags,vlan\n'
                    'print_output: json\nprint_output_file: %s/acct.json\nprint_output_file_append: true\n'
                    'print_refresh_time: 2\nprint_cache_entries: 99991\n' % (self.acct_port, self.dir))
        self.acct = subprocess.Popen(['nfacctd', '-f', self.dir + '/nfacctd.conf'],
                                     stdout=open(self.dir + '/nfacctd.log', 'w'), stderr=subprocess.STDOUT,
                                     start_new_session=True)
        wait_for(lambda: is_bound(self.acct_port) and 'object handlers' in
                 open(self.dir + '/nfacctd.log').read(), 'nfacctd')

    def config_of_one(self, port, count='all', active=60, idle=1, more='', keys=''):
        """To one collector alone, from a fixed port."""
        output = '- collector: {remoteAddress: "127.0.0.1:%d", localAddress: "127.0.0.1:%d"%s}\n' % (
            port, free_port(), keys)
        path = self.dir + '/config.yaml'
        with open(path, 'w') as f:
            f.write(CONFIG.format(count=count, active=active, idle=idle, more=more, outputs=output))
        return path

    def config(self, count='once', active=60, idle=15, more='', fixed_ports=False):
        """fixed_ports: each session has a local port of its own that stays the same."""
        ports = [self.nf_port, self.recorder.port] + ([self.acct_port] if self.want_nfacctd else [])
        local = [', localAddress: "127.0.0.1:%d"' % free_port() if fixed_ports else '' for _ in ports]
        outputs = ''.join('- collector: {remoteAddress: "127.0.0.1:%d"%s}\n' % p for p in zip(ports, local))
        outputs += '- log: {file: %s/flow.log, format: json}\n' % self.dir
        path = self.dir + '/config.yaml'
        with open(path, 'w') as f:
            f.write(CONFIG.format(count=count, active=active, idle=idle, more=more, outputs=outputs))
        return path

    def spawn_agent(self, config, env=None):
        """Started, and not waited for. Its words go to agent.log behind those of earlier ones."""
        with open(self.dir + '/agent.log', 'a') as log:
            self.agent = subprocess.Popen([find_flowctl(), '--bpffs', self.net.bpffs, 'agent', '-c', config],
                                          stdout=subprocess.DEVNULL, stderr=log, env=env)

    def start_agent(self, config):
        before = self.agent_says().count('exporting')
        self.spawn_agent(config)
        wait_for(lambda: self.agent.poll() is not None or self.agent_says().count('exporting') > before,
                 'the agent')
        if self.agent.poll() is not None:
            raise Failed('the agent ended: ' + self.agent_says())

    def agent_says(self):
        try:
            with open(self.dir + '/agent.log') as f:
                return f.read()
        except FileNotFoundError:
            return ''

    def end_agent(self, sig=signal.SIGTERM):
        self.agent.send_signal(sig)
        status = self.agent.wait(30)
        if sig == signal.SIGTERM:
            equal(status, 0, "the agent's exit status")

    def run_agent(self, config, until):
        self.start_agent(config)
        wait_for(until, 'what the agent is to do', 30)
        self.end_agent()

    def log_records(self):
        """What a writer was killed in has no end of the object; self.cut_lines of those."""
        try:
            with open(self.dir + '/flow.log') as f:
                lines = f.read().splitlines(keepends=True)
        except FileNotFoundError:
            lines = []
        self.cut_lines = sum(not line.endswith('}\n') for line in lines)
        return [json.loads(line) for line in lines if line.endswith('}\n')]

    def acct_rows(self):
        return json_lines(self.dir + '/acct.json')

    def stop(self):
        """End the collectors and gather what they have."""
        r = Result()
        r.log = self.log_records()
        r.cut_lines = self.cut_lines
        time.sleep(0.3)     # datagrams under way on loopback
        self.end_nfcapd()
        text = open(self.dir + '/nfcapd.log').read()
        r.nfcapd_sequence_errors = sum(int(n) for n in re.findall(r'Sequence Errors: (\d+)', text))
        if self.acct:
            # What is in an unfilled buffer of its plugin comes when it ends, and not before.
            time.sleep(3)
            self.acct.send_signal(signal.SIGINT)
            self.acct.wait(60)
            wait_for(lambda: self.acct_rows() or not r.log, 'the output of nfacctd')
            time.sleep(0.5)
            r.nfacctd = self.acct_rows()
        self.recorder.stop()
        # The folder goes with the collectors; what the judges still read stays until the process ends.
        keep = tempfile.mkdtemp(prefix='flowctl-test-')
        self.net.cleanups.append(lambda: shutil.rmtree(keep, ignore_errors=True))
        r.nf_dir = keep + '/nf'
        shutil.copytree(self.nf_dir, r.nf_dir)
        r.pcap, r.port = keep + '/export.pcap', self.recorder.port
        self.recorder.pcap(r.pcap)
        return r
