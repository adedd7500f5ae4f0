# A model in use: inspect, predict, features, export, import, eval, on scans drawn here.
. "$(dirname "$0")/common"

# Checks of numbers need Python, without any package.
command -v python3 >/dev/null || echo "use: python3 absent, numbers are not checked"
py() {
    if command -v python3 >/dev/null; then python3 "$@"; else cat >/dev/null; fi
}

scans=$T/scans
thaw-scans "$scans" --seed 4 --patients 12 2>/dev/null
m=$T/tuned.h5
thaw train "$scans" --backbone random:mobilenet_v2:0.35 --size 64 --head-only --epochs 1 --keep last -o "$m" \
    >/dev/null 2>"$T/train.err" || { cat "$T/train.err" >&2 && exit 1; }
mapfile -t files < <(find "$scans" -name '*_01.*' | sort | head -5)

# --- inspect ---
thaw inspect "$m" --verify >"$T/inspect"
grep -q '^classes: 4: infarct, no_lesion, ring_lesion, solid_mass$' "$T/inspect"
grep -q '^self-test: .*: passed$' "$T/inspect"
grep -q 'from the model.s record$' "$T/inspect"
thaw inspect "$m" --verify --json | py -c '
import json, sys
d = json.load(sys.stdin)
assert d["selftest"]["passed"] and d["family"] == "mobilenet_v2" and d["input"] == [64, 64, 3], d
assert d["classes"] == ["infarct", "no_lesion", "ring_lesion", "solid_mass"]
assert d["layers"][-1]["class"] == "Dense" and d["layers"][-1]["output"] == [4]
assert d["blocks"][0]["number"] == 1 and d["record"]["format"] == 1'
fails 1 "no self-test vector" thaw inspect random:squeezenet --verify

# --- predict ---
thaw predict "$m" "${files[@]}" >"$T/text"
is 5 "$(wc -l <"$T/text")"
is 3 "$(head -1 "$T/text" | tr ';' '\n' | wc -l)"
thaw predict "$m" "${files[@]}" -k 99 --json --csv "$T/p.csv" --dump-input "$T/in.npy" >"$T/p.json"
py - "$T/p.json" "$T/p.csv" "${files[@]}" <<'PY'
import csv, json, sys
d, rows = json.load(open(sys.argv[1])), list(csv.reader(open(sys.argv[2])))
assert [p["file"] for p in d["predictions"]] == sys.argv[3:] == [r[0] for r in rows[1:]]
assert d["skipped"] == [] and rows[0] == ["file", "prediction", "infarct", "no_lesion", "ring_lesion", "solid_mass"]
for p, row in zip(d["predictions"], rows[1:]):
    top = p["top"]
    assert len(top) == 4 and abs(sum(t["probability"] for t in top) - 1) < 1e-6
    assert all(a["probability"] >= b["probability"] for a, b in zip(top, top[1:]))
    assert row[1] == top[0]["class"] and abs(float(max(row[2:], key=float)) - top[0]["probability"]) < 1e-7
PY
# The dumped tensor gives the same answers; it must fit.
thaw predict "$m" --tensor "$T/in.npy" | sed 's/^[^:]*: //' >"$T/tensor"
is "$(sed 's/^[^:]*: //' "$T/text")" "$(cat "$T/tensor")"
fails 1 "does not fit the network, which takes [N,96,96,3]" thaw predict "$m" --size 96 --tensor "$T/in.npy"
fails 2 "--tensor takes the place of files" thaw predict "$m" --tensor "$T/in.npy" "${files[0]}"
# A folder stands for its images; the thread count does not change a bit.
is "$(find "$scans/infarct" -type f | wc -l)" "$(thaw predict "$m" "$scans/infarct" | wc -l)"
is "$(thaw predict "$m" "$scans" --threads 1 | md5sum)" "$(thaw predict "$m" "$scans" --threads 3 | md5sum)"
# Bad files are named, the others done, and the exit code tells.
head -c 300 "${files[0]}" >"$T/cut.png"
fails 1 "2 of 3 files could not be read" thaw predict "$m" "$T/cut.png" "${files[1]}" "$T/absent.png" --json
py -c '
import json, sys
d = json.load(open(sys.argv[1]))
assert len(d["predictions"]) == 1 and [s["file"] for s in d["skipped"]] == [sys.argv[2], sys.argv[3]]
assert all(s["reason"] for s in d["skipped"])' "$T/.out" "$T/cut.png" "$T/absent.png"
fails 2 "no file given" thaw predict "$m"
fails 1 "no image in this folder" thaw predict "$m" "$T/a-folder" --csv "$T/x.csv" 2>/dev/null || {
    mkdir "$T/a-folder"
    fails 1 "no image in this folder" thaw predict "$m" "$T/a-folder"
}
# Names from a file: as many as there are classes.
printf 'a\nb\nc\n"d", really\n' >"$T/labels"
prints '"d", really 0\.' thaw predict "$m" "${files[0]}" -k 4 --labels "$T/labels" --csv "$T/l.csv"
head -1 "$T/l.csv" | grep -q '^file,prediction,a,b,c,"""d"", really"'
printf 'a\nb\n' >"$T/labels"
fails 1 "2 lines; the network has 4 classes" thaw predict "$m" "${files[0]}" --labels "$T/labels"
fails 1 "it ends in features" thaw predict random:squeezenet "${files[0]}" --size 64

# --- features ---
thaw features "$m" "${files[@]}" -o "$T/f.csv" 2>/dev/null
is 6 "$(wc -l <"$T/f.csv")"
is 1281 "$(head -1 "$T/f.csv" | tr ',' '\n' | wc -l)"
is "$(cat "$T/f.csv")" "$(thaw features "$m" "${files[@]}")"
thaw features "$m" --tensor "$T/in.npy" -o "$T/f.npy" 2>/dev/null
head -c 128 "$T/f.npy" | grep -aq "'shape': (5, 1280)"
fails 2 "must end in .csv or .npy" thaw features "$m" "${files[0]}" -o "$T/f.txt"

# --- export and import ---
thaw export "$m" -o "$T/e1.h5" >/dev/null
thaw export "$m" -o "$T/e2.h5" >/dev/null
cmp "$T/e1.h5" "$T/e2.h5"
is "$(thaw predict "$m" "${files[@]}")" "$(thaw predict "$T/e1.h5" "${files[@]}")"
thaw export "$m" -o "$T/front.h5" --with-preprocessing >/dev/null
prints '"mode": *"none"' thaw inspect "$T/front.h5" --json
thaw predict "$T/front.h5" "${files[@]}" --csv "$T/front.csv" >/dev/null
py - "$T/p.csv" "$T/front.csv" <<'PY'
import csv, sys
a, b = (list(csv.reader(open(p)))[1:] for p in sys.argv[1:])
assert all(abs(float(x) - float(y)) < 1e-5 for r, s in zip(a, b) for x, y in zip(r[2:], s[2:]))
PY
thaw export "$m" -o "$T/plain.h5" --plain >/dev/null
prints '^record: none' thaw inspect "$T/plain.h5"
cp "$m" "$T/kept.h5"
fails 2 "is the file that is read" thaw export "$m" -o "$T/../$(basename "$T")/tuned.h5"
cmp "$m" "$T/kept.h5"
fails 2 "-o OUT.h5 is needed" thaw export "$m"
fails 1 "cannot be written" thaw export "$m" -o "$T/nowhere/x.h5"
fails 1 "$T/text.pth" thaw import "$T/text.pth" -o "$T/x.h5"
echo 'no weights' >"$T/text.pth"
fails 1 "$T/text.pth" thaw import "$T/text.pth" -o "$T/x.h5"
[ ! -e "$T/x.h5" ]
prints '^preprocessing: 64x64 RGB' thaw import "$T/plain.h5" -o "$T/whole.h5" 2>/dev/null
prints 'kind: "Keras HDF5"' thaw inspect "$T/whole.h5" --verify
