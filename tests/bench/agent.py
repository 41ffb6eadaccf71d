# SPDX-License-Identifier: Apache-2.0
"""What the real commands take on a full table: dump, an agent with nothing to do, and the way
from the kernel's table to IPFIX on a UDP socket; and memory. The flows are made by test runs
of the program that `flowctl meter attach` pinned (bench_fill)."""
import glob
import json
import os
import select
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'net'))
from lib import Net, check, find_flowctl, inside, obj_get, run, wait_for

DEV = 'v0'
AGENT_CPU, OTHER_CPU = os.cpu_count() - 1, 0
CONFIG = '''
count: all
timerForceDrainSeconds: {active}
idleTimeoutSeconds: 3600
outputs:
- collector: {{remoteAddress: '127.0.0.1:{port}', maxBytesPerSecond: 0}}
'''


class Meter:
    """A metered interface with a table for so many flows."""
    def __init__(self, tools, flows, *options):
        self.tools, self.flows, self.options, self.net = tools, flows, options, Net('bench')

    def attach(self):
        self.net.start()
        self.ns = self.net.ns('a')
        self.net.sysctl(self.ns, 'net.ipv6.conf.default.disable_ipv6', 1)  # no packet but ours
        self.net.veth(self.ns, DEV, self.ns, 'peer')
        self.net.flowctl('meter', 'attach', '--netns', self.ns, '-n', DEV, '--direction', 'ingress',
                         '--max-flows', self.flows, *self.options)
        self.folder = glob.glob(self.net.bpffs + '/flowctl/*/')[0]

    def fill(self):
        """One packet of every flow."""
        with inside(self.ns):
            run(self.tools('bench_fill'), '--dev', DEV, '--flows', self.flows, '--pin',
                self.folder + 'prog_%d_0' % self.net.ifindex(self.ns, DEV))

    def memlock(self):
        """Bytes of all pinned maps, as the kernel accounts them."""
        total, seen = 0, set()
        for pin in os.listdir(self.folder):
            fd = obj_get(self.folder + pin)
            with open('/proc/self/fdinfo/%d' % fd) as f:
                info = dict(line.split(':', 1) for line in f if ':' in line)
            os.close(fd)
            if 'map_id' in info and info['map_id'] not in seen:
                seen.add(info['map_id'])
                total += int(info['memlock'])
        return total

    def __enter__(self):
        try:
            self.attach()
        except BaseException:
            self.net.cleanup()
            raise
        return self

    def __exit__(self, *_):
        self.net.cleanup()


class Agent:
    """The real agent, on a CPU of its own, and a sink that counts what it sends."""
    def __init__(self, meter, active):
        self.sink = subprocess.Popen([meter.tools('bench_sink')], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True,
                                     preexec_fn=lambda: os.sched_setaffinity(0, {OTHER_CPU}))
        self.counts = {'records': 0, 'datagrams': 0, 'bytes': 0, 'missing': 0}
        port = int(self.sink.stdout.readline())
        with tempfile.NamedTemporaryFile('w', suffix='.yaml', delete=False) as f:
            f.write(CONFIG.format(active=active, port=port))
        self.config = f.name
        self.proc = subprocess.Popen([find_flowctl(), '--bpffs', meter.net.bpffs, 'agent', '-c', f.name],
                                     stderr=subprocess.DEVNULL,
                                     preexec_fn=lambda: os.sched_setaffinity(0, {AGENT_CPU}))
        wait_for(lambda: meter.net.json('meter', 'status')[0]['agent_pid'] == self.proc.pid,
                 'the agent')

    def cpu_ns(self):
        total = 0
        for path in glob.glob('/proc/%d/task/*/schedstat' % self.proc.pid):
            with open(path) as f:
                total += int(f.read().split()[0])
        return total

    def anonymous_bytes(self):
        with open('/proc/%d/status' % self.proc.pid) as f:
            return 1024 * sum(int(line.split()[1]) for line in f if line.startswith('RssAnon:'))

    def wait_records(self, n, timeout=120):
        """Until the sink has that many in all, or lost some."""
        end = time.monotonic() + timeout
        while self.counts['records'] + self.counts['missing'] < n:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.sink.stdout], [], [], left)[0]:
                raise TimeoutError('%d of %d records came' % (self.counts['records'], n))
            self.counts = json.loads(self.sink.stdout.readline())

    def stop(self):
        self.proc.terminate()
        self.proc.wait(60)
        self.sink.stdin.close()
        self.sink.wait(60)
        os.unlink(self.config)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def time_dump(meter, form, rounds):
    """CPU and wall of `flowctl dump`, its output thrown away."""
    argv = [find_flowctl(), '--bpffs', meter.net.bpffs, 'dump', '-o', form]
    wall, cpu, rss = [], [], 0
    for _ in range(rounds):
        begin = time.monotonic()
        p = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        check(p.returncode == 0, 'dump failed')
        wall.append((time.monotonic() - begin) * 1e9 / meter.flows)
        cpu.append((used.ru_utime + used.ru_stime) * 1e9 / meter.flows)
        rss = max(rss, 1024 * used.ru_maxrss)
    return {'bench': 'dump', 'form': form, 'flows': meter.flows, 'wall_ns': wall, 'cpu_ns': cpu,
            'max_rss_bytes': rss}


def measure_dump(args, tools, flows):
    with Meter(tools, flows) as meter:
        meter.fill()
        lines = run(find_flowctl(), '--bpffs', meter.net.bpffs, 'dump', '-o', 'csv').stdout.count('\n') - 1
        rounds = 1 if args.quick else min(args.rounds, 3)
        results = [time_dump(meter, form, rounds) for form in ('json', 'csv')]
    for r in results:
        r['flows_dumped'] = lines
    return results


def measure_idle(args, tools, flows, seconds, *options):
    """CPU of an agent that holds quiet flows, and what it takes for them in memory."""
    with Meter(tools, flows, *options) as meter:
        with Agent(meter, 3600) as agent:
            time.sleep(0 if args.smoke else 2)
            empty = agent.anonymous_bytes()
            meter.fill()
            time.sleep(seconds / 4)
            samples = []
            for _ in range(min(args.rounds, 3)):
                before = agent.cpu_ns()
                time.sleep(seconds)
                samples.append((agent.cpu_ns() - before) / seconds / 1e7)
            full = agent.anonymous_bytes()
            status = meter.net.json('meter', 'status')[0]
        kernel = meter.memlock()
    return [
        {'bench': 'idle', 'flows': flows, 'seconds': seconds, 'cpu_percent': samples},
        {'bench': 'memory', 'max_flows': flows, 'options': ' '.join(options), 'held': status['flows'],
         'maps_bytes': kernel, 'printed_bytes': status['memory_bytes'],
         'agent_empty_bytes': empty, 'agent_bytes': full, 'bytes_per_flow': [(kernel + full) / flows],
         'maps_per_flow': kernel / flows, 'agent_per_flow': full / flows},
    ]


def measure_export(args, tools, flows):
    """Every flow changes, and leaves by the active timeout: CPU of the agent for all of that."""
    cpu, wall = [], []
    with Meter(tools, flows) as meter, Agent(meter, 2) as agent:
        for r in range(args.rounds + 1):
            before, begin = agent.cpu_ns(), time.monotonic()
            meter.fill()
            agent.wait_records(flows * (r + 1))
            if r:
                cpu.append((agent.cpu_ns() - before) / flows)
                wall.append(time.monotonic() - begin)
        counts = agent.counts
    return {'bench': 'export', 'flows': flows, 'cpu_ns': cpu, 'wall_s': wall, **counts}
