#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The agent beside a metadata service (imds.py): what records say of the interface they crossed, and
that nothing the service does is felt by the export.

How the latter is measured: packets of one flow each, numbered, leave at a constant pace all the
while, and the service's manner changes under the agent every fraction of a second, right and
"nobody is asked" in between. The export's rate is then the same in each of these if, and only if,
as many records of each of them were exported as packets were sent in it, each once, and none
later than the time-out and the grid of the sweeps have it (1 s each). Both are counted for each
manner by itself: a difference of one record shows, far below one percent."""
import shutil
import threading
import tempfile

import imds
from lib import *

os.environ.pop('AWS_EC2_METADATA_DISABLED')
net = Net('aws')
MACS = {1: '0e:49:61:0f:c3:11', 2: '0e:49:61:0f:c3:12', 3: '02:00:00:00:00:03'}   # the third is no ENI
INTERFACES = {MACS[n]: imds.interface(n) for n in (1, 2)}
CONFIG = '''
idleTimeoutSeconds: 1
count: all
aws: {%s}
outputs:
- log: {file: %s/flow.log}
'''
IMDS_PORT = 8169
PACE, PHASE = 1500, 0.2        # packets a second; seconds
FIRST = 100     # number of what the load sends


def setup():
    """Interfaces of a machine, and behind each somebody who sends; the agent is in the namespace r."""
    global r, h, wires, service, folder
    r, h = net.ns('r'), net.ns('h')
    wires = {}
    for n, mac in MACS.items():
        net.veth(r, 'eth%d' % n, h, 'eth%d' % n)
        net.ip(r, 'link', 'set', 'eth%d' % n, 'address', mac)
        wires[n] = Wire(h, 'eth%d' % n)
    # Where nothing comes back from, and nobody says that there is nobody.
    net.veth(r, 'hole', h, 'hole', '192.0.2.1/24')
    net.ip(r, 'neigh', 'add', '192.0.2.9', 'lladdr', '02:00:00:00:00:99', 'dev', 'hole')
    net.flowctl('meter', 'attach', '--netns', r, '-n', 'eth*', '--tcp-metrics', 'off')
    with inside(r):
        service = imds.Service(INTERFACES, port=IMDS_PORT)
    folder = tempfile.mkdtemp(prefix='flowctl-test-')
    net.cleanups.append(lambda: (service.__exit__(), shutil.rmtree(folder)))


def frame(n, number, way='in'):
    ip = ipv4('10.84.%d.%d' % (number >> 8 & 255, number & 255), '10.85.%d.1' % (number >> 16), 17,
              udp(1000 + n, 7, bytes(number % 100)))
    ours, theirs = bytes.fromhex(MACS[n].replace(':', '')), b'\x02\0\0\0\1' + bytes([n])
    return eth(*((ours, theirs) if way == 'in' else (theirs, ours)), 0x800, ip), len(ip)


def number_of(record):
    src, dst = record['src_ip'].split('.'), record['dst_ip'].split('.')
    return int(dst[2]) << 16 | int(src[2]) << 8 | int(src[3])


class Agent:
    def __init__(self, aws, env=None, config=None, ns=None):
        self.log = folder + '/flow.log'
        if os.path.exists(self.log):
            os.unlink(self.log)
        self.configure(aws)
        self.p = net.spawn('nsenter', '--net=/run/netns/' + (ns or r), find_flowctl(), '-v', '--bpffs', net.bpffs,
                           'agent', '-c', folder + '/c.yaml', stderr=open(folder + '/agent.log', 'w'),
                           env=dict(os.environ, **env or {}))
        wait_for(lambda: 'exporting' in self.said(), 'the agent')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.p.poll() is None:
            self.p.terminate()
        self.p.wait(60)

    def configure(self, aws):
        with open(folder + '/c.yaml.new', 'w') as f:
            f.write(CONFIG % (aws, folder))
        os.rename(folder + '/c.yaml.new', folder + '/c.yaml')

    def reload(self, aws):
        self.configure(aws)
        self.p.send_signal(signal.SIGHUP)

    def said(self):
        with open(folder + '/agent.log') as f:
            return f.read()

    def records(self):
        """Of what is sent here; not of what IPv6 says on a new link."""
        return [json.loads(line) for line in whole_lines(self.log) if '"src_ip":"10.84.' in line]

    def status(self, key):
        with open('/proc/%d/status' % self.p.pid) as f:
            return int(next(line.split()[1] for line in f if line.startswith(key + ':')))

    def end(self):
        """In how many seconds it ended."""
        begun = time.monotonic()
        self.p.terminate()
        equal(self.p.wait(60), 0, 'the exit status: %s' % self.said())
        return time.monotonic() - begun


def aws_keys(record):
    return {k: v for k, v in record.items() if k in imds.MACHINE}


def of_interface(records, name):
    return [x for x in records if x['iface'] == name]


def send_everywhere(number):
    for n, wire in wires.items():
        wire.send(frame(n, number)[0])


def asked(until=lambda n: n >= 16):
    wait_for(lambda: until(len(service.asked)), 'questions')


def enabled(url, refresh='1s'):
    return 'enabled: true, refresh: %s, endpoint: "%s"' % (refresh, url)


@test
def records_name_the_interface_they_crossed():
    service.asked.clear()
    with Agent(enabled(service.url)) as agent:
        asked()
        wait_for(lambda: 'with 2 interfaces' in agent.said(), 'metadata: ' + agent.said())
        send_everywhere(1)
        out = Wire(r, 'eth2')
        out.send(frame(2, 2, 'out')[0])
        wait_for(lambda: len(agent.records()) >= 4, 'records')
        records = agent.records()
        for n in 1, 2:
            for x in of_interface(records, 'eth%d' % n):
                equal(aws_keys(x), imds.aws_of(INTERFACES[MACS[n]]), 'eth%d' % n)
        equal(sorted((x['iface'], x['direction']) for x in records),
              [('eth1', 0), ('eth2', 0), ('eth2', 1), ('eth3', 0)])
        equal(aws_keys(of_interface(records, 'eth3')[0]), imds.MACHINE, 'no ENI')
        tokens = {token for method, path, token, host in service.asked if method == 'GET'}
        equal(len(tokens), 1, 'tokens for all of it')
        # What changes is known after a refresh; the last of it stays when the service fails.
        INTERFACES[MACS[1]]['subnet-id'] = 'subnet-0aaaaaaaaaaaaaaaa'
        wait_for(lambda: 'subnet-0aaaaaaaaaaaaaaaa' in agent.said(), 'the other subnet')
        service.fault = '500'
        wait_for(lambda: 'status 500' in agent.said(), 'the trouble')
        send_everywhere(3)
        wait_for(lambda: len(agent.records()) >= 7, 'records')
        x, = [x for x in of_interface(agent.records(), 'eth1') if number_of(x) == 3]
        equal(aws_keys(x), imds.aws_of(INTERFACES[MACS[1]]), 'after trouble')
        service.fault = None
        # Meanwhile an interface gets another MAC: it is another ENI.
        net.ip(r, 'link', 'set', 'eth3', 'address', MACS[2])
        for n in range(4, 10):      # it looks now and again
            send_everywhere(n)
            named = lambda: [aws_keys(x) for x in of_interface(agent.records(), 'eth3') if number_of(x) == n]
            wait_for(named, 'records')
            if named() == [imds.aws_of(INTERFACES[MACS[2]])]:
                break
        equal(named(), [imds.aws_of(INTERFACES[MACS[2]])], 'with another MAC')
        net.ip(r, 'link', 'set', 'eth3', 'address', MACS[3])


@test
def once_asks_too():
    send_everywhere(99)
    with open(folder + '/once.yaml', 'w') as f:
        f.write(CONFIG.replace('flow.log', 'once.log') % (enabled(service.url), folder))
    net.flowctl('agent', '--once', '-c', folder + '/once.yaml', ns=r)
    with open(folder + '/once.log') as f:
        x, = [x for x in map(json.loads, f) if x['iface'] == 'eth1' and x['proto'] == 'UDP' and number_of(x) == 99]
    equal(aws_keys(x), imds.aws_of(INTERFACES[MACS[1]]))


class Load(threading.Thread):
    """Numbered packets at a constant pace, until ended."""
    def __init__(self):
        super().__init__(daemon=True)
        self.phase, self.sent, self.ending = None, [], False     # sent: (phase, interface, octets) by number
        self.lag = 0        # by how much this machine let it fall behind its pace, at most

    def run(self):
        begun = time.monotonic()
        while not self.ending:
            for _ in range(30):
                n = 1 + len(self.sent) % 3
                data, size = frame(n, FIRST + len(self.sent))
                wires[n].send(data)
                self.sent.append((self.phase, n, size))
            ahead = begun + len(self.sent) / PACE - time.monotonic()
            self.lag = max(self.lag, -ahead)
            time.sleep(max(0, ahead))


RIGHT, OFF = 'right', 'nobody is asked'
# How long, where not PHASE: longer than one question may take.
LONG = {'slow': 2.2}


def manners():
    """Each fault, and before each third one of those that are none."""
    faults = [*imds.FAULTS, 'absent', 'black hole']
    for i, name in enumerate(faults):
        if i % 3 == 0:
            yield (RIGHT, OFF)[i // 3 % 2]
        yield name


def settings_of(name):
    if name == OFF:
        return 'enabled: false'
    return enabled({RIGHT: service.url, 'absent': 'http://127.0.0.1:1', 'black hole': 'http://192.0.2.9'}.get(
        name) or service.url_of(name))


def is_asked(name):
    start = '/latest/' if name == RIGHT else service.url_of(name)[len(service.url):] + '/'
    return any(path.startswith(start) for _, path, _, _ in service.asked)


def run_load(agent, load):
    for number, name in enumerate(manners()):
        service.asked.clear()
        service.refused = False
        load.phase = number, name
        agent.reload(settings_of(name))
        time.sleep(LONG.get(name, PHASE))
        if name not in (OFF, 'absent', 'black hole'):
            wait_for(lambda: is_asked(name), 'a question to the service, ' + name)


def check_phase(name, sent, records, late):
    """@sent: (number, interface, octets)."""
    equal(len(records), len(sent), '%s: records' % (name,))
    equal(sorted((number_of(x), x['iface'], x['packets'], x['bytes']) for x in records),
          sorted((number, 'eth%d' % n, 1, size) for number, n, size in sent), name)
    delays = [seconds(x['timestamp']) - seconds(x['last_seen']) for x in records]
    check(max(delays) < late, '%s: a record came %.3f s after its packet' % (name, max(delays)))
    return delays


def seconds(text):
    whole, _, part = text.rstrip('Z').partition('.')
    return time.mktime(time.strptime(whole, '%Y-%m-%dT%H:%M:%S')) + float('0.' + part)


@test
def the_export_feels_nothing_of_what_the_service_does():
    with Agent('enabled: false') as agent:
        resident, load = agent.status('VmRSS'), Load()
        load.phase = -1, OFF
        load.start()
        run_load(agent, load)
        load.ending = True
        load.join()
        wait_for(lambda: len(agent.records()) >= len(load.sent), 'all records')
        records = agent.records()
        grown = agent.status('VmRSS') - resident
        equal(agent.status('Threads') <= 2, True, 'threads are left')
    by_phase, sent = {}, {}
    for number, (phase, n, size) in enumerate(load.sent, FIRST):
        sent.setdefault(phase, []).append((number, n, size))
    for x in records:
        number = number_of(x)
        if x['proto'] == 'UDP' and FIRST <= number < FIRST + len(load.sent):
            by_phase.setdefault(load.sent[number - FIRST][0], []).append(x)
    # On a busy machine each may lose a second, or what the sender itself lost. A question may take two.
    delays = {p: check_phase(p, sent[p], by_phase.get(p, []), 3.5 + load.lag) for p in sent}
    for what, are in ('without fault', (RIGHT, OFF)), ('with faults', (*imds.FAULTS, 'absent', 'black hole')):
        of = [p for p in sent if p[1] in are]
        print('# %s: %d records of %d packets, %.3f s later at most' % (
            what, sum(len(by_phase[p]) for p in of), sum(len(sent[p]) for p in of),
            max(d for p in of for d in delays[p])))
    print('# %d kB of memory more, libcurl among them' % grown)
    check(grown < 16 << 10, '%d kB more' % grown)


@test
def the_agent_ends_at_once_whatever_it_waits_for():
    for name in 'silent', 'slow body', 'black hole':
        with Agent(settings_of(name)) as agent:
            took = agent.end()
        for _ in range(2):          # unless the machine had no time for it
            if took >= 1.5:
                with Agent(settings_of(name)) as agent:
                    took = min(took, agent.end())
        check(took < 1.5, '%s: %.2f s' % (name, took))


def dmi_is_amazon():
    for path in '/sys/class/dmi/id/sys_vendor', '/sys/class/dmi/id/board_vendor':
        if os.path.exists(path):
            with open(path) as f:
                if 'Amazon' in f.read():
                    return True
    return os.path.exists('/sys/hypervisor/uuid')


@test
def off_the_cloud_auto_asks_nobody_and_says_nothing():
    if dmi_is_amazon():
        skip('this is EC2, or may be')
    n = net.ns('quiet')
    for address in '169.254.169.254/32', 'fd00:ec2::254/128':
        net.ip(n, 'addr', 'add', address, 'dev', 'lo')
    with inside(n):
        with imds.Service(INTERFACES, '::', 80) as there, Agent('enabled: auto', ns=n) as agent:
            time.sleep(0.7)
            equal(there.asked, [])
            equal(agent.said().count('\n'), 1, agent.said())
            equal(agent.status('Threads'), 1, 'threads')
            with open('/proc/%d/maps' % agent.p.pid) as f:
                check('libcurl' not in f.read(), 'libcurl is loaded')
        # Somebody who is named is asked, and silent as long as he does not answer.
        with imds.Service(INTERFACES, port=1338) as there, \
                Agent('enabled: auto', ns=n, env={'AWS_EC2_METADATA_SERVICE_ENDPOINT': there.url + '/'}) as agent:
            wait_for(lambda: 'tells of ' + imds.DOCUMENT['instanceId'] in agent.said(), agent.said())
        with Agent('enabled: auto', ns=n, env={'AWS_EC2_METADATA_SERVICE_ENDPOINT': 'http://127.0.0.1:1'}) as agent:
            wait_for(lambda: 'cannot be reached' in agent.said(), 'with -v it is said')


@test
def the_usual_endpoints_are_tried_as_the_sdks_do():
    n = net.ns('usual')
    net.ip(n, 'addr', 'add', '169.254.169.254/32', 'dev', 'lo')
    net.ip(n, 'addr', 'add', 'fd00:ec2::254/128', 'dev', 'lo')
    with inside(n):
        there = imds.Service(INTERFACES, '::', 80)

    def hosts(ns=n, **env):
        there.asked.clear()
        with Agent('enabled: true', ns=ns, env=env) as agent:
            wait_for(lambda: 'tells of' in agent.said(), agent.said())
        return {host for _, _, _, host in there.asked}
    with there:
        equal(hosts(), {'169.254.169.254'})
        equal(hosts(AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE='IPv6'), {'[fd00:ec2::254]'})
        # A proxy is for others.
        equal(hosts(http_proxy='http://127.0.0.1:1', ALL_PROXY='http://127.0.0.1:1'), {'169.254.169.254'})
        there.asked.clear()
        with Agent('enabled: true', ns=n, env={'AWS_EC2_METADATA_DISABLED': 'true'}) as agent:
            equal((there.asked, agent.status('Threads')), ([], 1))
        # No route to it; then a route, and nobody behind it.
        net.ip(n, 'addr', 'del', '169.254.169.254/32', 'dev', 'lo')
        equal(hosts(), {'[fd00:ec2::254]'})
        net.veth(n, 'hole', h, 'hole2', '169.254.1.1/16')
        net.ip(n, 'neigh', 'add', '169.254.169.254', 'lladdr', '02:00:00:00:00:99', 'dev', 'hole')
        equal(hosts(), {'[fd00:ec2::254]'})


main(net, setup)
