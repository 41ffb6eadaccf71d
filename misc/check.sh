#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds flowctl and passes all its tests, on a fresh Debian 12 and as root:
# installs what is missing, builds with gcc, and with clang and the sanitizers, without a
# warning, runs every test. The last line is "N passed, N failed, N skipped".
set -eu
cd "$(dirname "$0")/.."
. misc/packages.sh

[ "$(id -u)" = 0 ] || { echo "check.sh: run it as root: sudo misc/check.sh" >&2; exit 1; }
# shellcheck disable=SC2086
install_packages $BUILD_PACKAGES $TEST_PACKAGES
mount_bpffs

build()	# DIRECTORY MESON-OPTIONS...
{
	dir=$1
	shift
	[ -e "$dir/build.ninja" ] || meson setup "$dir" "$@" >"$dir.log" 2>&1 ||
		{ cat "$dir.log"; exit 1; }
	ninja -C "$dir" >"$dir.log" 2>&1 || { cat "$dir.log"; exit 1; }
	echo "built $dir"
}

build build -Dwerror=true
# The fuzzer has its own sanitizers: it is the same in either.
CC=clang build build-dev --native-file misc/dev.ini -Dwerror=true -Dfuzz=disabled

passed=0 failed=0 skipped=0
logs=
run()	# DIRECTORY MESON-TEST-OPTIONS...
{
	dir=$1
	shift
	status=0
	meson test -C "$dir" --no-rebuild --logbase "check-$$" "$@" >"$dir.tests.log" 2>&1 || status=$?
	grep -E '^ *[0-9]+/[0-9]+ ' "$dir.tests.log" || true
	[ $status = 0 ] || grep -E 'FAIL|ERROR|TIMEOUT' "$dir.tests.log" >/dev/null ||
		{ cat "$dir.tests.log"; failed=$((failed + 1)); }
	logs="$logs $dir/meson-logs/check-$$.json"
}

run build-dev --suite unit --suite host --suite sanitized
# Two at a time, whatever the machine has: most of them wait most of the time. Some run alone.
run build --num-processes 2

# Every line of TAP counts; a test that did not finish counts as one failed.
# shellcheck disable=SC2086
result=$(/usr/bin/python3 misc/count_tests.py $logs) || true
echo "$result"
rm -f $logs
counts=$(echo "$result" | tail -n 1)
set -- $(echo "$counts" | tr -dc '0-9 \n')
passed=$1 failed=$((failed + $2)) skipped=$3
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
