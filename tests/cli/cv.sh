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

# One of two classes is looked for: each run is judged at the threshold that it chose on images of its own.
mkdir "$T/two"
cp -r "$T/scans/infarct" "$T/scans/no_lesion" "$T/two"
want=(--sensitivity-at specificity=0.6 --positive infarct --stages 'all:epochs=2')
net=(--backbone random:squeezenet --size 32 --threads 1 --batch 16 --group-by '^(p[0-9]+)_')
cv "$T/two" --folds 2 --seeds 2 "${want[@]}" --run "$T/b" --csv "$T/b.csv" --json >"$T/b.json"
cv "$T/two" --folds 2 --seeds 2 "${want[@]}" --run "$T/b" --resume >"$T/b.txt"
grep -q '^infarct is said from a threshold on that each run chose for the highest sensitivity at specificity=0.6,$' "$T/b.txt"
grep -q '^sensitivity  .* 95 % interval .* of .* infarct)$' "$T/b.txt"
cat >"$T/check.py" <<'PY'
import csv, json, math, statistics, struct, sys
d, rows, runs = json.load(open(sys.argv[1])), list(csv.DictReader(open(sys.argv[2]))), sys.argv[3]
number = lambda text: struct.unpack("f", struct.pack("f", float(text)))[0]  # nine digits are one float32
def wilson(p, n, z=1.959963984540054):
    mid, half = (p + z*z/2/n) / (1 + z*z/n), z / (1 + z*z/n) * math.sqrt(p*(1-p)/n + z*z/4/n/n)
    return [0 if p == 0 else mid - half, 1 if p == 1 else mid + half]
hit = cases = clear = others = 0
for run in d["runs"]:
    folder = f"{runs}/seed-{run['seed']}-fold-{run['fold']}"
    (entry,) = run["decision"]["thresholds"]
    told = json.load(open(folder + "/run.json"))["validation"]["decision"]["thresholds"][0]
    assert entry["threshold"] == number(told["threshold"]) and entry["true_positives"] == told["true_positives"]
    chose = [r["file"] for r in csv.DictReader(open(folder + "/split.csv")) if r["side"] == "val"]
    mine = [r for r in rows if r["seed"] == str(run["seed"]) and r["fold"] == str(run["fold"])]
    assert run["decision"]["images"] == len(chose) and not {r["file"] for r in mine} & set(chose)
    assert entry["specificity"] >= 0.6 and entry["class"] == run["positive"] == "infarct"
    for r in mine:
        assert (r["prediction"] == "infarct") == (number(r["infarct"]) >= entry["threshold"])
    said = lambda label, word: sum(r["label"] == label and r["prediction"] == word for r in mine)
    n = [sum(r["label"] == c for r in mine) for c in ("infarct", "no_lesion")]
    one = [said("infarct", "infarct"), said("no_lesion", "no_lesion")]
    assert run["at_threshold"]["sensitivity"] == one[0] / n[0] and run["at_threshold"]["specificity"] == one[1] / n[1]
    hit, cases, clear, others = hit + one[0], cases + n[0], clear + one[1], others + n[1]
assert len({run["decision"]["thresholds"][0]["threshold"] for run in d["runs"]}) > 1
at = d["pooled"]["at_threshold"]
assert d["thresholds_by"] == "specificity=0.6" and at["threshold"] is None and "decision" not in d["pooled"]
assert (at["true_positives"], at["true_negatives"]) == (hit, clear) == tuple(d["pooled"]["confusion"][k][k] for k in (0, 1))
for key, got, of in (("sensitivity", hit, cases), ("specificity", clear, others)):
    assert abs(at[key] - got / of) < 1e-12
    assert all(abs(x - y) < 1e-9 for x, y in zip(at[key + "_ci95"], wilson(got / of, of // 2)))
    each = [run["at_threshold"][key] for run in d["runs"]]
    assert abs(d["spread"][key]["mean"] - statistics.mean(each)) < 1e-9
    assert abs(d["spread"][key]["sd"] - statistics.stdev(each)) < 1e-9
# By the more probable class: as if there were no threshold.
more = sum(number(r["infarct"]) > number(r["no_lesion"]) for r in rows if r["label"] == "infarct")
assert d["pooled"]["at_most_probable"]["true_positives"] == more
PY
python3 "$T/check.py" "$T/b.json" "$T/b.csv" "$T/b"
# The model of a run has that threshold, too.
mkdir -p "$T/fold2/infarct" "$T/fold2/no_lesion"
tail -n +2 "$T/b/seed-1-fold-2/answers.csv" | cut -d, -f1 | while read -r f; do cp "$T/two/$f" "$T/fold2/$f"; done
thaw eval "$T/b/seed-1-fold-2/model.h5" "$T/fold2" --threads 1 --csv "$T/eval.csv" >/dev/null 2>&1
cmp "$T/eval.csv" "$T/b/seed-1-fold-2/answers.csv"
sed -i 's/"decision"/"decided"/' "$T/b/seed-1-fold-1/run.json"
fails 1 'seed-1-fold-1/run.json: tells no thresholds; take' thaw cv "$T/two" --folds 2 --seeds 2 "${want[@]}" --run "$T/b" --resume "${net[@]}"

# Several findings: the same picture in the folders of two.
mkdir -p "$T/ml"
for c in infarct ring_lesion no_lesion; do
    mkdir "$T/ml/$c"
    for f in "$T/scans/$c"/*; do
        name=$(basename "$f")
        cp "$f" "$T/ml/$c/${name%.*}_$c.${name##*.}"
    done
done
i=0
for f in "$T"/ml/infarct/*; do
    i=$((i + 1))
    [ $((i % 3)) = 0 ] || cp "$f" "$T/ml/ring_lesion/"
done
cv "$T/ml" --multi-label --no-finding no_lesion --folds 3 --seeds 2 --head-only --epochs 1 --run "$T/m" --csv "$T/m.csv" --json >"$T/m.json"
cv "$T/ml" --multi-label --no-finding no_lesion --folds 3 --seeds 2 --head-only --epochs 1 --run "$T/m" --resume >"$T/m.txt"
grep -q '^each label is said from a threshold on that each run chose for the highest F1,$' "$T/m.txt"
grep -q '^label .* AUC .* AP .* recall' "$T/m.txt"
is "$(ls "$T/ml"/* | grep '^p.*_' | sort -u | wc -l)" "$(($(wc -l <"$T/m/folds.csv") - 1))"
python3 - "$T/m.json" "$T/m.csv" "$T/m" <<'PY'
import csv, json, math, statistics, struct, sys
d, rows, runs = json.load(open(sys.argv[1])), list(csv.DictReader(open(sys.argv[2]))), sys.argv[3]
number = lambda text: struct.unpack("f", struct.pack("f", float(text)))[0]
names = ["infarct", "ring_lesion"]
assert [l["name"] for l in d["labels"]] == [l["name"] for l in d["pooled"]["labels"]] == names
def figures(answers, name):
    scored = [(number(r[name]), name in r["label"].split(";")) for r in answers]
    yes, no = [p for p, y in scored if y], [p for p, y in scored if not y]
    auc = sum((a > b) + 0.5 * (a == b) for a in yes for b in no) / len(yes) / len(no)
    ap, before = 0, 0
    for t in sorted({p for p, _ in scored}, reverse=True):
        hit, said = sum(p >= t for p in yes), sum(p >= t for p, _ in scored)
        ap, before = ap + (hit - before) / len(yes) * hit / said, hit
    return auc, ap, len(yes)
close = lambda a, b: abs(a - b) < 1e-9
for k, name in enumerate(names):
    auc, ap, n = figures(rows, name)
    pooled = d["pooled"]["labels"][k]
    assert close(pooled["auc"], auc) and close(pooled["average_precision"], ap) and pooled["support"] == n
    said = [name in r["prediction"].split(";") for r in rows if name in r["label"].split(";")]
    assert close(pooled["recall"], sum(said) / n) and pooled["threshold"] is None
    each = []
    for run in d["runs"]:
        mine = [r for r in rows if r["seed"] == str(run["seed"]) and r["fold"] == str(run["fold"])]
        auc, ap, support = figures(mine, name)
        got, entry = run["labels"][k], run["decision"]["thresholds"][k]
        assert close(got["auc"], auc) and close(got["average_precision"], ap) and got["support"] == support
        assert abs(support - n / 6) <= 4 and got["threshold"] == entry["threshold"]  # spread over the folds
        for r in mine:
            assert (name in r["prediction"].split(";")) == (number(r[name]) >= entry["threshold"])
        assert close(run["exact"], sum(r["label"] == r["prediction"] for r in mine) / len(mine))
        each.append((auc, ap))
    for key, values in zip(("auc", "average_precision"), zip(*each)):
        s = d["labels"][k][key]
        assert close(s["mean"], statistics.mean(values)) and close(s["sd"], statistics.stdev(values)) and s["runs"] == 6
assert close(d["pooled"]["exact"], sum(r["label"] == r["prediction"] for r in rows) / len(rows))
PY
fails 2 '--no-finding no_lesion: goes with --multi-label' thaw cv "$T/ml" --no-finding no_lesion --run "$T/x" "${net[@]}"
fails 2 'here are 4 classes' thaw cv "$T/scans" --sensitivity-at specificity=0.9 --positive infarct --run "$T/x" "${net[@]}"
fails 2 'which class is looked for' thaw cv "$T/two" --sensitivity-at specificity=0.9 --run "$T/x" "${net[@]}"

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
