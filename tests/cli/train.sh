# thaw train from end to end: folders, records, equal bits, patients, broken files, wrong usage.
. "$(dirname "$0")/common"

thaw-scans "$T/scans" --seed 5 --patients 24 2>/dev/null
net=(--backbone random:mobilenet_v2:0.35 --size 32 --threads 1 --batch 16)
short=(--stages 'head:epochs=2;3:epochs=2')

# train ARGUMENTS: quiet; what it said is in $T/err.
train() {
    thaw train "$@" "${net[@]}" >"$T/out" 2>"$T/err" || {
        cat "$T/err" >&2
        return 1
    }
}

state() {
    (cd "$1" && find . -type f -exec sha256sum {} + | sort -k2)
}

# --- an undivided folder: what is left behind; the same again ---
before=$(state "$T/scans")
train "$T/scans" "${short[@]}" -o "$T/a.h5" --save-batch "$T/batch.png"
is "checkpoint.h5 history.csv log.txt model.h5 run.json split.csv" \
    "$(ls "$T/a.run" | tr '\n' ' ' | sed 's/ $//')"
cmp "$T/a.h5" "$T/a.run/model.h5"
[ -s "$T/batch.png" ]
is 5 "$(wc -l <"$T/a.run/history.csv")"
cmp "$T/err" "$T/a.run/log.txt"
grep -q '16-bit scans (.*): largest value 4095, so 0..4095 becomes 0..255' "$T/err"
for key in options seed versions onednn backbone sha256 data classes train val test skipped stages \
    val_accuracy val_loss seconds kept time decode augment compute other peak_memory_bytes; do
    grep -q "\"$key\":" "$T/a.run/run.json"
done
# Shares of the wall clock.
is 1.000 "$(awk -F'[:,]' '/"time":/ { t = 1 } t && /"(decode|augment|compute|other)":/ { s += $2; if ($2 < 0) s += 9 }
    END { printf "%.3f", s }' "$T/a.run/run.json")"
grep -q '^time: .* compute' "$T/err"
grep -q 'selected on' "$T/out"
is "$before" "$(state "$T/scans")"

mkdir "$T/elsewhere"
(cd "$T/elsewhere" && train "$T/scans" "${short[@]}" --run r)
cmp "$T/a.h5" "$T/elsewhere/r/model.h5"
train "$T/scans" "${short[@]}" -o "$T/c.h5" --seed 2
! cmp -s "$T/a.h5" "$T/c.h5"

# The same images judged by eval give the same figure.
sides() { awk -F, -v side="$2" '$3 == side { print $1 }' "$1/split.csv"; }
mkdir "$T/val"
for class in "$T"/scans/*/; do mkdir "$T/val/$(basename "$class")"; done
sides "$T/a.run" val | while read -r file; do cp "$T/scans/$file" "$T/val/$file"; done
figure() { grep -o '"accuracy":[^,]*' "$1" | head -1; }
thaw eval "$T/a.h5" "$T/val" --json --threads 1 >"$T/eval.json" 2>/dev/null
thaw train "$T/scans" "${short[@]}" "${net[@]}" -o "$T/a.h5" --json >"$T/train.json" 2>/dev/null
is 1 "$(wc -l <"$T/train.json")"
is "$(figure "$T/eval.json")" "$(figure "$T/train.json")"

# --- patients stay on one side ---
train "$T/scans" "${short[@]}" -o "$T/p.h5" --group-by '^(p[0-9]+)_'
grep -q '^groups: ' "$T/err"
both=$(awk -F, 'NR > 1 { print $4, $3 }' "$T/p.run/split.csv" | sort -u | cut -d' ' -f1 | uniq -d)
is "" "$both"
is 25 "$(awk -F, '{ print $4 }' "$T/p.run/split.csv" | sort -u | wc -l)" # 24 and the title

# --- a divided folder; test/ is counted and left alone ---
for side in train val; do
    sides "$T/p.run" $side | while read -r file; do
        mkdir -p "$T/split/$side/$(dirname "$file")"
        cp "$T/scans/$file" "$T/split/$side/$file"
    done
done
cp -r "$T/split/val" "$T/split/test"
train "$T/split" "${short[@]}" -o "$T/s.h5" --group-by '^(p[0-9]+)_'
grep -q "\"test\": $(find "$T/split/test" -type f | wc -l)" "$T/s.run/run.json"
grep -q '"divided_here": false' "$T/s.run/run.json"
! grep -q 'stand both in' "$T/err"
# A patient on both sides is said aloud.
file=$(sides "$T/p.run" train | head -1)
cp "$T/scans/$file" "$T/split/val/${file%.*}9.${file##*.}"
train "$T/split" --head-only --epochs 1 -o "$T/l.h5" --group-by '^(p[0-9]+)_'
grep -q '1 groups stand both in' "$T/err"

# --- files that cannot be read ---
cp -r "$T/scans" "$T/broken"
echo "no picture" >"$T/broken/infarct/x0001_01.png"
train "$T/broken" --head-only --epochs 1 -o "$T/b.h5"
grep -q 'skipped: .*x0001_01.png' "$T/err"
grep -q 'x0001_01.png' "$T/b.run/run.json"
fails 1 'x0001_01.png' thaw train "$T/broken" "${net[@]}" --max-bad 0 -o "$T/no.h5"
[ ! -e "$T/no.h5" ]

# --- other recipes ---
train "$T/scans" --head-only --epochs 1 --keep last -o "$T/k.h5"
! grep -q 'selected on' "$T/out"
grep -q 'stage 1 of 1, head' "$T/err"
train "$T/scans" --unfreeze 2 --epochs 1 --optimizer sgd --nesterov --l2-sp 0.01 --clip 1 \
    --smoothing 0.1 --mixup 0.4 --class-weights 1,2,1,1 --schedule onecycle --augment none --fit letterbox \
    --range 0,2000 -o "$T/o.h5"
grep -q 'stage 2 of 2, top 2 blocks: .* at rate 0.002 (onecycle)' "$T/err"
grep -q 'class weights from' "$T/err"
train "$T/scans" --epochs 1 -o "$T/r.h5"
grep -q 'stage 1 of 1, all' "$T/err"

# --- wrong usage, and errors a user can act on ---
fails 2 'which images' thaw train
fails 2 'is too much' thaw train "$T/scans" "$T/val"
fails 1 "$T/nowhere" thaw train "$T/nowhere"
mkdir -p "$T/empty" "$T/one/only"
fails 1 'at least two' thaw train "$T/empty"
cp "$(find "$T/scans" -name '*.png' | head -1)" "$T/one/only/"
fails 1 'at least two' thaw train "$T/one"
fails 1 'no model file nothing' thaw train "$T/scans" --backbone nothing
fails 2 'lies in the data folder' thaw train "$T/scans" -o "$T/scans/m.h5"
fails 2 'lies in the data folder' thaw train "$T/scans" --run "$T/scans/new/run"
fails 2 'lies in the data folder' thaw train "$T/scans" --save-batch "$T/scans/b.png"
fails 2 'not a regular file' thaw train "$T/scans" "${net[@]}" --run "$T/d.run" -o "$T/val"
fails 2 "known are" thaw train "$T/scans" --augment flop
for wrong in '--stages foo' '--unfreeze 99' '--optimizer adam' '--schedule sine' '--keep all' \
    '--class-weights 1,2' '--range 5,1' '--fit tight' '--epochs 0' '--batch none' '--size big' \
    '--head-only --unfreeze 2' '--stages head --head-only' '--group-by (' '--mixup 0.001' '--epoch 3'; do
    # shellcheck disable=SC2086
    fails 2 "${wrong%% *}" thaw train "$T/scans" "${net[@]}" $wrong -o "$T/w.h5"
done
[ ! -e "$T/w.h5" ]
is "$before" "$(state "$T/scans")"
