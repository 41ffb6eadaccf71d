#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Logs with hooks beside collectors: a hook may do what it wants, all else goes on, and no record
is lost. The other log, which has no hooks, says what there was."""
import glob
import re

import ipfix
from lib import *
from export import *
from traffic import balanced, ledgers

net = Net('beside')
PORTS = range(5000, 5200)


def setup():
    global r, h
    r, h = net.ns('r'), net.ns('h')
    net.veth(r, 'eth0', h, 'eth0', '10.97.0.1/24', '10.97.0.2/24')
    net.exec(h, 'ping', '-c', '1', '10.97.0.1')


class metered:
    def __enter__(self):
        net.flowctl('meter', 'attach', '--netns', r, '-n', 'eth0', '--direction', 'ingress')

    def __exit__(self, *_):
        net.flowctl('meter', 'detach', '--all')


class Hooked(Collectors):
    """Collectors and a log as ever, and hooked.log behind them; folders of hooks go to self.tmp."""
    def __init__(self):
        super().__init__(net, nfacctd=False)

    def __enter__(self):
        super().__enter__()
        self.tmp = self.dir + '/tmp'
        os.mkdir(self.tmp)
        return self

    def start(self, hooks, format='json', idle=1, **kw):
        conf = self.config(idle=idle, count='all', **kw)
        log = {'file': self.dir + '/hooked.log', 'format': format, 'hooks': hooks}
        with open(conf, 'a') as f:
            f.write('- log: %s\n' % json.dumps(log))
        before = self.agent_says().count('exporting')
        self.spawn_agent(conf, env=dict(os.environ, TMPDIR=self.tmp))
        wait_for(lambda: self.agent.poll() is not None or self.agent_says().count('exporting') > before, 'the agent')
        check(self.agent.poll() is None, self.agent_says())
        return conf

    def hooked_lines(self):
        return [line.rstrip('\n') for line in whole_lines(self.dir + '/hooked.log')]

    def hooked(self):
        return [json.loads(line) for line in self.hooked_lines()]

    def places(self):
        return glob.glob(self.tmp + '/*')


def send(n=1, ports=PORTS):
    with inside(h):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for port in ports:
        for _ in range(n):
            s.sendto(b'x' * 100, ('10.97.0.1', port))
    s.close()


def ours(records):
    return {x['dst_port']: (x['packets'], x['bytes'], x['first_seen'], x['end_reason']) for x in records
            if (x['dst_port'] or 0) in PORTS}


def all_came(c):
    return lambda: len(ours(c.log_records())) == len(PORTS)


@test
def a_hook_that_hangs_delays_no_collector_and_no_other_log():
    with metered(), Hooked() as c:
        c.start([{'name': 'stuck', 'shell': 'touch %s/hangs; sleep 1000' % c.dir, 'timeout': '6s'}])
        send(3)
        wait_for(all_came(c), 'the other log')
        wait_for(lambda: os.path.exists(c.dir + '/hangs'), 'the hook')
        wait_for(lambda: any(list(x.records()) for x in ipfix.streams(c.recorder.datagrams).values()), 'data at the collector')
        # All of that while it hung.
        check('did not end' not in c.agent_says(), c.agent_says())
        equal(c.hooked(), [], 'what the hook holds')
        c.end_agent()
        text, result = c.agent_says(), c.stop()
        check(ours(c.hooked()) == ours(result.log), 'another log than without hooks')
        equal(c.places(), [], 'what hooks have left')
        for key, ledger in ledgers(net).items():
            balanced(ledger, key)
            check(ledger['exported'][0] >= 3 * len(PORTS), 'exported: %r' % ledger)
    nf = [f for f in result.nfdump() if f.get('dst_port') in PORTS]
    equal(sum(f['in_packets'] for f in nf), 3 * len(PORTS))
    equal(result.nfcapd_sequence_errors, 0)
    equal(result.tshark_complaints(), [])
    told = re.findall(r"hook 'stuck' .*", text)
    equal(told, ["hook 'stuck' did not end within 6 s; its records are logged without hooks"])


@test
def what_hooks_answer_is_logged():
    """jq by command and by the two spellings of shell, chained; integers stay what they are."""
    hooks = [{'name': 'jq', 'command': "jq -c 'map(. + {site: \"tokyo\"})'"},
             {'shell': '#!/bin/sh\njq \'[.[] | . + {\n  foo1:"foo1",\n  foo2:"foo2"\n}]\'\n'},
             {'name': 'sed', 'shell': "sed 's/\"foo2\"}/\"9007199254740993\"}/g; s/\"9007199254740993\"/9007199254740993/g'"}]
    with metered(), Hooked() as c:
        c.start(hooks)
        send(2)
        wait_for(lambda: len(ours(c.hooked())) == len(PORTS), 'the records')
        c.end_agent()
        check('hook' not in c.agent_says(), c.agent_says())
        check(ours(c.hooked()) == ours(c.log_records()), 'another log than without hooks')
        plain = {x['dst_port']: x for x in c.log_records()}
        for x in c.hooked():
            equal((x.pop('site'), x.pop('foo1')), ('tokyo', 'foo1'))
            check(list(x) == list(plain[x['dst_port']]) + (['foo2'] if 'foo2' in x else []), 'other keys: %r' % x)
        check('foo2' in c.hooked_lines()[0], 'foo2')


@test
def text_with_and_without_hooks_is_the_same():
    with metered(), Hooked() as c:
        conf = c.start([{'name': 'same', 'command': 'cat'}], format='text')
        c.end_agent()
        with open(conf, 'a') as f:
            f.write('- log: {file: %s/text.log, format: text}\n' % c.dir)
        c.spawn_agent(conf)
        send(2)
        wait_for(all_came(c), 'the records')
        c.end_agent()
        plain = [line for line in open(c.dir + '/text.log').read().splitlines() if ' dst_port=5' in line]
        hooked = [line for line in c.hooked_lines() if ' dst_port=5' in line]
        strip = lambda lines: sorted(re.sub(r' timestamp=\S+', '', line) for line in lines)
        equal(strip(plain), strip(hooked))
        for x in c.log_records():
            if x['dst_port'] == PORTS[0]:
                wanted = 'src=10.97.0.2 dst=10.97.0.1 proto=UDP starttime=%s endtime=%s pkts=2 bytes=256 version=3 ' % (
                    x['first_seen'], x['last_seen'])
        line, = [line for line in plain if ' dst_port=%d ' % PORTS[0] in line]
        check(line.startswith(wanted), '%r, wanted %r' % (line, wanted))
        check('null' not in line, line)


@test
def the_last_export_goes_through_hooks_too():
    with metered(), Hooked() as c:
        c.start([{'name': 'slow', 'shell': 'sleep 1; sed \'s/}\\([],]\\)/,"site":"tokyo"}\\1/g\''}], idle=60)
        send(1)
        c.end_agent()
        check(ours(c.hooked()) == ours(c.log_records()), 'another log than without hooks')
        equal(len(ours(c.hooked())), len(PORTS))
        equal({x.get('site') for x in c.hooked()}, {'tokyo'})
        equal(c.places(), [], 'what hooks have left')


@test
def a_reload_waits_for_no_hook_and_loses_nothing():
    """The log is moved away and the agent told while its hook is at work."""
    with metered(), Hooked() as c:
        conf = c.start([{'name': 'slow', 'timeout': '60s',
                         'shell': 'cd %s; touch works; until [ -e go ]; do sleep 0.1; done; cat' % c.dir}])
        send(1, PORTS[:100])
        wait_for(lambda: os.path.exists(c.dir + '/works'), 'the hook')
        os.rename(c.dir + '/hooked.log', c.dir + '/hooked.old')
        c.agent.send_signal(signal.SIGHUP)
        wait_for(lambda: 'read again' in c.agent_says(), 'the reload')
        send(1, PORTS[100:])
        wait_for(all_came(c), 'the other log')
        open(c.dir + '/go', 'w').close()
        c.end_agent()
        equal(open(c.dir + '/hooked.old').read(), '', 'the log that was moved away')
        check(ours(c.hooked()) == ours(c.log_records()), 'another log than without hooks')
        equal(len(c.hooked()), len(c.log_records()), 'lines')
        check('hook' not in c.agent_says(), c.agent_says())


@test
def what_a_killed_agent_leaves_its_successor_removes():
    with metered(), Hooked() as c:
        c.start([{'name': 'slow', 'shell': 'touch %s/works; cat; sleep 2' % c.dir, 'timeout': '3s'}])
        send(1)
        wait_for(lambda: os.path.exists(c.dir + '/works'), 'the hook')
        c.end_agent(signal.SIGKILL)
        equal(len(c.places()), 1)
        left = c.places()
        equal(os.stat(left[0]).st_mode & 0o777, 0o700)
        c.start([{'name': 'same', 'command': 'cat'}])
        check(len(c.places()) == 1 and c.places() != left, 'places: %r' % c.places())
        c.end_agent()
        equal(c.places(), [])


@test
def once_tells_of_a_hook_that_failed_and_writes_all():
    with metered(), Hooked() as c:
        conf = c.dir + '/once.yaml'
        with open(conf, 'w') as f:
            f.write('outputs:\n- log:\n    file: %s/hooked.log\n    hooks:\n'
                    '    - {name: broken, command: /nonexistent/program}\n' % c.dir)
        send(1)
        said = net.flowctl('agent', '--once', '-c', conf)
        equal(len(ours(c.hooked())), len(PORTS))
        check("hook 'broken' cannot be started: No such file or directory; its records are logged "
              'without hooks' in said.stderr and said.stderr.count('\n') == 1, said.stderr)


main(net, setup)
