#!/usr/bin/env python3
"""Thaw's recipe in Keras, to be measured beside it: a new head on a frozen backbone, then its top
blocks as well; fixed epochs, the last weights, no choice made on the validation images.

    recipe_keras.py --data DIR --backbone FILE.h5 --preprocess tf

DIR holds train/CLASS/* and val/CLASS/*. FILE.h5 is a flat Keras model ('thaw export' and
'thaw import' write such). Prints one JSON object a seed, each from a process of its own, and with
several seeds a summary. --random trains the same network from random weights, with batch
statistics. Options that 'thaw train' has too are called and preset as there. Needs
tensorflow-cpu 2.21, keras 3.15 and pillow; see README.md."""
import recipe_common as common  # first: it takes the time

import math
import os
import sys
import time


def arguments():
    p = common.option_parser(__doc__)
    p.add_argument("--jit", choices=("auto", "on", "off"), default="off", help="XLA")
    p.add_argument("--cache-features", action="store_true",
                   help="compute what the frozen network makes of the images once for all epochs of "
                        "the head: the same arithmetic, for accuracies in less time")
    args = common.read_options(p)
    if args.cache_features and args.augment_head:
        p.error("--cache-features needs a head that learns from images as they are: no --augment")
    return args


# --- images ---


class Augmentations:
    """common.augment_batch in TensorFlow, on [n,h,w,c]."""

    def __init__(self, x):
        import tensorflow as tf

        self.tf, self.sin, self.cos = tf, tf.sin, tf.cos
        self.n, self.sides = tf.shape(x)[0], x.shape[1:3]

    def uniform(self, limit):
        return self.tf.random.uniform([self.n], -limit, limit)

    def each(self, values):
        return self.tf.reshape(values, [-1, 1, 1, 1])

    def flip(self, x, fields):
        for axis, key in ((2, "h"), (1, "v")):
            if fields[key]:
                chosen = self.tf.random.uniform([self.n]) < fields[key]
                x = self.tf.where(self.each(chosen), self.tf.reverse(x, [axis]), x)
        return x

    def warp(self, x, entries):
        rows = [entry + self.tf.zeros([self.n]) for entry in (*entries, 0.0, 0.0)]
        return self.tf.raw_ops.ImageProjectiveTransformV3(
            images=x, transforms=self.tf.stack(rows, axis=1), output_shape=self.sides,
            fill_value=0.0, interpolation="BILINEAR", fill_mode="NEAREST")

    def brightness(self, x, add):
        return self.tf.clip_by_value(x + self.each(add), 0, 255)

    def contrast(self, x, factor):
        mean = self.tf.reduce_mean(x, axis=[1, 2, 3], keepdims=True)
        return self.tf.clip_by_value(mean + self.each(factor) * (x - mean), 0, 255)


def batches(images, labels, classes, args, seed=None, augmented=True, mixed=False):
    """Of preprocessed tensors; with a seed shuffled, and augmented, for training."""
    import tensorflow as tf

    mean, divisor = common.PREPROCESS[args.preprocess]
    images, labels = tf.constant(images), tf.one_hot(labels, classes)

    def prepare(rows):
        x = tf.cast(tf.gather(images, rows), tf.float32)
        if seed is not None and augmented:
            height, width = x.shape[1:3]
            x = common.augment_batch(x, args.augment, Augmentations(x), width, height)
        return (x - mean) / divisor, tf.gather(labels, rows)

    rows = tf.data.Dataset.range(len(images))
    if seed is not None:
        rows = rows.shuffle(len(images), seed=seed)
    prepared = rows.batch(args.batch).map(prepare, tf.data.AUTOTUNE)
    if mixed:
        prepared = prepared.map(lambda x, labels: mix(x, labels, seed is not None, args))
    return prepared.prefetch(tf.data.AUTOTUNE)


def mix(x, labels, training, args):
    """The batch for a network that mixes: with shares (all 1 for validation) and mixed labels."""
    import tensorflow as tf

    n = tf.shape(labels)[0]
    shares = tf.ones([n, 1])
    if training:
        shares = tf.numpy_function(common.draw_shares, [n, args.mixup], tf.float32)
        shares = tf.reshape(shares, [-1, 1])
    labels = shares * labels + (1 - shares) * tf.roll(labels, -1, axis=0)
    return (x, tf.reshape(shares, [-1, 1, 1, 1])), labels


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


def split(backbone, first):
    """The parts of the backbone at the highest layer below `first` whose output is all that those
    above it get; None where there is nothing below."""
    import keras

    if first == 0:
        return None, backbone
    for layer in reversed(backbone.layers[:first]):
        try:
            upper = keras.Model(layer.output, backbone.output)
        except ValueError:  # some layer above needs more
            continue
        return keras.Model(backbone.inputs, layer.output), upper
    sys.exit("no layer below what thaws is a cut")


def build(backbone, side, classes, args, head=None, first=None):
    """The whole network, with the layers `head` of an earlier one or new ones. With `first`, its
    inputs are pictures and shares: each sample is mixed with the next one of the batch below what
    trains, which layer `first` begins."""
    import keras

    lower, upper = split(backbone, 0 if first is None else first)

    class Body(keras.layers.Layer):
        """The backbone as at inference, its weights still trainable. A layer of its own, because
        Keras 3 overrides backbone(inputs, training=False) of a Functional model while it fits the
        whole: batch norms would use the batch's statistics as soon as they are thawed."""

        def __init__(self):
            super().__init__()
            self.lower, self.upper = lower, upper
            # Statistics of the batch as the caller trains or not.
            self.options = {} if args.random or args.batch_statistics else {"training": False}

        def call(self, x, shares=None):
            x = self.lower(x, **self.options) if self.lower else x
            if shares is not None:
                x = shares * x + (1 - shares) * keras.ops.roll(x, -1, axis=0)
            return self.upper(x, **self.options)

    head = head or [
        keras.layers.GlobalAveragePooling2D(name="head_pool"),
        keras.layers.Dropout(args.dropout, name="head_dropout"),
        keras.layers.Dense(classes, activation="softmax", name="head_logits")]
    inputs = [keras.Input((*side, 3))] + ([] if first is None else [keras.Input((1, 1, 1))])
    x = Body()(*inputs)
    for layer in head:
        x = layer(x)
    return keras.Model(inputs, x)


def thaw(backbone, what):
    """Makes the layers from there on trainable; returns the first one's index."""
    first = common.first_thawed([layer.name for layer in backbone.layers], what)
    backbone.trainable = True
    for layer in backbone.layers[:first]:
        layer.trainable = False
    return first


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


def make_optimizer(model, backbone, rate, decay, args):
    """Decay of kernels only, and a rate that falls from block to block."""
    import keras

    layers = backbone.layers
    counts = common.blocks_below([layer.name for layer in layers])
    below = {id(v): blocks for layer, blocks in zip(layers, counts)
             for v in layer.trainable_variables}
    divisors = [args.block_decay ** below.get(id(v), 0) for v in model.trainable_variables]
    decays = [0 if v.name in ("bias", "gamma", "beta") or args.optimizer == "adam" else decay
              for v in model.trainable_variables]
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

    decay = args.head_weight_decay if what == "head" else args.weight_decay
    schedule = make_rate(rate, epochs, len(train), args)
    model.compile(
        make_optimizer(model, backbone, schedule, decay, args),
        keras.losses.CategoricalCrossentropy(label_smoothing=args.smoothing),
        metrics=["accuracy"], jit_compile={"auto": "auto", "on": True, "off": False}[args.jit])

    tell = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: common.tell(what, epoch, epochs, logs))
    history = model.fit(train, epochs=epochs, validation_data=val, verbose=0, shuffle=False,
                        callbacks=[tell])
    return round(history.history["val_accuracy"][-1], 4)


def feature_batches(model, side, classes, args, seed=None):
    """The pooled features of (images, labels), in batches as those of the images."""
    import keras
    import tensorflow as tf

    images, labels = side
    pooled = keras.Model(model.inputs, model.get_layer("head_pool").output)
    features = pooled.predict(batches(images, labels, classes, args), verbose=0)
    rows = tf.data.Dataset.from_tensor_slices((features, tf.one_hot(labels, classes)))
    if seed is not None:
        rows = rows.shuffle(len(images), seed=seed)
    return rows.batch(args.batch)


def fit_head(model, backbone, images, held_out, classes, seed, args):
    """The stage in which the backbone is frozen."""
    import keras

    if not args.cache_features:
        train = batches(*images, classes, args, seed, args.augment_head)
        return fit(model, backbone, train, batches(*held_out, classes, args), args.head_epochs,
                   args.head_lr, "head", args)
    train = feature_batches(model, images, classes, args, seed)
    val = feature_batches(model, held_out, classes, args)
    head = keras.Sequential([keras.Input(train.element_spec[0].shape[1:]),
                             keras.layers.Dropout(args.dropout), model.get_layer("head_logits")])
    return fit(head, backbone, train, val, args.head_epochs, args.head_lr, "head", args)


def run_seed(seed, args):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    keras.utils.set_random_seed(seed)
    imported = time.time()
    backbone, side = load_backbone(args)
    classes, images, held_out = common.load_data(args.data, *side)
    mixed = args.mixup > 0
    train = batches(*images, len(classes), args, seed, mixed=mixed)
    val = batches(*held_out, len(classes), args, mixed=mixed)
    result = {"seed": seed}
    if args.random:
        backbone = randomised(backbone, args.bn_momentum)
        model = build(backbone, side, len(classes), args, first=0 if mixed else None)
        result["random_accuracy"] = fit(model, backbone, train, val,
                                        args.random_epochs, args.random_lr, "random", args)
    else:
        backbone.trainable = False
        model = build(backbone, side, len(classes), args)
        result["head_accuracy"] = fit_head(model, backbone, images, held_out, len(classes), seed,
                                           args)
        if args.thaw_epochs:
            first = thaw(backbone, args.thaw_from)
            if mixed:
                head = [layer for layer in model.layers if layer.name.startswith("head_")]
                model = build(backbone, side, len(classes), args, head, first)
            result["thawed_accuracy"] = fit(model, backbone, train, val, args.thaw_epochs,
                                            args.thaw_lr, "thawed", args)
    now = time.time()
    result.update(seconds=round(now - common.BEGAN, 1),
                  seconds_without_import=round(now - imported, 1),
                  peak_memory_bytes=common.peak_memory())
    return result


if __name__ == "__main__":
    common.run(run_seed, arguments())
