#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""flowctl latency: what it says against what a wire with a known delay wrote down, and against
frames whose moments the test itself brackets; and that it leaves nothing behind."""
import fcntl
import re

from tcplive import *

net = Net('lat')
SYN_ACK = SYN | ACK
RING_EVENTS = 4000      # more than its ring has room for


def setup():
    global path, a, b, to_b, to_a, macs
    path = Path(net)
    a, b = net.ns('a'), net.ns('b')
    net.veth(a, 'eth0', b, 'eth0')
    net.veth(a, 'eth1', b, 'eth1')
    for ns in a, b:
        net.sysctl(ns, 'net.ipv6.conf.all.disable_ipv6', 1)
    to_b, to_a = Wire(a, 'eth0'), Wire(b, 'eth0')
    macs = net.mac(a, 'eth0'), net.mac(b, 'eth0')


class Latency:
    """A running `flowctl latency`; its lines and its summary when it has ended."""
    def __init__(self, *args, watching=1, **kw):
        self.p = net.spawn(find_flowctl(), '--bpffs', net.bpffs, 'latency', *args, text=True,
                           stderr=subprocess.PIPE, **{'stdout': subprocess.PIPE, **kw})
        self.err = ''
        while self.err.count('watching') < watching:
            line = self.p.stderr.readline()
            check(line, 'it ended: ' + self.err)
            self.err += line

    def end(self, signo=signal.SIGINT, status=0):
        if signo:
            self.p.send_signal(signo)
        out, err = self.p.communicate(timeout=60)
        self.err += err
        equal(self.p.returncode, status, 'the exit status; stderr: %r;' % self.err)
        self.lines = (out or '').splitlines()
        return self

    def objects(self):
        """Of -o ndjson: all but the last, and the last."""
        v = [json.loads(line) for line in self.lines]
        equal([o['kind'] for o in v].count('summary'), 1, 'summaries')
        equal(v[-1]['kind'], 'summary', 'the last object')
        return v[:-1], v[-1]


def meters():
    return sorted((m['netns'], m['iface'], m['direction'], m['prog_id'], m['max_flows'], m['attached_at'])
                  for m in net.json('meter', 'status'))


def nothing_is_left(*places):
    if os.path.isdir(net.bpffs + '/flowctl'):
        equal(os.listdir(net.bpffs + '/flowctl'), [], 'what is pinned')
    for ns, dev in places or ((a, 'eth0'), (b, 'eth0'), (path.near, 'eth0')):
        check('flowctl' not in net.exec(ns, 'bpftool', 'net', 'show', 'dev', dev).stdout, 'a program is attached')
        check('clsact' not in net.exec(ns, 'tc', 'qdisc', 'show', 'dev', dev).stdout, 'a clsact is left')


# -- frames whose moments are known

def frame(client, port, flags, v6=False, server_port=80, seq=1000):
    """From the client at a to the server behind b, or back when @flags have an ACK with the SYN."""
    ends = ('2001:db8::%x' % client, '2001:db8::ffff') if v6 else ('198.51.100.%d' % client, '203.0.113.9')
    back = flags & ACK
    segment = tcp(server_port, port, flags, seq=70000, ack=seq + 1) if back else tcp(port, server_port, flags, seq=seq)
    if back:
        ends = ends[::-1]
    ip = ipv6(*ends, 6, segment) if v6 else ipv4(*ends, 6, segment)
    dst, src = macs if back else macs[::-1]
    return eth(dst, src, 0x86dd if v6 else 0x800, ip)


def send(wire, data):
    """Between which two moments it went, in us."""
    before_ = time.monotonic_ns()
    wire.send(data)
    return before_ / 1000, time.monotonic_ns() / 1000


def between(value, syn, synack, what):
    least, most = synack[0] - syn[1], synack[1] - syn[0]
    check(least - 1 <= value <= most + 1, '%s: %d us, it was %.0f to %.0f' % (what, value, least, most))


def many_handshakes(n, first=0):
    for i in range(first, first + n):
        client, port = 1 + i % 200, 1024 + i // 200
        to_b.send(frame(client, port, SYN))
        to_a.send(frame(client, port, SYN_ACK))


@test
def lines_are_the_servers_with_the_time_from_syn_to_syn_ack():
    wanted = []
    latency = Latency('--netns', b, '-n', 'eth0')
    for v6, wait in (False, .012), (True, .031), (False, 0):
        syn = send(to_b, frame(1, 5000 + len(wanted), SYN, v6))
        time.sleep(wait)
        wanted.append((syn, send(to_a, frame(1, 5000 + len(wanted), SYN_ACK, v6)), v6))
    latency.end()
    equal(len(latency.lines), 3, 'lines')
    for line, (syn, synack, v6) in zip(latency.lines, wanted):
        m = re.fullmatch(r'(203\.0\.113\.9|\[2001:db8::ffff\]):80 : RTT: (\d+)\.(\d{3})ms', line)
        check(m and m[1].startswith('[') == v6, line)
        between(int(m[2] + m[3]), syn, synack, line)
    check('handshakes: count 3 ' in latency.err and '###' in latency.err, latency.err)
    check(all(w in latency.err for w in ('min', 'avg', 'p50', 'p90', 'p99', 'max')), latency.err)
    check('lost' not in latency.err, latency.err)
    nothing_is_left()


@test
def a_syn_sent_again_does_not_shorten_it_and_an_answer_sent_again_is_no_second_one():
    latency = Latency('--netns', b, '-n', 'eth0', '-o', 'ndjson')
    syn = send(to_b, frame(2, 6000, SYN))
    for _ in range(3):
        time.sleep(.03)
        to_b.send(frame(2, 6000, SYN))
    synack = send(to_a, frame(2, 6000, SYN_ACK))
    to_a.send(frame(2, 6000, SYN_ACK))
    events, _ = latency.end().objects()
    equal(len(events), 1, 'handshakes')
    between(events[0]['rtt_us'], syn, synack, 'with a SYN sent four times')


@test
def an_answer_to_nothing_and_a_question_without_answer_are_no_handshakes():
    latency = Latency('--netns', b, '-n', 'eth0', '-o', 'ndjson')
    to_a.send(frame(3, 6100, SYN_ACK))
    to_b.send(frame(3, 6101, SYN))
    to_a.send(frame(3, 6101, RST | ACK))
    events, summary = latency.end().objects()
    equal(events, [], 'handshakes')
    equal((summary['count'], summary['min_us'], summary['p99_us'], summary['histogram'], summary['lost']),
          (0, None, None, [], 0), 'the summary of nothing')


@test
def a_flood_of_syns_beside_it_changes_nothing():
    latency = Latency('--netns', b, '-n', 'eth0', '-o', 'ndjson')
    wanted = {}
    for round_ in range(20):
        syn = send(to_b, frame(4, 6200 + round_, SYN))
        for i in range(250):
            to_b.send(frame(10 + i % 200, 7000 + 250 * round_ + i, SYN))
        wanted[6200 + round_] = syn, send(to_a, frame(4, 6200 + round_, SYN_ACK))
    events, summary = latency.end().objects()
    equal(sorted((e['client_ip'], e['client_port']) for e in events),
          [('198.51.100.4', port) for port in sorted(wanted)], 'handshakes')
    for e in events:
        between(e['rtt_us'], *wanted[e['client_port']], 'beside a flood')
    equal((summary['count'], summary['lost']), (20, 0), 'the summary')
    check(1000 < summary['half_open_lost'] < 5000, '%d of 5000 gave way' % summary['half_open_lost'])


@test
def what_is_lost_while_it_is_stopped_is_counted_and_told():
    latency = Latency('--netns', b, '-n', 'eth0', '-o', 'ndjson')
    many_handshakes(100)
    latency.p.send_signal(signal.SIGSTOP)
    many_handshakes(RING_EVENTS, 100)
    latency.p.send_signal(signal.SIGCONT)
    events, summary = latency.end().objects()
    check(summary['lost'] > 0, 'nothing was lost')
    equal(len(events), summary['count'], 'what was told and what was counted')
    equal(summary['count'] + summary['lost'], 100 + RING_EVENTS, 'told and lost')
    latency = Latency('--netns', b, '-n', 'eth0')
    latency.p.send_signal(signal.SIGSTOP)
    many_handshakes(RING_EVENTS, 10000)
    latency.p.send_signal(signal.SIGCONT)
    latency.end()
    m = re.search(r'^(\d+) events were lost$', latency.err, re.M)
    check(m and int(m[1]) + len(latency.lines) == RING_EVENTS, latency.err)


@test
def nobody_who_reads_its_output_stops_neither_it_nor_its_end():
    r, w = os.pipe()
    fcntl.fcntl(w, 1031, 4096)          # F_SETPIPE_SZ
    latency = Latency('--netns', b, '-n', 'eth0', stdout=w)
    many_handshakes(1000, 20000)
    begin = time.monotonic()
    latency.end(signal.SIGTERM)
    check(time.monotonic() - begin < 20, 'it did not end')
    check('handshakes: count 1000 ' in latency.err and 'bytes were not written' in latency.err, latency.err)
    os.close(r)
    os.close(w)
    nothing_is_left()


# -- how it ends

@test
def whatever_ends_it_leaves_nothing_attached():
    for signo in signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT:
        Latency('--netns', b, '-n', 'eth0').end(signo)
        nothing_is_left()
    latency = Latency('--netns', b, '-n', 'eth0', '--count', '2')
    many_handshakes(5, 30000)
    equal(len(latency.end(None).lines), 2, 'lines of --count 2')
    check('count 2 ' in latency.err, latency.err)
    latency = Latency('--netns', b, '-n', 'eth0', '--duration', '300ms')
    check('count 0' in latency.end(None).err, latency.err)
    nothing_is_left()


@test
def a_closed_pipe_ends_it_quietly():
    for lines in 1, 0:
        latency = Latency('--netns', b, '-n', 'eth0')
        if lines:
            many_handshakes(1, 31000)
            latency.p.stdout.readline()
        latency.p.stdout.close()
        equal(latency.p.wait(60), 0, 'the exit status')
        equal(latency.p.stderr.read(), '', 'what it said')
        nothing_is_left()


@test
def a_line_is_written_at_once():
    latency = Latency('--netns', b, '-n', 'eth0')
    for i in range(5):
        begin = time.monotonic()
        many_handshakes(1, 32000 + i)
        latency.p.stdout.readline()
        took = time.monotonic() - begin
        if took < .15:
            break
    check(took < .15, 'it took %.3f s' % took)
    latency.end()


@test
def a_meter_that_goes_while_it_is_watched_ends_it_with_a_sentence():
    for words, sentence in (('detach', 'detached'), ('attach', 'attached anew')):
        latency = Latency('--netns', b, '-n', 'eth0')
        if words == 'detach':
            net.flowctl('meter', 'detach', '--netns', b, '-n', 'eth0')
        else:
            net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0', '--force', '-l', '9000')
        latency.end(None, status=1)
        check(sentence in latency.err.splitlines()[-1], latency.err)
        equal(len(meters()), 2 if words == 'attach' else 0, 'hooks')
        net.flowctl('meter', 'detach', '--netns', b, '-n', 'eth0')
        nothing_is_left()
    net.veth(b, 'gone0', a, 'gone0')
    latency = Latency('--netns', b, '-n', 'gone0')
    net.ip(b, 'link', 'del', 'gone0')
    latency.end(None, status=1)
    check("interface 'gone0' is gone" in latency.err, latency.err)
    nothing_is_left()


# -- beside other meters and other watchers

@test
def meters_that_are_there_are_used_and_stay():
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0')
    before_ = meters()
    latency = Latency('--netns', b, '-n', 'eth*', '-o', 'ndjson', watching=2)
    check('eth1, metered for as long' in latency.err and 'eth0, metered' not in latency.err, latency.err)
    equal(len(meters()), 4, 'hooks while it runs')
    syn = send(to_b, frame(5, 6300, SYN))
    time.sleep(.005)
    synack = send(to_a, frame(5, 6300, SYN_ACK))
    events, _ = latency.end().objects()
    equal([(e['netns'], e['iface'], e['direction'], e['client_port']) for e in events],
          [(b, 'eth0', 1, 6300)], 'handshakes')
    between(events[0]['rtt_us'], syn, synack, 'by a meter that was there')
    equal(meters(), before_, 'the meters')
    net.flowctl('meter', 'detach', '--netns', b, '--all')
    nothing_is_left((b, 'eth0'), (b, 'eth1'))


@test
def a_meter_that_somebody_else_wants_meanwhile_stays():
    latency = Latency('--netns', b, '-n', 'eth*', watching=2)
    wanted = [m for m in meters() if m[1] == 'eth0']
    out = net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0').stdout
    equal(out.count('(unchanged)'), 2, 'unchanged hooks')
    latency.end()
    equal(meters(), wanted, 'the meters')
    # Anew in a table of another size, with what others have: a guest goes on being one.
    latency = Latency('--netns', b, '-n', 'eth1')
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0', '--force', '-l', '9000')
    latency.end(None, status=1)
    equal([m[1] for m in meters()], ['eth0', 'eth0'], 'the meters')
    net.flowctl('meter', 'detach', '--netns', b, '--all')
    nothing_is_left((b, 'eth0'), (b, 'eth1'))


@test
def whoever_begins_at_the_same_moment_finds_the_table_of_another_size():
    for _ in range(6):
        top = net.spawn(find_flowctl(), '--bpffs', net.bpffs, 'top', '--netns', b, '-n', 'eth0', '--batch',
                        '--interval', '500ms', '--count', '1', text=True, stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE)
        latency = net.spawn(find_flowctl(), '--bpffs', net.bpffs, 'latency', '--netns', b, '-n', 'eth0', text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        err = top.communicate(timeout=60)[1]
        latency.send_signal(signal.SIGINT)
        err += latency.communicate(timeout=60)[1]
        check('was made for' not in err, err)
        equal(top.returncode, 0, "top's exit status: %s" % err)
        nothing_is_left()


@test
def of_other_interfaces_it_says_nothing():
    net.flowctl('meter', 'attach', '--netns', b, '--all')
    latency = Latency('--netns', b, '-n', 'eth1', '-o', 'ndjson')
    many_handshakes(3, 33000)
    events, summary = latency.end().objects()
    equal((events, summary['count']), ([], 0), 'handshakes of eth0')
    net.flowctl('meter', 'detach', '--netns', b, '--all')


@test
def a_second_watcher_is_refused_and_the_next_one_not():
    first = Latency('--netns', b, '-n', 'eth0')
    r = net.flowctl('latency', '--netns', b, '-n', 'eth0', ok=False)
    equal((r.returncode, r.stdout, len(r.stderr.splitlines())), (1, '', 1), 'a second watcher: ' + r.stderr)
    check('another flowctl watches' in r.stderr, r.stderr)
    many_handshakes(2, 34000)
    equal(len(first.end().lines), 2, 'lines of the first')
    nothing_is_left()
    killed = Latency('--netns', b, '-n', 'eth0')
    killed.p.kill()
    killed.p.wait()
    many_handshakes(1, 34100)           # still told of, to nobody
    latency = Latency('--netns', b, '-n', 'eth0')
    many_handshakes(2, 34200)
    equal(len(latency.end().lines), 2, 'lines behind one that was killed')
    net.flowctl('meter', 'detach', '--netns', b, '-n', 'eth0')
    nothing_is_left()


@test
def wrong_words_and_meters_without_tcp_metrics_are_refused():
    for words, status, says in ((['-o', 'ndjson'], 2, 'no interface named'),
                                (['-n', 'nosuch0', '--netns', b], 1, 'nosuch0'),
                                (['-n', 'nosuch*', '--netns', b], 1, 'nosuch*'),
                                (['-n', 'eth0', '--netns', 'nosuchns'], 1, 'nosuchns'),
                                (['-i', b + ':eth0', '--netns', b], 2, 'exclude'),
                                (['-n', 'eth0', '-o', 'json'], 2, 'json'),
                                (['-n', 'eth0', '--count', '0'], 2, 'count')):
        r = net.flowctl('latency', *words, ok=False)
        equal((r.returncode, r.stdout), (status, ''), 'latency %r: %s' % (words, r.stderr))
        check(says in r.stderr and len(r.stderr.splitlines()) <= 2, r.stderr)
    net.flowctl('meter', 'attach', '--netns', b, '-n', 'eth0', '--tcp-metrics', 'off')
    before_ = meters()
    r = net.flowctl('latency', '--netns', b, '-n', 'eth0', ok=False)
    check(r.returncode == 1 and 'no TCP metrics' in r.stderr, r.stderr)
    r = net.flowctl('latency', '--netns', b, '-n', 'eth1', ok=False)
    check(r.returncode == 1 and 'no TCP metrics' in r.stderr, r.stderr)
    equal(meters(), before_, 'the meters')
    net.flowctl('meter', 'detach', '--netns', b, '--all')
    nothing_is_left((b, 'eth0'), (b, 'eth1'))


@test
def several_namespaces_at_once():
    latency = Latency('-i', a + ':eth0', '-i', b + ':eth0', '-o', 'ndjson', watching=2)
    many_handshakes(1, 35000)
    events, _ = latency.end().objects()
    equal(sorted((e['netns'], e['direction']) for e in events), sorted([(a, 0), (b, 1)]), 'handshakes')
    nothing_is_left()


# -- a wire with 20 ms each way, which writes down what passes

def crowd_of(n, **kw):
    crowd = Crowd(path)
    for i in range(n):
        crowd.add(v6=bool(i % 2), **kw)
    return crowd


def handshakes_are_the_wires(events, crowd, log, up, down):
    equal(len(events), len(crowd.conns), 'handshakes')
    for c in crowd.conns:
        client, server = path.addresses(c.v6)
        # Both families may have the same port.
        e, = [e for e in events if (e['client_ip'], e['client_port']) == (client, c.port)]
        equal((e['server_ip'], e['server_port']), (server, crowd.port), 'the server')
        rtt, _ = log.handshake(c, up, down)
        near_to(e['rtt_us'], rtt, 'the handshake of port %d' % c.port)
        check(e['rtt_us'] >= 40000 - TOLERANCE_US, 'port %d: %d us, shorter than the wire' % (c.port, e['rtt_us']))


@test
def handshakes_over_a_slow_wire_are_those_it_wrote_down():
    near, client = path.near, path.client
    path.open(taps=[(near, 'eth0'), (client, 'eth0')])
    on_router = Latency('-i', near + ':eth0', '-o', 'ndjson')
    on_client = Latency('-i', client + ':eth0', '-o', 'ndjson')
    crowd = crowd_of(20, up=1000, down=1000)
    crowd.run()
    seen = [(on_router, (near, 'eth0', 'ingress'), (near, 'eth0', 'egress')),
            (on_client, (client, 'eth0', 'egress'), (client, 'eth0', 'ingress'))]
    seen = [(latency.end().objects()[0], up, down) for latency, up, down in seen]
    log = path.close()
    for events, up, down in seen:
        handshakes_are_the_wires(events, crowd, log, up, down)


@test
def on_a_router_that_is_metered_all_over_either_interface_has_the_handshake():
    near = path.near
    path.open(taps=[(near, 'eth0')])
    net.flowctl('meter', 'attach', '--netns', near, '--all')
    for name in 'eth0', 'wire0':
        latency = Latency('--netns', near, '-n', name, '-o', 'ndjson')
        crowd = crowd_of(6, up=100, down=100)
        crowd.run()
        events, _ = latency.end().objects()
        equal(len(events), 6, 'handshakes of ' + name)
        equal({e['iface'] for e in events} <= {'eth0', 'wire0'}, True, 'interfaces')
    log = path.close()
    handshakes_are_the_wires(events, crowd, log, (near, 'eth0', 'ingress'), (near, 'wire0', 'ingress'))
    net.flowctl('meter', 'detach', '--all')


@test
def continuous_has_every_sample_of_the_wire():
    near = path.near
    path.open(taps=[(near, 'eth0')])
    latency = Latency('--netns', near, '-n', 'eth0', '-o', 'ndjson', '--continuous')
    crowd = crowd_of(2, up=40000, down=1000, chunk=5000)
    crowd.run()
    events, summary = latency.end().objects()
    log = path.close()
    handshakes_are_the_wires([e for e in events if e['kind'] == 'handshake'], crowd, log,
                             (near, 'eth0', 'ingress'), (near, 'eth0', 'egress'))
    samples = [e for e in events if e['kind'] == 'rtt']
    equal((summary['count'], summary['rtt']['count'], summary['lost']), (2, len(samples), 0), 'the summary')
    for c in crowd.conns:
        is_ = [e['rtt_us'] for e in samples if e['from_port'] == c.port and (':' in e['from_ip']) == c.v6 and e['peer_port'] == crowd.port]
        wanted = log.rtt(c, (near, 'eth0', 'ingress'), (near, 'eth0', 'egress'), True)
        check(len(wanted) > 3, 'only %d samples' % len(wanted))
        # Ours are more: also of what an ACK covers together with later segments.
        for sample in wanted:
            near_to(min(is_, key=lambda us: abs(us - sample)), sample, 'the nearest of %r' % sorted(is_))
    equal(summary['rtt']['max_us'], max(e['rtt_us'] for e in samples), 'the longest')
    nothing_is_left()


main(net, setup)
