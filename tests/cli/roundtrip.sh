# There and back: Thaw trains, Keras fine-tunes what Thaw exported, Thaw reads what Keras saved, with equal features and
# answers, and trains on; Keras opens that as well. Needs a Python that has Keras 3 or tf-keras, named by $THAW_KERAS_PYTHON.
. "$(dirname "$0")/common"

python=${THAW_KERAS_PYTHON:-python3}
frameworks=()
for framework in keras tf_keras; do
    "$python" "$ROOT/tests/keras_roundtrip.py" $framework --there >/dev/null 2>&1 && frameworks+=($framework)
done
[ ${#frameworks[@]} = 0 ] && skip "no Keras in $python; THAW_KERAS_PYTHON names another"

# in_keras SCRIPT ARGUMENTS: quiet unless it fails.
in_keras() {
    "$python" "$ROOT/tests/$1" "${@:2}" 2>"$T/keras.err" || {
        tail -n 5 "$T/keras.err" >&2
        exit 1
    }
}

train() {
    thaw train "$T/scans" --size 64 --seed 1 --threads 1 --precision f32 "$@" >/dev/null 2>"$T/train.err" || {
        cat "$T/train.err" >&2
        exit 1
    }
}

thaw-scans "$T/scans" --seed 3 --patients 12 2>/dev/null
mapfile -t scans < <(find "$T/scans" -name '*.png' -o -name '*.jpg' | sort | awk 'NR % 3 == 1' | head -16)
is 16 ${#scans[@]}
# Published weights where they are at hand: random ones answer nearly the same to every scan.
backbone=$SHARED/models/teachable_machine_mobilenet_v2_0.35_224.h5
[ -e "$backbone" ] || backbone=random:mobilenet_v2:0.35
train --backbone "$backbone" --epochs 1 -o "$T/first.h5"
thaw predict "$T/first.h5" "${scans[@]}" --dump-input "$T/x.npy" >/dev/null
thaw features "$T/first.h5" --tensor "$T/x.npy" -o "$T/first.npy"
thaw export "$T/first.h5" -o "$T/export.h5" >/dev/null

for framework in "${frameworks[@]}"; do
    mkdir -p "$T/$framework"
    in_keras keras_tune.py $framework "$T/export.h5" "$T/x.npy" "$T/$framework"
    wanted=$T/$framework/tuned.features.npy
    in_keras keras_tune.py differ "$T/first.npy" "$wanted"
    for kind in h5 keras; do
        tuned=$T/$framework/tuned.$kind
        thaw features "$tuned" --tensor "$T/x.npy" -o "$T/features.npy"
        in_keras keras_tune.py compare "$T/features.npy" "$wanted"
        thaw predict "$tuned" --tensor "$T/x.npy" --csv "$T/answers.csv" >/dev/null
        paste -d , "$T/answers.csv" "$T/$framework/tuned.csv" | awk -F , '
            NR > 1 { for (i = 3; i <= NF / 2; i++) { d = $i - $(i + NF / 2); if (d < -1e-4 || d > 1e-4) exit 1 } }'
    done
    # A new head on Keras' features leaves them as they are; the whole network then trains on.
    train --backbone "$tuned" --head-only --epochs 1 -o "$T/head.h5"
    thaw features "$T/head.h5" --tensor "$T/x.npy" -o "$T/features.npy"
    in_keras keras_tune.py compare "$T/features.npy" "$wanted"
    train --backbone "$T/$framework/tuned.h5" --epochs 1 --unfreeze all --no-rollback -o "$T/second.h5"
    thaw export "$T/second.h5" -o "$T/second-export.h5" >/dev/null
    thaw predict "$T/second.h5" "${scans[@]}" --dump-input "$T/y.npy" --csv "$T/second.csv" >/dev/null
    in_keras keras_roundtrip.py $framework "$T/second-export.h5" "$T/y.npy" "$T/second.csv"
    cmp "$T/x.npy" "$T/y.npy"
done
