#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# The init of the guest: what it prints between the marks is what test_vm.py judges.
/bin/busybox --install -s /busybox
export PATH=/bin:/busybox
# By path: the shell of busybox prefers its own `ip` and `ping`.
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t bpf bpf /sys/fs/bpf
mount -t tmpfs run /run
mkdir -p /run/netns
for m in /modules/*.ko; do
	insmod "$m"
done
/bin/ip netns add x
/bin/ip link add v0 type veth peer name v1 netns x
/bin/ip link set lo up
/bin/ip link set v0 up
/bin/ip -n x link set v1 up
/bin/ip addr add 10.0.0.1/24 dev v0
/bin/ip -n x addr add 10.0.0.2/24 dev v1

part()
{
	echo "== $1"
	shift
	"$@"
	echo "== status $?"
}
part kernel uname -r
part dependencies flowctl dependency-check
part attach flowctl meter attach --netns x -n v1
part attach-forced flowctl meter attach --netns x -n v1 --force
/bin/ping -c 3 -i 0.2 10.0.0.2 >/dev/null
part status flowctl meter status -o json
part dump flowctl dump -o json -p icmp
part flush flowctl flush -p icmp
# Tunnels between here and x, each with addresses of its own; what TCP says before and after. Here
# the meter looks inside, in x it does not.
mount -t devtmpfs dev /dev
# What listens says nothing, and goes when it hears no more.
mkfifo /tmp/silence
exec 3<>/tmp/silence
part decap flowctl meter attach -n v0 --decap all
# Addresses are used at once.
echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
/bin/ip netns exec x sh -c 'echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad'
tunnel()
{
	kind=$1 from=$2 to=$3
	shift 3
	/bin/ip link add "t$kind" type "$kind" remote 10.0.0.2 "$@"
	/bin/ip -n x link add "t$kind" type "$kind" remote 10.0.0.1 "$@"
	/bin/ip addr add "$from" dev "t$kind"
	/bin/ip -n x addr add "$to" dev "t$kind"
	/bin/ip link set "t$kind" up
	/bin/ip -n x link set "t$kind" up
	/bin/ip netns exec x nc -l -p 5000 <&3 >/dev/null &
	until /bin/ip netns exec x grep -q :1388 /proc/net/tcp /proc/net/tcp6; do
		sleep 0.1
	done
	part "$kind-before" grep ^Tcp: /proc/net/snmp
	dd if=/dev/zero bs=65536 count=64 2>/dev/null | nc "${to%/*}" 5000
	wait
	part "$kind-after" grep ^Tcp: /proc/net/snmp
}
tunnel geneve 10.1.0.1/24 10.1.0.2/24 id 5
tunnel gre 10.2.0.1/24 10.2.0.2/24 local any key 9
tunnel ipip 10.3.0.1/24 10.3.0.2/24 local any
tunnel sit fd04::1/64 fd04::2/64 local any
part decap-dump flowctl dump -o json
part decap-detach flowctl meter detach -n v0
part decap-flush flowctl flush --all

for mode in native generic; do
	decap=none
	[ $mode = native ] || decap=all
	part $mode flowctl meter attach --netns x -n v1 --xdp-mode $mode --decap $decap
	part $mode-forced flowctl meter attach --netns x -n v1 --hook xdp --force
	/bin/ping -c 3 -i 0.2 10.0.0.2 >/dev/null
	part $mode-status flowctl meter status -o json
	part $mode-dump flowctl dump -o json -p icmp
	flowctl flush -p icmp
done
part sctp test_stream_sctp
part detach flowctl meter detach --all
part qdisc /bin/ip -n x -o link show v1
part pins ls -A /sys/fs/bpf
echo "== end"
poweroff -f
