# SPDX-License-Identifier: Apache-2.0
"""The elements that flowctl says it exports, templates of them, and how these go out."""
import json, struct
from common import *
from tshark import datagrams

VARIABLE = 65535


def listed():
    """By name, of what `flowctl ie` lists."""
    return {e['name']: e for e in json.loads(run(FLOWCTL, 'ie', '-o', 'json').stdout)}


ELEMENTS = listed()
ALWAYS = ['packetDeltaCount']       # names the record


def groups(at_most, which=lambda name: True):
    """All elements, in lists of so many, of one family of addresses each, each with ALWAYS."""
    of_v6 = [n for n in ELEMENTS if 'IPv6' in n and which(n)]
    rest = [n for n in ELEMENTS if 'IPv6' not in n and n not in ALWAYS and which(n)]
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
