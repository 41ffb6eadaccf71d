#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh FUZZER SEEDS SECONDS: new inputs go to a folder that is thrown away, one that fails
# is left in the current folder and named.
set -u
found=$(mktemp -d) || exit 1
trap 'rm -rf "$found"' EXIT
echo 1..1
"$1" -max_total_time="$3" -timeout=10 -rss_limit_mb=1024 -max_len=8192 -print_final_stats=1 \
	"$found" "$2" 2>&1 | sed 's/^/# /' >"$found.log"
if grep -q 'SUMMARY\|ERROR' "$found.log" || ! grep -q 'Done' "$found.log"; then
	tail -n 60 "$found.log"
	status='not ok'
else
	grep -E 'Done|new_units|peak_rss' "$found.log"
	status=ok
fi
rm -f "$found.log"
echo "$status 1 - any bytes for $3 seconds"
[ "$status" = ok ]
