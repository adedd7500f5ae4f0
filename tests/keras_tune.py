#!/usr/bin/env python3
"""Fine-tunes a model in Keras for one epoch, and compares.

    keras_tune.py keras|tf_keras MODEL.h5 INPUT.npy FOLDER      loads, trains, writes FOLDER/tuned.h5 and tuned.keras,
                                                                tuned.features.npy and tuned.csv (answers)
    keras_tune.py compare A.npy B.npy                           within 1e-4, max|a-b| / max|b|
    keras_tune.py differ A.npy B.npy                            at least 1e-3 apart

INPUT.npy is what `thaw predict --dump-input` wrote. Any labels do: the weights only have to move.
"""
import csv
import importlib
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
import numpy as np

LIMIT, MOVED = 1e-4, 1e-3


def tune(framework, path, tensor, folder):
    keras = importlib.import_module(framework)
    keras.utils.set_random_seed(1)
    model, x = keras.models.load_model(path, compile=False), np.load(tensor)
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    before = [w.copy() for w in model.get_weights()]
    model.fit(x, np.arange(len(x)) % model.output_shape[-1], batch_size=8, epochs=1, verbose=0)
    moved = sum(not np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    pool = [l for l in model.layers if type(l).__name__ == "GlobalAveragePooling2D"][-1]
    features, answers = keras.Model(model.inputs, [pool.output, model.outputs[0]])(x, training=False)
    np.save(os.path.join(folder, "tuned.features.npy"), np.asarray(features))
    with open(os.path.join(folder, "tuned.csv"), "w", newline="") as f:
        csv.writer(f).writerows([["file", "prediction"]] + [["-", "-", *map(float, row)] for row in np.asarray(answers)])
    for kind in ("h5", "keras"):
        model.save(os.path.join(folder, "tuned." + kind))
    print("%s %s: one epoch moved %d of %d tensors" % (framework, keras.__version__, moved, len(before)))
    if 2 * moved < len(before):
        sys.exit("most weights did not move")


def check(how, a, b):
    found = abs(np.load(a).astype(np.float64) - np.load(b)).max() / abs(np.load(b)).max()
    print("%s %s %s: %.1e" % (how, os.path.basename(a), os.path.basename(b), found))
    sys.exit(not (found <= LIMIT if how == "compare" else found >= MOVED))


def main():
    if sys.argv[1] in ("compare", "differ"):
        check(*sys.argv[1:])
    else:
        tune(*sys.argv[1:])


if __name__ == "__main__":
    main()
