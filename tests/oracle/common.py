# SPDX-License-Identifier: Apache-2.0
"""What the oracle tests share: records whose every value is known here, and the program
that sends them by a session. PACKETS is another number in each, so that it names the record.
"""
import os, re, shutil, signal, socket, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'net'))
from lib import (becomes, check, drained, equal, find_flowctl, free_port, is_bound, json_lines, main,  # noqa: E402,F401
                 patiently, run, skip, test, wait_for, whole_lines)

# What the runner sets to find faults of ours makes the collectors slow, which are not ours.
os.environ.pop('MALLOC_PERTURB_', None)

SEND = os.environ.get('IPFIX_SEND') or os.path.join(HERE, '../../build/tests/oracle/ipfix_send')
FLOWCTL = find_flowctl()
START = 1795233357123456789     # 2026-11-21T03:55:57.123456789Z
TAG = 0x1000                    # a VLAN tag was there

KNOWN = [
    dict(src='192.0.2.1', dst='198.51.100.7', proto=6, sport=49375, dport=443, flags=0xdb, tos=0xb9,
         vlan=123, inner=31, bytes=5186818123, dur=59877543210, reason=2, direction=0,
         min_ttl=61, max_ttl=64),
    dict(src='198.51.100.7', dst='192.0.2.1', proto=6, sport=443, dport=49375, flags=0x12, bytes=60,
         dur=0, reason=3, direction=1, vlan=4094),
    dict(src='192.0.2.255', dst='255.255.255.255', proto=17, sport=68, dport=67, bytes=328, dur=1000000,
         reason=1, direction=0, vlan=0, tagged=True),
    dict(src='0.0.0.0', dst='224.0.0.1', proto=2, bytes=1 << 40, dur=3600 * 10**9, reason=4, direction=1,
         min_ttl=1, max_ttl=1),
    dict(src='192.0.2.9', dst='192.0.2.10', proto=1, dport=0x0800, bytes=84, dur=0, reason=1, direction=0),
    dict(src='192.0.2.9', dst='192.0.2.10', proto=1, dport=0x0304, bytes=56, dur=5, reason=5, direction=0),
    dict(src='192.0.2.11', dst='192.0.2.12', proto=132, sport=2905, dport=2906, bytes=100, dur=1,
         reason=1, direction=1),
    dict(src='192.0.2.11', dst='192.0.2.12', proto=47, bytes=1500, dur=999999, reason=1, direction=1),
    dict(src='2001:db8::1', dst='2001:db8::ffff:2', proto=6, sport=1, dport=65535, flags=0x04, tos=0xfc,
         bytes=60, dur=0, reason=3, direction=0, min_ttl=0, max_ttl=255),
    dict(src='fe80::1', dst='ff02::fb', proto=17, sport=5353, dport=5353, bytes=4096, dur=7 * 10**9,
         reason=2, direction=1, vlan=1),
    dict(src='2001:db8::1', dst='2001:db8::2', proto=58, dport=0x8000, bytes=104, dur=0, reason=1,
         direction=0),
    dict(src='2001:db8::1', dst='2001:db8::2', proto=58, dport=0x0104, bytes=152, dur=0, reason=1,
         direction=0),
    dict(src='::ffff:192.0.2.1', dst='2001:db8::2', proto=89, bytes=40, dur=0, reason=1, direction=0),
]


def beyond(i, r):
    """What only some templates carry: values that differ from each other and from record to record."""
    v6, tcp = ':' in r['src'], r['proto'] == 6
    d = dict(total_packets=r['packets'] + i * 7, total_bytes=r['bytes'] + i * 11, ifindex=r['in'], mark=i + 1,
             fragment_id=0x10000 * v6 + i, iface='eth%d' % i, description='Zürich→%d' % i,
             src_prefix_len=i % 33, dst_prefix_len=32 - i % 33, forwarding_status=(64, 128, 192)[i % 3],
             src_as=64496 + i, dst_as=4200000000 + i, next_hop='192.0.2.%d' % (i % 256),
             bgp_next_hop='203.0.113.%d' % (i % 256), biflow_direction=i % 4)
    if v6:
        d.update(flow_label=0xfffff - i, ip6_headers=(1 << i % 32), src_prefix_len=i % 129,
                 next_hop='2001:db8:1::%x' % i, bgp_next_hop='2001:db8:2::%x' % i)
    if tcp:
        d.update(tcp_options=(1 << 2 | 1 << i % 64))
    return d


HEALTH = ('server', 'client', 'again', 'fast', 'timeout', 'spurious', 'disorder', 'dup_acks', 'closed',
          'alive', 'ect0', 'ect1', 'ce', 'ece', 'cwr', 'min_rtt', 'max_rtt', 'min_window', 'max_window',
          'last_window', 'jitter', 'max_jitter', 'in_flight')


def healthy(r, salt):
    """The same with TCP's health, of which each value is another number."""
    more = {'tcp_' + n: (salt * 1000003 + k * 70001) % (1 << 32) for k, n in enumerate(HEALTH)}
    return dict(r, tcp_known=0x7f, tcp_rtts=1 + salt % 5, tcp_rtt_sum=(salt + 1) * 1000003 + 1, **more)


def complete(i, given):
    r = dict(sport=0, dport=0, flags=0, tos=0, vlan=0, inner=0, min_ttl=64, max_ttl=64, domain=1)
    r['packets'] = 1000 + i
    r['first'] = START + i * 1000003
    r['in'], r['out'] = 100 + i, 0x7fffff00 + i
    r['src_mac'], r['dst_mac'] = '02:00:00:00:01:%02x' % (i % 256), '02:00:00:00:02:%02x' % (i % 256)
    r.update(given)
    r['last'] = r['first'] + r.pop('dur')
    return dict(beyond(i, r), **r)


def many(n):
    """More than a message holds, of two domains and both families, after the known ones."""
    base = len(KNOWN)
    for i in range(base, base + n):
        yield complete(i, dict(src='10.%d.%d.1' % (i >> 8, i & 255) if i % 3 else '2001:db8::%x' % i,
                               dst='10.0.0.2' if i % 3 else '2001:db8::2', proto=6 if i % 2 else 17,
                               sport=i, dport=80, bytes=40 * i, dur=i * 10**6, reason=1 + i % 5,
                               direction=i & 1, domain=1 + (i // 100) % 2))


def with_templates_again(records, every):
    for i, r in enumerate(records):
        if i % every == every - 1:
            yield 'resend'
        yield r


RECORDS = [complete(i, r) for i, r in enumerate(KNOWN)] + list(many(600))


def both_ways(r):
    """The same with the other direction (RFC 5103), of which everything is another number."""
    back = dict(packets=r['packets'] + 50000, bytes=r['bytes'] + 77, first=r['first'] + 10**6 + 1,
                last=r['last'] + 3 * 10**9 + 5, min_ttl=33, max_ttl=44, tos=r['tos'] ^ 0x20,
                reason=1 + r['reason'] % 5, src_mac=r['dst_mac'], dst_mac=r['src_mac'],
                total_packets=r['packets'] + 60000, total_bytes=r['bytes'] + 88, mark=r['mark'] + 500,
                fragment_id=r['fragment_id'] + 700, iface='back', description='way→back',
                src_as=65000, dst_as=65001, src_prefix_len=r['dst_prefix_len'],
                dst_prefix_len=r['src_prefix_len'], forwarding_status=129, direction=1 - r['direction'])
    back['in'], back['out'] = 7, 8
    if r['proto'] == 6:
        back.update(flags=r['flags'] ^ 0x09, tcp_options=1 << 63 | 1)
    if ':' in r['src']:
        back.update(flow_label=0x54321, ip6_headers=0x42, next_hop='2001:db8:f::1', bgp_next_hop='2001:db8:f::2')
    else:
        back.update(next_hop='192.0.2.254', bgp_next_hop='192.0.2.253')
    return dict(r, reverse=back)


HEALTHY = [healthy(r, r['packets']) for r in RECORDS if r['proto'] == 6][:60]


def both_healthy(r):
    """Of both directions, each with its own health, but that of the handshake is the connection's."""
    both = both_ways(r)
    back = healthy(both['reverse'], r['packets'] + 77)
    back.update((k, r[k]) for k in ('tcp_server', 'tcp_client'))
    return dict(both, reverse=back)


BIFLOWS = [both_ways(r) for r in RECORDS[:40]]


def in_tunnel(i, r):
    """The same in a tunnel of any kind, over any family, and in the cloud."""
    outer = '2001:db8:aaaa::1%02x' if i % 3 == 0 else '203.0.113.%d'
    return dict(r, tunnel=1 + i % 8, vni=i * 40503 % (1 << 24), outer_src=outer % (i % 256), outer_dst=outer % 255,
                outer_tos=i * 3 % 256, gwlb_endpoint=1 << 63 | i, gwlb_attachment=1 << 62 | i, gwlb_flow=1 << 31 | i,
                aws_account='%012d' % i, aws_vpc='vpc-%d' % i, aws_subnet='subnet-%d' % i, aws_interface='eni-%d' % i,
                aws_instance='i-%d' % i, aws_az='eu-west-1%s' % 'abc'[i % 3], aws_az_id='euw1-az%d' % (i % 3),
                aws_region='eu-west-1')


TUNNELS = [in_tunnel(i, r) for i, r in enumerate(RECORDS[:40] + HEALTHY[:20] + BIFLOWS[:20])]


def icmp_of(r):
    """Type and code, or None."""
    if (r['proto'], ':' in r['src']) in ((1, False), (58, True)):
        return r['dport'] >> 8, r['dport'] & 255
    return None


def ports_of(r):
    return (r['sport'], r['dport']) if r['proto'] in (6, 17, 132) else (0, 0)


def line(r):
    if isinstance(r, str):      # 'flush', 'resend'
        return r
    words = dict(r)
    back = words.pop('reverse', {})
    tagged = words.pop('tagged', False) or r['vlan']
    words['vlan'] = r['vlan'] | TAG if tagged else 0
    words['inner'] = r['inner'] | TAG if r['inner'] else 0
    words.update(('rev_' + k, v) for k, v in back.items())
    return ' '.join('%s=%s' % kv for kv in words.items())


def send(port, records, *template, local='127.0.0.1:0', max_len=1400, batches=False, options=(),
         remote=None):
    """Every record through one session, or what else a line may say; all must leave."""
    n = sum(not isinstance(x, str) for x in records)
    r = run(SEND, *(['-b'] if batches else []), *options, remote or '127.0.0.1:%d' % port, local, max_len, *template,
            input=''.join(line(x) + '\n' for x in records))
    equal(r.stdout.strip(), 'records %d lost 0 errors 0' % n, 'what ipfix_send says')


class Teller:
    """ipfix_send, spoken to line by line."""
    def __init__(self, port, *options):
        self.process = subprocess.Popen([SEND, *options, '127.0.0.1:%d' % port, '127.0.0.1:0', '1400'],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, *lines):
        """Returns when all of it has left."""
        self.process.stdin.write(''.join(line(x) + '\n' for x in lines + ('tell',)))
        self.process.stdin.flush()
        equal(self.process.stdout.readline(), 'told\n', 'the answer')

    def end(self):
        return self.process.communicate(timeout=60)[0]


def send_slowly(port, records, options):
    """As send(), but no minute passes until the collector has read what came: UDP would lose it."""
    teller, said = Teller(port, *options), []
    try:
        for r in records:
            said.append(r)
            if isinstance(r, str) and r.startswith('later'):
                teller.say(*said)
                wait_for(lambda: drained(port), 'the socket read empty', timeout=30)
                said = []
        teller.say(*said, 'flush')
    finally:
        answer = teller.end()
    n = sum(not isinstance(x, str) for x in records)
    equal(answer.strip(), 'records %d lost 0 errors 0' % n, 'what ipfix_send says')


def need(*programs):
    for p in programs:
        if not shutil.which(p, path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin'):
            print('1..0 # SKIP %s is not installed' % p)
            sys.exit(77)


class Collector:
    """A daemon that listens on a port of its own and leaves files in a folder of its own."""
    def __init__(self, argv_of, stop, port=None):
        self.dir = tempfile.mkdtemp(prefix='flowctl-oracle-')
        self.port, self.stop_signal = port or free_port(), stop
        self.log = os.path.join(self.dir, 'log')
        with open(self.log, 'w') as log:
            self.process = subprocess.Popen(argv_of(self), stdout=log, stderr=log, cwd=self.dir,
                                            start_new_session=True)

    def __enter__(self):
        try:
            wait_for(lambda: is_bound(self.port), 'the collector listening')
        except Exception:
            self.__exit__()
            raise
        return self

    def stop(self):
        """End it, wait until its files are written; what it logged."""
        self.process.send_signal(self.stop_signal)
        self.process.wait(30)
        with open(self.log) as f:
            return f.read()

    def kill(self):
        """It and its children, at once."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.dir)


def agree(is_, wanted, fields):
    """Both: dicts by packets. Every field of every record."""
    equal(len(is_), len(wanted), 'the number of records')
    for packets, w in wanted.items():
        check(packets in is_, 'no record of %d packets' % packets)
        for f in fields:
            equal(is_[packets].get(f), w[f], 'record of %d packets: %s' % (packets, f))
