#!/usr/bin/env bash
# tests/bench/check_scale.sh [N...]
# How `thaw check` grows with the number of images: a folder of N generated scans (2000 8000), one thread,
# processor time of user code and the most memory held (VmHWM), both also for each image. What the search
# for copies alone takes, up to 100,000 pictures: build/thaw-bench-copies. $THAW_BUILD is the build (build/).
# Needs python3, and 20 kB of $TMPDIR for each image.
set -euo pipefail
build=${THAW_BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build}
[ $# -gt 0 ] || set -- 2000 8000
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
for n; do
    "$build/thaw-scans" "$T/scans" --patients $((n / 4)) --seed 3 >/dev/null 2>&1
    python3 - "$build/thaw" "$T/scans" <<'PY'
import json, resource, subprocess, sys
out = subprocess.run([sys.argv[1], "check", sys.argv[2], "--threads", "1", "--json"], stdout=subprocess.PIPE,
                     stderr=subprocess.DEVNULL).stdout
used, d = resource.getrusage(resource.RUSAGE_CHILDREN), json.loads(out)
n = d["images"]
print(f"{n:7} images: {used.ru_utime:6.1f} s of user code, {1000 * used.ru_utime / n:.2f} ms an image; "
      f"{used.ru_maxrss / 1024:.0f} MB, {used.ru_maxrss / n:.1f} kB an image; {len(d['pairs'])} pairs", flush=True)
PY
    rm -rf "$T/scans"
done
