#!/usr/bin/env bash
# tests/bench/compare_recipe.sh [OPTION VALUE]... DATA BACKBONE PREPROCESS
# Thaw's default recipe beside the same in Keras and in PyTorch, in one session: for each seed
# Thaw, then each peer; then a table. DATA, BACKBONE and PREPROCESS as for recipe_keras.py.
#
#   --seeds LIST      (0,1,2,3,4)
#   --keras FILE      python of Keras' environment; none leaves it out       ($PEERS or python3)
#   --torch FILE      python of PyTorch's environment; none leaves it out    ($PEERS or python3)
#   --modes LIST      of PyTorch, with blanks between      (eager channels_last channels_last,bf16)
#   --workers N       of PyTorch's loader                                    (0)
#   --thaw TEXT       further options of 'thaw train'
#   --augment LIST    on all sides, the head alone included (default once blocks thaw)
#   --log FILE        every run, as JSON lines        (a temporary file, named at the end)
#
# $THAW is the command (build/thaw). What is missing is named, and the rest is measured.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
seeds=0,1,2,3,4 keras=${PEERS:-python3} torch=${PEERS:-python3} workers=0 thaw=''
augment='' modes='eager channels_last channels_last,bf16' log=''

usage() {
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
while [[ ${1:-} == --* ]]; do
    [ $# -ge 2 ] || usage
    case $1 in
    --seeds | --keras | --torch | --modes | --workers | --thaw | --augment | --log)
        declare "${1#--}=$2"
        ;;
    *) usage ;;
    esac
    shift 2
done
[ $# -eq 3 ] || usage
data=$1 backbone=$2 preprocess=$3
read -ra thaw_options <<<"$thaw"
augmented=(${augment:+--augment "$augment"})
log=${log:-$(mktemp --suffix=.jsonl)}
: >"$log" || exit 1

# measure NAME COMMAND...: the command's JSON line to the log, under this name.
measure() {
    local name=$1
    shift
    echo "compare: $name, seed $seed" >&2
    "$@" | python3 -c '
import json, sys
lines = [json.loads(line) for line in sys.stdin if line.startswith("{")]
print(json.dumps({"program": sys.argv[1], **(lines[0] if lines else {"failed": True})}))
' "$name" >>"$log"
}

# peer NAME PYTHON SCRIPT OPTION...
peer() {
    local name=$1 python=$2 script=$3
    shift 3
    [ "$python" = none ] ||
        measure "$name" "$python" "$here/$script" --data "$data" --backbone "$backbone" \
            --preprocess "$preprocess" --seeds "$seed" "${augmented[@]}" "$@"
}

echo "compare: load average $(cut -d' ' -f1-3 /proc/loadavg); figures count on an idle machine" >&2
for seed in ${seeds//,/ }; do
    measure Thaw "$here/recipe.sh" --seeds "$seed" "$data" "$backbone" "${augmented[@]}" \
        "${thaw_options[@]}"
    peer Keras "$keras" recipe_keras.py
    for mode in $modes; do
        peer "PyTorch $mode" "$torch" recipe_torch.py --mode "$mode" --workers "$workers"
    done
done

python3 - "$log" <<'PY'
import json, statistics, sys
runs, failed = {}, set()
for line in open(sys.argv[1]):
    run = json.loads(line)
    (failed.add if "failed" in run else runs.setdefault(run["program"], []).append)(
        run["program"] if "failed" in run else run)

def accuracy(program, key):
    found = [run[key] for run in runs[program] if key in run]
    spread = f" +- {statistics.stdev(found):.3f}" if len(found) > 1 else ""
    return f"{statistics.mean(found):.3f}{spread}" if found else "-"

def median(program, key):
    return statistics.median(run[key] for run in runs[program])

print("| program | runs | head only | thawed | seconds (median) | lowest to highest | peak memory "
      "| times Thaw's seconds | times Thaw's memory |")
print("|---|---|---|---|---|---|---|---|---|")
for program in runs:
    seconds = [run["seconds"] for run in runs[program]]
    memory = median(program, "peak_memory_bytes")
    against = ("-", "-") if "Thaw" not in runs else (
        f"{median(program, 'seconds') / median('Thaw', 'seconds'):.1f}",
        f"{memory / median('Thaw', 'peak_memory_bytes'):.1f}")
    print(f"| {program} | {len(seconds)} | {accuracy(program, 'head_accuracy')} | "
          f"{accuracy(program, 'thawed_accuracy')} | {statistics.median(seconds):.1f} | "
          f"{min(seconds):.1f} to {max(seconds):.1f} | {1e-9 * memory:.2f} GB | "
          f"{' | '.join(against)} |")
for program in sorted(failed):
    print(f"| {program} | a run failed |" + " - |" * 7)
PY
echo "compare: every run is in $log" >&2
