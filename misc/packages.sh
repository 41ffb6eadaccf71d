# SPDX-License-Identifier: Apache-2.0
# What building and testing needs, as Debian 12 names it; sourced by demo.sh and check.sh.

BUILD_PACKAGES="clang llvm gcc libc6-dev meson ninja-build pkg-config libbpf-dev libelf-dev
	zlib1g-dev libnl-3-dev libnl-route-3-dev libcjson-dev libyaml-dev libssl-dev libpcap-dev libcurl4-openssl-dev
	libncurses-dev libmicrohttpd-dev libsystemd-dev bpftool scdoc git"
# What the binary needs where it runs.
RUN_PACKAGES="libbpf1 libelf1 zlib1g libnl-3-200 libnl-route-3-200 libcjson1 libyaml-0-2 libssl3
	libpcap0.8 libcurl4 libmicrohttpd12 libncursesw6 libsystemd0"
DEMO_PACKAGES="iproute2 iputils-ping iperf3 nfdump python3 procps"
TEST_PACKAGES="$DEMO_PACKAGES pmacct tshark python3-scapy ethtool nftables jq man-db util-linux
	softflowd libclang-rt-14-dev socat tmux universal-ctags libcap2-bin libfixbuf-dev libglib2.0-dev qemu-system-x86
	busybox-static cpio xz-utils openssl netcat-openbsd tcptrace argus-client argus-server
	strace systemd podman runc buildah mmdebstrap prometheus"

# Install those of "$@" that are missing.
install_packages()
{
	missing=
	for p; do
		dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' ||
			missing="$missing $p"
	done
	[ -n "$missing" ] || return 0
	echo "installing:$missing" >&2
	apt-get update -qq >&2
	# No services: tests run the programs themselves.
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1 apt-get install -y -qq --no-install-recommends $missing >&2
}

# bpffs is mounted by systemd everywhere; containers and small systems may lack it.
mount_bpffs()
{
	mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf
}
