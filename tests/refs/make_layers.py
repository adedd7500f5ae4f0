#!/usr/bin/env python3
"""Writes layers.json and layers.npy beside itself: what tf-keras computes for the example
configurations of nn/layers/*.c, from inputs and weights that tests/layer_case.c repeats. Needs
tensorflow-cpu 2.21 and tf-keras 2.21."""
import ast
import glob
import json
import os
import re

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow as tf
import tf_keras as keras
from tf_keras.src.applications import convnext, inception_resnet_v2
from values import values

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLES = 2


def weight(role, shape, index):
    v = values(int(np.prod(shape)), 16 + index).reshape(shape)
    if role in ("gamma", "variance", "moving_variance"):
        return v + np.float32(0.5)
    return v - np.float32(0.5)


def examples(path):
    """The kind's name and its JSON examples, from the C text."""
    text = open(path).read()
    name = re.search(r'\.name = "(\w+)"', text).group(1)
    found = re.search(r"examples\[\] = \{(.*?)NULL\};", text, re.S)
    if not found:
        return name, []
    literals = re.sub(r'"\s*\n?\s*"', "", found.group(1))
    return name, [ast.literal_eval(s) for s in re.findall(r'"(?:[^"\\]|\\.)*"', literals)]


FUNCTIONS = {
    "hard_sigmoid_3": lambda x: tf.nn.relu6(x + 3) / 6,
    "hard_swish": lambda x: x * tf.nn.relu6(x + 3) / 6,
}


# Layers that Keras keeps to its own networks.
OWN = {
    "LayerScale": convnext.LayerScale,
    "StochasticDepth": convnext.StochasticDepth,
    "CustomScaleLayer": inception_resnet_v2.CustomScaleLayer,
}


def make(name, config):
    config = dict(config)
    act = config.get("activation")
    if isinstance(act, dict):
        config["activation"] = getattr(keras.layers, act["class_name"])(**act["config"])
    elif act in FUNCTIONS:
        config["activation"] = FUNCTIONS[act]
    if "negative_slope" in config and name == "LeakyReLU":
        config["alpha"] = config.pop("negative_slope")
    return (OWN.get(name) or getattr(keras.layers, name))(**config)


def run(name, example):
    inputs = []
    for k, shape in enumerate(example["inputs"]):
        v = values(SAMPLES * int(np.prod(shape)), k).reshape([SAMPLES] + shape)
        inputs.append(v * np.float32(4) - np.float32(2))
    if name == "InputLayer":
        shape = example["config"].get("batch_input_shape") or example["config"]["batch_shape"]
        return list(shape[1:]), None, []
    layer = make(name, example["config"])
    layer.build([x.shape for x in inputs] if len(inputs) > 1 else inputs[0].shape)
    layer.built = True
    roles = [w.name.split("/")[-1].split(":")[0] for w in layer.weights]
    layer.set_weights([weight(r, w.shape, i).astype(w.dtype.as_numpy_dtype)
                       for i, (r, w) in enumerate(zip(roles, layer.weights))])
    if name == "Normalization":
        layer.finalize_state()
    y = layer(inputs if len(inputs) > 1 else inputs[0])
    weights = [[r, list(w.shape)] for r, w in zip(roles, layer.weights)]
    return list(y.shape[1:]), np.asarray(y, dtype=np.float32), weights


def main():
    index, arrays, at = [], [], 0
    for path in sorted(glob.glob(os.path.join(HERE, "../../nn/layers/*.c"))):
        name, texts = examples(path)
        for text in texts:
            shape, y, weights = run(name, json.loads(text))
            index.append({"kind": name, "example": text, "shape": shape, "weights": weights,
                          "at": at if y is not None else -1})
            if y is not None:
                arrays.append(y.ravel())
                at += y.size
    with open(os.path.join(HERE, "layers.json"), "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(i) for i in index) + "\n]\n")
    np.save(os.path.join(HERE, "layers.npy"), np.concatenate(arrays))
    print(len(index), "examples,", at, "numbers")


if __name__ == "__main__":
    main()
