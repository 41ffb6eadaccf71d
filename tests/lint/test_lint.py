#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The house rules that a machine can check: who includes whom, how long things are, licences."""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LAYERS = {      # who may include whom, besides itself
    'base': set(),
    'flow': {'base'},
    'kernel': {'base', 'flow'},
    'capture': {'base'},
    'ipfix': {'base', 'flow', 'sink/sink.h'},
    'collect': {'base', 'flow', 'ipfix'},
    'enrich': {'base', 'flow', 'kernel', 'ipfix'},
    'sink': {'base', 'flow', 'ipfix'},
    'metrics': {'base', 'flow', 'sink/sink.h'},
    'conf': {'base', 'flow', 'ipfix'},
    'agent': {'base', 'flow', 'kernel', 'ipfix', 'sink', 'metrics', 'conf', 'enrich'},
    'top': {'base', 'flow', 'kernel'},
}
ONLY = [        # a library's headers belong to one place
    (r'<(bpf|netlink)/', {'lib/kernel', 'cmd/version.c', 'bpf', 'tests'}),
    (r'<curses\.h>', {'lib/top/view_curses.c'}),
    (r'<yaml\.h>', {'lib/conf/yaml.c'}),
    (r'<getopt\.h>', {'lib/base/opt.c'}),
    (r'<pcap', {'lib/capture/capture.c'}),
    (r'<curl/', {'lib/enrich/cloud_curl.c'}),
    (r'<microhttpd', {'lib/metrics/http_library.h'}),
    (r'<zlib\.h>', {'lib/capture/stream_gzip.c', 'lib/sink/gzip_file.c'}),
    (r'<openssl/', {'lib/ipfix/tls.c', 'lib/ipfix/tls.h', 'lib/ipfix/transport_tls.c', 'lib/ipfix/transport_tls.h', 'lib/ipfix/transport_tls_context.c', 'lib/collect/receive_tls.c'}),
]
FORBIDDEN = [   # where, what
    (('bpf/', 'cmd/', 'lib/'), r'\b(?:strto[lu]\w*|ato[ifl]\w*|sprintf|strcpy|strcat|strtok|gets|alloca|system|popen)\s*\('),
    (('bpf/',), r'bpf_printk|vmlinux\.h'),
    (('lib/', 'cmd/', 'bpf/'), r'\btypedef\s+struct\b'),
    (('',), r'\b(?:TODO|FIXME)\b'),
]
FILE_LINES, FUNCTION_LINES = 600, 80
tests = []


def test(f):
    tests.append(f)
    return f


def sources(*suffixes):
    for top in 'bpf', 'cmd', 'completions', 'lib', 'misc', 'tests', 'man':
        for folder, _, names in os.walk(os.path.join(ROOT, top)):
            for name in sorted(names):
                if name.endswith(suffixes):
                    yield os.path.relpath(os.path.join(folder, name), ROOT)


def read(path):
    with open(os.path.join(ROOT, path), encoding='utf-8') as f:
        return f.read()


def includes(path):
    return re.findall(r'^\s*#\s*include\s+([<"][^>"]+[>"])', read(path), re.M)


@test
def layers_hold():
    for path in sources('.c', '.h'):
        m = re.match(r'lib/(\w+)/', path)
        if not m:
            continue
        layer = m.group(1)
        for inc in includes(path):
            target = inc.strip('"')
            other = target.split('/')[0]
            if inc[0] == '"' and other in LAYERS and other != layer:
                yield '%s includes %s' % (path, inc) if not {other, target} & LAYERS[layer] else None


@test
def libraries_stay_in_their_place():
    for path in sources('.c', '.h'):
        for inc in includes(path):
            for pattern, places in ONLY:
                if re.match(pattern, inc) and not any(path == p or path.startswith(p + '/') for p in places):
                    yield '%s includes %s' % (path, inc)


@test
def lib_prints_nothing():
    for path in sources('.c'):
        if path.startswith('lib/') and path not in ('lib/base/log.c', 'lib/sink/print.c'):
            for m in re.finditer(r'\b(printf|puts|perror|fputs|putchar)\s*\(', read(path)):
                yield '%s calls %s' % (path, m.group(1))


@test
def only_the_agent_and_commands_log():
    for path in sources('.c'):
        if path.startswith('lib/') and not path.startswith(('lib/agent/', 'lib/base/log.c')):
            if '"base/log.h"' in includes(path):
                yield path


@test
def every_source_names_its_licence():
    for path in sources('.c', '.h', '.py', '.sh'):
        want = 'GPL-2.0-only OR BSD-2-Clause' if path.startswith('bpf/') else 'Apache-2.0'
        if not re.search(r'SPDX-License-Identifier: .*' + want, read(path)[:400]):
            yield path


@test
def files_and_functions_are_short():
    for path in sources('.c', '.h'):
        lines = read(path).splitlines()
        if len(lines) > FILE_LINES:
            yield '%s has %d lines' % (path, len(lines))
        start = None
        for n, line in enumerate(lines, 1):
            if line == '{':
                start = n
            elif line == '}' and start and not path.startswith('tests/'):
                if n - start > FUNCTION_LINES:
                    yield '%s:%d: a function of %d lines' % (path, start, n - start)
                start = None


@test
def every_c_file_says_what_it_is_about():
    for path in sources('.c'):
        if path.startswith(('lib/', 'cmd/', 'bpf/')):
            if not re.match(r'(//|/\*) SPDX[^\n]*\n/\*', read(path)):
                yield path


@test
def no_forbidden_words():
    for path in sources('.c', '.h', '.py', '.sh', '.scd', '.build'):
        if path == 'tests/lint/test_lint.py':
            continue
        for places, pattern in FORBIDDEN:
            if path.startswith(places):
                for m in re.finditer(pattern, read(path)):
                    yield '%s: %s' % (path, m.group())


@test
def shell_scripts_parse():
    for path in sources('.sh'):
        if subprocess.run(['sh', '-n', os.path.join(ROOT, path)]).returncode:
            yield path


print('1..%d' % len(tests))
failed = 0
for n, f in enumerate(tests, 1):
    found = [x for x in f() if x]
    for x in found:
        print('# ' + x)
    failed += bool(found)
    print('%sok %d - %s' % ('not ' if found else '', n, f.__name__.replace('_', ' ')))
sys.exit(1 if failed else 0)
