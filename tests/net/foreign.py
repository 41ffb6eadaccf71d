# SPDX-License-Identifier: Apache-2.0
"""BPF programs of somebody else, beside which a meter has to live."""
import ctypes

from lib import *

SCHED_CLS, XDP = 3, 6       # enum bpf_prog_type


def bpf(cmd, attr, size=128):
    buf = ctypes.create_string_buffer(attr.ljust(size, b'\0'), size)
    libc.syscall.restype = ctypes.c_long
    r = libc.syscall(321, cmd, buf, size)
    if r < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return r


class Foreign:
    """A program of somebody else, whose runs the kernel counts (BPF_ENABLE_STATS)."""
    def __init__(self, prog_type, returns):
        insns = struct.pack('<BBHi', 0xb7, 0, 0, returns) + struct.pack('<BBHi', 0x95, 0, 0, 0)
        self.insns = ctypes.create_string_buffer(insns, len(insns))
        self.licence = ctypes.create_string_buffer(b'GPL')
        self.stats = bpf(32, struct.pack('<I', 0))
        self.prog = bpf(5, struct.pack('<IIQQ', prog_type, 2, ctypes.addressof(self.insns),
                                       ctypes.addressof(self.licence)))
        self.link = None

    def attach(self, ns, dev, attach_type, flags=0):
        with inside(ns):
            self.link = bpf(28, struct.pack('<IIII', self.prog, socket.if_nametoindex(dev), attach_type, flags))
        return self

    def pin(self, path):
        name = ctypes.create_string_buffer(path.encode())
        bpf(6, struct.pack('<QI', ctypes.addressof(name), self.prog))
        return self

    def runs(self):
        with open('/proc/self/fdinfo/%d' % self.prog) as f:
            return int(dict(line.split(':', 1) for line in f if ':' in line)['run_cnt'])

    def close(self):
        for fd in self.link, self.prog, self.stats:
            if fd is not None:
                os.close(fd)
