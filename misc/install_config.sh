#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The configuration that a new installation begins with; one that is there is its owner's.
set -eu
to=${DESTDIR-}$2/flowctl/config.yaml
[ -e "$to" ] || install -D -m 644 "$1" "$to"
