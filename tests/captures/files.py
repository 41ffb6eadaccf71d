# SPDX-License-Identifier: Apache-2.0
"""The captures that nobody of this project made: where they lie, and which there are."""
import os, re, shutil

from lib import ROOT, skip

CAPTURES = os.environ.get('FLOWCTL_CAPTURES') or os.path.join(ROOT, '..', 'shared', 'captures')
NAMES = re.compile(r'.*\.(pcap|pcapng|cap|trace)$')


def captures():
    """Their paths below CAPTURES."""
    return sorted(os.path.relpath(os.path.join(at, name), CAPTURES)
                  for at, _, names in os.walk(CAPTURES) for name in names if NAMES.match(name))


def need_captures():
    """Skip where there are none, or nothing that reads them."""
    if not captures():
        skip('no captures in %s (see FLOWCTL_CAPTURES)' % CAPTURES)
    if not shutil.which('tshark') or not shutil.which('mergecap'):
        skip('needs tshark and mergecap')
