# thaw cv: folds by patient, figures that agree with the answers, going on after a stop, wrong usage.
. "$(dirname "$0")/common"
command -v python3 >/dev/null || skip "python3 absent, numbers cannot be read"

thaw-scans "$T/scans" --seed 5 --patients 24 2>/dev/null
rm -f "$T/scans/README.txt"
net=(--backbone random:squeezenet --size 32 --threads 1 --batch 16 --head-only --epochs 2 --group-by '^(p[0-9]+)_')

cv() {
    thaw cv "$@" "${net[@]}" 2>"$T/err" || { cat "$T/err" >&2 && return 1; }
}
cv "$T/scans" --folds 3 --seeds 2 --run "$T/cv" --csv "$T/answers.csv" --json >"$T/cv.json"
is 1 "$(wc -l <"$T/cv.json")"
grep -q 'run 6 of 6, seed 2, fold 3: ' "$T/err"
for s in 1 2; do
    for f in 1 2 3; do
        is "answers.csv checkpoint.h5 history.csv log.txt model.h5 run.json split.csv" \
            "$(ls "$T/cv/seed-$s-fold-$f" | tr '\n' ' ' | sed 's/ $//')"
    done
done
[ -s "$T/cv/cv.txt" ]

cat >"$T/check.py" <<'PY'
import collections, csv, json, math, os, statistics, sys
d = json.load(open(sys.argv[1]))
rows = list(csv.DictReader(open(sys.argv[2])))
runs, scans = sys.argv[3], sys.argv[4]
files = sorted(os.path.relpath(os.path.join(p, f), scans) for p, _, fs in os.walk(scans) for f in fs)
classes = [c["name"] for c in d["pooled"]["classes"]]
assert d["images"] == len(files) and len(rows) == 2 * len(files)
for seed in "12":
    mine = [r for r in rows if r["seed"] == seed]
    assert sorted(r["file"] for r in mine) == files  # each once
    fold_of = collections.defaultdict(set)
    for r in mine:
        assert r["file"].split("/")[-1].startswith(r["group"] + "_")
        fold_of[r["group"]].add(r["fold"])
    assert all(len(f) == 1 for f in fold_of.values())  # no patient is divided
    for f in "123":
        # What a run was given, and what it judged, are all images, and no patient is on two sides.
        given = list(csv.DictReader(open(f"{runs}/seed-{seed}-fold-{f}/split.csv")))
        judged = [r for r in mine if r["fold"] == f]
        assert sorted([g["file"] for g in given] + [r["file"] for r in judged]) == files
        sides = [{g["group"] for g in given if g["side"] == s} for s in ("train", "val")]
        sides.append({r["group"] for r in judged})
        assert len(set.union(*sides)) == sum(map(len, sides)) and all(sides)
        for c in classes:
            n = sum(r["label"] == c for r in mine)
            assert abs(sum(r["label"] == c for r in judged) - n / 3) <= 4
        run = next(r for r in d["runs"] if str(r["seed"]) == seed and str(r["fold"]) == f)
        assert abs(run["accuracy"] - sum(r["label"] == r["prediction"] for r in judged) / len(judged)) < 1e-9
        assert run["images"] == len(judged)
a = [r["accuracy"] for r in d["runs"]]
assert abs(d["spread"]["accuracy"]["mean"] - statistics.mean(a)) < 1e-9
assert abs(d["spread"]["accuracy"]["sd"] - statistics.stdev(a)) < 1e-9
assert d["spread"]["accuracy"]["least"] == min(a) and d["spread"]["accuracy"]["runs"] == 6
for i, x in enumerate(classes):
    for j, y in enumerate(classes):
        assert d["pooled"]["confusion"][i][j] == sum(r["label"] == x and r["prediction"] == y for r in rows)
    assert d["recall"][i]["name"] == x
# Wilson's interval with as many trials as there are images.
p, n, z = d["pooled"]["accuracy"], len(files), 1.959963984540054
mid, half = (p + z*z/2/n) / (1 + z*z/n), z / (1 + z*z/n) * math.sqrt(p*(1-p)/n + z*z/4/n/n)
lo, hi = d["pooled"]["accuracy_ci95"]
assert abs(lo - (mid - half)) < 1e-9 and abs(hi - (mid + half)) < 1e-9
PY
python3 "$T/check.py" "$T/cv.json" "$T/answers.csv" "$T/cv" "$T/scans"

# A run is the one that train would do: its model, judged by eval, gives the same answers.
mkdir "$T/fold"
for class in "$T"/scans/*/; do mkdir "$T/fold/$(basename "$class")"; done
tail -n +2 "$T/cv/seed-2-fold-1/answers.csv" | cut -d, -f1 | while read -r f; do cp "$T/scans/$f" "$T/fold/$f"; done
thaw eval "$T/cv/seed-2-fold-1/model.h5" "$T/fold" --threads 1 --csv "$T/eval.csv" >/dev/null 2>"$T/err"
cmp "$T/eval.csv" "$T/cv/seed-2-fold-1/answers.csv"
grep -q 'trained on' "$T/err" && exit 1

# Stopped after two runs, then going on: those are not repeated, and the figures are the same.
figures() { python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); [r.pop("folder") for r in d["runs"]]; print(d)' "$1"; }
thaw cv "$T/scans" --folds 3 --seeds 2 --run "$T/again" "${net[@]}" >/dev/null 2>"$T/stop.err" &
pid=$!
until [ -e "$T/again/seed-1-fold-2/answers.csv" ]; do
    sleep 0.02
    kill -0 $pid
done
kill -TERM $pid
got=0
wait $pid || got=$?
is 1 $got
grep -q 'stopped after [2-5] of 6 runs; the same command with --resume goes on' "$T/stop.err"
touch -d '2001-01-01' "$T/again/seed-1-fold-1/model.h5"
cv "$T/scans" --folds 3 --seeds 2 --run "$T/again" --resume --json >"$T/again.json"
grep -q 'seed 1, fold 2: .* (of an earlier call)' "$T/err"
is 2001 "$(date -r "$T/again/seed-1-fold-1/model.h5" +%Y)"
is "$(figures "$T/cv.json")" "$(figures "$T/again.json")"
fails 2 '--resume: folds was 3 when this was begun and is 4 now' \
    thaw cv "$T/scans" --folds 4 --seeds 2 --run "$T/again" --resume "${net[@]}"
fails 2 'batch was 16' thaw cv "$T/scans" --folds 3 --seeds 2 --run "$T/again" --resume "${net[@]}" --batch 8
echo 'x,y' >"$T/again/seed-1-fold-2/answers.csv"
fails 1 'is not what this run wrote' thaw cv "$T/scans" --folds 3 --seeds 2 --run "$T/again" --resume "${net[@]}"

# A divided table: train and val together, test left alone; text; a list of seeds.
(echo 'path,label,group,split'
 cd "$T/scans" && find . -type f | sed 's|^\./||' | awk -F/ '{ split($2, n, "_"); k = substr(n[1], 2) % 6
    print $0 "," $1 "," n[1] "," (k == 0 ? "test" : k == 1 ? "val" : "train") }') >"$T/t.csv"
cv "$T/t.csv" --root "$T/scans" --folds 2 --seeds 7, --run "$T/t" >"$T/text" 2>/dev/null && exit 1
net=("${net[@]:0:11}") # the column tells the patients
cv "$T/t.csv" --root "$T/scans" --folds 2 --seeds 7,9 --run "$T/t" >"$T/text"
grep -q 'images for testing, not touched here' "$T/err"
cmp "$T/text" "$T/t/cv.txt"
grep -q '^column group: ' "$T/text"
grep -q "^recall infarct .*[0-9]" "$T/text"
grep -q '^accuracy .* 95 % interval' "$T/text"
is "$(($(grep -vc ',test$' "$T/t.csv") - 1))" "$(($(wc -l <"$T/t/folds.csv") - 1))"
is "" "$(cut -d, -f1 "$T/t/folds.csv" | grep -Fx -f <(grep ',test$' "$T/t.csv" | cut -d, -f1))"

# Wrong usage.
fails 2 'one folder or table of images is needed' thaw cv
fails 2 '--seeds 0: needs how many' thaw cv "$T/scans" --seeds 0
fails 2 '--seeds 1,1: 1 is there twice' thaw cv "$T/scans" --seeds 1,1
fails 2 '--folds 1: needs a whole number' thaw cv "$T/scans" --folds 1
fails 2 'there is a model for each run' thaw cv "$T/scans" -o "$T/x.h5"
fails 2 'needs 2 to' thaw cv "$T/scans" --folds 999 "${net[@]}" --run "$T/x"
fails 2 'unknown option --seedz; did you mean --seeds?' thaw cv "$T/scans" --seedz 3
fails 2 'there is no' thaw cv "$T/scans" --resume --run "$T/none" "${net[@]}"
[ ! -e "$T/x" ]
