#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Files as C strings: script_<suffix>, one a file, on standard output.
echo '/* Made by embed.sh. */'
for file; do
	echo "static const char script_${file##*.}[] ="
	sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/\t"&\\n"/' "$file"
	echo ';'
done
