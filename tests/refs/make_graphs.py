#!/usr/bin/env python3
"""Writes graphs.json beside itself: random wirings of Activation and Add layers, each with the order
in which tf-keras lists its layers. Needs tensorflow-cpu 2.21 and tf-keras 2.21."""
import json
import os
import random

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tf_keras as keras

HERE = os.path.dirname(os.path.abspath(__file__))


def wiring(rng, n):
    """Inputs of nodes 1 .. n-1 (node 0 is the picture); every node leads to the last."""
    inputs = [[]]
    loose = {0}
    for i in range(1, n - 1):
        chosen = rng.sample(range(max(0, i - 5), i), min(i, rng.choice([1, 1, 1, 2, 2, 3])))
        inputs.append(chosen)
        loose -= set(chosen)
        loose.add(i)
    loose = sorted(loose)
    rng.shuffle(loose)
    inputs.append(loose)
    return inputs


def keras_order(inputs):
    values = [keras.Input((2, 2, 3), name="n0")]
    for i, chosen in enumerate(inputs[1:], 1):
        if len(chosen) == 1:
            values.append(keras.layers.Activation("relu", name="n%d" % i)(values[chosen[0]]))
        else:
            values.append(keras.layers.Add(name="n%d" % i)([values[c] for c in chosen]))
    return [int(layer.name[1:]) for layer in keras.Model(values[0], values[-1]).layers]


def main():
    rng = random.Random(7)
    graphs = []
    for _ in range(60):
        inputs = wiring(rng, rng.randint(3, 24))
        graphs.append({"inputs": inputs, "order": keras_order(inputs)})
    with open(os.path.join(HERE, "graphs.json"), "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(g) for g in graphs) + "\n]\n")


if __name__ == "__main__":
    main()
