#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The stack that the program's functions take together, as the verifiers of before Linux 6.8 add
it up: over every chain of calls, dead ones too, each function rounded up to 32 bytes and no less.
What is newer than that loads programs which those refuse, so loading here shows nothing.

    test_stack.py OBJECT...
"""
import os, re, subprocess, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'net'))
from lib import Failed, check  # noqa: E402

STACK_MAX = 512                 # MAX_BPF_STACK
OBJDUMP = os.environ.get('OBJDUMP', 'llvm-objdump')


class Function:
    def __init__(self):
        self.depth, self.calls = 0, set()

    def taken(self):
        return max(32, (self.depth + 31) // 32 * 32)


def functions(path):
    """By name, of what llvm-objdump shows."""
    r = subprocess.run([OBJDUMP, '-dr', '--no-show-raw-insn', path], stdout=subprocess.PIPE, text=True, check=True)
    found, f, frame_in = {}, None, None
    for line in r.stdout.splitlines():
        name = re.match(r'[0-9a-f]+ <((?!LBB)\w+)>:', line)
        if name:
            f = found[name.group(1)] = Function()
        elif f:
            # A slot, or an address taken: rN = r10, rN += -depth.
            below = re.search(r'\(r10 - (0x[0-9a-f]+|\d+)\)', line)
            address = re.search(r'(r\d) \+= -(0x[0-9a-f]+|\d+)$', line)
            if below:
                f.depth = max(f.depth, int(below.group(1), 0))
            elif address and address.group(1) == frame_in:
                f.depth = max(f.depth, int(address.group(2), 0))
            copied = re.search(r'(r\d) = r10$', line)
            frame_in = copied.group(1) if copied else None
            f.calls.update(re.findall(r'R_BPF_64_32\s+(\w+)$', line))
    return found


def deepest(found, name):
    """The chain of calls from there that takes most: its bytes, and the functions."""
    below = max((deepest(found, c) for c in found[name].calls if c in found), default=(0, []))
    return found[name].taken() + below[0], ['%s %d' % (name, found[name].depth)] + below[1]


print('1..%d' % len(sys.argv[1:]))
failed = False
for n, path in enumerate(sys.argv[1:], 1):
    try:
        found = functions(path)
        name, = (f for f in found if f.startswith('flowctl_'))
        check(len(found) > 10 and found[name].depth, 'nothing is understood of %s' % path)
        taken, chain = deepest(found, name)
        print('# %d bytes: %s' % (taken, ' > '.join(chain)))
        check(taken <= STACK_MAX, 'more than the %d bytes that there are' % STACK_MAX)
        print('ok %d - %s fits into the stack of older kernels' % (n, os.path.basename(path)))
    except Failed as e:
        failed = True
        print('# %s\nnot ok %d - %s fits into the stack of older kernels' % (e, n, os.path.basename(path)))
sys.exit(failed)
