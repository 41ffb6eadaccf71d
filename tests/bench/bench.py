#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measure what the meter costs: run the parts, print their tables and the goals, write JSON.
Everything is made in namespaces and a bpffs folder of its own, and removed at the end."""
import argparse
import datetime
import functools
import json
import os
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import agent
import live
import report

ROOT = os.path.dirname(os.path.dirname(HERE))


def tool(args, name):
    return os.path.join(args.build, 'tests', 'bench', name)


def lines_of(argv):
    """The JSON objects that a program prints, one on a line."""
    r = subprocess.run(argv, stdout=subprocess.PIPE, text=True)
    if r.returncode:
        sys.exit('%s failed' % os.path.basename(argv[0]))
    return [json.loads(line) for line in r.stdout.splitlines()]


def run_datapath(args):
    argv = [tool(args, 'bench_datapath'), '--rounds', str(args.rounds)]
    argv += ['--smoke'] * args.smoke + ['--quick'] * args.quick + ['--talk'] * args.talk
    for o in args.object:
        argv += ['--object', o]
    results = lines_of(argv)
    report.derive_datapath(results)
    return results


def sizes(args):
    return (1000,) if args.smoke else (100000, 1000000)


def run_live(args):
    results = []
    for flows in (1000,) if args.smoke else (1000, 100000):
        results += live.measure(args, tool(args, 'bench_live'), flows)
    report.derive_live(results)
    return results


def run_readout(args):
    results = []
    for flows in sizes(args):
        lines = lines_of([tool(args, 'bench_readout'), str(flows), str(args.rounds)])
        results += [r for r in lines if 'ns' in r]
        results += agent.measure_dump(args, functools.partial(tool, args), flows)
    return results


def run_export(args):
    tools = functools.partial(tool, args)
    results = agent.measure_idle(args, tools, sizes(args)[0], 1 if args.smoke else 10)
    return [r for r in results if r['bench'] == 'idle'] + [
        agent.measure_export(args, tools, flows) for flows in sizes(args)]


def run_memory(args):
    results = []
    spread = '--spread', str(os.cpu_count())
    for flows, options in ((1000, ()),) if args.smoke else ((131072, ()), (1000000, ()), (1000000, spread)):
        results += agent.measure_idle(args, functools.partial(tool, args), flows, 1, *options)
    return [r for r in results if r['bench'] == 'memory']


# Name, what measures it, what prints it and a heading.
PARTS = (
    ('datapath', run_datapath, report.print_datapath,
     'Datapath: CPU ns a packet, less the empty program (whose own column is what it takes). Tables\n'
     'have room for twice the flows that come, at least 16,384; "flowctl-full" for just as many.'),
    ('live', run_live, report.print_live, 'Live: veth flat out, sender and receiver on one CPU'),
    ('readout', run_readout, report.print_readout, 'Reading the table: ns a flow'),
    ('export', run_export, report.print_export, 'The agent, to a UDP socket on loopback'),
    ('memory', run_memory, report.print_memory, 'Memory'),
)


def first_line(*argv):
    r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)
    return r.stdout.splitlines()[0] if r.stdout else None


def cpu_model():
    with open('/proc/cpuinfo') as f:
        models = [line.split(':', 1)[1].strip() for line in f if line.startswith('model name')]
    return models[0] if models else os.uname().machine


def about(args):
    return {
        'date': datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ'),
        'kernel': os.uname().release, 'cpu': cpu_model(), 'cpus': os.cpu_count(),
        'commit': first_line('git', 'describe', '--always', '--dirty', '--abbrev=12'),
        'rounds': args.rounds, 'objects': args.object,
        'tcp_metrics': {'off': 'measured', 'on': 'measured (flowctl-tcp)'},
    }


def parse_args():
    p = argparse.ArgumentParser(prog='bench.sh', description='Measure what the meter costs.')
    p.add_argument('--build', default=os.path.join(ROOT, 'build'), help=argparse.SUPPRESS)
    p.add_argument('--smoke', action='store_true', help='only see that everything works (seconds); TAP')
    p.add_argument('--quick', action='store_true', help='fewer cases and rounds (ten minutes)')
    p.add_argument('--talk', action='store_true', help='of the datapath, only what TCP metrics cost')
    p.add_argument('--only', action='append', choices=[part[0] for part in PARTS], metavar='PART',
                   help=' or '.join(part[0] for part in PARTS) + '; may be given again')
    p.add_argument('--object', action='append', default=[],
                   metavar='FILE:PROG[,name=NAME][,xdp][,max.MAP=N|auto]',
                   help='measure this program of an object file too; a map may be given N entries, '
                        'or twice the flows; may be given again')
    p.add_argument('--rounds', type=int, help='timed rounds (7; quick 3)')
    p.add_argument('--json', metavar='FILE', help='where figures go (bench.json in the build directory)')
    args = p.parse_args()
    for o in args.object:
        if not os.path.exists(o.split(':')[0]):
            p.error("no object file '%s'" % o.split(':')[0])
    os.environ.setdefault('FLOWCTL', os.path.join(args.build, 'cmd', 'flowctl'))
    args.json = args.json or os.path.join(args.build, 'bench.json')
    args.rounds = args.rounds or (1 if args.smoke else 3 if args.quick else 7)
    return args


NAMES = 'bench', 'program', 'stage', 'form', 'frame', 'order', 'mode', 'flows', 'max_flows'


def check_smoke(data):
    """The bench cannot rot: every figure is there and above nothing."""
    print('1..%d' % len(data['results']))
    bad = 0
    for n, r in enumerate(data['results'], 1):
        ok = all(v > 0 for k, values in r.items() if isinstance(values, list) for v in values)
        ok = ok and any(isinstance(v, list) and v for v in r.values())
        bad += not ok
        print('%sok %d - %s' % ('not ' * (not ok), n, ' '.join(str(r[k]) for k in NAMES if k in r)))
    return 1 if bad else 0


def main():
    args = parse_args()
    if os.geteuid() != 0:
        print('1..0 # SKIP needs root' if args.smoke else 'bench.sh: run it as root')
        return 77 if args.smoke else 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # its namespaces and pins go, as by ^C
    data = {**about(args), 'results': []}
    for name, measure, show, heading in PARTS:
        if args.only and name not in args.only:
            continue
        results = measure(args)
        data['results'] += results
        if not args.smoke:
            print('\n%s\n' % heading)
            show(results)
            sys.stdout.flush()
    data['goals'] = report.judge(data['results'])
    text = json.dumps(data, indent=1) + '\n'
    if args.smoke:
        return check_smoke(json.loads(text))
    with open(args.json, 'w') as f:
        f.write(text)
    print('\nGoals\n')
    report.print_goals(data['goals'])
    print('\n%s, %s CPUs, Linux %s, commit %s, %d rounds: %s' % (
        data['cpu'], data['cpus'], data['kernel'], data['commit'], args.rounds, args.json))
    return 0


sys.exit(main())
