#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""flowctl top: the plain list against what was sent, with and without an agent that exports the
same flows; the full screen driven in tmux, against dump; and that nothing is left behind."""
import pty
import re
import tempfile
import termios

from export import Collectors
from traffic import *

net = Net('top')
SYN, SYN_ACK, FIN_ACK, ACK, PSH_ACK = 2, 0x12, 0x11, 0x10, 0x18
sockets = []


def setup():
    global a, b, to_b, to_a, macs
    a, b = net.ns('a'), net.ns('b')
    net.veth(a, 'eth0', b, 'eth0')
    for ns in a, b:
        net.sysctl(ns, 'net.ipv6.conf.all.disable_ipv6', 1)
    to_b, to_a = Wire(a, 'eth0'), Wire(b, 'eth0')
    macs = net.mac(a, 'eth0'), net.mac(b, 'eth0')
    net.cleanups.append(lambda: tmux('kill-server', ok=False))


def frame(src, dst, payload, proto=17, back=False):
    ip = ipv6(src, dst, proto, payload) if ':' in src else ipv4(src, dst, proto, payload)
    dst_mac, src_mac = macs if back else macs[::-1]
    return eth(dst_mac, src_mac, 0x86dd if ':' in src else 0x800, ip)


def size_text(n):
    """As the interface has it, by decimal arithmetic of our own."""
    unit = 0
    v = n
    while unit < 5 and round(v * 100) >= 102400 and n >= 1024:
        v /= 1024
        unit += 1
    return str(n) if n < 1024 else '%.2f %s' % (v, ['', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'][unit])


class Batch:
    """A running `flowctl top --batch`; its lists when it has ended."""
    def __init__(self, *args):
        # What nobody reads from a pipe is left out after a while.
        self.file = tempfile.TemporaryFile('w+')
        self.p = net.spawn(find_flowctl(), '-v', '--bpffs', net.bpffs, 'top', '--netns', b, '-n', 'eth0', '--batch',
                           *args, text=True, stdout=self.file, stderr=subprocess.PIPE)
        self.err = ''
        while ':eth0' not in self.err:
            line = self.p.stderr.readline()
            check(line, 'it ended: ' + self.err)
            self.err += line

    def lists(self):
        """Those written so far."""
        self.out = os.pread(self.file.fileno(), 1 << 26, 0).decode()
        return [block.splitlines() for block in self.out.split('\n\n') if block.strip()]

    def until(self, cond, what):
        """A list of which cond() is true; then it ends."""
        try:
            return wait_for(lambda: next(filter(cond, self.lists()[::-1]), None), what)
        finally:
            self.end(signal.SIGTERM)

    def end(self, signo=None, status=0):
        if signo:
            self.p.send_signal(signo)
        self.err += self.p.communicate(timeout=60)[1]
        equal(self.p.returncode, status, 'exit status; stderr %r;' % self.err)
        return self.lists()


def rows(block):
    """(protocol, source, destination) to (packets, size as text), in the order of the list."""
    found = {}
    for line in block[1:]:
        w = line.split()
        check(tuple(w[:3]) not in found, 'twice: ' + line)
        found[tuple(w[:3])] = int(w[3]), ' '.join(w[4:6]) if len(w) > 5 and w[5].endswith('iB') else w[4]
    return found


def packets(block):
    return sum(p for p, _ in rows(block).values())


def flows_of_dump(*args):
    found = {}
    for f in net.json('dump', '--netns', b, *args):
        ends = ['%s:%d' % ('[%s]' % f[e + '_ip'] if ':' in f[e + '_ip'] else f[e + '_ip'], f[e + '_port'] or 0)
                for e in ('src', 'dst')]
        key = f['proto'], *ends
        packets, size = found.get(key, (0, 0))
        found[key] = packets + f['packets'], size + f['bytes']
    return found


def nothing_is_left():
    check(not os.path.isdir(net.bpffs + '/flowctl') or not os.listdir(net.bpffs + '/flowctl'), 'something is pinned')
    check('flowctl' not in net.exec(b, 'bpftool', 'net', 'show', 'dev', 'eth0').stdout, 'a program is attached')
    check('clsact' not in net.exec(b, 'tc', 'qdisc', 'show', 'dev', 'eth0').stdout, 'a clsact is left')


def send_known():
    """Frames of which all is known; what each direction is, by the list's words."""
    truth = {}
    for i in range(60):
        v6, tcp_, n, size = i % 3 == 0, i % 2 == 0, 1 + i % 7, 20 * i
        src, dst = ('2001:db8:0:%x::1' % (i + 1), '2001:db8::ffff') if v6 else ('10.3.%d.1' % i, '10.3.255.254')
        payload = tcp(3000 + i, 443, ACK, bytes(size)) if tcp_ else udp(3000 + i, 53, bytes(size))
        for back in False, True:
            ends = (dst, src) if back else (src, dst)
            for _ in range(n):
                (to_a if back else to_b).send(frame(*ends, payload, 6 if tcp_ else 17, back))
            text = tuple('%s:%d' % ('[%s]' % e if v6 else e, port) for e, port in
                         zip(ends, (3000 + i, 443 if tcp_ else 53)))
            length = (40 if v6 else 20) + len(payload)
            truth[('TCP' if tcp_ else 'UDP', *text)] = n, n * length
    for _ in range(3):
        to_b.send(frame('10.4.0.1', '10.4.0.2', icmp(8, 0, bytes(56)), 1))
    truth['ICMP', '10.4.0.1:0', '10.4.0.2:0'] = 3, 3 * 80
    return truth


@test
def the_list_is_what_was_sent_biggest_first_and_what_dump_says():
    top = Batch('--interval', '300ms')
    truth = send_known()
    becomes(flows_of_dump, truth, 'what dump says')
    block = top.until(lambda block: packets(block) == sum(p for p, _ in truth.values()), 'a list of all packets')
    equal(block[0].split(), ['PROTOCOL', 'SOURCE', 'DESTINATION', 'PACKETS', 'BYTES'], 'heads')
    found = rows(block)
    wanted = {k: (p, size_text(n)) for k, (p, n) in truth.items()}
    check(found == wanted, 'the list: %r, wanted %r' % (sorted(found.items() - wanted.items()),
                                                        sorted(wanted.items() - found.items())))
    order = [truth[k][1] for k in found]
    equal(order, sorted(order, reverse=True), 'the order')
    for column in 'SOURCE', 'DESTINATION', 'PACKETS', 'BYTES':
        at = block[0].index(column)
        check(all(line[at - 1] == ' ' and line[at] != ' ' for line in block[1:]), column + ' is not aligned')
    check(not re.search('\033|\t', top.out), 'escapes in a pipe')
    nothing_is_left()


@test
def an_agent_that_exports_and_evictions_change_no_total():
    collectors = Collectors(net, nfacctd=False)
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0', '-l', '4096')
    with collectors as c:
        c.start_agent(c.config(count='all', active=1, idle=1))
        top = Batch('--interval', '500ms')
        traffic = Traffic(a, 'eth0', macs[1], macs[0], flows=400, pace=4000, fresh=1)
        traffic.start(3)
        sent, size = traffic.wait()
        seen = sum(m['packets'] for m in net.json('meter', 'status') if m['direction'] == 'ingress')
        equal(seen, sent, 'what the meter saw')
        lost = sum(m['unmetered_packets'] for m in net.json('meter', 'status'))
        last = top.until(lambda block: packets(block) + lost >= sent, 'a list of all packets')
        net.flowctl('meter', 'detach', '--netns', b, '-n', 'eth0')
    found = rows(last)
    equal(packets(last) + lost, sent, 'packets of %d flows; %s' % (len(found), top.err))
    check(len(found) > 4096, 'only %d flows, nothing was evicted' % len(found))
    nothing_is_left()


@test
def connections_have_each_a_line_with_start_and_duration():
    begun = time.time()
    top = Batch('--connections', '--interval', '300ms')
    # A slot of the first connection on another CPU would not know of the second one's beginning.
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cpus)})
    least, most = [], []
    for _ in range(2):
        moments = []
        for flags in SYN, PSH_ACK, FIN_ACK:
            moments.append(time.monotonic() * 1000)
            to_b.send(frame('10.5.0.1', '10.5.0.2', tcp(4000, 80, flags), 6))
            moments.append(time.monotonic() * 1000)
            time.sleep(0.1)
        least.append(moments[4] - moments[1])
        most.append(moments[5] - moments[0])
        time.sleep(0.1)
    os.sched_setaffinity(0, cpus)
    ours = lambda block: [line for line in block if '10.5.0.1:4000' in line]
    lines = ours(top.until(lambda block: sum(bool(re.search(' 3 +120 ', line)) for line in ours(block)) == 2,
                           'lines of both connections'))
    equal(len(lines), 2, 'lines of %r' % lines)
    for line in lines:
        m = re.search(r'10\.5\.0\.2:80 +3 +120 +started (\S+)Z duration ([\d.]+) (ms|s)$', line)
        check(m, line)
        ms = float(m[2]) * (1000 if m[3] == 's' else 1)
        # A tick of the kernel less, rounded, and a packet may wait for its turn on the way.
        check(min(least) - 60 <= ms <= max(most) + 60, '%s: %r to %r' % (line, least, most))
        started = time.mktime(time.strptime(m[1][:19], '%Y-%m-%dT%H:%M:%S')) - time.timezone
        check(begun - 2 <= started <= time.time() + 1, '%s: started' % line)
    nothing_is_left()


@test
def words_of_the_command_line_choose_and_add_up():
    equal(len(Batch('--interval', '100ms', '--count', '2').end()), 2, 'lists')
    top = Batch('--by', 'host', '--filter', 'udp dport 53', '--interval', '200ms', '--limit', '5')
    send_known()
    block = top.until(lambda block: len(block) >= 6, 'five lines')
    equal(block[0].split(), ['HOST', 'PACKETS', 'BYTES'], 'heads')
    equal(len(block), 6, 'lines')
    top = Batch('--columns', 'interface,netns,packets,source,state', '--interval', '200ms')
    for back, flags in (False, SYN), (True, SYN_ACK), (False, ACK):
        ends = (('10.8.0.1', 8000), ('10.8.0.2', 80))[::-1 if back else 1]
        (to_a if back else to_b).send(frame(ends[0][0], ends[1][0], tcp(ends[0][1], ends[1][1], flags), 6, back))
    block = top.until(lambda block: len(block) > 1 and ' 3 ' in block[1], 'all three packets')
    equal([line.split() for line in block], [['INTERFACE', 'NETNS', 'PACKETS', 'SOURCE', 'STATE'],
                                             ['eth0', b, '3', '10.8.0.1:8000', 'open']], 'columns')
    for words in (['--sort', 'byte'], ['--sort', 'rtt', '--by', 'host'], ['--filter', 'tc'], ['--interval', '0'], ['--columns', 'sorce'],
                  ['--connections', '--by', 'host'], ['--by', 'nonsense']):
        r = net.flowctl('top', '--netns', b, '-n', 'eth0', '-b', *words, ok=False)
        equal(r.returncode, 2, '%r: %s' % (words, r.stderr))
    equal(net.flowctl('top', '-b', ok=False).returncode, 2, 'no interface')
    equal(net.flowctl('top', '-b', '--netns', b, '-n', 'eth9', ok=False).returncode, 1, 'no such interface')
    nothing_is_left()


@test
def a_namespace_that_is_deleted_ends_it():
    c = net.ns('c')
    p = net.spawn(find_flowctl(), '-v', '--bpffs', net.bpffs, 'top', '--netns', c, '-n', 'lo', '--batch', '--interval', '200ms',
                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    check('PROTOCOL' in p.stdout.readline(), 'a list')
    net.del_ns(c)
    err = p.communicate(timeout=60)[1]
    equal((p.returncode, err.splitlines()[-1]), (1, "flowctl top: network namespace '%s' is gone" % c))
    nothing_is_left()


# -- the full screen

class Screen:
    """`flowctl top` in a tmux of its own."""
    def __init__(self, *args, columns=80, lines=24, env=()):
        if sockets:
            tmux('kill-server', ok=False)
        sockets.append('%s-%d' % (net.prefix, len(sockets)))
        words = ['env', 'LC_ALL=C.UTF-8', *env, find_flowctl(), '--bpffs', net.bpffs, 'top', '--netns', b, '-n', 'eth0',
                 '--interval', '200ms', *args]
        tmux('-f', '/dev/null', 'new-session', '-d', '-x', columns, '-y', lines,
             ' '.join("'%s'" % w for w in words) + '; s=$?; echo; echo status $s; sleep 60')
        wait_for(lambda: self.text().startswith('flowctl top'), 'a screen')
        self.pid = int(run('pgrep', '-f', '^%s --bpffs %s top' % (find_flowctl(), net.bpffs)).stdout.split()[0])

    def text(self):
        return tmux('capture-pane', '-p').stdout

    def lines(self):
        return self.text().split('\n')

    def press(self, *keys):
        tmux('send-keys', *keys)

    def wait(self, pattern, what=None):
        try:
            wait_for(lambda: re.search(pattern, self.text(), re.M), what or pattern)
        except Failed as e:
            raise Failed('%s; the screen says\n%s' % (e, self.text())) from None

    def report(self):
        """The lines between heads and keys, by their heads; right-aligned cells end where their head does."""
        lines = self.lines()
        return [line for line in lines[5:-2] if line.strip()]

    def column(self, head):
        lines = self.lines()
        end = lines[4].index(head) + len(head)
        begin = lines[4][:end - len(head)].rstrip()
        return [line[len(begin):end].strip() for line in self.report()]

    def over(self, keys=(), signo=None):
        self.press(*keys) if keys else os.kill(self.pid, signo)
        self.wait('^status 0')
        equal(tmux('display-message', '-p', '#{alternate_on} #{cursor_flag}').stdout.strip(), '0 1',
              'the terminal: alternate screen, cursor')


def tmux(*args, ok=True):
    return run('tmux', '-L', sockets[-1], *args, ok=ok) if sockets else None


def send_crowd(n=30):
    """UDP both ways: connection i has i packets there and 1 back, of different sizes."""
    for i in range(1, n + 1):
        there, back = udp(6000 + i, 53, bytes(10 * (n - i))), udp(53, 6000 + i, bytes(400))
        for _ in range(i):
            to_b.send(frame('10.6.0.1', '10.6.0.2', there))
        to_a.send(frame('10.6.0.2', '10.6.0.1', back, back=True))


def truth_of_crowd(n=30):
    return {6000 + i: (i + 1, i * (28 + 10 * (n - i)) + 428) for i in range(1, n + 1)}


@test
def keys_sort_and_the_numbers_are_those_of_dump():
    s = Screen(columns=120, lines=40)
    send_crowd()
    s.wait('^30 connections')
    truth = truth_of_crowd()
    dumped = {}
    for f in net.json('dump', '--netns', b):
        port = f['src_port'] if f['dst_port'] == 53 else f['dst_port']
        p, n = dumped.get(port, (0, 0))
        dumped[port] = p + f['packets'], n + f['bytes']
    equal(dumped, truth, 'what dump says')
    ports = lambda: [int(p) for p in re.findall(r'10\.6\.0\.1:(\d+) +10\.6\.0\.2:53', s.text())]
    for key, by, index in ('p', 'packets', 0), ('b', 'bytes', 1):
        order = sorted(truth, key=lambda p: (-truth[p][index], p))
        s.press(key)
        s.wait('by %s$' % by)
        becomes(ports, order, 'the order by ' + by)
        becomes(lambda: s.column('PACKETS'), [str(truth[p][0]) for p in order], 'packets')
        s.press('r')
        s.wait('by %s, reversed' % by)
        becomes(lambda: [truth[p][index] for p in ports()], sorted(t[index] for t in truth.values()), 'reversed by ' + by)
    s.press('<', '<', '<')
    s.wait('by [a-z-]+')
    s.press('Home')
    s.over('q')
    nothing_is_left()


@test
def filter_group_pause_help_and_sizes_of_the_terminal():
    s = Screen()
    send_crowd()
    s.wait('^30 connections')
    check(all(len(line) <= 80 for line in s.lines()), 'wider than 80')
    s.press('/', 'udp', 'Space', 'port', 'Space', '6007')
    s.wait('^1 connection .*filter: udp port 6007')
    equal(len(s.report()), 1, 'lines')
    s.press('Escape')
    s.wait('^30 connections')
    s.press('/', 'tcp', 'Enter')
    s.wait('^0 connections .*filter: tcp')
    s.press('Escape')
    s.wait('^30 connections +by rate$')
    for what in '2 hosts', '1 port ', '1 interface ', '1 namespace ', '30 connections':
        s.press('g')
        s.wait('^' + what)
    s.press('h')
    s.wait('quit$')
    s.press('Escape')
    s.wait('^30 connections')
    s.press('p', 'Space')
    s.wait('paused')
    before = s.lines()[5:]
    send_crowd()
    time.sleep(0.6)
    equal(s.lines()[5:], before, 'a screen that pauses')
    s.press('Space')
    s.wait(r'10\.6\.0\.1:6030')
    wait_for(lambda: s.lines()[5:] != before, 'it goes on')
    tmux('resize-window', '-x', '200', '-y', '50')
    s.wait('PACKETS .*STATE')
    becomes(lambda: sorted(s.column('PACKETS')), sorted(str(2 * p) for p, _ in truth_of_crowd().values()), 'packets')
    check(s.lines()[49].startswith('q quit'), 'the keys are not in the last line')
    tmux('resize-window', '-x', '80', '-y', '24')
    wait_for(lambda: s.lines()[23].startswith('q quit'), 'the keys in the last line')
    check(all(len(line) <= 80 for line in s.lines()), 'wider than 80')
    s.over(['C-c'])
    nothing_is_left()


@test
def a_connection_has_round_trip_time_retransmissions_and_a_state():
    s = Screen(columns=130)
    ends, back = ('10.7.0.1', '10.7.0.2'), ('10.7.0.2', '10.7.0.1')
    send = lambda flags, data=b'', seq=0, ack=0: to_b.send(frame(*ends, tcp(7000, 80, flags, data, seq, ack), 6))
    answer = lambda flags, data=b'', seq=0, ack=0: to_a.send(
        frame(*back, tcp(80, 7000, flags, data, seq, ack), 6, back=True))
    least, most = [], []

    def answered(flags, data, seq, ack, wait, *answer_):
        """A segment and what acknowledges it: between which two times that took."""
        begin = time.monotonic()
        send(flags, data, seq, ack)
        sent = time.monotonic()
        wait()
        least.append(time.monotonic() - sent)
        answer(*answer_)
        most.append(time.monotonic() - begin)
    answered(SYN, b'', 99, 0, lambda: s.wait(r'10\.7\.0\.1:7000 +10\.7\.0\.2:80 .* opening'), SYN_ACK, b'', 999, 100)
    send(ACK, seq=100, ack=1000)
    for i in range(8):
        answered(PSH_ACK, bytes(100), 100 + 100 * i, 1000, lambda: time.sleep(0.05), ACK, b'', 1000, 200 + 100 * i)
    s.wait('7000 .* open')
    send(PSH_ACK, bytes(100), 900, 1000)
    time.sleep(0.3)
    send(PSH_ACK, bytes(100), 900, 1000)     # again
    answer(ACK, b'', 1000, 1000)
    s.wait(r'7000 .*\dm?s +4\.5% open', 'the health')
    m = re.search(r' ([\d.]+)(ms|s) +4\.5% open', s.text())
    rtt = float(m[1]) / (1000 if m[2] == 'ms' else 1)
    # There and back: of the other side, which has one sample, there was no wait.
    check(sum(least) / 9 - 0.002 <= rtt <= sum(most) / 9 * 1.01 + 0.05, 'RTT %g s, %r to %r' % (rtt, least, most))
    send(FIN_ACK, b'', 1000, 1000)
    s.wait('7000 .* closing')
    answer(FIN_ACK, b'', 1000, 1001)
    s.wait(r'7000 .* closed \ds')
    s.over(signo=signal.SIGTERM)
    nothing_is_left()


@test
def what_a_killed_one_left_is_shown_and_cleared():
    net.flowctl('meter', 'attach', '--netns', a, '-n', 'eth0')
    s = Screen()
    living = [m for m in net.json('meter', 'status') if m['netns'] == b]
    equal([m['left_over'] for m in living], [False, False], 'while it lives')
    os.kill(s.pid, signal.SIGKILL)
    s.wait('status 137')
    status = net.flowctl('meter', 'status').stdout
    equal(status.count('eth0 (left over)'), 2, 'left over in\n' + status)
    equal([m['netns'] for m in net.json('meter', 'status')], [a, a], 'meters, cleared')
    s = Screen()
    os.kill(s.pid, signal.SIGKILL)
    s.wait('status 137')
    ids = {m['prog_id'] for m in net.json('meter', 'status', '--netns', b)} - {None}
    top = Batch('--interval', '300ms', '--count', '1')
    check(not ids & {m['prog_id'] for m in net.json('meter', 'status', '--netns', b)}, 'those of the dead one are there')
    top.end()
    net.flowctl('meter', 'detach', '--netns', a, '-n', 'eth0')
    nothing_is_left()


class Terminal:
    """A terminal whose every byte we see."""
    def __init__(self, *more, **env):
        self.fd, tty = pty.openpty()
        termios.tcsetwinsize(tty, (24, 80))
        words = [find_flowctl(), '--bpffs', net.bpffs, 'top', '--netns', b, '-n', 'eth0', '--interval', '200ms', *more]
        self.p = net.spawn(*words, stdin=tty, stdout=tty, stderr=tty, start_new_session=True,
                           env={**os.environ, 'TERM': 'xterm-256color', 'LC_ALL': 'C.UTF-8', **env})
        os.close(tty)
        self.seen = b''

    def until(self, word, timeout=30):
        end = time.monotonic() + timeout
        while word not in self.seen:
            check(time.monotonic() < end, 'no %r in %r' % (word, self.seen[-2000:]))
            self.more(0.1)

    def more(self, seconds):
        end = time.monotonic() + seconds
        while select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return
            if not data:
                return
            self.seen += data

    def type(self, keys):
        os.write(self.fd, keys)

    def end(self):
        self.type(b'q')
        while self.p.poll() is None:
            self.more(0.1)
        equal(self.p.returncode, 0, 'exit status')
        os.close(self.fd)


COLOR = re.compile(rb'\033\[(?:\d+;)*(?:3[0-7]|4[0-7]|9[0-7]|38|48)[;m]')


@test
def colour_only_where_it_is_wanted_and_no_flicker():
    no = {'NO_COLOR': '1'}
    for env, more, wanted in ({}, [], True), (no, [], False), (no, ['--color', 'always'], True), \
                             ({}, ['--color', 'never'], False):
        t = Terminal(*more, **env)
        t.until(b'reverse')
        t.type(b' ')
        t.until(b'paused')
        equal(bool(COLOR.search(t.seen)), wanted, 'colours with %r and %r' % (env, more))
        if not env and not more:
            t.type(b' ')
            t.more(0.3)
            t.seen = b''
            send_crowd()
            t.until(b'10.6.0.1:6015')
            check(b'\033[2J' not in t.seen and b'\033[H\033[J' not in t.seen, 'it is cleared: %r' % t.seen)
            # Rates that fall are drawn; then there is nothing to draw but the clock and the load.
            for _ in range(20):
                t.seen = b''
                t.more(0.5)
                if len(t.seen) < 1500:
                    break
            check(len(t.seen) < 1500, '%d octets in half a second of a quiet screen' % len(t.seen))
        t.end()
    nothing_is_left()


@test
def a_terminal_that_cannot_gets_the_list_and_is_told_so():
    t = Terminal(TERM='dumb')
    t.until(b'no full screen, this terminal cannot show one')
    t.until(b'PROTOCOL  SOURCE')
    check(b'\033' not in t.seen, 'escape sequences')
    t.p.send_signal(signal.SIGINT)
    equal(t.p.wait(30), 0, 'exit status')
    os.close(t.fd)
    t = Terminal(LC_ALL='C')
    t.until(b'reverse')
    send_crowd()
    t.until(b'10.6.0.1:6015')
    check(all(c < 0x80 for c in t.seen), 'not plain')
    t.end()
    nothing_is_left()


main(net, setup)
