#!/usr/bin/env bash
# tests/bench/recipe.sh [--seeds LIST] [--runs DIR] [--random NAME] [--random-options TEXT]
#                       DATA BACKBONE [OPTION...]
# Thaw's recipe with several seeds, the last weights of every stage, nothing chosen by validation:
#     thaw train DATA --backbone BACKBONE --keep last OPTION...
# and with --random NAME the same network from random weights, with the options of --random-options.
# Prints one JSON object a run, then mean and sample standard deviation of every figure.
# --seeds: 0,1,2,3,4; --runs: where the runs are left (a temporary folder that is removed). $THAW is
# the command (build/thaw). The command's own words go to stderr.
set -euo pipefail
THAW=${THAW:-$(cd "$(dirname "$0")/../.." && pwd)/build/thaw}
seeds=0,1,2,3,4 runs='' random='' random_options=''

usage() {
    sed -n '2,3s/^# //p' "$0" >&2
    exit 2
}
while [[ ${1:-} == --* ]]; do
    [ $# -ge 2 ] || usage
    case $1 in
    --seeds) seeds=$2 ;;
    --runs) runs=$2 ;;
    --random) random=$2 ;;
    --random-options) random_options=$2 ;;
    *) usage ;;
    esac
    shift 2
done
[ $# -ge 2 ] || usage
data=$1 backbone=$2
shift 2
[ -x "$THAW" ] || {
    echo "recipe: no $THAW; build first, or set THAW" >&2
    exit 1
}
if [ -z "$runs" ]; then
    runs=$(mktemp -d)
    trap 'rm -rf "$runs"' EXIT
fi

# train KIND SEED BACKBONE OPTION...: one run, and one line of what run.json says of it.
train() {
    local kind=$1 seed=$2 from=$3 run=$runs/$1-$2
    shift 3
    "$THAW" train "$data" --backbone "$from" --seed "$seed" --keep last --run "$run" "$@" >&2
    python3 - "$kind" "$seed" "$run/run.json" <<'PY'
import json, sys
kind, seed, path = sys.argv[1:]
run = json.load(open(path))
stages = run["stages"]
line = {"seed": int(seed)}
# Stages judge themselves with the frozen part in fewer bits; the finished model is float32's.
finished = run["val_accuracy"]
if kind == "random":
    line["random_accuracy"] = finished
elif len(stages) == 1:
    line["head_accuracy"] = finished
else:
    line["head_accuracy"] = stages[0]["val_accuracy"]
    line["thawed_accuracy"] = finished
line["seconds"] = run["seconds"]
line["peak_memory_bytes"] = run["peak_memory_bytes"]
print(json.dumps(line))
PY
}

# summarise: passes on the JSON lines of stdin, then prints their summary.
summarise() {
    python3 -c '
import json, statistics, sys
runs = []
for line in sys.stdin:
    print(line, end="", flush=True)
    runs.append(json.loads(line))
if len(runs) > 1:
    summary = {"runs": len(runs)}
    for key in [k for k in runs[0] if k != "seed"]:
        figures = [run[key] for run in runs]
        summary[key] = {"mean": round(statistics.mean(figures), 4),
                        "sd": round(statistics.stdev(figures), 4)}
    print(json.dumps({"summary": summary}))
'
}

for seed in ${seeds//,/ }; do
    train pretrained "$seed" "$backbone" "$@"
done | summarise
if [ -n "$random" ]; then
    read -ra words <<<"$random_options"
    for seed in ${seeds//,/ }; do
        train random "$seed" "random:$random" "${words[@]}"
    done | summarise
fi
