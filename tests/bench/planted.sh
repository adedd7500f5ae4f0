#!/usr/bin/env bash
# tests/bench/planted.sh [--alike R] [--kinds LIST] [--sheets DIR] SCANS...
# What `thaw check` finds of planted copies. SCANS is a folder of classes, or one with train/ and val/;
# of an undivided one every fifth patient (by file names PATIENT_NUMBER, else every fifth image) becomes
# val. For each kind of change all training images are changed and planted into val, and `thaw check` is
# asked for pairs: first for those of the scans alone. Printed are, for each kind, the planted copies
# that were paired with their origin, and the false pairs: of different classes, or of different
# patients by the file names. What is false between two originals shows again between their copies;
# those are counted, too. Missed copies and false pairs between originals are named.
# --alike: as for `thaw check`; --kinds: resized,recompressed,brightened,cropped,mirrored,everything;
# --sheets: a folder for the contact sheets of all pairs. $THAW_BUILD is the build (build/). Needs
# python3. SCANS are only read.
set -euo pipefail
build=${THAW_BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build}
alike=0.95 sheets='' kinds=resized,recompressed,brightened,cropped,mirrored,everything

usage() {
    sed -n '2s/^# //p' "$0" >&2
    exit 2
}
while [[ ${1:-} == --* ]]; do
    [ $# -ge 2 ] || usage
    case $1 in
    --alike) alike=$2 ;;
    --kinds) kinds=$2 ;;
    --sheets) sheets=$2 ;;
    *) usage ;;
    esac
    shift 2
done
[ $# -ge 1 ] || usage
for program in thaw thaw-bench-plant; do
    [ -x "$build/$program" ] || {
        echo "planted: no $build/$program; build first, or set THAW_BUILD" >&2
        exit 1
    }
done
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
[ -z "$sheets" ] || mkdir -p "$sheets"

# Links to the scans in $T/base/train and val.
divide() {
    local scans=$1 part class file patient last='' turn=0
    rm -rf "$T/base"
    if [ -d "$scans/train" ]; then
        for part in train val; do
            for class in "$scans/$part"/*/; do
                mkdir -p "$T/base/$part/$(basename "$class")"
                ln -s "$class"* "$T/base/$part/$(basename "$class")"
            done
        done
        return
    fi
    for class in "$scans"/*/; do
        mkdir -p "$T"/base/{train,val}/"$(basename "$class")"
        for file in "$class"*; do
            patient=$(basename "$file")
            [[ ! $patient =~ ^([0-9]+)_[0-9]+\. ]] || patient=${BASH_REMATCH[1]}
            [ "$patient" = "$last" ] || turn=$((turn + 1))
            last=$patient part=train
            [ $((turn % 5)) != 0 ] || part=val
            ln -s "$file" "$T/base/$part/$(basename "$class")"
        done
    done
}

# A changed copy of every training image in $T/data/val; $T/origins names them, one pair a line.
plant() {
    local kind=$1 file class to suffix=png n=0
    local resized=(0.4 0.6 0.8 1.25 1.5) brightened=(1.15 1.2 1.25 1.3 1.4) factors=()
    case $kind in
    resized | everything) factors=("${resized[@]}") ;;
    brightened) factors=("${brightened[@]}") ;;
    esac
    [[ $kind != recompressed && $kind != everything ]] || suffix=jpg
    for file in "$T"/data/train/*/*; do
        class=$(basename "$(dirname "$file")")
        to=$T/data/val/$class/planted$n.$suffix
        "$build/thaw-bench-plant" "$kind" "$file" "$to" ${factors:+"${factors[$((n % 5))]}"}
        printf '%s\t%s\n' "$to" "$file" >>"$T/origins"
        n=$((n + 1))
    done
}

report() {
    python3 - "$1" "$T" <<'PY'
import csv, os, re, sys

kind, work = sys.argv[1:]
origin = dict(line.rstrip("\n").split("\t") for line in open(work + "/origins"))
images = sum(len(files) for _, _, files in os.walk(work + "/data", followlinks=True))
pairs = [(row["a"], row["b"], float(row["correlation"])) for row in csv.DictReader(open(work + "/pairs.csv"))]
first = lambda p: origin.get(p, p)
short = lambda p: p.split("/data/")[1]

def false(a, b):
    a, b = first(a), first(b)
    patients = [re.match(r"(\d+)_\d+\.", os.path.basename(p)) for p in (a, b)]
    apart = all(patients) and patients[0].group(1) != patients[1].group(1)
    return apart or a.split("/")[-2] != b.split("/")[-2]

found = {p for a, b, _ in pairs for p, q in ((a, b), (b, a)) if origin.get(p) == q}
wrong = [p for p in pairs if false(p[0], p[1])]
plain = {tuple(sorted((first(a), first(b)))) for a, b, _ in wrong}
recall = f"found {len(found):4} of {len(origin):4} ({100 * len(found) / len(origin):5.1f} %), " if origin else ""
print(f"  {kind:13} {images:5} images: {recall}{len(pairs):5} pairs, {len(wrong):3} false, {len(plain):3} of originals "
      f"({100 * len(wrong) / images:.2f} per 100 images)")
for p in sorted(set(origin) - found)[:8]:
    print(f"      missed: {short(p)} of {short(origin[p])}")
for a, b, r in wrong if kind == "none" else [p for p in wrong if p[0] not in origin and p[1] not in origin][:8]:
    print(f"      false:  {short(a)} = {short(b)} {r}")
PY
}

for scans; do
    scans=$(cd "$scans" && pwd)
    divide "$scans"
    echo "$scans"
    for kind in none ${kinds//,/ }; do
        rm -rf "$T/data" "$T/pairs.csv"
        cp -r -P "$T/base" "$T/data"
        : >"$T/origins"
        [ "$kind" = none ] || plant "$kind"
        "$build/thaw" check "$T/data" --alike "$alike" --csv "$T/pairs.csv" \
            ${sheets:+--sheet "$sheets/$(basename "$scans")-$kind.png"} >"$T/out" 2>"$T/err" ||
            [ -s "$T/pairs.csv" ] || {
            cat "$T/err" >&2
            exit 1
        }
        report "$kind"
    done
done
