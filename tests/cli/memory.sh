# --mem: the kernel's own figure of the peak stays under the limit; what cannot be is refused at once.
. "$(dirname "$0")/common"
! ldd "$THAW_BUILD/thaw" | grep -q libasan || skip "a sanitizer takes memory of its own"

thaw-scans "$T/scans" --seed 5 --patients 12 2>/dev/null
net=(--backbone random:mobilenet_v2:0.35 --size 96 --threads 1 --batch 16)
plan=(--stages 'head:epochs=3;3:epochs=2' --views 2)

# peak MODEL LIMIT: megabytes of the run, rounded up.
peak() {
    echo $((($(grep -o '"peak_memory_bytes": [0-9]*' "${1%.h5}.run/run.json" | tr -dc 0-9) + 1048575) / 1048576))
}
train() {
    thaw train "$T/scans" "${net[@]}" "${plan[@]}" "$@" >/dev/null 2>"$T/err" || {
        cat "$T/err" >&2
        return 1
    }
}

fails 2 '--mem 20M: this run needs ' thaw train "$T/scans" "${net[@]}" "${plan[@]}" --mem 20M -o "$T/no.h5"
[ ! -e "$T/no.h5" ]
least=$(sed -n 's/.*this run needs \([0-9]*\)M at least.*/\1/p' "$T/.err")

# What it says it needs is enough; more goes to the caches.
train --mem "${least}M" -o "$T/least.h5"
[ "$(peak "$T/least.h5")" -le "$least" ]
grep -q '^memory: at most ' "$T/err"
train --mem "$((least + 60))M" -o "$T/more.h5"
[ "$(peak "$T/more.h5")" -le "$((least + 60))" ]
! grep -q 'not kept' "$T/err"

# The same limit gives the same bits, and belongs to the options that a resumed run must keep.
train --mem "${least}M" -o "$T/again.h5"
cmp "$T/least.h5" "$T/again.h5"
fails 2 '--mem is ' thaw train "$T/scans" --resume -o "$T/least.h5" --mem "$((least + 1))M"
thaw train "$T/scans" --resume -o "$T/least.h5" >/dev/null 2>&1
cmp "$T/least.h5" "$T/again.h5"
