#!/usr/bin/env python3
"""Do the networks of keras.applications open in Thaw, and Thaw's in Keras, with equal answers?

    keras_applications.py THAW FOLDER [--forward] [NAME...]     all families, or these: mobilenet_v3_small, ...

For each family, with weights that are computed from their positions, a line of a table with max|a-b| / max|b| of the
features and the answers, whichever is worse: the whole model as Keras 3 and as tf-keras write it (.h5, and .keras),
the weights alone (legacy with and without top, and .weights.h5 when the family is told), what Thaw exports of a file
and of random weights, opened by both. With --forward only the first: the whole model of Keras 3, into Thaw. FOLDER takes
the files. Exit 1 when something is above 1e-4 or fails.
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "refs"))
import h5py
import make_applications as families
import numpy as np
import tf_keras
from make_applications import keras
from thaw_program import Thaw, distance

LIMIT = 1e-4
COLUMNS = ("h5 Keras 3", "h5 tf-keras", "keras Keras 3", "keras tf-keras", "weights Keras 3", "weights tf-keras",
           "weights no top", ".weights.h5", "export Keras 3", "export tf-keras", "random Keras 3", "random tf-keras")
SIZES = {"Keras 3": 96, "tf-keras": 75}
FRAMEWORKS = {"Keras 3": keras, "tf-keras": tf_keras}
# Too large for references that unit tests compare with.
LARGE = [("convnext_large", "ConvNeXtLarge", {}, True, False), ("convnext_xlarge", "ConvNeXtXLarge", {}, True, False)]


def run(model, x):
    """Layer by layer: for one batch that is faster than predict(), which compiles the model first."""
    y = model(x, training=False)
    return [np.asarray(v) for v in y] if isinstance(y, (list, tuple)) else np.asarray(y)


def damp(model):
    """Of random weights, each residual block of EfficientNetV2 multiplies the rounding errors of those before it, until
    in the M Keras' own float32 is 0.4 away from its float64: here blocks add a fifth of what they would."""
    for layer in families.leaves(model):
        if layer.name.endswith("project_bn"):
            gamma, *others = layer.get_weights()
            layer.set_weights([gamma * np.float32(0.2), *others])


class Case:
    """One family in one framework: a model, its input, features and answers."""

    def __init__(self, thaw, framework, function, kwargs, pixels):
        self.thaw, self.framework, self.size = thaw, FRAMEWORKS[framework], SIZES[framework]
        self.function, self.kwargs = function, kwargs
        self.framework.backend.clear_session()
        self.model = self.build(classes=10)
        families.fill(self.model)
        if function.startswith("EfficientNetV2"):
            damp(self.model)
        pooled = [l for l in self.model.layers if type(l).__name__ == "GlobalAveragePooling2D"] or \
            [l for l in self.model.layers if type(l).__name__ == "Flatten"]
        both = self.framework.Model(self.model.inputs, [pooled[-1].input, self.model.outputs[0]])
        n = self.size * self.size * 3
        x = families.values(2 * n, 9999).reshape(2, self.size, self.size, 3)
        self.x = x * np.float32(255) if pixels else x * np.float32(4) - np.float32(2)
        self.calm(run(both, self.x)[0])
        features, self.y = run(both, self.x)
        self.features = features.mean((1, 2))
        self.input = thaw.path("x.npy")
        np.save(self.input, self.x)

    def build(self, **more):
        return getattr(self.framework.applications, self.function)(
            weights=None, input_shape=(self.size, self.size, 3), **self.kwargs, **more)

    def calm(self, features):
        """Divides the classifier's kernel, so that no answer is all of 1."""
        last = list(families.leaves(self.model))[-1]
        weights = last.get_weights()
        weights[0] /= np.float32(np.sqrt((features.mean((1, 2)) ** 2).mean()))
        last.set_weights(weights)

    def compare(self, path, *options):
        found = max(distance(self.thaw.features(path, self.input, *options), self.features),
                    distance(self.thaw.answers(path, self.input, *options), self.y))
        return found

    def saved(self, name, save, *options):
        path = self.thaw.path(name)
        try:
            save(path)
            return self.compare(path, *options)
        finally:
            if os.path.exists(path):
                os.remove(path)

    def save_weights(self, path):
        """The legacy layout, which Keras 3 still reads but writes for whole models only."""
        if self.framework is tf_keras:
            self.model.save_weights(path)
        else:
            with h5py.File(path, "w") as f:
                keras.src.legacy.saving.legacy_h5_format.save_weights_to_hdf5_group(f, self.model)

    def without_top(self):
        for _ in range(2):  # the second one has other automatic names
            model = self.build(include_top=False)
        families.fill(model)
        path = self.thaw.path("top.h5")
        model.save_weights(path)
        wanted = run(model, self.x).mean((1, 2))
        try:
            return distance(self.thaw.features(path, self.input, "--size", str(self.size)), wanted)
        finally:
            os.remove(path)

    def opened(self, path, wanted):
        """Both frameworks' answers of an exported file."""
        for framework in FRAMEWORKS.values():
            y = run(framework.models.load_model(path, compile=False), self.x)
            yield distance(y if y.ndim == 2 else y.mean((1, 2)), wanted)


def columns(thaw, spec, function, kwargs, pixels, forward):
    """(column, thunk that gives its number)."""
    for framework in FRAMEWORKS:
        case = Case(thaw, framework, function, kwargs, pixels)
        size = ("--size", str(case.size))
        yield "h5 " + framework, lambda: case.saved("whole.h5", case.model.save)
        if forward:
            return
        yield "keras " + framework, lambda: case.saved("whole.keras", case.model.save)
        yield "weights " + framework, lambda: case.saved("w.h5", case.save_weights, *size)
    yield "weights no top", case.without_top
    yield ".weights.h5", lambda: case.saved("w.weights.h5", case.model.save_weights, *size, "--arch", spec)
    case.model.save(thaw.path("whole.h5"))
    path = thaw.export(thaw.path("whole.h5"))
    results = case.opened(path, case.y)
    yield "export Keras 3", lambda: next(results)
    yield "export tf-keras", lambda: next(results)
    path = thaw.export("random:" + spec, "--size", str(case.size))
    results = case.opened(path, thaw.features(path, case.input))
    yield "random Keras 3", lambda: next(results)
    yield "random tf-keras", lambda: next(results)


def main():
    thaw, wanted = Thaw(*sys.argv[1:3]), sys.argv[3:]
    forward = wanted[:1] == ["--forward"]
    wanted = wanted[forward:]
    good = True
    print("| family | " + " | ".join(COLUMNS) + " |")
    print("|---" * (len(COLUMNS) + 1) + "|")
    for spec, function, kwargs, pixels, _ in families.FAMILIES + LARGE:
        if wanted and spec not in wanted:
            continue
        row = {}
        for column, thunk in columns(thaw, spec, function, kwargs, pixels, forward):
            try:
                found = thunk()
                good &= found <= LIMIT
                row[column] = "%.0e" % found
            except Exception as error:  # whatever it is, it stands in the table
                good = False
                row[column] = str(error).strip().splitlines()[0][:120]
        print("| " + " | ".join([spec] + [row.get(c, "-") for c in COLUMNS]) + " |", flush=True)
    sys.exit(not good)


if __name__ == "__main__":
    main()
