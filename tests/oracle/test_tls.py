#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""IPFIX over TLS (RFC 7011 11) against Python's TLS and openssl s_server: certificates that
are right, and all the ways in which they are wrong."""
import shutil
import signal
import tempfile

from common import *
from stream import *

need('openssl')
if os.environ.get('FLOWCTL_TLS') == '0':
    print('1..0 # SKIP built without TLS')
    sys.exit(77)

DIR = tempfile.mkdtemp(prefix='flowctl-tls-')
CONF = '''
[ca]
default_ca = a
[a]
database = {0}/index
rand_serial = yes
new_certs_dir = {0}
default_md = sha256
policy = p
unique_subject = no
[p]
commonName = supplied
[req]
distinguished_name = dn
[dn]
[v3_ca]
basicConstraints = critical,CA:true
'''


def path(name):
    return os.path.join(DIR, name)


def openssl(*argv):
    run('openssl', *argv)


def make_ca(name):
    openssl('req', '-config', path('conf'), '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
            '-nodes', '-keyout', path(name + '.key'), '-out', path(name + '.pem'), '-subj', '/CN=' + name,
            '-days', '30', '-extensions', 'v3_ca')


def make(name, alt, ca='ca', start='20200101000000Z', end='20400101000000Z'):
    """A certificate NAME.pem and its NAME.key, for the names @alt."""
    with open(path(name + '.ext'), 'w') as f:
        f.write('subjectAltName = %s\n' % alt)
    openssl('req', '-config', path('conf'), '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
            '-keyout', path(name + '.key'), '-out', path(name + '.csr'), '-subj', '/CN=' + name)
    openssl('ca', '-config', path('conf'), '-batch', '-notext', '-in', path(name + '.csr'), '-out', path(name + '.pem'),
            '-cert', path(ca + '.pem'), '-keyfile', path(ca + '.key'), '-startdate', start, '-enddate', end,
            '-extfile', path(name + '.ext'))


def make_all():
    with open(path('conf'), 'w') as f:
        f.write(CONF.format(DIR))
    open(path('index'), 'w').close()
    make_ca('ca')
    make_ca('other')
    make('good', 'DNS:collector.example,DNS:*.farm.example,IP:127.0.0.1')
    make('named', 'DNS:collector.example')
    make('expired', 'IP:127.0.0.1', end='20210101000000Z')
    make('early', 'IP:127.0.0.1', start='20390101000000Z')
    make('foreign', 'IP:127.0.0.1', ca='other')
    make('exporter', 'DNS:exporter.example')
    make('stranger', 'DNS:exporter.example', ca='other')


def context(certificate='good', clients=False, version=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(path(certificate + '.pem'), path(certificate + '.key'))
    if clients:
        c.verify_mode = ssl.CERT_REQUIRED
        c.load_verify_locations(path('ca.pem'))
    if version:
        c.minimum_version = c.maximum_version = version
    return c


def own(name):
    return {'certificate': path(name + '.pem'), 'key': path(name + '.key')}


def arrives(server, n=200, **keys):
    """@n records come, and the connection ends with close_notify."""
    with Sender('tls', server.remote, ca=path('ca.pem'), **keys) as sender:
        sender.up()
        sender.say('put %d' % n)
        equal(sender.say('drain')['records'], n, 'records')
        sender.close()
    wait_for(lambda: server.ends, 'the end')
    equal(server.ends, ['closed'], 'how the connection ended')
    equal(server.numbers(), list(range(n)), 'records')


def is_refused(server, why, **keys):
    """The connection is not made, @why is told, nothing leaves, and nothing is lost."""
    keys.setdefault('ca', path('ca.pem'))
    with Sender('tls', server.remote, **keys) as sender:
        sender.say('put 200')
        state = sender.until(lambda s: s['trouble'], 'trouble')
        check(why in state['trouble'], 'told: %s' % state['trouble'])
        state = sender.say('tick')
        equal((state['up'], state['records'], state['lost']), (0, 0, 0), 'up, sent and lost')
    check(not server.numbers(), 'records came')


def check_agent(**keys):
    """flowctl agent --check of one collector by TLS: its exit status, and the line it says."""
    with open(path('agent.yaml'), 'w') as f:
        f.write('outputs: [{collector: {remoteAddress: "192.0.2.1:4740", transport: tls, tls: {%s}}}]\n' %
                ', '.join('%s: "%s"' % k for k in keys.items()))
    r = subprocess.run([FLOWCTL, 'agent', '--check', '-c', path('agent.yaml')], capture_output=True, text=True)
    return r.returncode, (r.stderr or r.stdout).strip()


@test
def the_agents_check_reads_the_files_and_tells_which_do_not_fit():
    openssl('genrsa', '-out', path('rsa.key'), '2048')
    with open(path('rubbish'), 'w') as f:
        f.write('rubbish\n')
    good, said = own('exporter'), 'flowctl agent: collector 192.0.2.1:4740: '
    for keys in {}, {'ca': path('ca.pem')}, {**good, 'ca': path('ca.pem')}:
        status, line = check_agent(**keys)
        equal((status, line), (0, path('agent.yaml') + ': OK'), repr(keys))
    for wrong, status, why in (
            ({'ca': path('none')}, 1, "cannot read the certificate authorities '%s': No such file or directory" % path('none')),
            ({'ca': path('rubbish')}, 1, "cannot use the certificate authorities '%s'" % path('rubbish')),
            ({**good, 'certificate': path('none')}, 1, "cannot use the certificate '%s': No such file or directory" % path('none')),
            ({**good, 'certificate': path('rubbish')}, 1, "cannot use the certificate '%s': " % path('rubbish')),
            ({**good, 'key': path('none')}, 1, "cannot use the key '%s': No such file or directory" % path('none')),
            ({**good, 'key': path('rubbish')}, 1, "cannot use the key '%s': " % path('rubbish')),
            ({**good, 'key': path('stranger.key')}, 2, "the key '%s' does not belong to the certificate '%s'" % (path('stranger.key'), path('exporter.pem'))),
            ({**good, 'key': path('rsa.key')}, 2, "the key '%s' does not belong to the certificate '%s'" % (path('rsa.key'), path('exporter.pem')))):
        is_, line = check_agent(**wrong)
        check(is_ == status and line.startswith(said + why) and '\n' not in line, '%r: exit %d: %s' % (wrong, is_, line))


@test
def an_address_in_the_certificate_will_do():
    for version in ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2:
        with Server(context(version=version)) as server:
            arrives(server)


@test
def a_name_in_the_certificate_will_do():
    with Server(context('named')) as server:
        arrives(server, name='collector.example')
    with Server(context('good')) as server:
        arrives(server, name='eu1.farm.example')


@test
def messages_of_the_greatest_length_pass():
    with Server(context(), buffer=4096) as server:
        arrives(server, 20000, length=65535)


@test
def a_wrong_name_is_refused():
    with Server(context('good')) as server:
        is_refused(server, "TLS: the certificate is not that of a collector 'else.example': hostname mismatch",
                   name='else.example')
    with Server(context('named')) as server:
        is_refused(server, "TLS: the certificate is not that of a collector '127.0.0.1': IP address mismatch")
    with Server(context('good')) as server:
        is_refused(server, 'hostname mismatch', name='a.b.farm.example')


@test
def a_certificate_out_of_its_time_is_refused():
    with Server(context('expired')) as server:
        is_refused(server, 'certificate has expired')
    with Server(context('early')) as server:
        is_refused(server, 'certificate is not yet valid')


@test
def a_certificate_of_nobody_we_know_is_refused():
    with Server(context('foreign')) as server:
        is_refused(server, 'unable to get local issuer certificate')
    # the system's authorities, where none is named
    with Server(context('good')) as server, Sender('tls', server.remote) as sender:
        state = sender.until(lambda s: s['trouble'], 'trouble')
        check('unable to get local issuer certificate' in state['trouble'], state['trouble'])


@test
def old_versions_of_tls_are_refused():
    port = free_port()
    server = subprocess.Popen(['openssl', 's_server', '-quiet', '-accept', '127.0.0.1:%d' % port, '-tls1_1', '-cipher',
                               'DEFAULT:@SECLEVEL=0', '-cert', path('good.pem'), '-key', path('good.key')],
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: is_bound(port), 's_server listening')
        with Sender('tls', '127.0.0.1:%d' % port, ca=path('ca.pem')) as sender:
            state = sender.until(lambda s: s['trouble'], 'trouble')
            check(state['trouble'].startswith('TLS: '), state['trouble'])
            check('protocol version' in state['trouble'], state['trouble'])
    finally:
        server.kill()
        server.communicate()


@test
def the_exporter_shows_its_own_certificate():
    for version in ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2:
        with Server(context(clients=True, version=version)) as server:
            arrives(server, **own('exporter'))


@test
def an_exporter_that_the_collector_does_not_want_loses_nothing():
    for version in ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2:
        for keys, why in ({}, 'certificate required'), (own('stranger'), 'unknown ca'):
            with Server(context(clients=True, version=version)) as server:
                if version == ssl.TLSVersion.TLSv1_2 and not keys:
                    why = 'handshake failure'
                is_refused(server, why, **keys)


@test
def a_certificate_is_read_again_at_reload():
    shutil.copy(path('stranger.pem'), path('mine.pem'))
    shutil.copy(path('stranger.key'), path('mine.key'))
    with Server(context(clients=True)) as server:
        with Sender('tls', server.remote, ca=path('ca.pem'), **own('mine')) as sender:
            sender.say('put 10')
            sender.until(lambda s: 'unknown ca' in s['trouble'], 'trouble')
            shutil.copy(path('exporter.pem'), path('mine.pem'))
            shutil.copy(path('exporter.key'), path('mine.key'))
            equal(sender.say('reopen')['lost'], 0, 'lost')
            sender.up()
            equal(sender.say('drain')['records'], 10, 'records')
            os.unlink(path('mine.key'))
            check('cannot use the key' in sender.say('reopen')['trouble'], 'nothing was told')
            sender.say('put 10')
            equal(sender.say('drain')['records'], 20, 'records')


@test
def who_speaks_no_tls_is_told():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        s.listen(1)
        with Sender('tls', '127.0.0.1:%d' % s.getsockname()[1], ca=path('ca.pem')) as sender:
            c = s.accept()[0]
            c.sendall(b'220 mail.example ESMTP\r\n')
            sender.until(lambda s: s['trouble'].startswith('TLS: '), 'trouble')
            c.close()
            sender.until(lambda s: s['errors'] < 2, 'no attempt in between')
            sender.say('tick 61')
            c = s.accept()[0]
            # this one says nothing at all
            sender.say('tick 5')
            check(sender.say('tick 6')['trouble'] == 'the collector does not answer', 'nothing was told')
            c.close()


@test
def files_that_cannot_be_used_are_refused_at_once():
    with open(path('rubbish'), 'w') as f:
        f.write('no certificate\n')
    for keys, why in (
            ({'ca': path('nothing')}, "cannot read the certificate authorities '%s': No such file" % path('nothing')),
            ({'ca': path('rubbish')}, "cannot use the certificate authorities '%s'" % path('rubbish')),
            ({'certificate': path('nothing')}, "cannot use the certificate '%s'" % path('nothing')),
            ({'certificate': path('good.pem'), 'key': path('rubbish')}, "cannot use the key '%s'" % path('rubbish')),
            ({'certificate': path('good.pem'), 'key': path('named.key')}, 'does not belong to the certificate'),
            ({'key': path('good.key')}, 'a TLS key without a certificate is of no use')):
        with Sender('tls', '127.0.0.1:1', **{'ca': path('ca.pem'), **keys}) as sender:
            said, status = sender.refusal()
            check(why in said and status in (1, 2), '%d: %s' % (status, said))


@test
def openssl_s_server_is_killed_and_started_anew():
    port, got = free_port(), []
    with Sender('tls', '127.0.0.1:%d' % port, ca=path('ca.pem')) as sender:
        for turn in range(3):
            with open(path('out'), 'wb') as out:
                server = subprocess.Popen(['openssl', 's_server', '-quiet', '-accept', '127.0.0.1:%d' % port,
                                           '-cert', path('good.pem'), '-key', path('good.key')],
                                          stdin=subprocess.PIPE, stdout=out, stderr=subprocess.DEVNULL)
            try:
                wait_for(lambda: is_bound(port), 's_server listening')
                sender.up()
                sender.say('put 1000')
                equal(sender.say('drain')['records'], 1000 + 1500 * turn, 'records')

                def came():
                    with open(path('out'), 'rb') as f:
                        return numbers(f.read())
                wait_for(lambda: len(got) + len(came()) == 1000 + 1500 * turn, 'all of it')
                got += came()
            finally:
                server.kill()
                server.wait()
                server.stdin.close()
            check('closed' in sender.say('put 500')['trouble'], 'nothing was told')
        equal(sender.say('tick')['lost'], 0, 'lost')
        equal(got, list(range(4000)), 'records')


try:
    main(setup=make_all)
finally:
    shutil.rmtree(DIR)
