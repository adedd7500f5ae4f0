#!/usr/bin/env bash
# tests/format.sh: every C file stands as clang-format would set it; names each line that does not.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! wrong=$(find io vision nn apps datasets tests \( -name '*.[ch]' -o -name '*.cpp' \) -print0 |
    xargs -0 clang-format --dry-run -Werror 2>&1); then
    grep error: <<<"$wrong" | sed 's/: error.*//' >&2
    echo "format: run clang-format -i on these" >&2
    exit 1
fi
echo "format: clean"
