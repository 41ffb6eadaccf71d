# SPDX-License-Identifier: Apache-2.0
"""Tables of what was measured, and the goals beside it.

A result is a dict: `bench` names its part, the other keys say what it is of, and a list of
samples, one a round. What is derived from them (net of the empty program, ratios) is
derived here, round by round, and then the median is taken.
"""
import operator
import statistics

REFERENCE = 'ref_hash40'


def median(values):
    return statistics.median(values) if values else None


def find(results, **wanted):
    return [r for r in results if all(r.get(k) == v for k, v in wanted.items())]


def first(results, **wanted):
    found = find(results, **wanted)
    return found[0] if found else None


def table(head, rows):
    """Columns as wide as they need, the first to the left."""
    cells = [head] + [['-' if c is None else c if isinstance(c, str) else number(c) for c in row]
                      for row in rows]
    width = [max(len(row[i]) for row in cells) for i in range(len(head))]
    for row in cells:
        print('  '.join(c.ljust(w) if i == 0 else c.rjust(w)
                        for i, (c, w) in enumerate(zip(row, width))).rstrip())


def number(v):
    a = abs(v)
    return '%.2f' % v if a < 10 else '%.1f' % v if a < 100 else '%d' % round(v)


# -- the datapath

CASE = ('frame', 'flows', 'order', 'mode')


def datapath_net(results, r):
    """ns a packet more than the empty program of the same case, by round."""
    case = {k: r[k] for k in CASE}
    empty = first(results, bench='datapath', program='ref_empty_xdp' if r['xdp'] else 'ref_empty', **case)
    return [a - b for a, b in zip(r['ns'], empty['ns'])] if empty else []


def derive_datapath(results):
    for r in find(results, bench='datapath'):
        net = datapath_net(results, r)
        r.update(ns_median=median(r['ns']), ns_min=min(r['ns']), ns_max=max(r['ns']),
                 net_median=median(net), net_min=min(net), net_max=max(net), rounds=len(net))
        r['counts'] = r.get('flows_held', r['flows']) >= r['flows'] / 2
    for r in find(results, bench='datapath'):
        others = find(results, bench='datapath', **{k: r[k] for k in CASE})
        r['ratio'] = {o['program']: round(r['net_median'] / o['net_median'], 3)
                      for o in others if o['net_median'] > 0 and o['counts'] and o is not r}


def share(r, key):
    return '%.1f %%' % (100 * r[key] / r['packets']) if r['packets'] else None


def case_name(case):
    frame, flows, order, mode = case
    return '%s, %s flow%s, %s' % (frame, '{:,}'.format(flows), 's' * (flows > 1),
                                  'insert' if mode == 'insert' else order)


def column(r):
    """What it takes; in parentheses where it does not take these packets for flows."""
    if not r:
        return None
    ns = r['ns_median' if 'empty' in r['program'] else 'net_median']
    return ns if r['counts'] else '(%s)' % number(ns)


def print_datapath(results):
    results = find(results, bench='datapath')
    no_xdp = len(find(results, xdp=True)) == len(find(results, program='ref_empty_xdp'))
    hidden = ['flowctl'] + ['ref_empty_xdp'] * no_xdp
    programs = [p for p in dict.fromkeys(r['program'] for r in results) if p not in hidden]
    against = [p for p in programs if p == REFERENCE or find(results, program=p, object=True)]
    rows = []
    for case in dict.fromkeys(tuple(r[k] for k in CASE) for r in results):
        of = {r['program']: r for r in find(results, **dict(zip(CASE, case)))}
        ours = of['flowctl']
        rows.append([case_name(case), ours['net_median'], ours['net_min'], ours['net_max']] +
                    [column(of.get(p)) for p in programs] +
                    [ours['ratio'].get(p) for p in against] +
                    [share(ours, 'evicted'), share(ours, 'lost')])
    table(['', 'flowctl', 'min', 'max'] + [p.replace('ref_', '') for p in programs] +
          ['/' + p.replace('ref_', '') for p in against] + ['evicted', 'lost'], rows)
    print('TCP metrics are off but for flowctl-tcp; "talk" is of connections that go on, data and ACKs, in place of\n'
          'the same packets again and again.')


# -- live

def derive_live(results):
    """The program's own share: run time less that of the empty program in the same round."""
    for r in find(results, bench='live'):
        empty = first(results, bench='live', program='ref_empty', flows=r['flows'])
        if 'run_ns' in r:
            net = [a - b for a, b in zip(r['run_ns'], empty['run_ns'])]
            r.update(run_median=median(r['run_ns']), net_median=median(net), net_min=min(net),
                     net_max=max(net))
        r['pps_median'] = median(r['pps'])


def print_live(results):
    rows = []
    for r in results:
        base = first(results, program='none', flows=r['flows'])
        rows.append(['%s flows, %s' % ('{:,}'.format(r['flows']), r['program'].replace('ref_', '')),
                     r['pps_median'] / 1e6, 1e9 / r['pps_median'], r['pps_median'] / base['pps_median'],
                     *(r.get(k) for k in ('run_median', 'net_median', 'net_min', 'net_max')),
                     r.get('unmetered')])
    table(['', 'Mpps', 'ns a packet', 'of none', 'run ns', 'less empty', 'min', 'max', 'unmetered'], rows)


# -- reading, exporting, memory

def ns_row(name, samples, unit=1e9):
    m = median(samples)
    return [name, m, min(samples), max(samples), unit / m / 1e6]


def flows_of(r):
    return '{:,} flows'.format(r['flows'])


def print_readout(results):
    rows = []
    for r in find(results, bench='readout'):
        rows.append(ns_row('%s: %s' % (flows_of(r), r['stage']), r['ns']))
        if 'wall_ns' in r:
            rows.append(ns_row('%s: %s, wall' % (flows_of(r), r['stage']), r['wall_ns']))
    for r in find(results, bench='dump'):
        for key in 'cpu', 'wall':
            rows.append(ns_row('%s: flowctl dump -o %s, %s' % (flows_of(r), r['form'], key), r[key + '_ns']))
    table(['', 'ns a flow', 'min', 'max', 'Mflows/s'], rows)


def print_export(results):
    for r in find(results, bench='idle'):
        print('agent, %s and none of them active: %s %% of a CPU (%s to %s) over %g s' % (
            flows_of(r), *(number(f(r['cpu_percent'])) for f in (median, min, max)), r['seconds']))
    rows = [ns_row('%s, each changed: table to IPFIX, CPU of the agent' % flows_of(r), r['cpu_ns']) +
            [r['missing'], median(r['wall_s'])] for r in find(results, bench='export')]
    table(['', 'ns a record', 'min', 'max', 'Mrecords/CPU s', 'lost', 'wall s, time-out and all'], rows)


def print_memory(results):
    table(['bytes a flow', 'held', 'maps', 'agent', 'together', 'maps MiB', 'agent MiB'],
          [['--max-flows {:,} {}'.format(r['max_flows'], r['options']).strip(), r['held'], r['maps_per_flow'], r['agent_per_flow'],
            median(r['bytes_per_flow']), r['maps_bytes'] / 2**20, r['agent_bytes'] / 2**20]
           for r in find(results, bench='memory')])


# -- the goals

def datapath(results, key='net_median', ratio=None, **case):
    r = first(results, bench='datapath', program='flowctl', **{'frame': 'tcp4', 'mode': 'hit',
                                                               'order': 'uniform', **case})
    if not r:
        return None
    return r['ratio'].get(ratio) if ratio else r[key]


def value(results, key, **wanted):
    r = first(results, **wanted)
    return median(r[key]) if r and isinstance(r.get(key), list) else r.get(key) if r else None


def per_second(ns):
    return 1e3 / ns if ns else None


def tcp_goals(results):
    """What TCP metrics add, in the same rounds; and with them, to the peers without theirs."""
    rows = []
    for flows in 1, 1000, 100000:
        case = dict(bench='datapath', frame='tcp4+talk', order='uniform', mode='hit', flows=flows)
        off, on = (first(results, program=p, **case) for p in ('flowctl', 'flowctl-tcp'))
        if not on:
            continue
        name = 'TCP metrics, %s connection%s' % ('{:,}'.format(flows), 's' * (flows > 1))
        rows.append((name + ', on less off', 'ns', median([a - b for a, b in zip(on['ns'], off['ns'])]), '<=', 60))
        rows += [('%s, to %s' % (name, o['program']), 'ratio', on['ratio'].get(o['program']), '<', 1)
                 for o in find(results, object=True, **case)]
    return rows


def other_goals(results):
    stage = lambda name: per_second(value(results, 'ns', bench='readout', stage=name, flows=1000000))
    peers = [(r['program'], r['net_median']) for r in find(results, bench='live', object=True, flows=100000)]
    live = value(results, 'net_median', bench='live', program='flowctl', flows=100000)
    return [
        ('read-out of 1,000,000 flows, as a batch read of a map', 'M/s', stage('slots, copied'), '>=', 20),
        ('read-out of 1,000,000 flows by dump, merged', 'M/s', stage('snapshot, again'), '>=', 20),
        ('read-out of 1,000,000 flows by the agent, changed', 'M/s', stage('scan, all changed'), '>=', 20),
        ('kernel table to IPFIX, 1,000,000 flows, exporter', 'M/CPU s', stage('table to IPFIX'), '>=', 6),
        ('the same, the whole agent, waiting included', 'M/CPU s',
         per_second(value(results, 'cpu_ns', bench='export', flows=1000000)), '>=', 6),
        ('agent with 100,000 quiet flows', '% of a CPU',
         value(results, 'cpu_percent', bench='idle', flows=100000), '<', 1),
        ('memory at --max-flows 1,000,000', 'B a flow',
         value(results, 'bytes_per_flow', bench='memory', max_flows=1000000, options=''), '<=', 300),
        ('memory, --spread over all CPUs', 'B a flow',
         median([v for r in find(results, bench='memory') if r['options'] for v in r['bytes_per_flow']]), '<=', 300),
        ('live, 100,000 flows', 'ns net', live, '<=', 220),
    ] + [('live, 100,000 flows, to %s' % name, 'ratio', live / net, '<=', 0.45) for name, net in peers]


def floor(results, flows, order):
    """What the same packets take where two cache lines are touched, whatever they hold."""
    return value(results, 'net_median', bench='datapath', program='ref_slot', frame='tcp4', flows=flows,
                 order=order, mode='hit')


# Name, unit, the figure, and what it is to be: at most, at least, or less than the limit.
def goals(results):
    rows = []
    for flows, order, limit in ((1, 'uniform', 25), (1000, 'uniform', 25), (100000, 'uniform', 190),
                                (1000000, 'uniform', 260), (1000000, 'zipf', 130)):
        rows.append(('TCP/IPv4, %s flow%s, %s' % ('{:,}'.format(flows), 's' * (flows > 1), order),
                     'ns net', datapath(results, flows=flows, order=order), '<=', limit,
                     floor(results, flows, order)))
    for flows in 1000, 100000, 1000000:
        rows.append(('new flow, of %s' % '{:,}'.format(flows), 'ns total',
                     datapath(results, 'ns_median', flows=flows, order='sequential', mode='insert'),
                     '<=', 300))
    rows.append(('1,000,000 flows, uniform, to the hash map', 'ratio',
                 datapath(results, flows=1000000, ratio=REFERENCE), '<=', 0.6))
    for peer, hot in ('netobserv', 0.2), ('lfe', 0.3):
        for flows, limit in (1, hot), (1000, hot), (100000, 0.45), (1000000, 0.45):
            rows.append(('%s flow%s, to %s' % ('{:,}'.format(flows), 's' * (flows > 1), peer), 'ratio',
                         datapath(results, flows=flows, ratio=peer), '<=', limit))
    rows.append(('1,000,000 flows, uniform, table just as large', 'ns net',
                 value(results, 'net_median', bench='datapath', program='flowctl-full', frame='tcp4',
                       flows=1000000, order='uniform', mode='hit'), '<=', 260,
                 floor(results, 1000000, 'uniform')))
    rows += tcp_goals(results) + other_goals(results)
    return [dict(zip(('goal', 'unit', 'figure', 'sense', 'limit', 'floor'), row)) for row in rows
            if row[2] is not None]


SENSE = {'<=': operator.le, '<': operator.lt, '>=': operator.ge}


def judge(results):
    judged = goals(results)
    for g in judged:
        g['reached'] = SENSE[g['sense']](g['figure'], g['limit'])
    return judged


def print_goals(judged):
    table(['goal', 'figure', '', 'to reach', 'reached', 'floor'],
          [[g['goal'], g['figure'], g['unit'], '%s %g' % (g['sense'], g['limit']),
            'yes' if g['reached'] else 'NO', g.get('floor', '')] for g in judged])
