# SPDX-License-Identifier: Apache-2.0
"""Certificates made with openssl, and socat, which takes TLS off in front of a collector."""
import signal, subprocess
from common import *

need('openssl', 'socat')


class Certificates:
    """In @folder: ca.pem; server.pem and client.pem with server.key and client.key."""
    def __init__(self, folder, server_name='localhost', address='127.0.0.1', days=2):
        self.folder = folder
        self.make_ca('ca')
        self.make('server', 'ca', 'DNS:%s,IP:%s' % (server_name, address), days)
        self.make('client', 'ca', 'DNS:exporter.example', days)

    def path(self, name):
        return os.path.join(self.folder, name)

    def make_ca(self, name):
        run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
            '-keyout', self.path(name + '.key'), '-out', self.path(name + '.pem'), '-subj', '/CN=%s of the tests' % name,
            '-addext', 'basicConstraints=critical,CA:TRUE')

    def make(self, name, ca, names, days):
        run('openssl', 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout',
            self.path(name + '.key'), '-out', self.path(name + '.csr'), '-subj', '/CN=' + name)
        with open(self.path(name + '.ext'), 'w') as f:
            f.write('subjectAltName=%s\n' % names)
        run('openssl', 'x509', '-req', '-in', self.path(name + '.csr'), '-CA', self.path(ca + '.pem'), '-CAkey',
            self.path(ca + '.key'), '-CAcreateserial', '-days', str(days), '-out', self.path(name + '.pem'),
            '-extfile', self.path(name + '.ext'))


class Front(Collector):
    """Listens on a port of its own, which it takes even of connections that are not quite
    over; what is said there goes on to @to by TCP."""
    def __init__(self, to, listen='TCP-LISTEN:%d', port=None):
        super().__init__(lambda s: ['socat', '-d', '-d', '-u', listen % s.port + ',bind=127.0.0.1,fork,reuseaddr',
                                    'TCP:127.0.0.1:%d' % to], signal.SIGTERM, port)


class TlsFront(Front):
    """The same by TLS, with the certificate @name; @verify: asks for one of the other side."""
    def __init__(self, to, certificates, name='server', verify=False, port=None):
        c = certificates
        super().__init__(to, 'OPENSSL-LISTEN:%%d,cert=%s,key=%s,cafile=%s,verify=%d' % (
            c.path(name + '.pem'), c.path(name + '.key'), c.path('ca.pem'), verify), port)
