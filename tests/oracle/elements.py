# SPDX-License-Identifier: Apache-2.0
"""The elements that flowctl says it exports, and templates of them."""
import json
from common import *


def listed():
    """By name, of what `flowctl ie` lists."""
    r = run(FLOWCTL, 'ie', '-o', 'json', ok=False)
    if r.returncode == 0:
        return {e['name']: e for e in json.loads(r.stdout)}
    with open(os.path.join(HERE, '../../lib/flow/ie.c')) as f:
        return {l.split(',')[1].strip(): {} for l in f if re.match(r'\t[A-Z]+\(\d+, ', l)}


ELEMENTS = listed()
ALWAYS = ['packetDeltaCount']       # names the record


def groups(at_most):
    """All elements, in lists of so many, of one family of addresses each, each with ALWAYS."""
    of_v6 = [n for n in ELEMENTS if 'IPv6' in n]
    rest = [n for n in ELEMENTS if 'IPv6' not in n and n not in ALWAYS]
    for names in rest, of_v6:
        for i in range(0, len(names), at_most - len(ALWAYS)):
            yield ALWAYS + names[i:i + at_most - len(ALWAYS)]
