#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the TAP lines in the JSON logs of `meson test` and tells of every failure and skip."""
import json
import re
import sys

counts = {'ok': 0, 'not ok': 0, 'skip': 0}


def count(test):
    seen = False
    for line in test.get('stdout', '').splitlines():
        m = re.match(r'(ok|not ok)\b(?: \d+)?(?: - )?(.*)', line)
        if re.match(r'1\.\.0 *# *SKIP', line, re.I) or (m and re.search(r'# *SKIP', line, re.I)):
            print('skipped: %s: %s' % (test['name'], line))
            counts['skip'] += 1
            seen = True
        elif m:
            counts[m.group(1)] += 1
            seen = True
            if m.group(1) == 'not ok':
                print('failed: %s: %s' % (test['name'], m.group(2)))
    return seen


for name in sys.argv[1:]:
    with open(name) as f:
        for line in f:
            test = json.loads(line)
            before = counts['not ok']
            count(test)
            bad = test['result'] not in ('OK', 'SKIP', 'EXPECTEDFAIL')
            if bad and counts['not ok'] == before:
                counts['not ok'] += 1
                print('failed: %s: %s' % (test['name'], test['result']))
            if bad:
                print('\n'.join((test.get('stdout', '') + test.get('stderr', '')).splitlines()[-60:]))
print('%(ok)d %(not ok)d %(skip)d' % counts)
sys.exit(1 if counts['not ok'] else 0)
