# What epochs share: the same model with and without, files that later runs find, changed images, killed runs.
. "$(dirname "$0")/common"

thaw-scans "$T/scans" --seed 5 --patients 12 2>/dev/null
net=(--backbone random:mobilenet_v2:0.35 --size 32 --threads 1 --batch 16 --precision f32)
plan=(--stages 'head:epochs=3;3:epochs=4' --views 2)

# train DATA MODEL OPTION...: what it said is in $T/err.
train() {
    thaw train "$1" "${net[@]}" "${plan[@]}" -o "$2" "${@:3}" >/dev/null 2>"$T/err" || {
        cat "$T/err" >&2
        return 1
    }
}

# found: how many images' features were found, one line for each side and view.
found() {
    sed -n 's/.*: \([0-9]*\) of \([0-9]*\) found in .*/\1 \2/p' "$T/err"
}

# --- the same bits, whatever is kept where ---
train "$T/scans" "$T/none.h5" --cache-mem 0 --cache-disk 0
! grep -q 'kept' "$T/err"
train "$T/scans" "$T/memory.h5"
cmp "$T/none.h5" "$T/memory.h5"
train "$T/scans" "$T/disk.h5" --cache-mem 0
cmp "$T/none.h5" "$T/disk.h5"
[ ! -e "$T/disk.run/features" ]
train "$T/scans" "$T/little.h5" --cache-mem 100K --cache-disk 10K
cmp "$T/none.h5" "$T/little.h5"
is 1 "$(grep -c 'are not kept: there is no room for them' "$T/err")"

# --- what does change the result, and is recorded ---
train "$T/scans" "$T/bf16.h5" --features bf16
! cmp -s "$T/none.h5" "$T/bf16.h5"
grep -q '"features": "bf16"' "$T/bf16.run/run.json"
grep -q '"views": 2' "$T/bf16.run/run.json"
train "$T/scans" "$T/fresh.h5" --views 0
! cmp -s "$T/none.h5" "$T/fresh.h5"
# Without augmentation all views are one.
train "$T/scans" "$T/p.h5" --augment none --views 0 --cache-mem 0
train "$T/scans" "$T/q.h5" --augment none --views 3
is "$(cut -d, -f1-8 "$T/p.run/history.csv")" "$(cut -d, -f1-8 "$T/q.run/history.csv")"

# --- a later run finds the files ---
kept=(--cache-dir "$T/kept")
train "$T/scans" "$T/first.h5" "${kept[@]}"
cmp "$T/none.h5" "$T/first.h5"
is "" "$(found)"
is 5 "$(find "$T/kept" -name '*.features' | wc -l)" # both sides twice, and a second view
train "$T/scans" "$T/second.h5" "${kept[@]}"
cmp "$T/none.h5" "$T/second.h5"
is 5 "$(found | wc -l)"
is "" "$(found | awk '$1 != $2')"

# Another seed divides the images in another way and augments them differently.
train "$T/scans" "$T/seed.h5" "${kept[@]}" --seed 2
[ "$(found | awk '$1 == $2' | wc -l)" -lt 5 ]

# One image has changed: it alone is computed anew.
train "$T/scans" "$T/first.h5" "${kept[@]}"
cp -r "$T/scans" "$T/changed"
train "$T/changed" "$T/c.h5" "${kept[@]}" # another folder has files of its own
is "" "$(found)"
train "$T/scans" "$T/second.h5" "${kept[@]}"
is "" "$(found | awk '$1 != $2')"
changed=$(awk -F, '$3 == "train" { print $1; exit }' "$T/c.run/split.csv")
thaw-scans "$T/others" --seed 6 --patients 12 2>/dev/null
cp "$(find "$T/others" -name "*.${changed##*.}" | head -1)" "$T/changed/$changed"
train "$T/changed" "$T/c.h5" "${kept[@]}"
is "1 1 1" "$(found | awk '$1 != $2 { print $2 - $1 }' | tr '\n' ' ' | sed 's/ $//')"
train "$T/changed" "$T/d.h5" --cache-mem 0 --cache-disk 0
cmp "$T/c.h5" "$T/d.h5"

# Preprocessing and augmentation belong to the key.
train "$T/scans" "$T/x.h5" "${kept[@]}" --fit letterbox
is "" "$(found)"
train "$T/scans" "$T/x.h5" "${kept[@]}" --augment flip
is "$(printf '%s\n' validation)" "$(grep -o 'features of the [a-z]* images[^:]*: [0-9]* of [0-9]* found' \
    "$T/err" | cut -d' ' -f4 | sort -u)"

# --- damage ---
for file in "$T"/kept/*.features; do truncate -s -1 "$file"; done
train "$T/scans" "$T/x.h5" "${kept[@]}"
cmp "$T/none.h5" "$T/x.h5"
is "" "$(found)"

# --- killed, at any time, and again with another run beside it ---
rm -rf "$T/kept"
for lines in 1 2 5; do
    rm -rf "$T/k.run" "$T/k.h5"
    thaw train "$T/scans" "${net[@]}" "${plan[@]}" -o "$T/k.h5" "${kept[@]}" --checkpoint-every 0 \
        >/dev/null 2>&1 &
    pid=$!
    if [ $lines = 1 ]; then
        until compgen -G "$T/kept/*.part-*" >/dev/null; do kill -0 $pid 2>/dev/null || break; done
    else
        until [ "$(cat "$T/k.run/history.csv" 2>/dev/null | wc -l)" -ge $lines ]; do
            kill -0 $pid 2>/dev/null || break
        done
    fi
    kill -KILL $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
    if [ -e "$T/k.run/checkpoint.h5" ]; then
        train "$T/scans" "$T/k.h5" "${kept[@]}" --resume
    else
        train "$T/scans" "$T/k.h5" "${kept[@]}"
    fi
    cmp "$T/none.h5" "$T/k.h5"
done
is "" "$(find "$T/kept" -name '*.part-*')"
rm -rf "$T/kept"
thaw train "$T/scans" "${net[@]}" "${plan[@]}" -o "$T/beside.h5" "${kept[@]}" >/dev/null 2>&1 &
train "$T/scans" "$T/k.h5" "${kept[@]}"
wait $!
cmp "$T/none.h5" "$T/k.h5"
cmp "$T/none.h5" "$T/beside.h5"
is "" "$(find "$T/kept" -name '*.part-*')"
train "$T/scans" "$T/k.h5" "${kept[@]}"
is "" "$(found | awk '$1 != $2')"

# --- the folder stays under its limit: the oldest go ---
size=$(du -b "$T"/kept/*.features | awk '{ s += $1 } END { print s }')
touch -d '1 day ago' "$T"/kept/*.features
train "$T/scans" "$T/x.h5" "${kept[@]}" --seed 3 --cache-disk "$((size + size / 2))"
[ "$(du -b "$T"/kept/*.features | awk '{ s += $1 } END { print s }')" -le "$((size + size / 2))" ]
is 5 "$(find "$T/kept" -name '*.features' -mmin -60 | wc -l)"

fails 2 'lies in the data folder' thaw train "$T/scans" --cache-dir "$T/scans/kept"
fails 2 '--features f16: needs f32 or bf16' thaw train "$T/scans" "${net[@]}" --features f16
fails 2 '--views is 3 now' thaw train "$T/scans" -o "$T/k.h5" --resume --views 3
