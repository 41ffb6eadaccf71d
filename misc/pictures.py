#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The README's pictures, from a real run: a router between three hosts in namespaces made here and
removed at the end, traffic between them, and flowctl's own screens as tmux shows them, drawn as SVG.

    sudo misc/pictures.py [DIRECTORY]       # default: misc/pictures
"""
import html, os, re, shutil, subprocess, sys, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, 'tests', 'net'))
from lib import Net, run, wait_for  # noqa: E402

OUT = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, 'misc', 'pictures'))
COLUMNS, CELL_W, CELL_H, MARGIN = 112, 8.4, 18, 14
INK, PAPER = '#d8dee4', '#1b1f24'
COLOURS = ['#484f58', '#ff7b72', '#57ab5a', '#d4a72c', '#6cb6ff', '#dcbdfb', '#56d4dd', '#d8dee4',
           '#6e7681', '#ffa198', '#7ee787', '#f2cc60', '#96d0ff', '#eedcff', '#b3f0ff', '#ffffff']

# Name, what is typed, seconds to wait, keys pressed then, seconds again.
PICTURES = [
    ('dump', 'flowctl dump --netns router --direction ingress --sort bytes --limit 8', 1, [], 0),
    ('top', 'flowctl top --netns router -n "eth*"', 12, [], 0),
    ('latency', 'flowctl latency --netns router -n eth1', 4, ['C-c'], 1),
    ('replay', 'flowctl replay web.pcap --limit 8 --columns '
     'src_ip,src_port,dst_ip,packets,bytes,handshake_latency_us,avg_rtt_us,retransmissions', 2, [], 0),
    ('audit', 'flowctl audit --live --netns router --columns netns,iface,direction,seen,metered,held,exported,full', 1, [], 0),
]


class Pen:
    """The state that SGR sequences change."""
    def __init__(self):
        self.reset()

    def reset(self):
        self.fg = self.bg = None
        self.bold = self.dim = self.reverse = False

    def apply(self, codes):
        codes = [int(c or 0) for c in codes.split(';')]
        while codes:
            c = codes.pop(0)
            if c == 0:
                self.reset()
            elif c in (1, 2, 7):
                setattr(self, {1: 'bold', 2: 'dim', 7: 'reverse'}[c], True)
            elif c == 22:
                self.bold = self.dim = False
            elif c == 27:
                self.reverse = False
            elif c in (38, 48) and codes[:1] == [5]:
                setattr(self, 'fg' if c == 38 else 'bg', codes[1] % 16)
                del codes[:2]
            elif c in (39, 49):
                setattr(self, 'fg' if c == 39 else 'bg', None)
            else:
                for first, name, base in (30, 'fg', 0), (90, 'fg', 8), (40, 'bg', 0), (100, 'bg', 8):
                    if first <= c < first + 8:
                        setattr(self, name, base + c - first)

    def colours(self):
        fg = INK if self.fg is None else COLOURS[self.fg]
        bg = None if self.bg is None else COLOURS[self.bg]
        return (PAPER, fg if bg is None else bg) if self.reverse else (fg, bg)


def runs(line, pen):
    """(column, text, foreground, background, bold, dim) of a line with its escape sequences."""
    column = 0
    for text, codes in re.findall(r'([^\x1b]*)(?:\x1b\[([\d;]*)m)?', line):
        if text:
            yield (column, text, *pen.colours(), pen.bold, pen.dim)
            column += len(text)
        if codes or (codes == '' and '\x1b[m' in line):
            pen.apply(codes)


def svg(lines):
    pen, out = Pen(), []
    for row, line in enumerate(lines):
        y = MARGIN + row * CELL_H
        for column, text, fg, bg, bold, dim in runs(line, pen):
            x, w = MARGIN + column * CELL_W, len(text) * CELL_W
            if bg:
                out.append('<rect x="%.1f" y="%.1f" width="%.1f" height="%d" fill="%s"/>' % (x, y, w, CELL_H, bg))
            if text.strip():
                out.append('<text x="%.1f" y="%.1f" textLength="%.1f" fill="%s"%s%s>%s</text>' % (
                    x, y + 13.5, w, fg, ' font-weight="bold"' if bold else '', ' opacity="0.6"' if dim else '',
                    html.escape(text)))
    width, height = 2 * MARGIN + COLUMNS * CELL_W, 2 * MARGIN + len(lines) * CELL_H
    return ('<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" font-size="14" xml:space="preserve" '
            'font-family="ui-monospace, DejaVu Sans Mono, Menlo, Consolas, monospace">\n'
            '<rect width="100%%" height="100%%" rx="8" fill="%s"/>\n%s\n</svg>\n') % (width, height, PAPER, '\n'.join(out))


class Terminal:
    def __init__(self, env):
        self.socket = 'pictures%d' % os.getpid()
        self.tmux('-f', '/dev/null', 'new-session', '-d', '-x', str(COLUMNS), '-y', '24', 'sh', env=env)
        self.tmux('send-keys', "PS1='# '; clear", 'Enter')

    def tmux(self, *words, env=None):
        return run('tmux', '-L', self.socket, *words, env=env).stdout

    def show(self, typed, seconds, keys, more):
        self.tmux('send-keys', 'clear', 'Enter')
        time.sleep(0.5)
        self.tmux('send-keys', '-l', typed)
        self.tmux('send-keys', 'Enter')
        time.sleep(seconds)
        for key in keys:
            self.tmux('send-keys', key)
        time.sleep(more)
        lines = self.tmux('capture-pane', '-e', '-p').rstrip('\n').split('\n')
        self.tmux('send-keys', 'q')
        self.tmux('send-keys', 'C-u')
        while lines and lines[-1].strip() in ('#', ''):
            lines.pop()
        return lines

    def close(self):
        self.tmux('kill-server')


def hosts(net):
    """The router and its hosts, by the names that the pictures show."""
    for name in 'router', 'h1', 'h2', 'h3':
        run('ip', 'netns', 'add', name)
        net.names.append(name)
        net.ip(name, 'link', 'set', 'lo', 'up')
    for n in 1, 2, 3:
        net.sysctl('h%d' % n, 'net.ipv6.conf.default.accept_dad', 0)
        net.veth('router', 'eth%d' % n, 'h%d' % n, 'eth0', ['10.%d.0.1/24' % n, '2001:db8:%d::1/64' % n],
                 ['10.%d.0.2/24' % n, '2001:db8:%d::2/64' % n])
        net.ip('h%d' % n, 'route', 'add', 'default', 'via', '10.%d.0.1' % n)
        net.ip('h%d' % n, '-6', 'route', 'add', 'default', 'via', '2001:db8:%d::1' % n)
    net.sysctl('router', 'net.ipv4.ip_forward', 1)
    net.sysctl('router', 'net.ipv6.conf.all.forwarding', 1)


def traffic(net):
    quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for port in 443, 8443, 53:
        net.spawn('iperf3', '-s', '-p', port, ns='h2', **quiet)
    net.spawn('iperf3', '-s', '-p', 22, ns='h3', **quiet)
    net.spawn('/usr/bin/python3', '-m', 'http.server', '80', '--bind', '10.2.0.2', ns='h2', **quiet)
    wait_for(lambda: net.exec('h2', 'ss', '-Hltn', 'sport = :443').stdout, 'iperf3')
    time.sleep(0.5)
    for src, words in (
            ('h1', ['-c', '10.2.0.2', '-p', 443, '-b', '40M']), ('h3', ['-c', '2001:db8:2::2', '-p', 8443, '-b', '15M']),
            ('h1', ['-c', '10.3.0.2', '-p', 22, '-b', '300K']), ('h3', ['-c', '10.2.0.2', '-p', 53, '-u', '-b', '2M'])):
        net.spawn('iperf3', *words, '-t', 60, ns=src, **quiet)
    net.spawn('sh', '-c', 'for i in $(seq 120); do curl -s -o /dev/null http://10.2.0.2/ & sleep 0.5; done', ns='h1', **quiet)
    net.spawn('ping', '-q', '-i', '0.2', '10.3.0.2', ns='h2', **quiet)


def pictures(net, work):
    flowctl = os.path.join(ROOT, 'build', 'cmd')
    env = dict(os.environ, PATH=flowctl + ':' + os.environ['PATH'], FLOWCTL_BPFFS=net.bpffs, TERM='screen-256color',
               LC_ALL='C.UTF-8')
    env.pop('NO_COLOR', None)
    capture = net.spawn('tcpdump', '-q', '-i', 'eth1', '-w', work + '/web.pcap', '-c', 400, 'tcp port 80', ns='router',
                        stderr=subprocess.DEVNULL)
    traffic(net)
    capture.wait(40)
    os.chdir(work)
    terminal = Terminal(env)
    try:
        for name, typed, *waits in PICTURES:
            lines = terminal.show(typed, *waits)
            with open('%s/%s.svg' % (OUT, name), 'w') as f:
                f.write(svg(lines))
            print('%s/%s.svg' % (OUT, name))
    finally:
        terminal.close()


def main():
    if os.geteuid() != 0:
        sys.exit('pictures.py: run it as root: sudo misc/pictures.py')
    os.makedirs(OUT, exist_ok=True)
    net, work = Net('pictures'), '/tmp/pictures%d' % os.getpid()
    os.makedirs(work)
    net.start()
    try:
        hosts(net)
        net.flowctl('meter', 'attach', '--netns', 'router', '--all')
        pictures(net, os.path.abspath(work))
    finally:
        net.cleanup()
        shutil.rmtree(work)


main()
