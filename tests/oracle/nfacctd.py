# SPDX-License-Identifier: Apache-2.0
"""nfacctd with primitives of our own: any element by its number."""
import json, signal
from common import *

need('nfacctd')
BUFFERED = 4
CONF = '''\
daemonize: false
nfacctd_ip: 127.0.0.1
nfacctd_port: %d
nfacctd_disable_checks: false
aggregate_primitives: primitives
aggregate: %s
plugins: print
print_output: json
print_output_file: out.json
print_output_file_append: true
print_refresh_time: 2
plugin_buffer_size: 1024
plugin_pipe_size: 1024000
timestamps_since_epoch: true
'''


class Nfacctd(Collector):
    """@primitives: name to (enterprise, number, length, semantics); beside what it knows itself."""
    def __init__(self, primitives, known=()):
        self.primitives, self.known = primitives, list(known)
        super().__init__(self.start, signal.SIGINT)

    def start(self, _):
        with open(self.dir + '/primitives', 'w') as f:
            for name, (pen, number, length, semantics) in self.primitives.items():
                f.write('name=%s field_type=%s%d len=%s semantics=%s\n' % (
                    name, '%d:' % pen if pen else '', number, 'vlen' if length == 65535 else length, semantics))
        with open(self.dir + '/conf', 'w') as f:
            f.write(CONF % (self.port, ','.join(self.known + list(self.primitives))))
        return [shutil.which('nfacctd', path=os.environ.get('PATH', '') + ':/usr/sbin'), '-f', self.dir + '/conf']

    def rows(self):
        """What the plugin has written so far."""
        return json_lines(self.dir + '/out.json')


def collect(send_all, n, primitives, known=()):
    """What it wrote of those @n records, and what it logged."""
    with Nfacctd(primitives, known) as c:
        wait_for(lambda: 'object handlers' in open(c.log).read(), 'the plugin ready')
        send_all(c.port)
        # What is in an unfilled buffer of the plugin comes when it ends.
        wait_for(lambda: len(c.rows()) >= n - BUFFERED, '%d records' % n, timeout=30)
        log = c.stop()
        return c.rows(), log
