# A training run that was killed or stopped, and goes on, ends in the same bits as one that was not.
. "$(dirname "$0")/common"

thaw-scans "$T/scans" --seed 5 --patients 12 2>/dev/null
net=(--backbone random:mobilenet_v2:0.35 --size 32 --threads 1 --batch 16)
plan=(--stages 'head:epochs=80;3:epochs=80' --checkpoint-every 0)

train() {
    thaw train "$T/scans" "${net[@]}" "${plan[@]}" "$@" >/dev/null 2>>"$T/train.err"
}

# begin MODEL SIGNAL LINES OPTION...: trains until LINES lines of history are there, then sends the
# signal; prints the exit code.
begin() {
    local history=${1%.h5}.run/history.csv pid got=0
    thaw train "$T/scans" "${net[@]}" "${plan[@]}" -o "$1" "${@:4}" >/dev/null 2>>"$T/train.err" &
    pid=$!
    until [ -e "$history" ] && [ "$(wc -l <"$history")" -ge "$3" ]; do
        sleep 0.02
        kill -0 $pid || break
    done
    kill "-$2" $pid || true
    wait $pid || got=$?
    [ ! -e "$1" ] || echo "the run was over before it was stopped" >&2
    echo $got
}

train -o "$T/whole.h5"

# Killed in the first stage, asked to stop in the second one.
is 137 "$(begin "$T/killed.h5" KILL 20)"
train -o "$T/killed.h5" --resume
cmp "$T/whole.h5" "$T/killed.h5"
is 1 "$(begin "$T/stopped.h5" TERM 100)"
grep -q 'thaw train --resume --run .*/stopped.run -o .*/stopped.h5' "$T/train.err"
thaw train --resume --run "$T/stopped.run" -o "$T/stopped.h5" >/dev/null 2>"$T/.err"
grep -q 'going on from' "$T/.err"
cmp "$T/whole.h5" "$T/stopped.h5"
is "$(cut -d, -f1-8 "$T/whole.run/history.csv")" "$(cut -d, -f1-8 "$T/stopped.run/history.csv")"

# With fixed views, whose features stand on the disk.
views=(--views 3 --cache-mem 0)
train -o "$T/views.h5" "${views[@]}"
is 137 "$(begin "$T/disk.h5" KILL 100 "${views[@]}")"
[ -n "$(ls "$T/disk.run/features")" ]
train -o "$T/disk.h5" --resume --cache-mem 0
cmp "$T/views.h5" "$T/disk.h5"
[ ! -e "$T/disk.run/features" ]
is 1 "$(begin "$T/moved.h5" TERM 90 "${views[@]}")"
train -o "$T/moved.h5" --resume # now in memory
cmp "$T/views.h5" "$T/moved.h5"

# Once more, from the last checkpoint of a run that is over.
train -o "$T/killed.h5" --resume
cmp "$T/whole.h5" "$T/killed.h5"

# What differs is named.
fails 2 '--batch is 8 now, but the run was begun with 16' \
    thaw train "$T/scans" -o "$T/killed.h5" --resume --batch 8
fails 2 '--clip is 1.0 now, but the run was begun with 0.0' \
    thaw train "$T/scans" -o "$T/killed.h5" --resume --clip 1
fails 2 '--unfreeze is "2" now, but the run was begun without it' \
    thaw train "$T/scans" -o "$T/killed.h5" --resume --unfreeze 2
fails 2 '--threads is 2 now' thaw train "$T/scans" -o "$T/killed.h5" --resume --threads 2
cp -r "$T/scans" "$T/others"
rm "$(find "$T/others" -name '*.png' | head -1)"
fails 2 'the hash of the images was' thaw train "$T/others" -o "$T/killed.h5" --resume
fails 2 'there is no checkpoint' thaw train "$T/scans" -o "$T/never.h5" --resume
fails 2 'which images' thaw train --resume
cp "$T/whole.h5" "$T/killed.run/checkpoint.h5"
fails 1 'no checkpoint of a training run' thaw train "$T/scans" -o "$T/killed.h5" --resume
head -c 5000 "$T/whole.run/checkpoint.h5" >"$T/killed.run/checkpoint.h5"
fails 1 'checkpoint.h5: ' thaw train "$T/scans" -o "$T/killed.h5" --resume
