# Rare classes, thresholds, and images with several findings: thaw train, eval and predict.
. "$(dirname "$0")/common"

# Checks of numbers need Python, without any package.
command -v python3 >/dev/null || echo "labels: python3 absent, numbers are not checked"
py() {
    if command -v python3 >/dev/null; then python3 "$@"; else cat >/dev/null; fi
}

thaw-scans "$T/scans" --seed 5 --patients 24 2>/dev/null
rm -f "$T/scans/README.txt"
net=(--backbone random:mobilenet_v2:0.35 --size 32 --threads 1 --batch 16)

# train DATA ARGUMENTS: quiet; what it said is in $T/err.
train() {
    thaw train "$@" "${net[@]}" >"$T/out" 2>"$T/err" || {
        cat "$T/err" >&2
        return 1
    }
}

# resumes NAME DATA ARGUMENTS: a run that was killed ends in the same bits as one that was not.
resumes() {
    local name=$1 pid
    shift
    train "$@" -o "$T/$name.h5" --checkpoint-every 0
    thaw train "$@" "${net[@]}" -o "$T/killed.h5" --checkpoint-every 0 >/dev/null 2>&1 &
    pid=$!
    until [ -e "$T/killed.run/history.csv" ] && [ "$(wc -l <"$T/killed.run/history.csv")" -ge 5 ]; do
        sleep 0.02
        kill -0 $pid || break
    done
    kill -KILL $pid || true
    wait $pid 2>/dev/null || true
    [ ! -e "$T/killed.h5" ] || echo "the run was over before it was stopped" >&2
    train "$@" -o "$T/killed.h5" --checkpoint-every 0 --resume
    cmp "$T/$name.h5" "$T/killed.h5"
    rm -r "$T/killed.h5" "$T/killed.run"
}

# --- two classes, one of them rare: an even draw, the focal loss, a threshold ---
mkdir -p "$T/two/lesion" "$T/two/normal"
for f in "$T"/scans/no_lesion/*; do cp "$f" "$T/two/normal/n$(basename "$f")"; done
for f in "$T"/scans/infarct/*_0[12].*; do cp "$f" "$T/two/lesion/l$(basename "$f")"; done
plan=(--stages 'head:epochs=8;3:epochs=8')
train "$T/two" --head-only --epochs 2 -o "$T/natural.h5"
grep -q '^class weights from' "$T/err"
resumes even "$T/two" "${plan[@]}" --sampler balanced --loss focal:gamma=1
! grep -q '^class weights from' "$T/err" # all classes come as often
grep -q '"loss": "focal:gamma=1"' "$T/even.run/run.json"
train "$T/two" --head-only --epochs 2 --sampler balanced -o "$T/even.h5"
! cmp -s "$T/natural.h5" "$T/even.h5"
train "$T/two" --stages all:epochs=4 --augment none --sensitivity-at specificity=0.75 --positive lesion -o "$T/two.h5"
grep -q '^lesion is said from probability .* validation images for specificity=0.75,$' "$T/out"
grep -q 'chose the weights and thresholds' "$T/out"
for key in decision chosen_on sensitivity sensitivity_ci95 at_threshold at_most_probable; do
    grep -q "\"$key\":" "$T/two.run/run.json"
done
thaw eval "$T/two.h5" "$T/two" --json --csv "$T/two.csv" >"$T/two.json" 2>/dev/null
thaw predict "$T/two.h5" "$T/two/lesion" "$T/two/normal" --json --csv "$T/p.csv" >"$T/p.json"
thaw predict "$T/two.h5" "$T/two/lesion" >"$T/p.txt"
grep -q '; said: [a-z]* (lesion from 0\.[0-9]* on)$' "$T/p.txt"
prints '^sensitivity .* (.* of .* lesion)$' thaw eval "$T/two.h5" "$T/two" 2>/dev/null
py - "$T" <<'PY'
import csv, json, sys
T = sys.argv[1]
d, rows = json.load(open(T + "/two.json")), list(csv.reader(open(T + "/two.csv")))
(entry,) = d["decision"]["thresholds"]
t, at, even = entry["threshold"], d["at_threshold"], d["at_most_probable"]
assert entry["class"] == d["positive"] == "lesion" and d["decision"]["by"] == "specificity=0.75"
k = rows[0].index("lesion")
said = [float(r[k]) >= t for r in rows[1:]]
truth = [r[1] == "lesion" for r in rows[1:]]
assert [r[2] == "lesion" for r in rows[1:]] == said
share = lambda got, of: sum(a and b for a, b in zip(got, of)) / sum(of)
assert abs(at["sensitivity"] - share(said, truth)) < 1e-12
assert abs(at["specificity"] - share([not s for s in said], [not s for s in truth])) < 1e-12
assert at["sensitivity_ci95"][0] <= at["sensitivity"] <= at["sensitivity_ci95"][1]
hits = [s == y for s, y in zip(said, truth)]
assert abs(d["accuracy"] - sum(hits) / len(hits)) < 1e-12
more = [float(r[k]) > 0.5 for r in rows[1:]]
assert abs(even["sensitivity"] - share(more, truth)) < 1e-12
assert list(d)[:3] == ["images", "skipped", "classes"] and "recall_ci95" in d["classes"][0]
# On the images that chose: the wanted specificity, and no higher sensitivity is to be had there.
val = {r["file"] for r in csv.DictReader(open(T + "/two.run/split.csv")) if r["side"] == "val"}
score = [(float(r[k]), r[1] == "lesion") for r in rows[1:] if r[0] in val]
def at_threshold(x):
    hit, wrong = sum(p >= x and y for p, y in score), sum(p >= x and not y for p, y in score)
    return hit, 1 - wrong / sum(not y for _, y in score)
hit, specificity = at_threshold(t)
assert specificity >= 0.75 and entry["true_positives"] == hit, (entry, hit, specificity)
assert hit == max(h for h, s in map(at_threshold, [p for p, _ in score] + [2.0]) if s >= 0.75 - 1e-9)
p = json.load(open(T + "/p.json"))
named = list(csv.reader(open(T + "/p.csv")))[1:]
for one, row in zip(p["predictions"], named):
    top = {x["class"]: x["probability"] for x in one["top"]}
    assert one["prediction"] == row[1] == ("lesion" if top["lesion"] >= t else "normal")
PY
# The decision stays with the model.
thaw export "$T/two.h5" -o "$T/exported.h5" >/dev/null
is "$(thaw predict "$T/two.h5" "$T/two/lesion")" "$(thaw predict "$T/exported.h5" "$T/two/lesion")"
prints '^sensitivity .* normal)$' thaw eval "$T/natural.h5" "$T/two" --positive normal 2>/dev/null
fails 2 'the threshold of' thaw eval "$T/two.h5" "$T/two" --positive normal
fails 2 'the classes are lesion and normal' thaw eval "$T/two.h5" "$T/two" --positive tumour

# --- several findings: class folders with the same picture, by copies and by links ---
ml=$T/ml
mkdir -p "$ml/infarct" "$ml/ring" "$ml/normal"
for f in "$T"/scans/infarct/*; do cp "$f" "$ml/infarct/i$(basename "$f")"; done
for f in "$T"/scans/ring_lesion/*; do cp "$f" "$ml/ring/r$(basename "$f")"; done
for f in "$T"/scans/no_lesion/*; do cp "$f" "$ml/normal/n$(basename "$f")"; done
i=0
for f in "$ml"/infarct/*; do
    i=$((i + 1))
    case $((i % 4)) in
        1) cp "$f" "$ml/ring/" ;;
        2) ln -s "../infarct/$(basename "$f")" "$ml/ring/" ;;
    esac
done
both=$(cd "$ml/ring" && ls i* | wc -l)
labels=(--multi-label --no-finding normal)
resumes folders "$ml" "${labels[@]}" "${plan[@]}" --sampler balanced
is "$both" "$(grep -c ',infarct;ring,' "$T/folders.run/split.csv")"
is "$(ls "$ml/normal" | wc -l)" "$(awk -F, '$2 == ""' "$T/folders.run/split.csv" | wc -l)"
is "stage,epoch,rate,train_loss,train_accuracy,val_loss,val_accuracy,val_auc,best,seconds" \
    "$(head -1 "$T/folders.run/history.csv")"
train "$ml" "${labels[@]}" --stages all:epochs=4 --augment none -o "$T/ml.h5"
grep -q '"val_auc":' "$T/ml.run/run.json"
grep -aq '"activation": *"sigmoid"' "$T/ml.h5"
thaw eval "$T/ml.h5" "$ml" --json --csv "$T/ml.csv" >"$T/ml.json" 2>/dev/null
thaw predict "$T/ml.h5" "$ml/infarct" --json --csv "$T/p.csv" >"$T/p.json"
py - "$T" "$both" <<'PY'
import csv, json, math, struct, sys
T, both = sys.argv[1], int(sys.argv[2])
number = lambda text: struct.unpack("f", struct.pack("f", float(text)))[0]  # nine digits are one float32
d, rows = json.load(open(T + "/ml.json")), list(csv.reader(open(T + "/ml.csv")))
names, rows = rows[0][3:], rows[1:]
assert names == ["infarct", "ring"] == [l["name"] for l in d["labels"]] and d["images"] == len(rows)
assert sum(r[1] == "infarct;ring" for r in rows) == both
right = exact = 0
loss, aucs, precisions = 0, [], []
for r in rows:
    assert r[2] == ";".join(n for n, p, l in zip(names, r[3:], d["labels"]) if number(p) >= l["threshold"])
    exact += r[1] == r[2]
for k, l in enumerate(d["labels"]):
    scored = [(number(r[3 + k]), l["name"] in r[1].split(";")) for r in rows]
    yes, no = [p for p, y in scored if y], [p for p, y in scored if not y]
    assert l["support"] == len(yes)
    right += sum((p >= l["threshold"]) == y for p, y in scored)
    loss -= sum(math.log(p if y else 1 - p) for p, y in scored)
    aucs.append(sum((a > b) + 0.5 * (a == b) for a in yes for b in no) / len(yes) / len(no))
    assert abs(aucs[-1] - l["auc"]) < 1e-12
    ap, before = 0, 0
    for t in sorted({p for p, _ in scored}, reverse=True):
        hit, said = sum(p >= t for p in yes), sum(p >= t for p, _ in scored)
        ap, before = ap + (hit - before) / len(yes) * hit / said, hit
    assert abs(ap - l["average_precision"]) < 1e-12
    assert abs(l["recall"] - sum(p >= l["threshold"] for p in yes) / len(yes)) < 1e-12
n = len(rows) * len(names)
assert abs(d["mean_auc"] - sum(aucs) / 2) < 1e-12 and abs(d["loss"] - loss / n) < 1e-6
assert abs(d["accuracy"] - right / n) < 1e-12 and abs(d["exact"] - exact / len(rows)) < 1e-12
limits = {l["name"]: l["threshold"] for l in d["labels"]}
assert d["decision"]["by"] == "F1" and [t["threshold"] for t in d["decision"]["thresholds"]] == list(limits.values())
p = json.load(open(T + "/p.json"))
for one, row in zip(p["predictions"], list(csv.reader(open(T + "/p.csv")))[1:]):
    there = {f["class"] for f in one["findings"]}
    assert there == {x["class"] for x in one["top"] if x["probability"] >= limits[x["class"]]}
    assert set(filter(None, row[1].split(";"))) == there
PY
prints '^mean AUC' thaw eval "$T/ml.h5" "$ml" 2>/dev/null
prints 'thresholds: of each label that with the highest F1' thaw eval "$T/ml.h5" "$ml" 2>/dev/null

# The same as a table, with several names in a cell, and in several rows.
table() {
    echo "path,label"
    (cd "$ml" && for f in infarct/*; do
        if [ -e "ring/${f#infarct/}" ]; then echo "$f,$1"; else echo "$f,infarct"; fi
    done)
    (cd "$ml" && for f in ring/r*; do echo "$f,ring"; done && for f in normal/*; do echo "$f,"; done)
}
table 'infarct;ring' >"$ml/cells.csv"
table 'ring | infarct' | sed 's/^\(normal.*\),$/\1,normal/' >"$ml/bars.csv"
table infarct >"$ml/rows.csv"
(cd "$ml" && for f in ring/i*; do echo "infarct/${f#ring/},ring"; done) >>"$ml/rows.csv"
wanted=$(thaw eval "$T/ml.h5" "$ml" --json 2>/dev/null | grep -o '"labels":.*"loss":[^,]*')
for t in cells bars rows; do
    is "$wanted" "$(thaw eval "$T/ml.h5" "$ml/$t.csv" --json 2>/dev/null | grep -o '"labels":.*"loss":[^,]*')"
done
train "$ml/cells.csv" --multi-label --loss focal --sensitivity-at specificity=0.8 --head-only --epochs 2 -o "$T/t.h5"
grep -q '"by": "specificity=0.8"' "$T/t.run/run.json"
is "$both" "$(grep -c ',infarct;ring,' "$T/t.run/split.csv")"

# --- wrong usage, and data that contradict themselves ---
for wrong in '--sampler even' '--loss hinge' '--loss focal:alpha=1' '--loss cross_entropy:gamma=2' \
    '--sensitivity-at 0.95' '--sensitivity-at specificity=1' '--sensitivity-at specificity=0.9' \
    '--positive lesion' '--no-finding normal' \
    '--positive tumour --sensitivity-at specificity=0.9'; do
    # shellcheck disable=SC2086
    fails 2 "${wrong%% *}" thaw train "$T/two" "${net[@]}" $wrong -o "$T/w.h5"
done
fails 2 'here are 4 classes' thaw train "$T/scans" "${net[@]}" --sensitivity-at specificity=0.9 --positive infarct -o "$T/w.h5"
fails 1 'at least two are wanted' thaw train "$T/two" "${net[@]}" "${labels[@]}" -o "$T/w.h5"
fails 1 'no image is called healthy' thaw train "$ml" "${net[@]}" --multi-label --no-finding healthy -o "$T/w.h5"
fails 1 'cannot belong to two classes' thaw train "$ml" "${net[@]}" -o "$T/w.h5"
findings=("$ml"/infarct/*) normals=("$ml"/normal/n*)
cp "${findings[0]}" "$ml/normal/"
fails 1 'both normal and a label' thaw train "$ml" "${net[@]}" "${labels[@]}" -o "$T/w.h5"
cp "${normals[0]}" "$ml/normal/$(basename "${findings[0]}")"
fails 1 'are different pictures' thaw train "$ml" "${net[@]}" "${labels[@]}" -o "$T/w.h5"
[ ! -e "$T/w.h5" ]
