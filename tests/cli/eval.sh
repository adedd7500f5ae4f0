# thaw eval: figures that agree with its own table, parts of a folder, class names, bad files, images met before.
. "$(dirname "$0")/common"

# Checks of numbers need Python, without any package.
command -v python3 >/dev/null || echo "eval: python3 absent, numbers are not checked"
py() {
    if command -v python3 >/dev/null; then python3 "$@"; else cat >/dev/null; fi
}

data=$T/data
thaw-scans "$data/train" --seed 5 --patients 16 2>/dev/null
thaw-scans "$data/val" --seed 6 --patients 8 2>/dev/null
thaw-scans "$data/test" --seed 7 --patients 8 2>/dev/null
rm -f "$data"/*/README.txt
m=$T/tuned.h5
thaw train "$data" --backbone random:squeezenet --size 64 --epochs 2 --keep best -o "$m" \
    >/dev/null 2>"$T/train.err" || { cat "$T/train.err" >&2 && exit 1; }

# The JSON object agrees with the table of the images.
thaw eval "$m" "$data/test" --json --csv "$T/e.csv" >"$T/e.json"
cat >"$T/check.py" <<'PY'
import csv, json, math, sys
d, rows = json.load(open(sys.argv[1])), list(csv.reader(open(sys.argv[2])))
names, rows = rows[0][3:], rows[1:]
n = len(rows)
assert d["images"] == n and d["skipped"] == int(sys.argv[3]) and [c["name"] for c in d["classes"]] == names
hits = sum(r[1] == r[2] for r in rows)
assert abs(d["accuracy"] - hits / n) < 1e-12
lo, hi = d["accuracy_ci95"]
assert 0 <= lo < d["accuracy"] < hi <= 1 or hits in (0, n)
for i, a in enumerate(names):
    for j, b in enumerate(names):
        assert d["confusion"][i][j] == sum(r[1] == a and r[2] == b for r in rows)
    support = sum(r[1] == a for r in rows)
    c = d["classes"][i]
    assert c["support"] == support
    assert set(c) >= {"precision", "recall", "specificity", "f1", "auc"}
    assert (c["recall"] is None) == (support == 0)
for r in rows:
    p = [float(v) for v in r[3:]]
    assert abs(sum(p) - 1) < 1e-5 and names[p.index(max(p))] == r[2] and r[0].split("/")[0] == r[1]
loss = -sum(math.log(float(r[3 + names.index(r[1])])) for r in rows) / n
assert abs(loss - d["loss"]) < 1e-6
recalls = [c["recall"] for c in d["classes"] if c["recall"] is not None]
assert abs(d["balanced_accuracy"] - sum(recalls) / len(recalls)) < 1e-12
for key in ("macro_f1", "auc", "ece"):
    assert 0 <= d[key] <= 1, key
assert d["selected_images"] == int(sys.argv[4]) and d["trained_images"] == int(sys.argv[5]), d
assert d["selected_on"] == (d["selected_images"] > 0)
PY
py "$T/check.py" "$T/e.json" "$T/e.csv" 0 0 0
thaw eval "$m" "$data/test" >"$T/text"
grep -q '^accuracy .* 95 % interval' "$T/text"
! grep -q 'selected on' "$T/text"
is "$(thaw eval "$m" "$data/test" --threads 1 --json | md5sum)" "$(thaw eval "$m" "$data/test" --threads 3 --json | md5sum)"

# A divided folder: val unless told otherwise; images that chose the weights or were learnt are told.
count() { find "$data/$1" -type f | wc -l; }
thaw eval "$m" "$data" --json --csv "$T/e.csv" >"$T/e.json" 2>"$T/err"
grep -qF "$data/val is evaluated" "$T/err"
py "$T/check.py" "$T/e.json" "$T/e.csv" 0 "$(count val)" 0
prints '^accuracy .*\[selected on\]$' thaw eval "$m" "$data" 2>/dev/null
thaw eval "$m" "$data" --split train --json --csv "$T/e.csv" >"$T/e.json" 2>/dev/null
py "$T/check.py" "$T/e.json" "$T/e.csv" 0 0 "$(count train)"
is "$(thaw eval "$m" "$data/test")" "$(thaw eval "$m" "$data" --split test 2>/dev/null)"
fails 2 "--split half: needs train, val or test" thaw eval "$m" "$data" --split half
fails 2 "has no train folder" thaw eval "$m" "$data/test" --split test

# Class names: unknown ones end it, missing ones are told and have support 0.
cp -r "$data/test" "$T/other"
mv "$T/other/infarct" "$T/other/stroke"
fails 1 "stroke" thaw eval "$m" "$T/other"
grep -q 'infarct, no_lesion, ring_lesion, solid_mass' "$T/.err"
grep -q 'no_lesion, ring_lesion, solid_mass, stroke' "$T/.err"
rm -r "$T/other/stroke"
thaw eval "$m" "$T/other" --json --csv "$T/e.csv" >"$T/e.json" 2>"$T/err"
grep -q 'warning: .*infarct' "$T/err"
py "$T/check.py" "$T/e.json" "$T/e.csv" 0 0 0
prints '^infarct \+- \+0 .* [01]\.[0-9]\+ ' thaw eval "$m" "$T/other" 2>/dev/null
printf 'infarct\nno_lesion\nring_lesion\nsolid_mass\n' >"$T/labels"
thaw export "$m" -o "$T/plain.h5" --plain >/dev/null
fails 2 "does not name its 4 classes: give --labels" thaw eval "$T/plain.h5" "$data/test"
thaw eval "$T/plain.h5" "$data/test" --labels "$T/labels" --json >"$T/plain.json"

# Files that cannot be read: skipped, listed, limited.
cp -r "$data/test" "$T/bad"
echo 'no picture' >"$T/bad/infarct/x.png"
touch "$T/bad/infarct/.hidden" "$T/bad/infarct/notes.txt"
thaw eval "$m" "$T/bad" --json --csv "$T/e.csv" >"$T/e.json" 2>"$T/err"
py "$T/check.py" "$T/e.json" "$T/e.csv" 1 0 0
grep -qF "skipped: $T/bad/infarct/x.png: " "$T/err"
grep -q 'ignored: 1 hidden, 1 that are no images' "$T/err"
prints "  $T/bad/infarct/x.png: " thaw eval "$m" "$T/bad" 2>/dev/null
for i in 1 2 3; do echo 'no picture' >"$T/bad/infarct/y$i.png"; done
fails 1 "cannot be read, more than the" thaw eval "$m" "$T/bad"
thaw eval "$m" "$T/bad" --max-bad 0.5 >/dev/null 2>&1
fails 1 "$T/none" thaw eval "$m" "$T/none"
fails 2 "a model file and a folder or table" thaw eval "$m"
