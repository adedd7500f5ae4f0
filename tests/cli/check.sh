# thaw check: copies, leaks, conflicts, patients, unreadable files, giveaways; train and eval with copies.
. "$(dirname "$0")/common"

command -v python3 >/dev/null || skip "python3 absent, numbers cannot be read"
plant() { "$THAW_BUILD/thaw-bench-plant" "$@"; }
# ask FILE EXPRESSION: a value of the JSON object d.
ask() { python3 -c "import json, sys; d = json.load(open(sys.argv[1])); print($2)" "$1"; }
# check CODE ARGUMENTS...: as JSON into $T/c.json.
check() {
    local code=$1 got=0
    shift
    thaw check "$@" --json >"$T/c.json" 2>"$T/err" || got=$?
    [ "$got" = "$code" ] || { cat "$T/err" >&2; return 1; }
}

# Two sides with their own patients, and nothing wrong.
data=$T/data
thaw-scans "$data/train" --seed 5 --patients 16 2>/dev/null
thaw-scans "$data/val" --seed 6 --patients 8 2>/dev/null
rm -f "$data"/*/README.txt
for f in "$data"/val/*/*; do mv "$f" "${f%/*}/v${f##*/}"; done
images=$(find "$data" -type f | wc -l)
# Generated heads are few lines on an even ground: only nearly the same ones count here.
alike="--alike 0.97"
check 0 "$data" $alike --group-by '^(v?p[0-9]+)_'
is "($images, 0, True, [0, 0])" "$(ask "$T/c.json" "(d['images'], d['severe'], d['divided'], [p['copies_of_earlier_parts'] for p in d['parts']])")"
thaw check "$data" $alike >"$T/text" 2>/dev/null
grep -q '^ok unreadable: none' "$T/text"
grep -q '^ok copies in val of images from train: none' "$T/text"
grep -q '^!!' "$T/text" && exit 1
is "$(thaw check "$data" --threads 1 --json 2>/dev/null | md5sum)" "$(thaw check "$data" --threads 3 --json 2>/dev/null | md5sum)"

# Copies of training images, planted into val.
cp -r "$data" "$T/leaky"
n=0
for f in "$data"/train/*/*; do
    n=$((n + 1))
    [ $((n % 3)) = 0 ] || continue
    change=$(echo resized recompressed brightened cropped mirrored | cut -d' ' -f$((n / 3 % 5 + 1)))
    class=$(basename "$(dirname "$f")")
    suffix=png
    [ $change = recompressed ] && suffix=jpg
    to=$T/leaky/val/$class/planted${n}_$change.$suffix
    plant $change "$f" "$to"
    echo "$f,$to" | sed "s|$data|$T/leaky|" >>"$T/planted"
done
check 1 "$T/leaky" $alike --csv "$T/pairs.csv" --sheet "$T/pairs.png" --group-by none
grep -q 'severe findings (unreadable 0, copies across parts' "$T/err"
python3 - "$T/planted" "$T/pairs.csv" <<'PY'
import csv, sys
planted = [tuple(line.strip().split(",")) for line in open(sys.argv[1])]
pairs = {(r["a"], r["b"]): r for r in csv.DictReader(open(sys.argv[2]))}
missed = [p for p in planted if p not in pairs]
assert len(planted) > 15 and len(missed) <= 0.05 * len(planted), missed
for p in planted:
    if p in pairs:
        r = pairs[p]
        assert r["part_a"] == "train" and r["part_b"] == "val" and r["class_a"] == r["class_b"]
        assert (r["mirrored"] == "1") == ("mirrored" in p[1]), r
assert len(pairs) - len(planted) <= 2, len(pairs)
PY
[ "$(head -c4 "$T/pairs.png" | tail -c3)" = PNG ]
thaw check "$T/leaky" $alike >"$T/text" 2>/dev/null && exit 1
grep -q '^!! copies in val of images from train: ' "$T/text"

# The same pixels in another file, in two classes; files that cannot be read; patients on both sides.
cp -r "$data" "$T/wrong"
f=$(ls "$T"/wrong/train/infarct/*.png | head -1)
cp "$f" "$T/wrong/train/ring_lesion/other.png"
f=$(ls "$T"/wrong/train/infarct/p*_*.jpg | head -1)
plant mirrored "$(ls "$T"/wrong/val/infarct/*.png | tail -1)" "$T/wrong/val/infarct/$(basename "${f%_*}")_77.png"
echo 'no picture' >"$T/wrong/val/infarct/x.png"
check 1 "$T/wrong" $alike --group-by '^(v?p[0-9]+|x|other)'
is "1 x.png True True" "$(ask "$T/c.json" "len(d['unreadable']), d['unreadable'][0]['file'].split('/')[-1], any(p['same_pixels'] and p['conflict'] for p in d['pairs']), d['conflicts'] >= 2" | tr -d "(),'")"
is 1 "$(ask "$T/c.json" "d['parts'][1]['patients_of_earlier_parts']")"
thaw check "$T/wrong" $alike --group-by '^(v?p[0-9]+|x|other)' >"$T/text" 2>/dev/null && exit 1
grep -q 'x.png: is not a picture' "$T/text"
grep -q '^!! patients of val who are in train too: 1 of ' "$T/text"
grep -q '^!! copies in two classes: ' "$T/text"

# What gives the class away: one class in another size.
thaw-scans "$T/sized" --seed 8 --patients 40 2>/dev/null
for f in "$T"/sized/infarct/*; do
    plant resized "$f" "$T/half.png"
    plant resized "$T/half.png" "$f.png"
    rm "$f"
done
thaw check "$T/sized" $alike --json >"$T/c.json" 2>/dev/null
ask "$T/c.json" "[p['property'] for p in d['properties'] if p['telling']]" | grep -q "'size'"
thaw check "$T/sized" $alike 2>/dev/null >"$T/text"
grep -q ' <- tells$' "$T/text"

# Several labels: a table with a copy whose labels differ, one with the same in another order, one in val.
m=$T/many
thaw-scans "$m" --seed 5 --patients 16 2>/dev/null
rm -f "$m"/README.txt
for c in infarct no_lesion ring_lesion; do
    for f in "$m/$c"/*; do mv "$f" "$m/$c/${c}_$(basename "$f")"; done
done
rm -r "$m/solid_mass"
rows() { (cd "$m" && ls -d $1/* | sed "s/\$/,$2,train/"); }
copied=$(cd "$m" && ls infarct/*.png | head -3)
for f in $copied; do cp "$m/$f" "$m/copy_$(basename "$f")"; done
{
    echo 'path,label,split'
    rows infarct 'infarct;scar'
    rows ring_lesion ring
    rows no_lesion ''
    for f in $copied; do echo "copy_$(basename "$f")"; done |
        paste -d, - <(printf '%s\n' infarct,train 'scar;infarct,train' 'infarct | scar,val')
} >"$m/t.csv"
check 1 "$m/t.csv" $alike --multi-label --group-by none --csv "$T/pairs.csv"
python3 - "$T/c.json" "$T/pairs.csv" "$m/t.csv" <<'PY'
import csv, json, sys
d, pairs, table = json.load(open(sys.argv[1])), list(csv.DictReader(open(sys.argv[2]))), list(csv.DictReader(open(sys.argv[3])))
assert d["multi_label"] and d["images"] == len(table)
for part in d["parts"]:
    for l in part["labels"]:
        assert l["images"] == sum(r["split"] == part["name"] and l["name"] in r["label"].replace(" | ", ";").split(";") for r in table), l
assert [l["name"] for l in d["parts"][0]["labels"]] == ["infarct", "ring", "scar"]
same = [p for p in d["pairs"] if p["same_pixels"]]
assert sorted((p["leak"], p["conflict"]) for p in same) == [(False, False), (False, True), (True, False)], same
(clash,) = [p for p in pairs if p["same_pixels"] == "1" and p["class_a"] != p["class_b"]]
assert {clash["class_a"], clash["class_b"]} == {"infarct", "infarct;scar"}
for p in d["properties"]:
    assert [l["name"] for l in p["labels"]] == ["infarct", "ring", "scar"]
PY
fails 1 'copies across parts 1, patients across parts 0, copies with different labels 2)' \
    thaw check "$m/t.csv" $alike --multi-label --group-by none
mv "$T/.out" "$T/text"
grep -q '^!! copies with different labels: 2 images' "$T/text"
grep -Eq 'the same pixels   \((infarct \| infarct;scar|infarct;scar \| infarct)\)$' "$T/text"
grep -q '^(no label) ' "$T/text"
# One label in another size, as class folders with a folder of those without any.
for f in "$m"/infarct/*; do
    plant resized "$f" "$T/half.png"
    plant resized "$T/half.png" "$f.png"
    rm "$f"
done
rm "$m"/copy_* "$m"/t.csv
check 0 "$m" $alike --multi-label --no-finding no_lesion --group-by none
is "['infarct']" "$(ask "$T/c.json" "[l['name'] for p in d['properties'] if p['property'] == 'size' for l in p['labels'] if l['telling']]")"
is "['infarct', 'ring_lesion']" "$(ask "$T/c.json" "[l['name'] for l in d['parts'][0]['labels']]")"
thaw check "$m" $alike --multi-label --no-finding no_lesion >"$T/text" 2>/dev/null
grep -q '^-- what alone gives a label away: ' "$T/text"
fails 2 "--no-finding no_lesion: goes with --multi-label" thaw check "$m" --no-finding no_lesion
# Without the option such a cell is one class, and that is said.
(cd "$m" && echo path,label && ls ring_lesion/* | sed 's/$/,a;b/' && ls no_lesion/* | sed 's/$/,c/') >"$m/t.csv"
prints "^note: 'a;b' is taken as one class; --multi-label" thaw check "$m/t.csv" --alike 1 2>/dev/null

fails 2 "one folder of scans is needed" thaw check
fails 1 "$T/none" thaw check "$T/none"
fails 2 "--group-by" thaw check "$data" --group-by '('
fails 2 "--alike" thaw check "$data" --alike 0.1

# train warns of given copies, or refuses; divides with copies on one side.
m=$T/tuned.h5
small="--backbone random:squeezenet --size 32 --epochs 1 --head-only"
fails 1 "--leaks refuse: " thaw train "$T/leaky" $small -o "$m" --leaks refuse
fails 2 "--leaks perhaps: needs warn, refuse or ignore" thaw train "$T/leaky" $small -o "$m" --leaks perhaps
thaw train "$T/leaky" $small -o "$m" >/dev/null 2>"$T/err"
grep -q 'warning: .* validation images look like training images' "$T/err"
leaks=$(ask "$T/tuned.run/run.json" "d['data']['leaks']")
[ "$leaks" -ge $(($(wc -l <"$T/planted") - 1)) ]
thaw train "$T/leaky" $small -o "$T/quiet.h5" --leaks ignore >/dev/null 2>"$T/err"
grep -q 'look like' "$T/err" && exit 1

mkdir "$T/flat"
cp -r "$T/leaky/train/." "$T/flat"
cp -r "$T/leaky/val/." "$T/flat"
thaw train "$T/flat" $small -o "$T/flat.h5" --group-by none >/dev/null 2>"$T/err"
grep -q 'copies: .* stay on one side of the split' "$T/err"
python3 - "$T/planted" "$T/flat.run/split.csv" <<'PY'
import csv, sys
side = {r["file"]: r["side"] for r in csv.DictReader(open(sys.argv[2]))}
name = lambda p: "/".join(p.split("/")[-2:])
planted = [line.strip().split(",") for line in open(sys.argv[1])]
apart = [p for p in planted if side[name(p[0])] != side[name(p[1])]]
assert len(apart) <= 0.05 * len(planted), apart
assert set(side.values()) == {"train", "val"}
PY

# eval: the accuracy without images that the model knows, by their bytes or by their looks.
val=$(find "$T/leaky/val" -type f | wc -l)
thaw eval "$m" "$T/leaky" --split train --json >"$T/e.json" 2>/dev/null
is "0 None" "$(ask "$T/e.json" "d['without_known']['images'], d['without_known']['accuracy']" | tr -d '(),')"
thaw eval "$m" "$T/leaky" --json >"$T/e.json" 2>/dev/null
python3 - "$T/e.json" "$T/planted" "$leaks" "$val" <<'PY'
import json, sys
d, planted = json.load(open(sys.argv[1])), [line.strip().split(",")[1] for line in open(sys.argv[2])]
leaks, val = map(int, sys.argv[3:])
assert abs(d["known_images"] - leaks) <= 1 and d["known_images"] == len(d["known_files"]) == d["copies"], d
assert d["without_known"]["images"] == val - d["known_images"] and d["trained_images"] == 0, d
missed = set(planted) - set(d["known_files"])
assert len(missed) <= 0.05 * len(planted), missed
PY
prints '^leaks: the model knows .* it was fitted to 0 of the very files' thaw eval "$m" "$T/leaky" 2>/dev/null
prints '^accuracy without them  *[01]\.' thaw eval "$m" "$T/leaky" 2>/dev/null
# A model that does not tell what it was trained on.
prints '^leaks: this model does not tell' thaw eval "$T/quiet.h5" "$T/leaky" 2>/dev/null
thaw eval "$T/quiet.h5" "$T/leaky" --against "$T/leaky" --json >"$T/e.json" 2>"$T/err"
grep -q 'known to the model: ' "$T/err"
is "$leaks $((val - leaks))" "$(ask "$T/e.json" "d['copies'], d['without_known']['images']" | tr -d '(),')"
fails 1 "--against" thaw eval "$m" "$T/leaky" --against "$T/none"
