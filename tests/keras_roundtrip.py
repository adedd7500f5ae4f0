#!/usr/bin/env python3
"""Does a model file of Thaw give the same answers in Keras?

    keras_roundtrip.py keras|tf_keras (MODEL.h5 INPUT.npy ANSWERS.csv)...    within 1e-4
    keras_roundtrip.py keras|tf_keras --refuses MODEL.h5                     Keras cannot open this one
    keras_roundtrip.py keras|tf_keras --there                                is the framework installed?

INPUT.npy is what `thaw predict --dump-input` wrote, ANSWERS.csv what its --csv (or `thaw features -o`) wrote: the
numbers at the end of each row are compared with Keras' output, pooled over the sides where it is a feature map.
"""
import csv
import importlib
import importlib.util
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
LIMIT = 1e-4


def load(framework, path):
    module = importlib.import_module(framework)
    return module.models.load_model(path, compile=False)


def read_answers(path):
    """Rows of numbers; the texts before them (file, prediction) are told by the header."""
    with open(path, newline="") as f:
        rows = list(csv.reader(f))
    first = 2 if rows[0][1] == "prediction" else 1
    return [[float(v) for v in row[first:]] for row in rows[1:]]


def compare(framework, path, tensor, answers):
    import numpy as np
    x, want = np.load(tensor), np.array(read_answers(answers))
    got = np.asarray(load(framework, path).predict(x, verbose=0), dtype=np.float64)
    if got.ndim == 4:
        got = got.mean((1, 2))
    if got.shape != want.shape:
        sys.exit(f"{path}: {framework} answers with shape {got.shape}, thaw with {want.shape}")
    difference = float(abs(got - want).max() / max(1.0, abs(want).max()))
    spread = f", answers spread over {(want.max(0) - want.min(0)).max():.2g}" if len(want) > 1 else ""
    print(f"{os.path.basename(path)} in {framework}: {len(x)} inputs{spread}, largest difference {difference:.1e}")
    if not difference <= LIMIT:
        sys.exit(f"{path}: {framework} differs by {difference:g}, allowed {LIMIT:g}")


def refuses(framework, path):
    try:
        load(framework, path)
    except Exception as error:  # whatever it is, it is a refusal
        print(f"{os.path.basename(path)} in {framework}: refused, {str(error).strip().splitlines()[0][:100]}")
        return
    sys.exit(f"{path}: {framework} was expected to refuse it, and opened it")


def main():
    framework, rest = sys.argv[1], sys.argv[2:]
    if rest == ["--there"]:
        sys.exit(importlib.util.find_spec(framework) is None)
    elif rest[0] == "--refuses":
        refuses(framework, rest[1])
    else:
        for i in range(0, len(rest), 3):
            compare(framework, *rest[i:i + 3])


if __name__ == "__main__":
    main()
