#!/usr/bin/env python3
"""Writes applications.json beside itself: for families of keras.applications the layers as Keras orders them, and
features and gradients of networks whose weights both sides compute from positions, so that no weights are stored.
Needs tensorflow-cpu 2.21 and keras 3.15.

    make_applications.py [NAME...]    only these anew, the others as they are"""
import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
import keras
import numpy as np
import tensorflow as tf

from values import values

HERE = os.path.dirname(os.path.abspath(__file__))
SIZES = (75, 96)
CHANNELS = 48  # features that are recorded, spread over all
TENSORS = 16  # gradients that are recorded, spread over all

# random:NAME in Thaw, function, arguments, input 0..255 (layers in front scale it), features too
FAMILIES = [
    ("vgg16", "VGG16", {}, False, True),
    ("vgg19", "VGG19", {}, False, False),
    ("resnet50", "ResNet50", {}, False, True),
    ("resnet101", "ResNet101", {}, False, False),
    ("resnet152", "ResNet152", {}, False, False),
    ("resnet50_v2", "ResNet50V2", {}, False, True),
    ("resnet101_v2", "ResNet101V2", {}, False, False),
    ("resnet152_v2", "ResNet152V2", {}, False, False),
    ("mobilenet:0.25", "MobileNet", {"alpha": 0.25}, False, True),
    ("mobilenet_v2:0.35", "MobileNetV2", {"alpha": 0.35}, False, True),
    ("mobilenet_v3_small", "MobileNetV3Small", {}, True, True),
    ("mobilenet_v3_small_minimalistic", "MobileNetV3Small", {"minimalistic": True}, True, True),
    ("mobilenet_v3_large:0.75", "MobileNetV3Large", {"alpha": 0.75}, True, True),
    ("mobilenet_v3_large_minimalistic", "MobileNetV3Large", {"minimalistic": True}, True, True),
    ("densenet121", "DenseNet121", {}, False, True),
    ("densenet169", "DenseNet169", {}, False, False),
    ("densenet201", "DenseNet201", {}, False, False),
    ("inception_v3", "InceptionV3", {}, False, True),
    ("inception_resnet_v2", "InceptionResNetV2", {}, False, True),
    ("xception", "Xception", {}, False, True),
    ("efficientnet_b0", "EfficientNetB0", {}, True, True),
    ("efficientnet_b1", "EfficientNetB1", {}, True, False),
    ("efficientnet_b2", "EfficientNetB2", {}, True, False),
    ("efficientnet_b3", "EfficientNetB3", {}, True, True),
    ("efficientnet_b4", "EfficientNetB4", {}, True, False),
    ("efficientnet_b5", "EfficientNetB5", {}, True, False),
    ("efficientnet_b6", "EfficientNetB6", {}, True, False),
    ("efficientnet_b7", "EfficientNetB7", {}, True, False),
    ("efficientnet_v2_b0", "EfficientNetV2B0", {}, True, True),
    ("efficientnet_v2_b1", "EfficientNetV2B1", {}, True, False),
    ("efficientnet_v2_b2", "EfficientNetV2B2", {}, True, False),
    ("efficientnet_v2_b3", "EfficientNetV2B3", {}, True, False),
    ("efficientnet_v2_s", "EfficientNetV2S", {}, True, True),
    ("efficientnet_v2_m", "EfficientNetV2M", {}, True, False),
    ("efficientnet_v2_l", "EfficientNetV2L", {}, True, False),
    ("nasnet_mobile", "NASNetMobile", {}, False, True),
    ("nasnet_large", "NASNetLarge", {}, False, False),
    ("convnext_tiny", "ConvNeXtTiny", {}, True, True),
    ("convnext_small", "ConvNeXtSmall", {}, True, False),
    ("convnext_base", "ConvNeXtBase", {}, True, False),
]


def leaves(model):
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from leaves(layer)
        elif layer.weights:
            yield layer


def weight(kind, role, shape, stream):
    """As fill_weight of tests/test_applications.c."""
    v = values(int(np.prod(shape)), stream).reshape(shape)
    if role == "count":
        return np.zeros(shape, np.float32)
    if role == "gamma" or kind == "LayerScale":
        return (v + np.float32(0.5)) * np.float32(0.8)
    if "variance" in role:
        return v + np.float32(0.5)
    if "kernel" not in role:
        return v - np.float32(0.5)
    deep = kind == "DepthwiseConv2D" or role == "depthwise_kernel"
    fan = np.prod(shape[:2]) if deep else np.prod(shape[:-1])
    return (v * np.float32(2) - np.float32(1)) * np.float32(np.sqrt(6 / fan))


def role(w):
    """"kernel", of a variable of Keras 2 or 3."""
    return (getattr(w, "path", None) or w.name).split("/")[-1].split(":")[0]


def fill(model):
    for k, layer in enumerate(leaves(model)):
        kind = type(layer).__name__
        layer.set_weights([weight(kind, role(w), tuple(w.shape), 16 * k + i)
                           for i, w in enumerate(layer.weights)])
        if kind == "Normalization":
            layer.finalize_state()


def structure(model):
    """FNV-1a of "3,3,3,64;64;|...": shapes of all weights, layer by layer."""
    text = "".join("".join(",".join(map(str, w.shape)) + ";" for w in layer.weights) + "|" for layer in leaves(model))
    h = 2166136261
    for c in text.encode():
        h = (h ^ c) * 16777619 & 0xFFFFFFFF
    return h


def build(function, **kwargs):
    keras.backend.clear_session()
    return getattr(keras.applications, function)(weights=None, **kwargs)


def prepare(function, kwargs, pixels, size, dtype):
    keras.config.set_floatx(dtype)
    model = build(function, include_top=False, input_shape=(size, size, 3), **kwargs)
    keras.config.set_floatx("float32")
    fill(model)
    x = values(size * size * 3, 9999).reshape(1, size, size, 3)
    return model, (x * np.float32(255) if pixels else x * np.float32(4) - np.float32(2)).astype(dtype)


def features(*case):
    """In double precision, and how far Keras' float32 is from that (max|a-b| / max|b|)."""
    found = {}
    for dtype in ("float64", "float32"):
        model, x = prepare(*case, dtype)
        y = np.asarray(model(x, training=False), np.float64).mean((1, 2))[0]
        found[dtype] = np.array([y[i * len(y) // CHANNELS] for i in range(CHANNELS)])
    wanted = found["float64"]
    own = abs(found["float32"] - wanted).max() / abs(wanted).max()
    return [float("%.7g" % v) for v in wanted], float("%.2g" % own)


def all_gradients(*case):
    """Of sum(y * r), r in -1 .. 1: the place of each trainable tensor, and the gradient."""
    model, x = prepare(*case)
    places = [(16 * k + i, w) for k, layer in enumerate(leaves(model)) for i, w in enumerate(layer.weights)
              if layer.trainable and any(w is t for t in layer.trainable_weights)]
    with tf.GradientTape() as tape:
        y = model(x, training=False)
        r = values(int(np.prod(y.shape)), 8888).reshape(y.shape).astype(x.dtype) * 2 - 1
        loss = tf.reduce_sum(y * r)
    found = tape.gradient(loss, [w.value for _, w in places])
    return [(place, np.asarray(g, np.float64).ravel()) for (place, _), g in zip(places, found)]


def gradients(*case):
    """For some tensors the place, the gradient's norm, its product with numbers in -1 .. 1, and how far Keras' float32 is
    from the double precision that these are of (|a-b| / |b|)."""
    exact, single = all_gradients(*case, "float64"), all_gradients(*case, "float32")
    n, rows = min(TENSORS, len(exact)), []
    for i in range(n):
        at = i * (len(exact) - 1) // max(1, n - 1)
        place, g = exact[at]
        r = values(g.size, 7777).astype(np.float64) * 2 - 1
        norm = np.sqrt((g * g).sum())
        own = np.sqrt(((single[at][1] - g) ** 2).sum()) / max(norm, 1e-30)
        rows.append([place, float("%.6g" % norm), float("%.6g" % (g * r).sum()), float("%.2g" % own)])
    return rows


def make(spec, function, kwargs, pixels, run):
    vgg = function.startswith("VGG")  # its top depends on the size, and is large
    model = build(function, input_shape=(96, 96, 3), **({"include_top": False} if vgg else {}), **kwargs)
    row = {"spec": spec, "top": not vgg, "parameters": model.count_params(), "structure": structure(model),
           "pixels": pixels}
    del model
    if run:
        for size in SIZES:
            found, own = features(function, kwargs, pixels, size)
            row.setdefault("features", {})[str(size)] = found
            row.setdefault("own", {})[str(size)] = own
        row["gradients"] = gradients(function, kwargs, pixels, SIZES[0])
    print(spec, row["parameters"], flush=True)
    return row


def main():
    path, wanted = os.path.join(HERE, "applications.json"), sys.argv[1:]
    old = {row["spec"]: row for row in json.load(open(path))} if wanted else {}
    rows = [old[f[0]] if wanted and f[0] not in wanted else make(*f) for f in FAMILIES]
    with open(path, "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")


if __name__ == "__main__":
    main()
