# Networks of keras.applications to and fro, in all kinds of files. Needs a Python that has Keras 3 and tf-keras, named by
# $THAW_KERAS_PYTHON; $THAW_FAMILIES chooses families ("all": every one, which takes an hour and 2 GB of disk).
. "$(dirname "$0")/common"

python=${THAW_KERAS_PYTHON:-python3}
"$python" -c 'import keras, tf_keras, h5py' >/dev/null 2>&1 || skip "no Keras 3 and tf-keras in $python; THAW_KERAS_PYTHON names another"

families=${THAW_FAMILIES:-mobilenet_v3_small efficientnet_b0 convnext_tiny}
[ "$families" = all ] && families=
"$python" "$ROOT/tests/keras_applications.py" "$(command -v thaw)" "$T" $families 2>"$T/keras.err" || {
    tail -n 5 "$T/keras.err" >&2
    exit 1
}
