# --precision: a trained model in fewer bits, what it needs for that, and processors that lack it.
. "$(dirname "$0")/common"

thaw-scans "$T/scans" --seed 5 --patients 12 2>/dev/null
thaw train "$T/scans" --backbone random:mobilenet_v2:0.35 --size 32 --threads 1 --batch 16 \
    --head-only --epochs 2 -o "$T/m.h5" >/dev/null 2>"$T/err"
grep -q '"frozen_precision": ' "$T/m.run/run.json"

# able NAME: this processor computes fast in it.
able() {
    local words
    words=$(thaw eval "$T/m.h5" "$T/scans" --precision "$1" 2>&1 >/dev/null) ||
        [[ $words != *'this processor lacks'* ]]
}

probability() {
    thaw predict "$1" "$(find "$T/scans" -name '*.png' | sort | head -1)" --json --threads 1 "${@:2}" \
        2>/dev/null | sed -n 's/.*"probability": \([0-9.]*\).*/\1/p' | head -1
}

near() {
    awk -v a="$1" -v b="$2" 'BEGIN { exit !(a - b < 0.05 && b - a < 0.05) }'
}

whole=$(probability "$T/m.h5")
is "$whole" "$(probability "$T/m.h5" --precision f32)"
for precision in bf16 int8; do
    if able $precision; then
        thaw eval "$T/m.h5" "$T/scans" --precision $precision --json >"$T/out" 2>/dev/null
        grep -q '"accuracy"' "$T/out"
        near "$whole" "$(probability "$T/m.h5" --precision $precision)"
        # Where bf16 is slow, float32 stands in for it, and the user is told.
        if [[ $precision = bf16 && $(thaw --version) = *'slow bf16'* ]]; then
            thaw predict "$T/m.h5" "$T/scans" --precision bf16 >/dev/null 2>"$T/err"
            grep -q 'note: --precision bf16: .*float32 is used' "$T/err"
            is "$whole" "$(probability "$T/m.h5" --precision bf16)"
        fi
    fi
    fails 2 'this processor lacks' env ONEDNN_MAX_CPU_ISA=AVX2 thaw eval "$T/m.h5" "$T/scans" \
        --precision $precision
done

# The calibration goes along when a model is written again; other models have none.
if able int8; then
    thaw export "$T/m.h5" -o "$T/e.h5" 2>/dev/null
    is "$(probability "$T/m.h5" --precision int8)" "$(probability "$T/e.h5" --precision int8)"
    fails 2 'holds no calibration' thaw features random:mobilenet:0.25 "$T/scans" --size 32 \
        --precision int8
fi
fails 2 'known are f32, bf16, int8' thaw predict "$T/m.h5" "$T/scans" --precision fp16
fails 2 'needs auto, f32, bf16 or int8' thaw train "$T/scans" --precision half
