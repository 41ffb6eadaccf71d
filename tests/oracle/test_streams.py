#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Streams against the world: collectors that are killed and started anew, or slow, or have a
name that nobody knows yet; disks that are full."""
import shutil
import signal
import tempfile

from common import *
from stream import *


class Folder:
    """Of files, removed at the end."""
    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix='flowctl-stream-')
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path)


def content(path):
    with open(path, 'rb') as f:
        return f.read()


@test
def a_collector_that_is_killed_and_started_anew_misses_nothing_that_was_not_acknowledged():
    """It is another process (nc), killed by SIGKILL while the stream rests, then as it runs."""
    if not shutil.which('nc'):
        skip('nc is not installed')
    got, port = [], free_port()
    with Folder() as folder, Sender('tcp', '127.0.0.1:%d' % port) as sender:
        for turn in range(3):
            path = '%s/%d' % (folder, turn)
            with open(path, 'wb') as out:
                nc = subprocess.Popen(['nc', '-l', '127.0.0.1', str(port)], stdin=subprocess.PIPE, stdout=out)
            try:
                wait_for(lambda: is_bound(port), 'nc listening')
                sender.up()
                sender.say('put 1000')
                equal(sender.say('drain')['records'], 1000 + 1500 * turn, 'records')
                wait_for(lambda: len(got + numbers(content(path))) == 1000 + 1500 * turn, 'all in the file')
            finally:
                nc.send_signal(signal.SIGKILL)
                nc.wait()
                nc.stdin.close()
            trouble = sender.say('put 500')['trouble']
            check('the collector closed the connection' in trouble, trouble)
            got += numbers(content(path))
        state = sender.say('tick')
        equal((state['records'], state['lost']), (4000, 0), 'sent and lost; 500 wait')
        equal(got, list(range(4000)), 'the records')


@test
def what_is_in_doubt_when_a_connection_breaks_is_not_sent_again():
    """Every record comes once at most, and those that do not come are counted as lost."""
    with Server(buffer=8192) as first, Sender('tcp', first.remote, memory=1 << 26) as sender:
        sender.up()
        first.go.clear()
        sender.say('put 400000')
        first.go.set()
        wait_for(lambda: first.streams and len(first.streams[0]) > 200000, 'some of it')
        first.stop(reset=True)
        state = sender.until(lambda s: not s['up'], 'the break')
        check('Connection reset by peer' in state['trouble'] or 'closed' in state['trouble'], state['trouble'])
        with Server(port=first.port) as second:
            sender.up()
            state = sender.until(lambda s: s['records'] + s['lost'] == 400000, 'the rest', 'drain')
            wait_for(lambda: numbers(bytes(second.streams[0]))[-1:] == [399999], 'the last record')
            one, two = first.numbers(), numbers(bytes(second.streams[0]), whole=True)
            check(not set(one) & set(two), '%d records came twice' % len(set(one) & set(two)))
            equal(two, list(range(400000 - len(two), 400000)), 'the rest')
            check(len(one) <= state['records'] - len(two) + state['lost'], 'more came than can have')
            check(state['lost'] < 400000 - len(two), 'nothing was acknowledged')


@test
def a_slow_reader_gets_all():
    with Server(buffer=4096) as server, Sender('tcp', server.remote, memory=1 << 26) as sender:
        sender.up()
        server.go.clear()
        sender.say('put 300000')
        equal(sender.say('tick')['lost'], 0, 'lost')
        server.go.set()
        state = sender.until(lambda s: s['records'] == 300000, 'all of it', 'drain', 20)
        equal((state['lost'], state['errors']), (0, 0), 'lost and errors')
        wait_for(lambda: len(server.numbers()) == 300000, 'all records')
        sender.close()
        equal(server.numbers(), list(range(300000)), 'records')


@test
def a_name_is_asked_for_until_there_is_one():
    """In a mount namespace with a hosts file of its own."""
    with Folder() as folder, Server() as server:
        hosts, switch = folder + '/hosts', folder + '/nsswitch'
        with open(hosts, 'w') as f:
            f.write('127.0.0.1 localhost\n')
        with open(switch, 'w') as f:
            f.write('hosts: files\n')
        script = 'mount --bind %s /etc/hosts && mount --bind %s /etc/nsswitch.conf && exec "$@"' % (hosts, switch)
        before = ['unshare', '-m', 'sh', '-c', script, 'sh']
        with Sender('tcp', 'collector.example:%d' % server.port, before) as sender:
            sender.until(lambda s: s['trouble'].startswith("cannot resolve the collector's name: "), 'trouble')
            sender.say('put 10')
            with open(hosts, 'a') as f:
                f.write('127.0.0.1 collector.example\n')
            sender.up()
            equal(sender.say('drain')['records'], 10, 'records')
            # Acknowledged is what the kernel has; the reader is a thread of its own.
            wait_for(lambda: len(server.numbers()) >= 10, 'the records')
            equal(server.numbers(), list(range(10)), 'records')
            sender.until(lambda s: not s['trouble'], 'the end of the trouble')


def on_a_small_disk(folder):
    script = 'mount -t tmpfs -o size=64k tmpfs %s && exec "$@"' % folder
    return ['unshare', '-m', 'sh', '-c', script, 'sh']


@test
def a_full_disk_is_told_and_the_file_stays_whole():
    with Folder() as folder, Sender('file', folder + '/ipfix', on_a_small_disk(folder)) as sender:
        def file():
            return content('/proc/%d/root%s/ipfix' % (sender.process.pid, folder))
        equal(sender.say('put 1000')['records'], 1000, 'records')
        state = sender.say('put 9000')
        check(state['lost'] > 1000, 'nothing was lost')
        equal(state['records'] + state['lost'], 10000, 'written and lost')
        equal(state['trouble'], 'cannot write: No space left on device', 'trouble')
        equal(numbers(file(), whole=True), list(range(state['records'])), 'what is in the file')
        equal(len(file()), state['bytes'], 'bytes')


@test
def a_backlog_on_a_full_disk_keeps_what_it_has():
    with Folder() as folder, Server() as server:
        server.stop()
        before = on_a_small_disk(folder)
        with Sender('tcp', server.remote, before, memory=4000, file=folder + '/backlog') as sender:
            sender.until(lambda s: 'refused' in s['trouble'], 'the refusal')
            state = sender.say('put 10000')
            check(0 < state['lost'] < 9000 and 'records are lost, the backlog is full' in state['trouble'], state)
            with Server(port=server.port) as again:
                sender.up()
                kept = 10000 - state['lost']
                equal(sender.until(lambda s: s['records'] == kept, 'all that was kept', 'drain')['lost'],
                      state['lost'], 'lost')
                wait_for(lambda: len(again.numbers()) >= kept, 'the records')
                equal(sorted(set(again.numbers())), again.numbers(), 'in order, and none twice')
                equal(len(again.numbers()), kept, 'how many came')
                state = sender.say('put 100')
                equal(sender.say('drain')['records'], kept + 100, 'records')
                sender.until(lambda s: not s['trouble'], 'the end of the trouble')


@test
def a_file_on_disk_is_what_tshark_reads():
    if not shutil.which('tshark'):
        skip('tshark is not installed')
    with Folder() as folder:
        path = folder + '/ipfix'
        for _ in range(2):
            with Sender('file', path) as sender:
                sender.say('put 500')
                sender.close()
        # text2pcap makes UDP packets of the messages
        stream, at, lines = content(path), 0, []
        while at < len(stream):
            length = struct.unpack_from('!H', stream, at + 2)[0]
            lines.append('000000 ' + ' '.join('%02x' % b for b in stream[at:at + length]))
            at += length
        with open(folder + '/hex', 'w') as f:
            f.write('\n'.join(lines) + '\n')
        run('text2pcap', '-q', '-u', '1000,4739', folder + '/hex', folder + '/pcap')
        out = run('tshark', '-r', folder + '/pcap', '-T', 'fields', '-e', 'cflow.octets', '-e', '_ws.expert.message',
                  '-E', 'separator=|').stdout
        got = [int(n) for l in out.splitlines() for n in l.split('|')[0].split(',') if n]
        equal(got, list(range(500)) * 2, 'octets')
        check('nexpected' not in out and 'ot found' not in out, 'tshark complains: %s' % out[-300:])


main()
