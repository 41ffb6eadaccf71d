# SPDX-License-Identifier: Apache-2.0
"""The collector made of libfixbuf (fixbuf_collector.c), and what it read.

    with Fixbuf('tcp') as f:
        send(f.port, ...)
        f.wait(n)           # until so many data records came
    f.records, f.options    # of each: .domain .template .by_name .length {name: value}
    f.complaints
"""
import json, signal, subprocess
from common import *

PROGRAM = os.environ.get('FIXBUF_COLLECTOR') or os.path.join(HERE, '../../build/tests/oracle/fixbuf_collector')
if not os.path.exists(PROGRAM):
    print('1..0 # SKIP the collector is not built: libfixbuf-dev and libglib2.0-dev are not installed')
    sys.exit(77)


class Read:
    """One record as it was read: values by the library's names, and by (enterprise, number)."""
    def __init__(self, row):
        self.domain, self.template, self.scope, self.time = (
            row['domain'], row['template'], row['scope'], row['time'])
        self.elements = row['values']
        self.by_name = {name: value for _, _, name, _, value in self.elements}
        self.by_id = {(pen, number): value for pen, number, _, _, value in self.elements}
        self.length = {(pen, number): length for pen, number, _, length, _ in self.elements}

    def __getitem__(self, name):
        return self.by_name[name]


def parse(lines):
    rows = [json.loads(l) for l in lines if l.endswith('}\n')]
    read = [Read(r) for r in rows if 'values' in r]
    return ([r for r in read if not r.scope], [r for r in read if r.scope],
            [r['complaint'] for r in rows if 'complaint' in r])


def read_file(path):
    """Data records, options data records, complaints of a file of messages (RFC 5655)."""
    out = run(PROGRAM, 'file', path).stdout
    return parse(out.splitlines(keepends=True))


class Fixbuf(Collector):
    """@how: udp, tcp or udp9 (NetFlow v9)."""
    def __init__(self, how='udp', port=None):
        self.records, self.options, self.complaints, self.at = [], [], [], 0
        super().__init__(lambda c: [PROGRAM, how, '127.0.0.1', str(c.port)], signal.SIGTERM, port)

    def look(self):
        """Go on reading what it printed; how many data records there are."""
        lines = whole_lines(self.log, self.at)
        self.at += sum(len(l.encode()) for l in lines)
        for all_, new in zip((self.records, self.options, self.complaints), parse(lines)):
            all_ += new
        return len(self.records)

    def wait(self, n, timeout=30):
        wait_for(lambda: self.look() >= n, '%d records, of which %d came' % (n, len(self.records)), timeout)

    def __exit__(self, *why):
        if self.process.poll() is None:
            self.stop()
        self.look()
        super().__exit__(*why)
