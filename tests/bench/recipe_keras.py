#!/usr/bin/env python3
"""Thaw's recipe in Keras, to be measured beside it: a new head on a frozen backbone, then its top
blocks as well; fixed epochs, the last weights, no choice made on the validation images.

    recipe_keras.py --data DIR --backbone FILE.h5 --preprocess tf

DIR holds train/CLASS/* and val/CLASS/*. FILE.h5 is a flat Keras model ('thaw export' and
'thaw import' write such). Prints one JSON object a seed, each from a process of its own, and with
several seeds a summary. --random trains the same network from random weights, with batch
statistics. Options that 'thaw train' has too are called and preset as there. Needs
tensorflow-cpu 2.21, keras 3.15 and pillow; see README.md."""
import argparse
import json
import math
import os
import re
import statistics
import subprocess
import sys
import time

BEGAN = time.time()
PREPROCESS = {"tf": (127.5, 127.5), "lite": (127.0, 128.0)}  # mean and divisor


def arguments():
    p = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument("--data", required=True, help="folder with train/ and val/")
    p.add_argument("--backbone", required=True, help="flat Keras .h5")
    p.add_argument("--preprocess", choices=PREPROCESS, required=True)
    p.add_argument("--size", type=int, default=224, help="side of a model that leaves it open")
    p.add_argument("--seeds", default="0,1,2,3,4")
    p.add_argument("--head-epochs", type=int, default=20)
    p.add_argument("--head-lr", type=float, default=1e-2)
    p.add_argument("--thaw-epochs", type=int, default=10, help="0: head only")
    p.add_argument("--thaw-lr", type=float, default=2e-3)
    p.add_argument("--thaw-from", metavar="WHAT",
                   help="a layer, a number of blocks from the top, or 'all'; default: the upper half")
    p.add_argument("--random", action="store_true", help="random weights and batch statistics")
    p.add_argument("--random-epochs", type=int, default=30)
    p.add_argument("--random-lr", type=float, default=1e-3)
    p.add_argument("--batch-statistics", action="store_true",
                   help="batch norms that train use the batch's statistics (always with --random)")
    p.add_argument("--bn-momentum", type=float, help="of random weights; default: the file's")
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--optimizer", choices=("adamw", "adam", "sgd"), default="adamw")
    p.add_argument("--weight-decay", type=float, default=0.01,
                   help="decoupled, of kernels; none with adam")
    p.add_argument("--clip", type=float, default=0, help="largest global norm; 0: none")
    p.add_argument("--block-decay", type=float, default=2.6,
                   help="each block's rate is that of the one above divided by this; "
                        "1 with --random")
    p.add_argument("--schedule", choices=("cosine", "constant"), default="cosine")
    p.add_argument("--warmup", type=float, default=0.5, help="epochs, of each stage")
    p.add_argument("--smoothing", type=float, default=0, help="label smoothing")
    p.add_argument("--dropout", type=float, default=0.2)
    p.add_argument("--augment", choices=("default", "none"), default="default")
    p.add_argument("--jit", choices=("auto", "on", "off"), default="off", help="XLA")
    args = p.parse_args()
    if args.random:
        args.block_decay = 1
    args.seeds = [int(s) for s in args.seeds.split(",")]
    return args


# --- images ---


def load_images(folder, classes, height, width):
    """All images of a folder, stretched, as uint8 [n,height,width,3], and their labels."""
    import numpy as np
    from PIL import Image

    images, labels = [], []
    for label, name in enumerate(classes):
        for root, folders, files in os.walk(os.path.join(folder, name)):
            folders[:] = sorted(f for f in folders if not f.startswith("."))
            for file in sorted(f for f in files if not f.startswith(".")):
                with Image.open(os.path.join(root, file)) as image:
                    scan = image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
                images.append(np.asarray(scan))
                labels.append(label)
    return np.stack(images), np.eye(len(classes), dtype=np.float32)[labels]


def augment(x):
    """What Thaw's default does, on a batch [n,h,w,c] of 0..255: flip, +-10 degrees, shift 5 %, zoom
    10 %, joined into one map that goes on beyond the edge; brightness 10 %, contrast 15 %."""
    import tensorflow as tf

    n, height, width = tf.shape(x)[0], x.shape[1], x.shape[2]

    def uniform(limit):
        return tf.random.uniform([n], -limit, limit)

    flip = tf.where(tf.random.uniform([n]) < 0.5, -1.0, 1.0)
    angle, scale = uniform(math.pi / 18), 1 / (1 + uniform(0.1))
    shift_x, shift_y = uniform(0.05) * width, uniform(0.05) * height
    s, k = tf.sin(angle), tf.cos(angle)
    # Result to source: zoom, shift, rotation, flip, around the centre.
    a, b, d, e = flip * k * scale, flip * s * scale, -s * scale, k * scale
    across, down = (width - 1) / 2, (height - 1) / 2
    c = across - a * across - b * down + flip * (k * shift_x + s * shift_y)
    f = down - d * across - e * down - s * shift_x + k * shift_y
    zero = tf.zeros_like(a)
    x = tf.raw_ops.ImageProjectiveTransformV3(
        images=x, transforms=tf.stack([a, b, c, d, e, f, zero, zero], axis=1),
        output_shape=[height, width], fill_value=0.0, interpolation="BILINEAR", fill_mode="NEAREST")
    each = [-1, 1, 1, 1]
    x = tf.clip_by_value(x + 255 * tf.reshape(uniform(0.1), each), 0, 255)
    mean = tf.reduce_mean(x, axis=[1, 2, 3], keepdims=True)
    return tf.clip_by_value(mean + tf.reshape(1 + uniform(0.15), each) * (x - mean), 0, 255)


def batches(images, labels, args, seed=None, augmented=True):
    """Of preprocessed tensors; with a seed shuffled, and augmented, for training."""
    import tensorflow as tf

    mean, divisor = PREPROCESS[args.preprocess]
    images, labels = tf.constant(images), tf.constant(labels)

    def prepare(rows):
        x = tf.cast(tf.gather(images, rows), tf.float32)
        if seed is not None and augmented and args.augment == "default":
            x = augment(x)
        return (x - mean) / divisor, tf.gather(labels, rows)

    rows = tf.data.Dataset.range(len(images))
    if seed is not None:
        rows = rows.shuffle(len(images), seed=seed)
    return rows.batch(args.batch).map(prepare, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


# --- network ---


def load_backbone(args):
    """Up to the last feature map: the last layer whose output has sides > 1. And its input side."""
    import keras

    full = keras.models.load_model(args.backbone, compile=False)
    side = full.input_shape[1] or args.size, full.input_shape[2] or args.size
    for layer in reversed(full.layers):
        if isinstance(layer, keras.Model):
            sys.exit(f"{args.backbone}: {layer.name} is a model in the model; use 'thaw export'")
        shape = keras.Model(full.inputs, layer.output).compute_output_shape((1, *side, 3))
        is_map = len(shape) == 4 and shape[1] * shape[2] > 1
        if is_map and not isinstance(layer, keras.layers.Dropout):
            return keras.Model(full.inputs, layer.output, name="backbone"), side
    sys.exit(f"{args.backbone}: no feature map found")


def randomised(backbone, momentum):
    """The same network as its initialisers make it."""
    import keras

    def renew(layer):
        config = layer.get_config()
        if momentum is not None and isinstance(layer, keras.layers.BatchNormalization):
            config["momentum"] = momentum
        return layer.__class__.from_config(config)

    return keras.models.clone_model(backbone, clone_function=renew)


def build(backbone, side, classes, args):
    """The whole network."""
    import keras

    class MovingStatistics(keras.layers.Layer):
        """The backbone as at inference, its weights still trainable. A layer of its own, because
        Keras 3 overrides backbone(inputs, training=False) of a Functional model while it fits the
        whole: batch norms would use the batch's statistics as soon as they are thawed."""

        def __init__(self):
            super().__init__()
            self.backbone = backbone

        def call(self, x):
            return self.backbone(x, training=False)

    inputs = keras.Input((*side, 3))
    x = backbone(inputs) if args.random or args.batch_statistics else MovingStatistics()(inputs)
    x = keras.layers.GlobalAveragePooling2D(name="head_pool")(x)
    x = keras.layers.Dropout(args.dropout, name="head_dropout")(x)
    x = keras.layers.Dense(classes, activation="softmax", name="head_logits")(x)
    return keras.Model(inputs, x)


def blocks_below(backbone):
    """For each layer how many blocks lie between the head and it, its own included. Blocks are told
    by the layers' names: block_13_expand, block6a_dwconv, expanded_conv_project; what stands above
    them is one block, what stands below them another."""
    below, block, count = [], None, 0
    for layer in reversed(backbone.layers):
        found = re.match(r"block_?\d+[a-z]?_|expanded_conv_", layer.name)
        name = found.group() if found else ""
        if name != block:
            block, count = name, count + 1
        below.insert(0, count)
    return below


def thaw(backbone, what):
    """Makes the layers from there on trainable."""
    names = [layer.name for layer in backbone.layers]
    below = blocks_below(backbone)
    what = what or str(math.ceil(below[0] / 2))
    if what == "all":
        first = 0
    elif what in names:
        first = names.index(what)
    elif what.isdigit() and int(what) in below and below[0] > 1:
        first = below.index(int(what))
    else:
        sys.exit(f"--thaw-from {what}: neither 'all' nor a number of blocks (1 to {below[0]}) nor "
                 f"a layer; there are {', '.join(names)}")
    print(f"thawing from {names[first]}", file=sys.stderr)
    backbone.trainable = True
    for layer in backbone.layers[:first]:
        layer.trainable = False


# --- training ---


def make_rate(peak, epochs, per_epoch, args):
    """Linear warm-up, then constant or half a cosine down to 0."""
    import keras
    import tensorflow as tf

    warm, total = math.floor(args.warmup * per_epoch), epochs * per_epoch

    class Rate(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            step = tf.cast(step, tf.float32)
            done = tf.clip_by_value((step - warm) / max(total - warm, 1), 0, 1)
            factor = 0.5 * (1 + tf.cos(math.pi * done)) if args.schedule == "cosine" else 1.0
            return peak * tf.where(step < warm, (step + 1) / (warm + 1), factor)

        def get_config(self):
            return {}

    return Rate()


def make_optimizer(model, backbone, rate, args):
    """Decay of kernels only, and a rate that falls from block to block."""
    import keras

    below = {id(v): blocks for layer, blocks in zip(backbone.layers, blocks_below(backbone))
             for v in layer.trainable_variables}
    divisors = [args.block_decay ** below.get(id(v), 0) for v in model.trainable_variables]
    decays = [0 if v.name in ("bias", "gamma", "beta") or args.optimizer == "adam"
              else args.weight_decay for v in model.trainable_variables]
    base = keras.optimizers.SGD if args.optimizer == "sgd" else keras.optimizers.Adam

    class Optimizer(base):
        def update_step(self, gradient, variable, learning_rate):
            i = self._get_variable_index(variable)
            learning_rate = learning_rate / divisors[i]
            if decays[i]:
                variable.assign(variable * (1 - learning_rate * decays[i]))
            super().update_step(gradient, variable, learning_rate)

    extra = {"momentum": 0.9} if args.optimizer == "sgd" else {"epsilon": 1e-8}
    return Optimizer(rate, global_clipnorm=args.clip or None, **extra)


def fit(model, backbone, train, val, epochs, rate, what, args):
    """Trains one stage; the validation accuracy after its last epoch."""
    import keras

    model.compile(
        make_optimizer(model, backbone, make_rate(rate, epochs, len(train), args), args),
        keras.losses.CategoricalCrossentropy(label_smoothing=args.smoothing),
        metrics=["accuracy"], jit_compile={"auto": "auto", "on": True, "off": False}[args.jit])

    def tell(epoch, logs):
        print(f"{what} {epoch + 1}/{epochs}: {time.time() - BEGAN:.0f} s, "
              + ", ".join(f"{k} {v:.4f}" for k, v in logs.items()), file=sys.stderr, flush=True)

    history = model.fit(train, epochs=epochs, validation_data=val, verbose=0, shuffle=False,
                        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=tell)])
    return round(history.history["val_accuracy"][-1], 4)


def peak_memory():
    """VmHWM of this process in bytes."""
    with open("/proc/self/status") as f:
        return 1024 * int(next(line for line in f if line.startswith("VmHWM")).split()[1])


def run_seed(seed, args):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    keras.utils.set_random_seed(seed)
    imported = time.time()
    backbone, side = load_backbone(args)
    classes = sorted(entry.name for entry in os.scandir(os.path.join(args.data, "train"))
                     if entry.is_dir() and not entry.name.startswith("."))
    images = load_images(os.path.join(args.data, "train"), classes, *side)
    train = batches(*images, args, seed)
    val = batches(*load_images(os.path.join(args.data, "val"), classes, *side), args)
    result = {"seed": seed}
    if args.random:
        backbone = randomised(backbone, args.bn_momentum)
        model = build(backbone, side, len(classes), args)
        result["random_accuracy"] = fit(model, backbone, train, val,
                                        args.random_epochs, args.random_lr, "random", args)
    else:
        backbone.trainable = False
        model = build(backbone, side, len(classes), args)
        # As in Thaw, the head alone learns from the images as they are.
        result["head_accuracy"] = fit(model, backbone, batches(*images, args, seed, False), val,
                                      args.head_epochs, args.head_lr, "head", args)
        if args.thaw_epochs:
            thaw(backbone, args.thaw_from)
            result["thawed_accuracy"] = fit(model, backbone, train, val, args.thaw_epochs,
                                            args.thaw_lr, "thawed", args)
    now = time.time()
    result.update(seconds=round(now - BEGAN, 1), seconds_without_import=round(now - imported, 1),
                  peak_memory_bytes=peak_memory())
    return result


def summarise(results):
    """Mean and sample standard deviation of every figure."""
    summary = {"runs": len(results)}
    for key in [k for k in results[0] if k != "seed"]:
        figures = [r[key] for r in results]
        summary[key] = {"mean": round(statistics.mean(figures), 4),
                        "sd": round(statistics.stdev(figures), 4)}
    return summary


def main():
    args = arguments()
    if len(args.seeds) == 1:
        print(json.dumps(run_seed(args.seeds[0], args)), flush=True)
        return
    # A process each, so that seconds and memory are those of one run.
    results = []
    for seed in args.seeds:
        command = [sys.executable, *sys.argv, "--seeds", str(seed)]
        line = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        print(line, end="", flush=True)
        results.append(json.loads(line))
    print(json.dumps({"summary": summarise(results)}))


if __name__ == "__main__":
    main()
