#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What every command owes its users, read from the commands themselves: no list of options
stands here."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FLOWCTL = os.environ['FLOWCTL']
tests = []


def test(f):
    tests.append(f)
    return f


def run(*args, prefix=(), **kw):
    return subprocess.run([*prefix, FLOWCTL, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=20, **kw)


def complete(*words):
    return run('__complete', *words).stdout.split()


def commands():
    """Every command's words, subcommands too."""
    for c in (w for w in complete() if not w.startswith('-')):
        subs = [w for w in complete(c) if not w.startswith('-')] if c == 'meter' else []
        yield [c]
        yield from ([c, s] for s in subs)


def options_in_help(words):
    text = run(*words, '--help').stdout
    return set(re.findall(r'^ {2,6}(?:-\w, )?--([a-z][a-z-]*)', text, re.M))


def refused(words, status=2, **kw):
    r = run(*words, **kw)
    lines = r.stderr.splitlines()
    assert r.returncode == status, '%s: exit %d: %s' % (words, r.returncode, r.stderr)
    assert r.stdout == '', '%s prints on stdout: %s' % (words, r.stdout)
    assert 1 <= len(lines) <= 2, '%s: %d lines on stderr: %s' % (words, len(lines), r.stderr)
    assert lines[0].startswith('flowctl'), lines[0]
    assert 'usage' not in r.stderr, r.stderr
    return r.stderr


@test
def help_fits_80_columns_and_goes_to_stdout():
    for words in [[]] + list(commands()):
        for option in '--help', '-h':
            r = run(*words, option)
            assert r.returncode == 0 and r.stderr == '', (words, r.stderr)
            wide = [line for line in r.stdout.splitlines() if len(line) > 80]
            assert not wide, (words, wide)
            assert 'usage:' in r.stdout and 'example:' in r.stdout or words == ['version'], words


@test
def unknown_words_are_refused_with_one_line():
    refused(['nonsense'])
    refused([])
    refused(['meter'])
    refused(['meter', 'nonsense'])
    refused(['--nonsense'])
    for words in commands():
        if words != ['meter']:
            refused([*words, '--nonsense'])
            refused([*words, '-Z'])
    refused(['dump', 'word'])
    for words in ['a\nb'], ['dump', '--a\nb'], ['dump', '-p', 'a\nb'], ['meter', 'a\x1b[31m']:
        assert '?' in refused(words) and '\x1b' not in refused(words)
    assert "'-é'" in refused(['dump', '-é'])
    refused(['--bpffs'])


@test
def near_misses_get_a_hint():
    for words, hint in ((['meter', 'atach'], "'attach'"), (['dmup'], "'dump'"), (['dump', '--colums', 'a'], "'--columns'"),
                        (['dump', '-o', 'jsn'], "'json'"), (['dump', '--sort', 'byte'], "'bytes'"),
                        (['completion', 'bsh'], "'bash'")):
        assert 'did you mean ' + hint in refused(words), words


@test
def abbreviated_options_are_refused():
    refused(['dump', '--out', 'json'])
    refused(['dump', '--net=x'])


@test
def wrong_values_are_refused():
    for words in (['dump', '-p', 'nonsense'], ['dump', '-s', '10.0.0.0/33'], ['dump', '-s', 'x'], ['dump', '-D', '65536'],
                  ['dump', '--idle', '5x'], ['dump', '--limit', '-1'], ['dump', '--columns', 'nonsense'],
                  ['dump', '--watch=soon'], ['dump', '--watch', '2x'], ['dump', '--times', '0'], ['audit', '--wait', 'x'],
                  ['flush'], ['flush', '-A', '-p', '6'], ['flush', '-i', '0'],
                  ['meter', 'attach'], ['meter', 'attach', '-n', 'lo', '--max-flows', '0'],
                  ['meter', 'attach', '-n', 'lo', '--all'], ['meter', 'attach', '-n', 'lo', '--hook', 'ebpf'],
                  ['meter', 'attach', '-n', 'lo', '--xdp-mode', 'offload'],
                  ['meter', 'attach', '-n', 'lo', '--hook', 'tcx', '--xdp-mode', 'native'],
                  ['meter', 'attach', '-n', 'lo', '--hook', 'xdp', '--pref', '5'],
                  ['meter', 'attach', '-n', 'lo', '--xdp-mode', 'native', '--handle', '5'],
                  ['meter', 'attach', '-n', 'lo', '--decap', 'al'],
                  ['meter', 'attach', '-n', 'lo', '--decap', 'geneve:0'], ['meter', 'attach', '-n', 'lo', '--chain', '1'],
                  ['meter', 'attach', '-n', 'lo', '--tcp-metrics', 'perhaps'], ['meter', 'attach', '-n', 'lo', '--sample', '0'],
                  ['meter', 'attach', '-n', 'lo', '--hook', 'tcx', '--pref', '5'], ['meter', 'detach'],
                  ['meter', 'attach', '--netns', 'pid:x', '-n', 'lo'], ['completion'], ['completion', 'tcsh'],
                  ['agent', '--check', '--once'], ['ipfix-dummy'], ['ipfix-dummy', '--flows', '1'],
                  ['ipfix-dummy', '--to', '127.0.0.1:1'], ['ipfix-dummy', '--to', '127.0.0.1', '--flows', '1'],
                  ['ipfix-dummy', '--to', '127.0.0.1:0', '--flows', '1'], ['ipfix-dummy', '--to', '127.0.0.1:1', '--flows', '0'],
                  ['ipfix-dummy', '--to', '127.0.0.1:1', '--flows', '4294967297'],
                  ['ipfix-dummy', '--to', '127.0.0.1:1', '--flows', '1', '-f', '/dev/null'],
                  ['ipfix-dummy', '--to', '127.0.0.1:1', '-f', '/dev/null', '--rate', '1'],
                  ['ipfix-dummy', '--to', '127.0.0.1:1', '--flows', '1', '--duration', '0'],
                  ['latency'], ['latency', 'lo'], ['latency', '-i', 'default:'], ['latency', '-n', 'lo', '--duration', '0'],
                  ['latency', '-n', 'lo', '--duration', '-1'], ['latency', '-n', 'lo', '--count', '0'],
                  ['latency', '-n', 'lo', '-o', 'json'], ['replay'], ['replay', '/dev/null', '/dev/null'],
                  ['replay', '--limit', '0', '/dev/null'], ['replay', '-o', 'xml', '/dev/null'],
                  ['replay', '--netns', 'default', '/dev/null'], ['replay', '--decap', 'al', '/dev/null'],
                  ['meter', 'attach', '-n', 'lo', '--tcp-metrics', 'off', '--max-connections', '9']):
        refused(words)


@test
def a_missing_file_is_a_failure_not_a_usage_error():
    refused(['agent', '--check', '-c', '/nonexistent/config.yaml'], 1)


@test
def a_wrong_configuration_is_refused_with_path_and_line():
    with tempfile.NamedTemporaryFile('w', suffix='.yaml') as f:
        f.write('outputs:\n- collector: {remoteAddres: 127.0.0.1:1}\n')
        f.flush()
        text = refused(['agent', '--check', '-c', f.name])
        assert ':2:' in text and 'outputs[0].collector' in text, text


@test
def a_wrong_flow_file_is_refused_with_path_and_line():
    with tempfile.NamedTemporaryFile('w', suffix='.yaml') as f:
        f.write('flowsets:\n- templateId: 256\n  flows:\n  - {sourceIPv4Address: 10.0.0.256}\n')
        f.flush()
        text = refused(['ipfix-dummy', '--to', '127.0.0.1:1', '-f', f.name])
        assert ':4:' in text and 'flowsets[0].flows[0].sourceIPv4Address' in text, text
    refused(['ipfix-dummy', '--to', '127.0.0.1:1', '-f', '/nonexistent/flows.yaml'], 1)


@test
def every_option_is_in_the_manual_page():
    for words in [[]] + list(commands()):
        page = 'flowctl' + ('-' + words[0] if words else '')
        with open('%s/man/%s.1.scd' % (ROOT, page)) as f:
            text = f.read()
        for option in options_in_help(words) - {'help'} if words else options_in_help(words):
            assert '*--%s*' % option in text, '--%s is not in %s' % (option, page)


@test
def every_option_is_completed():
    for words in [[]] + list(commands()):
        assert words in ([], ['meter'], ['version'], ['completion']) or options_in_help(words), words
        missing = options_in_help(words) - {w[2:] for w in complete(*words) if w.startswith('--')}
        assert not missing, (words, missing)


@test
def choices_and_shells_are_completed():
    assert complete('dump', '-o') == ['table', 'wide', 'json', 'ndjson', 'csv']
    assert complete('meter', 'attach', '--direction') == ['both', 'ingress', 'egress']
    assert 'lo' in complete('meter', 'attach', '-n')
    for shell in 'bash', 'zsh', 'fish':
        script = run('completion', shell).stdout
        assert 0 < len(script.splitlines()) <= 30 and '__complete' in script, shell


@test
def every_key_of_a_record_is_in_the_manual_page_in_order():
    keys = complete('dump', '--columns')
    assert len(keys) > 50 and keys == complete('dump', '--sort'), keys
    with open(ROOT + '/man/flowctl-dump.1.scd') as f:
        text = re.search(r'^# RECORDS$(.*?)^# ', f.read(), re.M | re.S).group(1)
    told = [k for k in re.findall(r'\*([a-z_0-9]+)\*', text) if k in keys]
    assert told == keys, [k for k in keys if k not in told] or told


@test
def columns_are_explained_to_anybody_and_completed():
    nobody = ['setpriv', '--reuid', '65534', '--clear-groups'] if os.geteuid() == 0 else []
    for words in ['dump'], ['replay'], ['ie'], ['audit'], ['meter', 'status'], ['top']:
        r = run(*words, '--columns', 'help', prefix=nobody)
        assert r.returncode == 0 and r.stdout.startswith('COLUMN '), (words, r.stderr)
        rows = [line.split(None, 1) for line in r.stdout.splitlines()[1:]]
        assert all(len(row) == 2 for row in rows) and max(map(len, r.stdout.splitlines())) <= 80, (words, rows)
        assert [row[0] for row in rows] == complete(*words, '--columns'), words
    assert "'--columns help'" in refused(['ie', '--columns', 'zzzzzzzz'])


@test
def columns_of_top_are_in_the_manual_page_and_fit_the_lines():
    with open(ROOT + '/man/flowctl-top.1.scd') as f:
        text = re.search(r'^\*--columns\*(.*?)^\*-', f.read(), re.M | re.S).group(1)
    missing = [k for k in complete('top', '--columns') if '*%s*' % k not in text]
    assert not missing, missing
    assert 'packets' in complete('top', '--sort') and 'duration' not in complete('top', '--sort')
    if os.geteuid() == 0:
        assert "did you mean 'source'?" in refused(['top', '-n', 'lo', '--columns', 'sorce'])
        assert "'rtt' says nothing of hosts" in refused(['top', '-n', 'lo', '--by', 'host', '--columns', 'host,rtt'])


@test
def a_pipe_gets_no_colour_and_a_person_may_have_it():
    plain = run('ie').stdout
    assert '\x1b' not in plain and run('ie', env={'NO_COLOR': '1'}).stdout == plain
    colour = run('ie', '--color', 'always').stdout
    assert colour != plain and re.sub(r'\x1b\[\d+m', '', colour) == plain
    assert run('ie', '--color', 'never').stdout == plain
    assert run('ie', '--columns', 'name,number').stdout.split()[:2] == ['NAME', 'NUMBER']
    refused(['ie', '--color', 'sometimes'])
    refused(['ie', '-o', 'json', '--columns', 'name'])


@test
def every_key_of_status_is_in_the_manual_page():
    with open(ROOT + '/cmd/meter_status_json.c') as f:
        keys = re.findall(r'(?:json_\w+|number_or_null)\(j, "(\w+)"', f.read())
    with open(ROOT + '/man/flowctl-meter.1.scd') as f:
        text = f.read()
    missing = [k for k in keys if '*%s*' % k not in text and k not in ('packets', 'bytes', 'seen', 'held', 'aged')]
    assert len(keys) > 20 and not missing, missing


@test
def a_wrong_prefix_file_is_refused_with_path_and_line():
    with tempfile.TemporaryDirectory() as folder:
        conf, prefixes = folder + '/c.yaml', folder + '/prefixes'
        with open(conf, 'w') as f:
            f.write('prefixFile: %s\noutputs: [{log: {file: stdout}}]\n' % prefixes)
        refused(['agent', '--check', '-c', conf], 1)
        with open(prefixes, 'w') as f:
            f.write('192.0.2.0/24 64496\n192.0.2.0/33 64496\n')
        text = refused(['agent', '--check', '-c', conf])
        assert prefixes + ':2: ' in text, text


@test
def every_configuration_that_is_shown_is_right():
    shown = [('misc/examples/config.yaml', None), ('misc/examples/hooks.yaml', None),
             ('misc/examples/vpc.yaml', None)]
    for path, mark in (('README.md', '```yaml\n'), ('man/flowctl.conf.5.scd', '```\n')):
        with open(os.path.join(ROOT, path)) as f:
            shown += [(path, m) for m in re.findall(mark + r'(.*?)```', f.read(), re.S) if 'outputs:' in m]
    assert len(shown) == 7, shown
    with tempfile.TemporaryDirectory() as folder:
        # Of what they name the files of TLS have to be there.
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=x',
                        '-keyout', folder + '/agent.key', '-out', folder + '/agent.pem'], check=True, stderr=subprocess.DEVNULL)
        shutil.copy(folder + '/agent.pem', folder + '/ca.pem')
        for path, text in shown:
            if not text:
                with open(os.path.join(ROOT, path)) as f:
                    text = f.read()
            with open(folder + '/c.yaml', 'w') as f:
                f.write(re.sub(r'/etc/flowctl/(ca\.pem|agent\.pem|agent\.key)', folder + r'/\1', text))
            r = run('agent', '--check', '-c', folder + '/c.yaml')
            assert (r.returncode == 0 and r.stderr == '') or 'built without TLS' in r.stderr, (path, r.stderr)


@test
def elements_are_listed_as_table_and_as_json():
    rows = [r.split(None, 5) for r in run('ie').stdout.splitlines()[1:]]
    objects = json.loads(run('ie', '-o', 'json').stdout)
    assert len(rows) == len(objects) > 120
    for row, o in zip(rows, objects):
        length = 'variable' if o['length'] == 65535 else str(o['length'])
        assert row == [str(o['id']), str(o['pen']), o['name'], o['type'], length, o['source']], (row, o)
    by_name = {o['name']: o for o in objects}
    assert by_name['octetDeltaCount']['semantics'] == 'deltaCounter'
    assert by_name['octetDeltaCount']['units'] == 'octets'
    assert by_name['flowLabelIPv6']['range_end'] == 0xfffff
    assert by_name['reverseOctetDeltaCount']['pen'] == 29305
    with open(ROOT + '/man/flowctl-ie.1.scd') as f:
        keys = re.findall(r'\*(\w+)\*', f.read().replace('\\_', '_'))
    assert set(objects[0]) <= set(keys), set(objects[0]) - set(keys)


@test
def every_exit_status_is_in_the_manual_page():
    with open(ROOT + '/man/flowctl.1.scd') as f:
        text = f.read()
    for status in '0123':
        assert re.search(r'^\*%s\*$' % status, text, re.M), status


@test
def bash_takes_its_script():
    r = subprocess.run(['bash', '-c', 'source <(%s completion bash); COMP_WORDS=(%s dump --out); COMP_CWORD=2; '
                        '_flowctl 2>/dev/null; echo "${COMPREPLY[@]}"' % (FLOWCTL, FLOWCTL)],
                       stdout=subprocess.PIPE, text=True)
    assert r.stdout.strip() == '--output', r.stdout


@test
def manual_pages_have_their_sections_in_order():
    order = ['NAME', 'SYNOPSIS', 'DESCRIPTION', 'OPTIONS', 'EXAMPLES', 'FILES', 'EXIT STATUS', 'SEE ALSO']
    for page in os.listdir(ROOT + '/man'):
        if page.endswith('.scd'):
            with open(ROOT + '/man/' + page) as f:
                heads = re.findall(r'^# (.*)$', f.read(), re.M)
            assert [h for h in heads if h in order] == order, (page, heads)


@test
def the_version_is_told():
    assert re.match(r'flowctl \d+\.\d+', run('--version').stdout)
    assert run('-V').stdout == run('--version').stdout
    assert 'libbpf' in run('version').stdout
    assert re.search(r'^transports udp, tcp, (tls, sctp|sctp \(built without TLS\))$', run('version').stdout, re.M)


@test
def every_key_is_in_the_manual_page_and_in_an_example():
    text = {}
    for path in 'lib/conf/keys.c lib/conf/keys_aws.c lib/conf/keys_collector.c lib/conf/keys_outputs.c lib/conf/keys_templates.c lib/conf/keys_metrics.c lib/conf/keys_vpc.c ' \
                'man/flowctl.conf.5.scd misc/examples/config.yaml misc/examples/hooks.yaml misc/examples/vpc.yaml'.split():
        with open(os.path.join(ROOT, path)) as f:
            text[path] = f.read()
    tables = ''.join(t for p, t in text.items() if p.endswith('.c'))
    keys = set(re.findall(r'\b(?:DECODE(?:_WHOLE)?|TIMER)\("(\w+)"', tables))
    later = set()
    older = {'collectors', 'address'}
    assert len(keys) > 40, keys
    examples = ''.join(t for p, t in text.items() if p.endswith('.yaml'))
    missing = [k for k in keys - later - older if not re.search(r'\b%s:' % k, examples)]
    missing += [k for k in keys - later if not re.search(r'\b%s\b' % k, text['man/flowctl.conf.5.scd'])]
    assert not missing, missing


@test
def tls_options_belong_to_tls():
    for words in (['-l', 'udp://127.0.0.1:0', '--ca', '/x'], ['-r', '/dev/null', '--key', '/x'], ['--certificate', '/x']):
        r = run('collect', *words)
        assert r.returncode == 2 and 'tls://' in r.stderr, (words, r.stderr)


def run_into(fd, words, *before):
    """Run with @fd, which is closed, as standard output."""
    try:
        return subprocess.run([*before, FLOWCTL, *words], stdout=fd, stderr=subprocess.PIPE, text=True, timeout=20)
    finally:
        os.close(fd)


PRINTING = (['--help'], ['dump', '--help'], ['--version'], ['version'], ['completion', 'bash'])


@test
def a_closed_pipe_ends_quietly():
    for words in PRINTING:
        reader, writer = os.pipe()
        os.close(reader)
        r = run_into(writer, words)
        assert r.returncode == 0 and r.stderr == '', (words, r.returncode, r.stderr)


@test
def a_full_disk_is_told():
    for words in PRINTING:
        for before in (), ('stdbuf', '-oL'):
            r = run_into(os.open('/dev/full', os.O_WRONLY), words, *before)
            assert r.returncode == 1 and 'No space left' in r.stderr, (words, before, r.returncode, r.stderr)


@test
def the_examples_of_ie_print_what_the_page_shows():
    with open(ROOT + '/man/flowctl-ie.1.scd') as f:
        shown = re.search(r'# EXAMPLES\n\n```\n(.*?)```', f.read(), re.S).group(1)
    env = dict(os.environ, PATH=os.path.dirname(os.path.abspath(FLOWCTL)) + ':' + os.environ['PATH'])
    printed = ''
    for line in re.findall(r'^\$ (.*)$', shown, re.M):
        printed += '$ %s\n' % line + subprocess.run(line, shell=True, env=env, stdout=subprocess.PIPE, text=True).stdout
    assert printed == shown, printed


@test
def what_a_command_needs_is_not_said_to_be_missing():
    probes = {p['name']: p for p in json.loads(run('dependency-check', '-o', 'json').stdout)}
    for name in 'capture files (libpcap)', 'metrics (libmicrohttpd)', 'terminal view (ncursesw)':
        assert probes[name]['found'] in ('present', 'not in this build'), probes


@test
def what_cannot_be_tried_is_not_said_to_be_absent():
    nobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'] if os.geteuid() == 0 else []
    if subprocess.run([*nobody, 'test', '-x', FLOWCTL]).returncode != 0:
        return 'the program is not for everybody'
    r = run('dependency-check', '-o', 'json', prefix=nobody)
    probes = {p['name']: p for p in json.loads(r.stdout)}
    assert r.returncode == 3, r
    for name in 'clsact', 'ring buffer':
        assert probes[name]['found'] == 'unknown without CAP_NET_ADMIN and CAP_BPF', probes[name]
        assert probes[name]['state'] == 'INVALID', probes[name]


@test
def who_leaves_a_word_out_is_told_which():
    for words in ['meter', 'attach', 'eth0'], ['top', 'eth0'], ['latency', 'eth0'], ['dump', 'eth0']:
        assert 'an interface is named by -n IFACE' in refused(words), words
    assert 'named by' not in refused(['agent', 'eth0'])
    assert "'flowctl meter --help' lists them" in refused(['meter'])


@test
def a_filter_of_top_that_is_none_is_told_what_it_may_be():
    if os.geteuid() != 0:
        return 'not root: the capabilities are missed first'
    assert "'foo' is no key, protocol, address or port" in refused(['top', '-n', 'lo', '--filter', 'foo bar'])


@test
def a_global_option_behind_the_command_is_told_its_place():
    for option in '-q', '-v', '--quiet', '--verbose', '--bpffs', '--bpffs=/x':
        for words in ['latency', '-n', 'lo'], ['meter', 'status']:
            assert 'before the command' in refused([*words, option]), (words, option)


@test
def a_directory_is_no_capture():
    if os.geteuid() != 0:
        return 'not root: the capabilities are missed first'
    text = refused(['replay', '/'], 1)
    assert 'directory' in text or 'without libpcap' in text, text


@test
def without_privilege_every_command_says_what_it_needs():
    if os.geteuid() != 0:
        return 'not root: nothing to give up'
    for words in (['dump'], ['flush', '-A'], ['meter', 'status'], ['meter', 'attach', '-n', 'lo'], ['meter', 'detach', '--all'],
                  ['latency', '-n', 'lo'], ['replay', '/dev/null']):
        text = refused(words, 3, prefix=('setpriv', '--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all',
                                         '--reuid=65534', '--regid=65534', '--clear-groups'))
        assert 'CAP_' in text, text


@test
def without_bpffs_every_command_says_so():
    if os.geteuid() != 0:
        return 'not root: the capabilities are missed first'
    for words in (['dump'], ['flush', '-A'], ['meter', 'status'], ['meter', 'attach', '-n', 'lo']):
        with tempfile.TemporaryDirectory() as d:
            text = refused(['--bpffs', d, *words], 3)
            assert 'mount -t bpf' in text and os.listdir(d) == [], text


print('1..%d' % len(tests))
failed = 0
for n, f in enumerate(tests, 1):
    name = f.__name__.replace('_', ' ')
    try:
        why = f()
        print('ok %d - %s%s' % (n, name, ' # SKIP ' + why if why else ''), flush=True)
    except (AssertionError, OSError) as e:
        failed += 1
        print('# %s\nnot ok %d - %s' % (str(e).replace('\n', '\n# '), n, name), flush=True)
sys.exit(1 if failed else 0)
