# Exported models give the same answers in Keras 3 and tf-keras. Needs a Python that has them, named by
# $THAW_KERAS_PYTHON (pip install tensorflow-cpu keras tf-keras, in an environment outside the tree).
. "$(dirname "$0")/common"

python=${THAW_KERAS_PYTHON:-python3}
frameworks=()
for framework in keras tf_keras; do
    "$python" "$ROOT/tests/keras_roundtrip.py" $framework --there >/dev/null 2>&1 && frameworks+=($framework)
done
[ ${#frameworks[@]} = 0 ] && skip "no Keras in $python; THAW_KERAS_PYTHON names another"

# All comparisons, as MODEL INPUT ANSWERS; made at the end, in one process for each framework.
cases=()

# roundtrip NAME MODEL FILE...: exported with and without preprocessing layers.
roundtrip() {
    local name=$T/$1 model=$2
    shift 2
    thaw export "$model" -o "$name.h5" >/dev/null
    thaw predict "$model" "$@" --dump-input "$name.npy" --csv "$name.csv" >/dev/null
    thaw export "$model" -o "$name-front.h5" --with-preprocessing >/dev/null
    thaw predict "$name-front.h5" "$@" --dump-input "$name-front.npy" >/dev/null
    cases+=("$name.h5" "$name.npy" "$name.csv" "$name-front.h5" "$name-front.npy" "$name.csv")
}

# Tuned models, from published weights where they are at hand: random ones answer nearly the same to every scan.
thaw-scans "$T/scans" --seed 3 --patients 16 2>/dev/null
mapfile -t scans < <(find "$T/scans" -name '*.png' -o -name '*.jpg' | sort | awk 'NR % 6 == 1' | head -10)
is 10 ${#scans[@]}
tune() {
    thaw train "$T/scans" --backbone "$2" --size 64 --epochs 2 --seed 1 -o "$T/tuned.h5" \
        >/dev/null 2>"$T/train.err" || { cat "$T/train.err" >&2 && exit 1; }
    roundtrip "tuned_$1" "$T/tuned.h5" "${scans[@]}"
}
first() {
    local f
    for f in "$@"; do
        [[ $f == random:* || -e $f ]] && echo "$f" && return
    done
}
tune mobilenet_v2 "$(first "$SHARED/models/teachable_machine_mobilenet_v2_0.35_224.h5" random:mobilenet_v2:0.35)"
tune squeezenet "$(first "$SHARED/models/squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5" random:squeezenet)"
tune efficientnet "$(first "$ROOT/models/efficientnet_lite0.h5" random:efficientnet_lite0)"

# Published files, where they lie beside the project: one that Keras 3 itself cannot open, one nested model.
if [ -d "$SHARED/models" ]; then
    models=$SHARED/models
    cat=$models/cat_224.png
    [[ " ${frameworks[*]} " == *" keras "* ]] &&
        "$python" "$ROOT/tests/keras_roundtrip.py" keras --refuses "$models/mobilenet_v1_0.25_224.h5" 2>/dev/null
    roundtrip mobilenet "$models/mobilenet_v1_0.25_224.h5" "$cat"
    roundtrip nested "$models/teachable_machine_mobilenet_v2_0.35_224.h5" "$cat"
    # Without a top: the features. The picture itself is what a model with preprocessing layers takes.
    thaw predict "$T/mobilenet-front.h5" "$cat" --dump-input "$T/cat.npy" >/dev/null
    for model in mobilenet_2_5_224_tf_no_top.h5 squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5; do
        thaw features "$models/$model" "$cat" -o "$T/$model.csv" 2>/dev/null
        thaw export "$models/$model" -o "$T/$model" --with-preprocessing >/dev/null
        cases+=("$T/$model" "$T/cat.npy" "$T/$model.csv")
    done
else
    echo "keras: shared/models absent, published files not tried"
fi

for framework in "${frameworks[@]}"; do
    "$python" "$ROOT/tests/keras_roundtrip.py" $framework "${cases[@]}" 2>"$T/keras.err" || {
        tail -n 5 "$T/keras.err" >&2
        exit 1
    }
done
