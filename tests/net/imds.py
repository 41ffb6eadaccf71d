# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the metadata service of EC2 (IMDSv2), as the EC2 user guide describes it, that
can be as wrong as is wanted.

    with Service({'0e:00:00:00:00:01': interface(1)}) as s:     # on 127.0.0.1, a port of its own
        s.fault = 'slow'        # from now on; a name of FAULTS
        s.url_of('slow')        # the same service, with that fault for whoever asks there
    s.asked                 # [(method, path, token, host)]

In a namespace: `with inside(ns): Service(..., address='::')`, which is where it stays.
"""
import json
import socket
import socketserver
import threading
import time

DOCUMENT = {
    'accountId': '123456789012', 'architecture': 'x86_64', 'availabilityZone': 'eu-central-1b',
    'billingProducts': None, 'imageId': 'ami-5fb8c835', 'instanceId': 'i-0123456789abcdef0',
    'instanceType': 'm5.large', 'pendingTime': '2026-11-19T16:32:11Z', 'privateIp': '10.0.0.11',
    'region': 'eu-central-1', 'version': '2017-09-30',
}
ZONE_ID = 'euc1-az3'
BASE = '/latest/meta-data/'
MACS = BASE + 'network/interfaces/macs/'
DOCUMENT_PATH = '/latest/dynamic/instance-identity/document'
TOKEN_PATH = '/latest/api/token'


def interface(n, **more):
    """The n-th: its items by name; None is not there (404)."""
    return dict({
        'device-number': str(n), 'interface-id': 'eni-%017x' % (0xabc000 + n),
        'subnet-id': 'subnet-%017x' % (0x5b0000 + n), 'vpc-id': 'vpc-%017x' % (0xfc0000 + n // 8),
        'owner-id': '%012d' % (210987654320 + n), 'local-ipv4s': '10.0.%d.11\n10.0.%d.12' % (n, n),
        'ipv6s': '2001:db8:%x::11' % n,
    }, **more)


def aws_of(interface_, **more):
    """What records of that interface are to say."""
    return dict({
        'aws_account': interface_['owner-id'], 'aws_vpc': interface_['vpc-id'],
        'aws_subnet': interface_['subnet-id'], 'aws_interface': interface_['interface-id'],
        'aws_instance': DOCUMENT['instanceId'], 'aws_az': DOCUMENT['availabilityZone'],
        'aws_region': DOCUMENT['region'],
    }, **more)


MACHINE = {'aws_account': DOCUMENT['accountId'], 'aws_vpc': None, 'aws_subnet': None, 'aws_interface': None,
           'aws_instance': DOCUMENT['instanceId'], 'aws_az': DOCUMENT['availabilityZone'],
           'aws_region': DOCUMENT['region']}
NOTHING = dict.fromkeys(MACHINE)


class Ended(Exception):
    pass


class Handler(socketserver.StreamRequestHandler):
    timeout = 30

    def handle(self):
        try:
            while self.one():
                pass
        except (Ended, OSError, ValueError):
            pass

    def one(self):
        words = self.rfile.readline(4096).decode('latin-1').split()
        if len(words) != 3:
            return False
        headers = {}
        while True:
            line = self.rfile.readline(4096).decode('latin-1').rstrip('\r\n')
            if not line:
                break
            name, _, value = line.partition(':')
            headers[name.lower()] = value.strip()
        if int(headers.get('content-length', 0)):
            self.rfile.read(int(headers['content-length']))
        self.method, self.path, self.headers = words[0], words[1], headers
        s = self.server.service
        name = s.fault
        s.asked.append((self.method, self.path, headers.get('x-aws-ec2-metadata-token'), headers.get('host')))
        if self.path.startswith('/as/'):
            _, _, name, rest = self.path.split('/', 3)
            name, self.path = name.replace('_', ' '), '/' + rest
        status, body = s.right(self)
        fault = FAULTS.get(name)
        if fault:
            return fault(self, s, status, body)
        return self.send(status, body)

    def send(self, status, body, more='', length=None):
        if isinstance(body, str):
            body = body.encode()
        self.wfile.write(b'HTTP/1.1 %d X\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n%s\r\n' % (
            status, len(body) if length is None else length, more.encode()) + body)
        return True

    def drip(self, data):
        for byte in data:
            if self.server.service.ended.wait(1):
                raise Ended
            self.wfile.write(bytes([byte]))


# (handler, service, right status, right body): True when the connection goes on.

def status_of(n, where=lambda path: True):
    def fault(h, s, status, body):
        return h.send(n, '<html><body>%d</body></html>' % n) if where(h.path) else h.send(status, body)
    return fault


def token_of(make):
    def fault(h, s, status, body):
        return h.send(200, make(s, body)) if h.path == TOKEN_PATH else h.send(status, body)
    return fault


def slow(h, s, status, body):
    h.drip(b'HTTP/1.1 200 OK\r\nContent-Length: 56\r\n\r\n' + b'A' * 56)


def slow_body(h, s, status, body):
    if h.path == TOKEN_PATH:
        return h.send(status, body)
    h.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n')
    h.drip(b'{' * 400)


def silent(h, s, status, body):
    s.ended.wait(60)


def closed(h, s, status, body):
    return False


def once_401(h, s, status, body):
    """A token is refused once: it was forgotten."""
    if h.method == 'GET' and not s.refused:
        s.refused = True
        s.tokens.clear()
        return h.send(401, '')
    return h.send(status, body)


def no_end(h, s, status, body):
    h.wfile.write(b'HTTP/1.1 200 OK\r\n\r\n')
    while not s.ended.is_set():
        h.wfile.write(b'A' * 65536)


def no_end_of_headers(h, s, status, body):
    h.wfile.write(b'HTTP/1.1 200 OK\r\n')
    while not s.ended.is_set():
        h.wfile.write(b'X-%d: %s\r\n' % (time.monotonic_ns(), b'A' * 8000))


def redirect(h, s, status, body):
    return h.send(302, '', 'Location: %s/elsewhere%s\r\n' % (s.url, h.path))


def longer(h, s, status, body):
    return h.send(status, body, length=len(body) + 10) and False


def shorter(h, s, status, body):
    return h.send(status, body, length=max(0, len(body) - 10))


def zeroes(h, s, status, body):
    return h.send(status, body + '\0\0')


def controls(h, s, status, body):
    return h.send(status, body if h.path in (TOKEN_PATH, DOCUMENT_PATH) or h.path == MACS else
                  body[:4] + '\x1b[31m' + body[4:])


FAULTS = {
    'slow': slow, 'slow body': slow_body, 'silent': silent, 'closed': closed,
    '401': status_of(401, lambda path: path != TOKEN_PATH), '401 once': once_401, '403': status_of(403),
    '404': status_of(404), '404 of the document': status_of(404, lambda path: path == DOCUMENT_PATH),
    '404 of subnets': status_of(404, lambda path: path.endswith('/subnet-id')), '500': status_of(500),
    '503 of subnets': status_of(503, lambda path: path.endswith('/subnet-id')),
    'HTML': lambda h, s, status, body: h.send(200, '<html><body>Please log in</body></html>'),
    'other token': token_of(lambda s, body: 'Z' + body[1:]), 'no token': token_of(lambda s, body: ''),
    'huge token': token_of(lambda s, body: 'A' * 2000), 'huge body': token_of(lambda s, body: 'A' * 1000000),
    'header in token': token_of(lambda s, body: body[:20] + '\r\nX-Evil: yes'),
    'no end': no_end, 'no end of headers': no_end_of_headers, 'redirect': redirect, 'longer': longer,
    'shorter': shorter, 'zeroes': zeroes, 'controls': controls,
}


class Service:
    def __init__(self, interfaces, address='127.0.0.1', port=0, document=DOCUMENT):
        self.interfaces, self.document = interfaces, document
        self.fault, self.asked, self.tokens, self.refused = None, [], set(), False
        self.ended = threading.Event()

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True
            request_queue_size = 50
            address_family = socket.AF_INET6 if ':' in address else socket.AF_INET

            def handle_error(self, request, client_address):
                pass
        self.server = Server((address, port), Handler)
        self.server.service = self
        self.port = self.server.server_address[1]
        self.url = 'http://%s:%d' % ('[%s]' % address if ':' in address else address, self.port)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def url_of(self, fault):
        return '%s/as/%s' % (self.url, fault.replace(' ', '_'))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()

    def right(self, h):
        """What IMDSv2 answers: status and body."""
        if h.path == TOKEN_PATH:
            ttl = h.headers.get('x-aws-ec2-metadata-token-ttl-seconds', '')
            if h.method != 'PUT':
                return 405, ''
            if not ttl.isdigit() or not 1 <= int(ttl) <= 21600 or 'x-forwarded-for' in h.headers:
                return 400, ''
            token = 'AQAEA%047d====' % (len(self.tokens) + 1000 * len(self.asked))
            self.tokens.add(token)
            return 200, token
        if h.headers.get('x-aws-ec2-metadata-token') not in self.tokens:
            return 401, ''
        return self.item(h.path)

    def item(self, path):
        if path == DOCUMENT_PATH:
            return 200, json.dumps(self.document, indent=2)
        if path == BASE + 'placement/availability-zone-id':
            return 200, ZONE_ID
        if path == MACS:
            return 200, '\n'.join(mac + '/' for mac in self.interfaces)
        if path.startswith(MACS):
            mac, _, name = path[len(MACS):].partition('/')
            value = self.interfaces.get(mac, {}).get(name)
            if value is not None:
                return 200, value
        return 404, '<?xml version="1.0" encoding="iso-8859-1"?>\n<html><head><title>404 - Not Found</title></head></html>'
