#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Measures what flowctl costs on this machine, beside reference programs and any other
# object file: builds it, then runs tests/bench/bench.py. `misc/bench.sh --help` tells the options.
set -eu
here=$(dirname "$0")
. "$here/packages.sh"

case " $* " in
*" --help "* | *" -h "*) exec /usr/bin/python3 "$here/../tests/bench/bench.py" "$@" ;;
esac
[ "$(id -u)" = 0 ] || { echo "bench.sh: run it as root: sudo misc/bench.sh" >&2; exit 1; }
# shellcheck disable=SC2086
install_packages $BUILD_PACKAGES iproute2 python3
mount_bpffs
[ -e "$here/../build/build.ninja" ] || meson setup "$here/../build" "$here/.." >/dev/null
ninja -C "$here/../build" >/dev/null
exec /usr/bin/python3 "$here/../tests/bench/bench.py" "$@"
