# SPDX-License-Identifier: Apache-2.0
"""`flowctl collect` as a process: what it prints, what it says, how it ends."""
import json, signal, struct, subprocess, tempfile, time
from common import *
from lib import find_flowctl


class Collect:
    """with Collect() as c: ... c.port; afterwards c.records, c.says, c.status."""
    def __init__(self, *options, url='udp://127.0.0.1:0', output='ndjson', prefix=()):
        self.listens = url is not None
        listen = [] if url is None else ['--listen', url]
        self.dir = tempfile.mkdtemp(prefix='flowctl-collect-')
        self.out, self.err = os.path.join(self.dir, 'out'), os.path.join(self.dir, 'err')
        with open(self.out, 'w') as out, open(self.err, 'w') as err:
            self.process = subprocess.Popen([*prefix, find_flowctl(), 'collect', *listen, '-o', output, *options],
                                            stdout=out, stderr=err, stdin=subprocess.DEVNULL)

    @property
    def says(self):
        with open(self.err) as f:
            return f.read()

    @property
    def ports(self):
        return [int(l.rsplit(':', 1)[1]) for l in self.says.splitlines() if ' listening on ' in l]

    @property
    def port(self):
        return self.ports[0]

    @property
    def lines(self):
        with open(self.out) as f:
            return f.read().splitlines()

    @property
    def records(self):
        return [json.loads(l) for l in self.lines]

    @property
    def data(self):
        """Records of flows, not of options."""
        return [r for r in self.records if 'options' not in r]

    def findings(self):
        """What it says of the stream: the RFC's clause at the end of each line."""
        return [l for l in self.says.splitlines() if ', message ' in l]

    def __enter__(self):
        if not self.listens:
            return self
        wait_for(lambda: 'listening on' in self.says or self.process.poll() is not None, 'the collector')
        check(self.process.poll() is None, self.says)
        return self

    def wait_records(self, n):
        wait_for(lambda: len(self.lines) >= n, '%d records' % n)

    def stop(self, how=signal.SIGINT):
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.status = self.process.wait(60)
        self.kept = self.says
        return self.status

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir)


def ipfix(*sets, seq=0, domain=1, at=None):
    body = b''.join(sets)
    return struct.pack('!HHIII', 10, 16 + len(body), int(time.time() if at is None else at), seq, domain) + body


def set_(number, *parts):
    body = b''.join(parts)
    return struct.pack('!HH', number, 4 + len(body)) + body


def template(number, *fields):
    return struct.pack('!HH', number, len(fields)) + b''.join(struct.pack('!HH', *f) for f in fields)


# protocolIdentifier alone: a record is an octet.
SMALL = set_(2, template(256, (4, 1)))


def small(n, value=6):
    return set_(256, bytes([value]) * n)


def to(port, *messages, host='127.0.0.1'):
    with socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET, socket.SOCK_DGRAM) as s:
        for m in messages:
            s.sendto(m, (host, port))


def over_tcp(port):
    return socket.create_connection(('127.0.0.1', port), 5)
