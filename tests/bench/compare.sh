#!/usr/bin/env bash
# tests/bench/compare.sh [OPTION VALUE]...
# Thaw beside its peers in one session: Thaw, each peer, Thaw, each peer, ... with random weights;
# then a table of medians over the rounds and of how many times as fast Thaw is.
#
#   --rounds N           5 at least for figures to publish            (5)
#   --networks LIST      Thaw's names                                 (all of peers_common.py)
#   --precisions LIST    of f32, bf16, int8                           (all)
#   --forward LIST       runtimes of forward_peers.py, or none        (all)
#   --train LIST         runtimes of train_peers.py, or none          (all)
#   --batch N            images                                       (32)
#   --threads N                                                       (2)
#   --python FILE        of the peers' environment                    ($PEERS or python3)
#   --work DIR           converted models are kept there              (~/.cache/thaw-peers)
#   --log FILE           every figure of every round, as JSON lines    (a temporary file)
#   --table FILE         measure nothing, print the table of this log
#
# $THAW is the command (build/thaw). What is missing is named in the table, the rest is measured.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
THAW=${THAW:-$here/../../build/thaw}
rounds=5 networks=mobilenet_v2,efficientnet_lite0,resnet50 precisions=f32,bf16,int8
forward='' train='' batch=32 threads=2 python=${PEERS:-python3} log='' table=''
work=$HOME/.cache/thaw-peers

usage() {
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || usage
    case $1 in
    --rounds | --networks | --precisions | --forward | --train | --batch | --threads | --python | \
        --work | --log | --table) declare "${1#--}=$2" ;;
    *) usage ;;
    esac
    shift 2
done

# keep ROUND PASS: JSON lines of a peer script from stdin to the log.
keep() {
    python3 -c '
import json, sys
for line in sys.stdin:
    if line.startswith("{"):
        figure = json.loads(line)
        if "fastest" not in figure:
            print(json.dumps({"round": int(sys.argv[1]), "pass": sys.argv[2], **figure}))
' "$1" "$2" >>"$log"
}

# thaw_round ROUND NETWORK: 'thaw bench', its JSON as lines to the log.
thaw_round() {
    local untrained=()
    [ "$train" != none ] || untrained=(--no-train)
    "$THAW" bench "random:$2" --json --batch "$batch" --threads "$threads" \
        --precision "$precisions" "${untrained[@]}" | python3 -c '
import json, sys
number, network, wanted = int(sys.argv[1]), sys.argv[2], sys.argv[3].split(",")
common = {"round": number, "network": network, "runtime": "thaw"}
try:
    report = json.load(sys.stdin)
except ValueError:
    for precision in wanted:
        print(json.dumps({**common, "pass": "forward", "precision": precision,
                          "absent": "thaw bench gave no figures"}))
    sys.exit()
for way in ("forward", "train"):
    for precision, figures in (report.get(way) or {}).items():
        print(json.dumps({**common, "pass": way, "precision": precision,
                          "images_per_s": figures["images_per_s"]}))
for precision, reason in (report.get("unavailable") or {}).items():
    print(json.dumps({**common, "pass": "forward", "precision": precision, "absent": reason}))
' "$1" "$2" "$precisions" >>"$log"
}

# peers_round ROUND NETWORK PASS RUNTIMES PRECISIONS OPTION...
peers_round() {
    local round=$1 network=$2 pass=$3 runtimes=$4 wanted=$5 precision
    shift 5
    if [ "$runtimes" = none ] || [ -z "$wanted" ]; then
        return
    fi
    if [ "$runs" = no ]; then
        for precision in ${wanted//,/ }; do
            echo "{\"network\": \"$network\", \"precision\": \"$precision\"," \
                "\"runtime\": \"peers\", \"absent\": \"$python does not run\"}"
        done
    else
        "$python" "$here/${pass}_peers.py" --networks "$network" --precisions "$wanted" \
            ${runtimes:+--runtimes "$runtimes"} --batch "$batch" --threads "$threads" "$@"
    fi | keep "$round" "$pass"
}

print_table() {
    python3 - "$1" <<'PY'
import json, statistics, sys
rates, absent = {}, {}
for line in open(sys.argv[1]):
    f = json.loads(line)
    key = f["pass"], f["network"], f["precision"], f["runtime"]
    if "images_per_s" in f:
        rates.setdefault(key, {})[f["round"]] = f["images_per_s"]
    else:
        absent[key] = f["absent"]
print("| pass | network | precision | program | images/s | lowest to highest | rounds | Thaw is |")
print("|---|---|---|---|---|---|---|---|")
order = lambda key: (key[:3], key[3] != "thaw", -statistics.median(rates.get(key, {0: 0}).values()))
for key in sorted({**absent, **rates}, key=order):
    if key not in rates:
        print(f"| {' | '.join(key)} | absent | {absent[key]} | 0 | - |")
        continue
    found, own = rates[key], rates.get((*key[:3], "thaw"))
    median, ratio = statistics.median(found.values()), "-"
    if own and key[3] != "thaw":
        ratio = f"{statistics.median(own.values()) / median:.2f} x"
        rounds = [own[r] / found[r] for r in own if r in found]
        if len(rounds) > 1:
            ratio += f" ({min(rounds):.2f} to {max(rounds):.2f})"
    elif key[3] != "thaw":
        ratio = "not measured"
    print(f"| {' | '.join(key)} | {median:.1f} | {min(found.values()):.1f} to "
          f"{max(found.values()):.1f} | {len(found)} | {ratio} |")
PY
}

if [ -n "$table" ]; then
    print_table "$table"
    exit
fi
log=${log:-$(mktemp --suffix=.jsonl)}
: >"$log" || exit 1
echo "compare: load average $(cut -d" " -f1-3 /proc/loadavg); figures count on an idle machine" >&2
runs=yes
"$python" -c '' 2>/dev/null || runs=no
float=$(tr , '\n' <<<"$precisions" | grep -v int8 | paste -sd,)
for network in ${networks//,/ }; do
    for ((round = 1; round <= rounds; round++)); do
        echo "compare: $network, round $round of $rounds" >&2
        thaw_round "$round" "$network"
        peers_round "$round" "$network" forward "$forward" "$precisions" --work "$work"
        peers_round "$round" "$network" train "$train" "$float"
    done
done
print_table "$log"
echo "compare: every figure is in $log" >&2
