#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Logs of format vpc, live: what the sender sent in each interval of the wall clock is what the
lines of that interval say, whatever happens to the agent meanwhile; NODATA and SKIPDATA lines; files
in the layout of S3. The interval is 2 s here, so that nobody waits for minutes."""
import glob, gzip, re, shutil, tempfile

from lib import *

net = Net('vpc')
INTERVAL = 2
V5 = ('version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start '
      'end action log-status vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr '
      'region az-id sublocation-type sublocation-id pkt-src-aws-service pkt-dst-aws-service '
      'flow-direction traffic-path').split()
V2 = V5[:14]


def setup():
    global a, b, dir
    a, b = net.ns('a'), net.ns('b')
    net.veth(a, 'eth0', b, 'eth0', '10.95.0.1/24', '10.95.0.2/24')
    net.veth(a, 'eth1', b, 'eth1')
    for ns in a, b:
        net.sysctl(ns, 'net.ipv6.conf.all.disable_ipv6', 1)
    net.exec(a, 'ping', '-c', '1', '10.95.0.2')
    for dev in 'eth0', 'eth1':
        net.flowctl('meter', 'attach', '--netns', b, '-n', dev, '--direction', 'ingress')
    dir = tempfile.mkdtemp(prefix='flowctl-vpc-')
    net.cleanups.append(lambda: shutil.rmtree(dir))


class Agent:
    """An agent with one log of format vpc; lines() are dicts by field."""
    def __init__(self, name, fields=V2, more='', dest='file'):
        self.name, self.fields = '%s/%s' % (dir, name), fields
        self.conf = self.name + '.yaml'
        with open(self.conf, 'w') as f:
            f.write("idleTimeoutSeconds: 1\noutputs:\n- log: {%s: %s, format: vpc, fields: '%s', "
                    "aggregationInterval: %d%s}\n" % (
                        dest, self.name, ' '.join('${%s}' % x for x in fields), INTERVAL, more))
        self.start()

    def start(self):
        for p in net.procs:     # of a test that failed
            if p.poll() is None:
                p.kill()
                p.wait()
        with open(self.name + '.err', 'w') as err:
            self.proc = net.spawn(find_flowctl(), '--bpffs', net.bpffs, 'agent', '-c', self.conf,
                                  stderr=err)
        wait_for(lambda: 'exporting' in self.says() or self.proc.poll() is not None, 'the agent')
        check(self.proc.poll() is None, self.says())

    def says(self):
        with open(self.name + '.err') as f:
            return f.read()

    def end(self, sig=signal.SIGTERM):
        self.proc.send_signal(sig)
        self.proc.wait(60)
        check(sig == signal.SIGKILL or self.proc.returncode == 0, self.says())

    def lines(self):
        return [dict(zip(self.fields, x.split())) for x in whole_lines(self.name)]


def until_interval(into):
    """Wait until the clock is so many seconds into an interval; where that began."""
    now = time.time()
    begin = now - now % INTERVAL
    if now > begin + into - 0.02:
        begin += INTERVAL
    time.sleep(max(0, begin + into - time.time()))
    return int(begin)


class Sender:
    """Datagrams of 128 octets (IP) from one socket; how many, by the interval they left in."""
    def __init__(self, dport):
        with inside(a):
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.dport, self.sent = dport, {}

    def send(self, n=1):
        for _ in range(n):
            begin = int(time.time()) // INTERVAL * INTERVAL
            self.sock.sendto(bytes(100), ('10.95.0.2', self.dport))
            self.sent[begin] = self.sent.get(begin, 0) + 1


def send_in_each(sender, intervals, written):
    """Packets in so many intervals, away from the borders and not before the agent has cut there, for which it
    may be late. One that it was late for has none. @written: of how many intervals there are lines."""
    while len(sender.sent) < intervals:
        begin = until_interval(0.1)
        wait_for(lambda: written() >= len(sender.sent), 'the lines of %d intervals' % len(sender.sent))
        while time.time() < begin + INTERVAL - 0.3:
            sender.send()
            time.sleep(0.001)


def by_interval(lines, dport):
    """Packets and octets by the interval that the lines of a flow begin in, and how many lines."""
    sums = {}
    for x in lines:
        if x['dstport'] == str(dport):
            begin = int(x['start']) // INTERVAL * INTERVAL
            p, o, n = sums.get(begin, (0, 0, 0))
            sums[begin] = p + int(x['packets']), o + int(x['bytes']), n + 1
    return sums


def wanted(sent):
    return {begin: (n, n * 128, 1) for begin, n in sent.items()}


@test
def each_interval_has_what_was_sent_in_it_in_one_line():
    agent = Agent('exact', V5, ", header: true, accountId: '123456789010', "
                  "interfaceIds: {eth0: eni-1235b8ca123456789}")
    sender = Sender(5001)
    written = lambda: len(by_interval(agent.lines()[1:], 5001))
    send_in_each(sender, 2, written)
    wait_for(lambda: written() >= len(sender.sent), 'the last line')
    lines = agent.lines()
    equal(list(lines[0].values()), V5, 'the header')
    equal(by_interval(lines[1:], 5001), wanted(sender.sent), 'packets, octets and lines by interval')
    x = [x for x in lines if x['dstport'] == '5001'][0]
    check(int(x['start']) // INTERVAL == int(x['end']) // INTERVAL, x)
    equal({k: x[k] for k in V5 if k not in ('start', 'end', 'packets', 'bytes', 'srcport')}, dict(
        {k: '-' for k in V5[14:]}, **{
            'version': '5', 'account-id': '123456789010', 'interface-id': 'eni-1235b8ca123456789',
            'srcaddr': '10.95.0.1', 'dstaddr': '10.95.0.2', 'dstport': '5001', 'protocol': '17',
            'action': 'ACCEPT', 'log-status': 'OK', 'tcp-flags': '0', 'type': 'IPv4',
            'pkt-srcaddr': '10.95.0.1', 'pkt-dstaddr': '10.95.0.2', 'flow-direction': 'ingress'}))
    agent.end()


@test
def a_kill_neither_loses_nor_repeats_what_is_counted_up():
    agent = Agent('killed')
    sender = Sender(5002)
    begin = until_interval(0.05)
    # Idle flows leave for the spool each second; some are held by the kernel at each kill.
    while time.time() < begin + INTERVAL + 1.5:
        if 0.05 < time.time() % INTERVAL < INTERVAL - 0.05:
            sender.send(3)
        if int((time.time() - begin) * 10) % 8 == 7:
            agent.end(signal.SIGKILL)
            agent.start()
        time.sleep(0.01)
    agent.end()
    lines = agent.lines()
    sums = by_interval(lines, 5002)
    equal(sum(x[0] for x in sums.values()), sum(sender.sent.values()), 'packets')
    equal(sum(x[1] for x in sums.values()), 128 * sum(sender.sent.values()), 'octets')
    equal(os.path.exists(agent.name + '.spool'), False, 'a spool after a clean end')


@test
def no_data_and_what_could_not_be_counted_have_lines():
    agent = Agent('status', more=', interfaceIds: {eth1: eni-1, eth0: eni-0}')
    Sender(5003).send(5)
    begin = until_interval(0.2)
    if agent.lines():           # the clock went on over a border meanwhile
        begin = until_interval(0.2)
    wait_for(lambda: any(x['end'] == str(begin + INTERVAL) for x in agent.lines()), 'the next interval')
    end = until_interval(0.2) + INTERVAL
    # An IPv4 header of 16 octets: there is none such.
    wire = Wire(a, 'eth1')
    wire.send(net.mac(b, 'eth1') + net.mac(a, 'eth1') + b'\x08\x00' + b'\x44' + bytes(63))
    wait_for(lambda: sum(x['end'] == str(end) for x in agent.lines()) >= 2, 'the lines')
    said = [' '.join(x.values()) for x in agent.lines()]
    check('2 - eni-1 - - - - - - - %d %d - SKIPDATA' % (end - INTERVAL, end) in said, said)
    check('2 - eni-0 - - - - - - - %d %d - NODATA' % (end - INTERVAL, end) in said, said)
    check(any(x['interface-id'] == 'eni-1' and x['end'] == str(begin + INTERVAL) and
              x['log-status'] == 'NODATA' for x in agent.lines()), said)
    check(any(x.startswith('2 - eni-0 10.95.0.1 10.95.0.2') and x.endswith('OK') for x in said), said)
    agent.end()


@test
def flags_of_tcp_are_told_by_direction():
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0', '--direction', 'egress')
    agent = Agent('tcp', ('srcport', 'dstport', 'tcp-flags', 'flow-direction', 'log-status'))
    until_interval(0.1)
    with inside(b):
        server = socket.create_server(('10.95.0.2', 5005))
    with inside(a):
        client = socket.create_connection(('10.95.0.2', 5005))
    there = server.accept()[0]
    client.send(b'x')
    there.recv(1)
    client.close()
    there.close()
    server.close()
    wait_for(lambda: sum('5005' in (x['srcport'], x['dstport']) for x in agent.lines()) == 2, 'two lines')
    agent.end()
    equal(sorted((x['flow-direction'], x['tcp-flags'], x['log-status']) for x in agent.lines()
                 if '5005' in (x['srcport'], x['dstport'])),
          [('egress', '19', 'OK'), ('ingress', '3', 'OK')])
    net.flowctl('meter', 'detach', '--netns', b, '-n', 'eth0')
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0', '--direction', 'ingress')


@test
def a_folder_gets_files_as_s3_does():
    agent = Agent('s3', more=', header: true, filePeriod: 2, perHourPartition: true, region: us-east-1, '
                  "accountId: '123456789012', flowLogId: fl-1234abcd", dest='directory')
    sender = Sender(5004)
    send_in_each(sender, 2, lambda: len(glob.glob(agent.name + '/AWSLogs/**/*.gz', recursive=True)))
    agent.end()
    files = glob.glob(agent.name + '/**/*', recursive=True)
    files = sorted(f for f in files if os.path.isfile(f))
    check(len(files) >= 2, files)
    sums = {}
    for f in files:
        check(re.fullmatch(
            r'AWSLogs/123456789012/vpcflowlogs/us-east-1/\d{4}/\d\d/\d\d/\d\d/'
            r'123456789012_vpcflowlogs_us-east-1_fl-1234abcd_\d{8}T\d{4}Z_[0-9a-f]{8}\.log\.gz',
            os.path.relpath(f, agent.name)), f)
        with gzip.open(f, 'rt') as g:
            rows = [x.split() for x in g.read().splitlines()]
        equal(rows[0], V2, 'the header')
        for k, v in by_interval([dict(zip(V2, x)) for x in rows[1:]], 5004).items():
            check(k not in sums, 'twice')
            sums[k] = v
    equal(sums, wanted(sender.sent), 'packets, octets and lines by interval')
    equal([x for x in os.listdir(agent.name) if x.startswith('.')], [], 'what is left')


main(net, setup)
