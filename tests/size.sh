#!/usr/bin/env bash
# tests/size.sh: files, headers and functions stay small enough to be read. Prints what is too long;
# exit 1 if anything is.
set -euo pipefail
cd "$(dirname "$0")/.."
folders=(io vision nn apps datasets tests)
most_file=500 most_header=150 most_function=80
failed=0

while read -r lines file; do
    most=$most_file
    [[ $file == *.h ]] && most=$most_header
    if [ "$lines" -gt $most ]; then
        echo "$file: $lines lines; at most $most" >&2
        failed=1
    fi
done < <(find "${folders[@]}" \( -name '*.[ch]' -o -name '*.cpp' \) -exec wc -l {} + | grep -v ' total$')

if ctags --version 2>/dev/null | grep -q Universal; then
    long=$(find "${folders[@]}" \( -name '*.c' -o -name '*.cpp' \) -print0 | xargs -0 ctags -x --kinds-C=f --kinds-C++=f \
        --_xformat='%F %{line} %{end} %N' |
        awk -v most=$most_function \
            '$3 - $2 + 1 > most { printf "%s:%d: %s() has %d lines; at most %d\n", $1, $2, $4, $3 - $2 + 1, most }')
    if [ -n "$long" ]; then
        echo "$long" >&2
        failed=1
    fi
else
    echo "size: no universal-ctags, functions are not measured" >&2
fi

[ $failed = 0 ] && echo "size: clean"
exit $failed
