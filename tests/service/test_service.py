#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The agent as a service: what it tells a service manager, and the unit that is installed."""
import os, re, shutil, signal, socket, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'net'))
from lib import *  # noqa: E402

net = Net('svc')
UNIT = os.environ['FLOWCTL_UNIT']
WATCHDOG_US = 400000


class Manager:
    """The agent below a service manager that we play (sd_notify(3), a datagram socket)."""
    def __init__(self, config, **env):
        self.dir = tempfile.mkdtemp(prefix='flowctl-test-')
        net.cleanups.append(lambda: shutil.rmtree(self.dir))
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.dir + '/notify')
        self.sock.settimeout(10)
        self.config = self.dir + '/config.yaml'
        self.write(config)
        self.p = net.spawn(find_flowctl(), '--bpffs', net.bpffs, 'agent', '-c', self.config,
                           env=dict(os.environ, NOTIFY_SOCKET=self.dir + '/notify', **env), stderr=subprocess.PIPE)

    def write(self, config):
        with open(self.config, 'w') as f:
            f.write(config % self.dir)

    def told(self, *, signs_of_life=False):
        """The next message, a dictionary; those of the watchdog only if they are wanted."""
        while True:
            said = dict(line.split('=', 1) for line in self.sock.recv(4096).decode().splitlines())
            if signs_of_life or 'WATCHDOG' not in said:
                return said


def need_systemd():
    if 'libsystemd' not in run('ldd', find_flowctl()).stdout:
        skip('built without libsystemd')


ONE = 'outputs:\n- log: {file: %s/flow.log, format: json}\n'


@test
def a_service_manager_learns_that_it_is_ready_reloads_and_ends():
    need_systemd()
    m = Manager(ONE)
    said = m.told()
    equal((said.get('READY'), said.get('STATUS')), ('1', 'exporting to 1 output'), 'the first word')
    m.p.send_signal(signal.SIGHUP)
    equal(m.told().get('RELOADING'), '1', 'what SIGHUP begins')
    equal(m.told().get('READY'), '1', 'what ends it')
    m.write('outputs: %.0snonsense\n')
    m.p.send_signal(signal.SIGHUP)
    equal(m.told().get('RELOADING'), '1', 'a wrong configuration')
    equal(m.told().get('READY'), '1', 'the one in force goes on')
    m.p.terminate()
    equal(m.told().get('STOPPING'), '1', 'the last word')
    equal(m.p.wait(60), 0, 'the exit status')


@test
def a_watchdog_gets_a_sign_of_life_in_half_its_time():
    need_systemd()
    m = Manager(ONE, WATCHDOG_USEC=str(WATCHDOG_US))
    m.told()
    times = []
    for _ in range(6):
        equal(m.told(signs_of_life=True), {'WATCHDOG': '1'}, 'a sign of life')
        times.append(time.monotonic())
    gaps = [b - a for a, b in zip(times, times[1:])]
    # Sorted: one may be late on a busy machine.
    check(sorted(gaps)[2] < WATCHDOG_US / 1e6 * 0.75, 'apart by %s s' % gaps)
    m.p.terminate()
    m.p.wait(60)


@test
def without_a_watchdog_there_is_none():
    need_systemd()
    m = Manager(ONE)
    m.told()
    m.sock.settimeout(0.7)
    try:
        check(False, 'it says %s' % m.told(signs_of_life=True))
    except TimeoutError:
        pass
    m.p.terminate()
    m.p.wait(60)


def installed_unit():
    """With its paths those of this build."""
    with open(UNIT) as f:
        text = re.sub(r'^(Exec\w+=)\S*flowctl ', r'\1%s ' % find_flowctl(), f.read(), flags=re.M)
    d = tempfile.mkdtemp(prefix='flowctl-test-')
    net.cleanups.append(lambda: shutil.rmtree(d))
    with open(d + '/flowctl.service', 'w') as f:
        f.write(text)
    return d + '/flowctl.service'


@test
def the_unit_is_right_and_gives_little_away():
    if not shutil.which('systemd-analyze'):
        skip('systemd-analyze is not there')
    unit = installed_unit()
    r = run('systemd-analyze', 'verify', '--man=no', unit, ok=False)
    said = [l for l in r.stderr.splitlines() if 'flowctl' in l]
    equal(said, [], 'what is wrong with the unit')
    r = run('systemd-analyze', 'security', '--offline=true', unit, ok=False)
    level = float(re.search(r'exposure level for flowctl.service: ([\d.]+)', r.stdout).group(1))
    check(level < 4, 'the level of exposure is %s' % level)
    print('# exposure level %s' % level)


@test
def a_wrong_configuration_is_not_tried_again():
    unit = installed_unit()
    with open(unit) as f:
        keys = [line.split('=')[0] for line in f if '=' in line]
    check('RestartPreventExitStatus' in keys, 'it is')
    # systemd.service(5): the status of the main process prevents it, that of no other.
    equal([k for k in keys if k in ('ExecStartPre', 'ExecStartPost', 'ExecCondition')], [], 'what may fail before it')
    conf = os.path.join(os.path.dirname(unit), 'wrong.yaml')
    with open(conf, 'w') as f:
        f.write('outputs: [{bogus: 1}]\n')
    equal(net.flowctl('agent', '-c', conf, ok=False).returncode, 2, 'the status of an agent that is told wrong things')


@test
def the_agent_calls_nothing_that_the_unit_forbids():
    for tool in 'strace', 'systemd-analyze':
        if not shutil.which(tool):
            skip(tool + ' is not there')
    with open(UNIT) as f:
        rules = re.findall(r'^SystemCallFilter=(.*)$', f.read(), flags=re.M)
    groups = run('systemd-analyze', 'syscall-filter').stdout

    def expand(word):
        if not word.startswith('@'):
            return {word}
        body = re.search(r'^%s\n((?: .*\n|\n)*)' % word, groups, flags=re.M).group(1)
        words = [w for w in body.split('\n') if w.strip() and '#' not in w]
        return set().union(*(expand(w.strip()) for w in words))

    allowed = set()
    for rule in rules:
        words = set().union(*(expand(w) for w in rule.lstrip('~').split()))
        allowed = allowed - words if rule.startswith('~') else allowed | words
    ns = net.ns('calls')
    net.veth(ns, 'eth0', ns, 'eth1', '10.9.0.1/24')
    d = tempfile.mkdtemp(prefix='flowctl-test-')
    net.cleanups.append(lambda: shutil.rmtree(d))
    with open(d + '/config.yaml', 'w') as f:
        f.write('meters:\n- {netns: %s, name: eth0}\n%s' % (ns, ONE % d))
    # -D: strace is the child, and what is ended here is the agent.
    trace = d + '/trace'
    p = net.spawn('strace', '-D', '-f', '-o', trace, find_flowctl(), '--bpffs', net.bpffs, 'agent', '-c',
                  d + '/config.yaml', stderr=subprocess.PIPE, text=True)
    while 'exporting' not in p.stderr.readline():
        check(p.poll() is None, 'the agent ended')
    p.send_signal(signal.SIGHUP)
    time.sleep(1.5)
    p.terminate()
    equal(p.wait(60), 0, 'the exit status')
    with open(trace) as f:
        called = set(re.findall(r'^\d+\s+(\w+)\(', f.read(), flags=re.M))
    check('bpf' in called and 'setns' in called, 'nothing was metered: %s' % sorted(called))
    equal(sorted(called - allowed), [], 'what it calls that the unit forbids')


main(net)
