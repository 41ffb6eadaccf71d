# SPDX-License-Identifier: Apache-2.0
"""What the tests of faults share: waves of known flows through one meter, and what arrived of
them and what the exporter said was lost."""
from fixbuf import *
from live import *

PER_WAVE = 20


class Counted(Box):
    def fresh(self):
        self.detach()
        self.attach()

    def wave(self, n):
        """The nth: flows of their own, of different packets and bytes."""
        self.send(f for i in range(PER_WAVE) for f in flow(
            '192.0.2.%d' % (n + 1), '198.51.100.1', 17, 2000 + i, 9, 1 + i % 3, 10 * n + i))

    def gone(self):
        """All that was metered has been exported."""
        wait_for(lambda: self.ledger()['flows'] == 0, 'nothing held', 20)

    def sent(self):
        l = self.ledger()
        return l['packets'], l['bytes']

    def all_told(self, look):
        """Wait until what look() has, a collector or a file, is all that was sent: received, or said to be lost."""
        def both():
            c = look()
            return added(received(c), lost(c))
        becomes(both, self.sent(), 'what came, and what it says was lost')


def received(*collectors):
    """(packets, bytes) of all data records, and the keys of those that came twice."""
    records = [x for c in collectors for x in c.records]
    keys = [(x['sourceIPv4Address'], x['sourceTransportPort']) for x in records]
    equal(len(keys), len(set(keys)), 'flows, each once')
    return tuple(sum(int(x[n]) for x in records) for n in ('packetDeltaCount', 'octetDeltaCount'))


def lost(*collectors):
    """(packets, bytes) that the exporter said last it had not sent."""
    said = [o for c in collectors for o in c.options if 'notSentPacketTotalCount' in o.by_name]
    return (int(said[-1]['notSentPacketTotalCount']), int(said[-1]['notSentOctetTotalCount'])) if said else (0, 0)


def added(a, b):
    return tuple(x + y for x, y in zip(a, b))


class Stored:
    """What a file of messages holds, as a Fixbuf has it."""
    def __init__(self, path):
        self.records, self.options, self.complaints = read_file(path)
