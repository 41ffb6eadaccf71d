#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The main job on real traffic: a router between three hosts, in namespaces made here and
# removed at the end; meters on the router, traffic between the hosts, `flowctl dump`, and
# the agent exporting to a real nfcapd, whose records are listed beside flowctl's.
set -eu
cd "$(dirname "$0")/.."
. misc/packages.sh

[ "$(id -u)" = 0 ] || { echo "demo.sh: run it as root: sudo misc/demo.sh" >&2; exit 1; }
# shellcheck disable=SC2086
install_packages $BUILD_PACKAGES $DEMO_PACKAGES
mount_bpffs
[ -e build/build.ninja ] || meson setup build >/dev/null
ninja -C build cmd/flowctl >/dev/null

id=demo$$
work=$(mktemp -d)
bpffs=/sys/fs/bpf/$id
pids=

say()
{
	printf '\n\033[1m%s\033[0m\n' "$*"
}

# What is typed is what a user would type; the folder of its own is left out of the picture.
flowctl()
{
	printf '# flowctl %s\n' "$*"
	build/cmd/flowctl --bpffs "$bpffs" "$@"
}

cleanup()
{
	for pid in $pids; do
		kill "$pid" 2>/dev/null || true
	done
	for pid in $pids; do
		wait "$pid" 2>/dev/null || true
	done
	build/cmd/flowctl --bpffs "$bpffs" meter detach --all >/dev/null 2>&1 || true
	for ns in router h1 h2 h3; do
		ip netns del "$id-$ns" 2>/dev/null || true
	done
	rmdir "$bpffs/flowctl" "$bpffs" 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

in_ns()
{
	ns=$1
	shift
	ip netns exec "$id-$ns" "$@"
}

say "Three hosts and a router, in network namespaces"
mkdir -p "$bpffs"
for ns in router h1 h2 h3; do
	ip netns add "$id-$ns"
	ip -n "$id-$ns" link set lo up
	in_ns $ns sysctl -q net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0
done
for n in 1 2 3; do
	ip -n "$id-router" link add eth$n type veth peer name eth0 netns "$id-h$n"
	ip -n "$id-router" addr add 10.$n.0.1/24 dev eth$n
	ip -n "$id-router" addr add fd00:$n::1/64 dev eth$n
	ip -n "$id-router" link set eth$n up
	ip -n "$id-h$n" addr add 10.$n.0.2/24 dev eth0
	ip -n "$id-h$n" addr add fd00:$n::2/64 dev eth0
	ip -n "$id-h$n" link set eth0 up
	ip -n "$id-h$n" route add default via 10.$n.0.1
	ip -n "$id-h$n" -6 route add default via fd00:$n::1
done
in_ns router sysctl -q net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1

say "Meters on the router"
flowctl meter attach --netns "$id-router" -n 'eth*'

say "Traffic: TCP, UDP, ICMP, IPv6"
for n in 2 3; do
	in_ns h$n iperf3 -s -p 5201 >/dev/null 2>&1 &
	pids="$pids $!"
done
sleep 1
in_ns h1 iperf3 -c 10.2.0.2 -n 20M >/dev/null
in_ns h1 iperf3 -c fd00:3::2 -n 5M >/dev/null
in_ns h2 iperf3 -c 10.3.0.2 -u -b 10M -t 1 >/dev/null
in_ns h3 ping -q -c 5 -i 0.2 10.1.0.2 >/dev/null
in_ns h1 ping -q -6 -c 5 -i 0.2 fd00:2::2 >/dev/null

say "What the router holds: every packet of the box once"
flowctl dump --count once --sort bytes
flowctl meter status

say "The agent exports to nfcapd"
mkdir "$work/nf"
port=$((20000 + $$ % 20000))
nfcapd -b 127.0.0.1 -p $port -l "$work/nf" -I demo -t 3600 >"$work/nfcapd.log" 2>&1 &
nfcapd=$!
pids="$pids $nfcapd"
cat >"$work/config.yaml" <<EOF
outputs:
- collector: {remoteAddress: 127.0.0.1:$port}
- log: {file: $work/flow.log, format: json}
EOF
cat "$work/config.yaml"
sleep 1
printf '# flowctl agent -c config.yaml\n'
build/cmd/flowctl --bpffs "$bpffs" agent -c "$work/config.yaml" &
agent=$!
pids="$pids $agent"
sleep 2
kill "$agent"
wait "$agent"
sleep 1
kill "$nfcapd"
wait "$nfcapd" || true

say "nfdump lists what arrived (ends of a flow, packets, bytes)"
nfdump -q -N -R "$work/nf" -O bytes -o 'fmt:%pr %sap %dap %pkt %byt'

say "flowctl's own log of the same records"
/usr/bin/python3 - "$work/flow.log" <<'EOF'
import json
import sys

total = [0, 0]
for r in sorted(map(json.loads, open(sys.argv[1])), key=lambda r: -r['bytes']):
    print('%-6s %26s %5s -> %26s %5s %7d packets %9d bytes, in by %s out by %s' % (
        r['proto'], r['src_ip'], r['src_port'] or '', r['dst_ip'], r['dst_port'] or '', r['packets'],
        r['bytes'], r['ingress_ifindex'], r['egress_ifindex']))
    total[0] += r['packets']
    total[1] += r['bytes']
print('in all %d packets, %d bytes' % tuple(total))
EOF
grep -h Ident "$work/nfcapd.log" | sed "s/^/nfcapd: /"
