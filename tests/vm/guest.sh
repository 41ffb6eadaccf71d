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
for mode in native generic; do
	part $mode flowctl meter attach --netns x -n v1 --xdp-mode $mode
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
