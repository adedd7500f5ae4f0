#!/usr/bin/env bash
# Damaged copies of model files are loaded or refused; none of them ends the program that reads them.
. "$(dirname "$0")/common"
files=("$ROOT"/tests/refs/h5/*.h5)
for f in "$SHARED"/keras-samples/*.h5; do
    [ -e "$f" ] && [ "$(stat -c %s "$f")" -lt 300000 ] && files+=("$f")
done
thaw-fuzz-keras_file -n "${THAW_FUZZ_COPIES:-150}" "${files[@]}" >"$T/out" || {
    cat "$T/out" >&2
    exit 1
}
grep -E '^[0-9]+ copies: [1-9][0-9]* loaded' "$T/out"
