# SPDX-License-Identifier: Apache-2.0
"""The elements that flowctl says it exports, templates of them, and how these go out."""
import json, struct
from common import *
from tshark import datagrams

VARIABLE = 65535


def listed():
    """By name, of what `flowctl ie` lists."""
    r = run(FLOWCTL, 'ie', '-o', 'json', ok=False)
    if r.returncode == 0:
        return {e['name']: e for e in json.loads(r.stdout)}
    with open(os.path.join(HERE, '../../lib/flow/ie_table.c')) as f:
        text = f.read().split('static const struct ie rows[]')[1]
    return dict.fromkeys(re.findall(r'[A-Z_]+\(\d+, (\w+),', text) + re.findall(r'\.name = "(\w+)"', text))


ELEMENTS = listed()
ALWAYS = ['packetDeltaCount']       # names the record


def groups(at_most):
    """All elements, in lists of so many, of one family of addresses each, each with ALWAYS."""
    of_v6 = [n for n in ELEMENTS if 'IPv6' in n]
    rest = [n for n in ELEMENTS if 'IPv6' not in n and n not in ALWAYS]
    for names in rest, of_v6:
        for i in range(0, len(names), at_most - len(ALWAYS)):
            yield ALWAYS + names[i:i + at_most - len(ALWAYS)]


def for_group(names, records):
    """Those that a template of these elements carries, as far as it is a matter of addresses."""
    v6 = any('IPv6' in n for n in names)
    return [r for r in records if v6 == (':' in r['src'])]


def layout(names, *options):
    """(enterprise, number, length) of each element, from the template as it is announced."""
    template = next(d for d in datagrams(lambda port: send(
        port, for_group(names, RECORDS)[:1], 300, *names, options=options)) if d[16:18] == b'\0\2')
    found, at = [], 24
    for _ in names:
        number, length = struct.unpack_from('!HH', template, at)
        at += 4
        pen = 0
        if number & 0x8000:
            pen, = struct.unpack_from('!I', template, at)
            at += 4
        found.append((pen, number & 0x7fff, length))
    equal(at, struct.unpack_from('!H', template, 18)[0] + 16, 'the end of the template')
    return found
