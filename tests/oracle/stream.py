# SPDX-License-Identifier: Apache-2.0
"""The two ends of a stream: the sender, told line by line, and collectors made of Python's own
sockets and TLS. Records are numbered, so that each one can be asked for."""
import json, os, socket, ssl, struct, subprocess, threading

from common import HERE, check, equal, wait_for

SEND = os.environ.get('STREAM_SEND') or os.path.join(HERE, '../../build/tests/oracle/stream_send')


class Sender:
    """stream_send; @before: a command that runs it."""
    def __init__(self, kind, remote, before=(), **keys):
        words = ['%s=%s' % (k, v) for k, v in keys.items()]
        self.process = subprocess.Popen([*before, SEND, kind, remote, *words], text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for f in self.process.stdin, self.process.stdout, self.process.stderr:
            try:
                f.close()
            except BrokenPipeError:
                pass

    def say(self, command):
        """Its state after the command."""
        self.process.stdin.write(command + '\n')
        line = self.process.stdout.readline()
        check(line, 'the sender ended: %s' % (self.process.stderr.read() if not line else ''))
        return json.loads(line)

    def until(self, cond, what, command='tick', timeout=10):
        """Say it again and again, until its state is as wanted."""
        def ask():
            self.state = self.say(command)
            return cond(self.state)
        wait_for(ask, what, timeout)
        return self.state

    def up(self):
        """Wait for a connection; when an attempt has failed, the next one comes at once."""
        def ask():
            if self.say('wait')['up']:
                return True
            self.say('tick 61')
        wait_for(ask, 'a connection')

    def close(self):
        """End in good order."""
        self.process.stdin.close()
        self.process.wait(60)
        equal(self.process.returncode, 0, 'exit status of the sender')

    def refusal(self):
        """What it says that ends at once, and its exit status."""
        self.process.wait(60)
        return self.process.stderr.read().strip(), self.process.returncode


class Server:
    """Accepts one connection after the other, by TLS if there is a context. What each of them
    carried is in .streams, how it ended in .ends: 'closed', 'cut' or the error."""
    def __init__(self, context=None, port=0, buffer=0, host='127.0.0.1'):
        self.context, self.streams, self.ends = context, [], []
        self.go, self.connection, self.running = threading.Event(), None, True
        self.go.set()
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if buffer:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.listener.bind((host, port))
        self.listener.listen(8)
        self.listener.settimeout(0.05)
        self.port = self.listener.getsockname()[1]
        self.remote = '%s:%d' % (host, self.port)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def run(self):
        while self.running:
            try:
                self.connection = self.listener.accept()[0]
            except (socket.timeout, OSError):
                continue
            self.serve()

    def serve(self):
        end = 'stopped'
        try:
            self.connection.settimeout(5)
            if self.context:
                self.connection = self.context.wrap_socket(self.connection, server_side=True,
                                                           suppress_ragged_eofs=False)
            self.streams.append(bytearray())
            self.connection.settimeout(0.05)
            end = self.read(self.streams[-1])
        except ssl.SSLEOFError:
            end = 'cut'
        except OSError as e:
            end = str(e)
        self.connection.close()
        self.ends.append(end)

    def read(self, to):
        while self.running:
            self.go.wait(1)
            if not self.go.is_set():
                continue
            try:
                data = self.connection.recv(65536)
            except (socket.timeout, ssl.SSLWantReadError):
                continue
            if not data:
                return 'closed'
            to += data
        return 'stopped'

    def stop(self, reset=False):
        if self.running and reset and self.connection:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.running = False
        self.go.set()
        self.thread.join(10)
        self.listener.close()

    def numbers(self):
        """Of the records that came, over all connections."""
        return [n for s in self.streams for n in numbers(bytes(s))]


def numbers(stream, whole=False):
    """Of the records in one connection or file, where all must be in order: templates before
    data, sequences from 0, lengths. Only the last message may be cut, if not @whole."""
    found, at, sequence, known = [], 0, 0, False
    while len(stream) - at >= 16:
        version, length, _, seq, domain = struct.unpack_from('!HHIII', stream, at)
        equal(version, 10, 'version at byte %d' % at)
        if at + length > len(stream):
            break
        equal(seq, sequence, 'sequence at byte %d' % at)
        equal(domain, 1, 'domain')
        here = at + 16
        while here < at + length:
            set_id, set_len = struct.unpack_from('!HH', stream, here)
            check(4 <= set_len <= at + length - here, 'set length %d at byte %d' % (set_len, here))
            body = stream[here + 4:here + set_len]
            if set_id == 2:
                equal(struct.unpack('!HHHHHH', body), (256, 2, 8, 4, 1, 8), 'the template')
                known = True
            else:
                equal(set_id, 256, 'set id')
                check(known, 'data before its template')
                records = [r[1] for r in struct.iter_unpack('!IQ', body)]
                found += records
                sequence += len(records)
            here += set_len
        at += length
    check(not whole or at == len(stream), 'the last message is cut')
    return found
