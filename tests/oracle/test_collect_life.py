#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`flowctl collect` among bad company: garbage, floods, cut connections, signals, closed pipes."""
import random, re
from collect import *


@test
def garbage_costs_nothing_but_a_line():
    rnd = random.Random(7)
    with Collect() as c:
        for i in range(2000):
            body = bytes(rnd.randrange(256) for _ in range(rnd.randrange(1, 200)))
            to(c.port, body if i % 2 else struct.pack('!HH', 9 + i % 4 // 2, len(body) + 2) + body)
        to(c.port, ipfix(SMALL, small(3)))
        c.wait_records(3)
        equal(c.stop(), 0, 'its exit status')
        equal([r['protocolIdentifier'] for r in c.records[-3:]], [6] * 3, 'what is right')
        check(len(c.kept.splitlines()) < 600, 'it says too much: %d lines' % len(c.kept.splitlines()))


@test
def peers_from_everywhere_are_bounded():
    with Collect() as c:
        wide = b''.join(set_(2, template(i, *[(95, 65535)] * 300)) for i in range(256, 304))
        for i in range(1200):
            to(c.port, ipfix(wide))
            if i % 100 == 99:
                wait_for(lambda: drained(c.port), 'all of it read', 30)
        to(c.port, ipfix(SMALL, small(2)))
        wait_for(lambda: c.lines, 'the last one')
        with open('/proc/%d/status' % c.process.pid) as f:
            rss = int(next(l for l in f if l.startswith('VmHWM')).split()[1])
        check(rss < 200 << 10 or 'verify_asan' in os.environ.get('ASAN_OPTIONS', ''), '%d KiB' % rss)
        equal(c.stop(), 0, 'its exit status')


@test
def it_ends_after_so_many_records_by_itself():
    with Collect('--count', '5') as c:
        to(c.port, ipfix(SMALL, small(3)), ipfix(small(4), seq=3))
        equal(c.process.wait(60), 0, 'its exit status')
        equal(len(c.lines), 5, 'the records')


@test
def signals_end_it_cleanly():
    for how in signal.SIGINT, signal.SIGTERM:
        with Collect() as c:
            to(c.port, ipfix(SMALL, small(1)))
            equal(c.stop(how), 0, 'its exit status')
            equal(len(c.lines), 1, 'what had come')


@test
def a_reader_that_goes_ends_it_quietly():
    with Collect(output='text') as c:
        port = c.port
        c.stop()
    p = subprocess.Popen([find_flowctl(), 'collect', '--listen', 'udp://127.0.0.1:%d' % port],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: is_bound(port), 'the collector')
    p.stdout.close()
    equal(p.wait(60), 0, 'its exit status')
    check(b'ipe' not in p.stderr.read(), 'it complains')
    p.stderr.close()


@test
def killed_and_started_again_it_waits_for_templates():
    port = free_port()
    url = 'udp://127.0.0.1:%d' % port
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(('127.0.0.1', port))
        with Collect(url=url) as c:
            s.send(ipfix(SMALL, small(4)))
            c.wait_records(4)
            c.stop(signal.SIGKILL)
        with Collect('--strict', url=url) as c:
            s.send(ipfix(small(4), seq=4))
            s.send(ipfix(SMALL, small(1), seq=8))
            c.wait_records(1)
            equal(c.stop(), 0, 'its exit status')
            check('was not seen yet' in c.kept and 'missing' not in c.kept, c.kept)


@test
def what_the_kernel_dropped_is_told():
    with Collect() as c:
        c.process.send_signal(signal.SIGSTOP)
        # Records of padding, that is not printed: what counts is the room they take.
        big, padding = set_(2, template(257, (4, 1), (210, 30000))), bytes(30001)
        to(c.port, ipfix(SMALL, big), *[ipfix(set_(257, padding), seq=i) for i in range(4000)])
        c.process.send_signal(signal.SIGCONT)
        wait_for(lambda: drained(c.port), 'all of it read')
        to(c.port, ipfix(SMALL, small(1), seq=4000))
        wait_for(lambda: 'dropped' in c.says, 'word of it')
        equal(c.stop(), 0, 'its exit status')
        lost = sum(map(int, re.findall(r'dropped (\d+) datagrams', c.kept)))
        equal(len(c.lines), 4001 - lost, 'the records that are left')


@test
def connections_may_come_in_pieces_and_several_at_once():
    with Collect('--strict', url='tcp://127.0.0.1:0') as c:
        whole = ipfix(SMALL, small(1, 6)) + ipfix(small(2, 17), seq=1)
        with over_tcp(c.port) as a, over_tcp(c.port) as b:
            for i in range(len(whole)):
                a.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                a.send(whole[i:i + 1])
                if i == 20:
                    b.send(whole)
            c.wait_records(6)
        equal(c.stop(), 0, c.says)
        equal(sorted(r['protocolIdentifier'] for r in c.records), [6, 6, 17, 17, 17, 17], 'the records')


@test
def a_cut_connection_and_one_that_speaks_another_language_are_told():
    with Collect('--strict', url='tcp://127.0.0.1:0') as c:
        with over_tcp(c.port) as a:
            a.send(ipfix(SMALL, small(1)) + ipfix(small(1), seq=1)[:9])
        wait_for(lambda: 'ends 9 bytes into a message' in c.says, 'word of it')
        with over_tcp(c.port) as a:
            a.send(b'GET / HTTP/1.0\r\n\r\n')
            a.settimeout(5)
            equal(a.recv(10), b'', 'it hangs up')
        wait_for(lambda: 'version 18245' in c.says, 'word of it')
        equal(c.stop(), 1, 'its exit status')
        equal(len(c.lines), 1, 'what was whole')


@test
def ipv6_and_several_addresses_at_once():
    with Collect('--listen', 'udp://[::1]:0', '--listen', 'tcp://[::1]:0') as c:
        wait_for(lambda: len(c.ports) == 3, 'three sockets')
        to(c.ports[0], ipfix(SMALL, small(1, 1)))
        to(c.ports[1], ipfix(SMALL, small(1, 2)), host='::1')
        with socket.create_connection(('::1', c.ports[2])) as s:
            s.send(ipfix(SMALL, small(1, 3)))
        c.wait_records(3)
        equal(c.stop(), 0, 'its exit status')
        names = {r['protocolIdentifier']: r['exporter'] for r in c.records}
        check(names[1].startswith('127.0.0.1:') and names[2].startswith('[::1]:') and names[3].startswith('[::1]:'),
              names)


@test
def files_and_standard_input_are_read_to_their_end():
    message = ipfix(SMALL, small(2), at=1700000000)
    with tempfile.NamedTemporaryFile() as f:
        f.write(message + ipfix(small(1), seq=2, at=1700000000))
        f.flush()
        r = run(find_flowctl(), 'collect', '-r', f.name, '-r', f.name, '--strict')
        equal(len(r.stdout.splitlines()), 6, 'the records')
        check('2023-11-14T22:13:20Z %s domain=1 template=256 protocolIdentifier=6' % f.name in r.stdout, r.stdout)
        r = subprocess.run([find_flowctl(), 'collect', '--read', '-', '-o', 'ndjson'], input=message[:-1],
                           capture_output=True, timeout=10)
        equal((r.returncode, r.stdout), (0, b''), 'a message that is cut')
        check(b'into a message' in r.stderr, r.stderr)
        f.write(b'rubbish')
        f.flush()
        r = run(find_flowctl(), 'collect', '-r', f.name, ok=False)
        equal(r.returncode, 1, 'the exit status')
        check("no file of IPFIX messages" in r.stderr, r.stderr)


@test
def what_cannot_be_listened_on_is_refused():
    for words, status in ((['udp://127.0.0.1'], 2), (['http://127.0.0.1:1'], 2), (['udp://192.0.2.1:1'], 1),
                          (['tls://127.0.0.1:0'], 2)):
        r = run(find_flowctl(), 'collect', '--listen', *words, ok=False)
        equal(r.returncode, status, words)
        equal(r.stdout, '', words)
    with Collect() as c:
        r = run(find_flowctl(), 'collect', '--listen', 'udp://127.0.0.1:%d' % c.port, ok=False)
        equal(r.returncode, 1, 'the same port')
        check('Address already in use' in r.stderr, r.stderr)


main()
