#!/usr/bin/env python3
"""Do models that people build themselves of Keras' layers open in Thaw, and come back, with equal answers?

    keras_models.py THAW FOLDER [NAME...]    all models, or these: sequential_cnn, ...

Each model is built in Keras 3 and in tf-keras, trained on one batch, and saved as .h5 and .keras. Printed is max|a-b| / max|b|
of the answers in Thaw, and of what Thaw exports of the file, opened by both. FOLDER takes the files. Exit 1 when
something is above 1e-4 or fails.
"""
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
import numpy as np
from keras_applications import FRAMEWORKS, LIMIT, Thaw, distance, run

SIZE, CLASSES = 64, 3


def augmentation(layers):
    """All but RandomBrightness, with which Keras 3 cannot save .h5."""
    return [layers.RandomFlip("horizontal"), layers.RandomRotation(0.1), layers.RandomZoom(0.1),
            layers.RandomTranslation(0.1, 0.1), layers.RandomContrast(0.2)]


def mobilenet(k, **more):
    return k.applications.MobileNetV2(weights=None, include_top=False, alpha=0.35, input_shape=(SIZE, SIZE, 3), **more)


def sequential_cnn(k):
    l = k.layers
    return k.Sequential([
        l.Input((SIZE, SIZE, 3)), l.Rescaling(1 / 255), l.GaussianNoise(0.1),
        l.Conv2D(8, 3, padding="same", activation="relu"), l.BatchNormalization(), l.MaxPooling2D(),
        l.Conv2D(16, 3, use_bias=False), l.BatchNormalization(), l.Activation("relu"), l.SpatialDropout2D(0.2),
        l.MaxPooling2D(), l.Conv2D(24, 3, strides=2, activation="elu"), l.GaussianDropout(0.1),
        l.GlobalAveragePooling2D(), l.Dense(32, activation="relu"), l.Dropout(0.3), l.Dense(CLASSES, "softmax")])


def flattened_cnn(k):
    l = k.layers
    return k.Sequential([
        l.Input((SIZE, SIZE, 3)), l.Rescaling(1 / 127.5, offset=-1), l.Conv2D(8, 5, strides=2), l.LeakyReLU(),
        l.AveragePooling2D(2), l.SeparableConv2D(12, 3, activation="relu"), l.MaxPooling2D(), l.Flatten(),
        l.Dense(32, activation="relu"), l.Dropout(0.5), l.Dense(16, activation="tanh"), l.Dense(CLASSES, "softmax")])


def backbone_in_sequential(k):
    """Augmentation in front, an application as a layer, several Dense on top."""
    l = k.layers
    return k.Sequential([l.Input((SIZE, SIZE, 3)), *augmentation(l), l.Rescaling(1 / 127.5, offset=-1), mobilenet(k),
                         l.GlobalAveragePooling2D(), l.Dense(32, activation="relu"), l.BatchNormalization(),
                         l.Dropout(0.3), l.Dense(16, activation="relu"), l.Dense(CLASSES, "softmax")])


def backbone_in_functional(k):
    """As in Keras' guide to transfer learning: augmentation in a model of its own, frozen backbone, training=False."""
    l, inputs = k.layers, k.Input((SIZE, SIZE, 3))
    base = mobilenet(k)
    base.trainable = False
    x = k.Sequential(augmentation(l), name="augmentation")(inputs)
    x = k.applications.mobilenet_v2.preprocess_input(x)
    x = l.GlobalAveragePooling2D()(base(x, training=False))
    return k.Model(inputs, l.Dense(CLASSES, "softmax")(l.Dropout(0.2)(x)))


def pooled_backbone(k):
    """A backbone that pools by itself, and whose upper part trains."""
    base = mobilenet(k, pooling="avg")
    for layer in base.layers[:-20]:
        layer.trainable = False
    return k.Sequential([k.layers.Input((SIZE, SIZE, 3)), base, k.layers.Dense(32, activation="relu"),
                         k.layers.Dense(CLASSES, "softmax")])


def layers_on_backbone(k):
    """Dense layers on a backbone's own output tensor."""
    base = k.applications.ResNet50V2(weights=None, include_top=False, input_shape=(SIZE, SIZE, 3))
    x = k.layers.Flatten()(base.output)
    for units in (32, 16):
        x = k.layers.Dropout(0.2)(k.layers.Dense(units, activation="relu")(x))
    return k.Model(base.input, k.layers.Dense(CLASSES, "softmax")(x))


def torch_preprocessing(k):
    """preprocess_input with a mean and a deviation for each channel."""
    inputs = k.Input((SIZE, SIZE, 3))
    base = k.applications.DenseNet121(weights=None, include_top=False, input_shape=(SIZE, SIZE, 3))
    x = base(k.applications.densenet.preprocess_input(inputs))
    return k.Model(inputs, k.layers.Dense(CLASSES, "softmax")(k.layers.GlobalMaxPooling2D()(x)))


def efficientnet(k):
    base = k.applications.EfficientNetB0(weights=None, include_top=False, input_shape=(SIZE, SIZE, 3))
    base.trainable = False
    return k.Sequential([k.layers.Input((SIZE, SIZE, 3)), k.layers.RandomFlip(), base,
                         k.layers.GlobalAveragePooling2D(), k.layers.Dense(CLASSES, "softmax")])


MODELS = [sequential_cnn, flattened_cnn, backbone_in_sequential, backbone_in_functional, pooled_backbone, layers_on_backbone,
          torch_preprocessing, efficientnet]


def trained(k, build, x):
    """After one step, so that norms have statistics and the file has an optimiser."""
    k.backend.clear_session()
    k.utils.set_random_seed(1)
    model = build(k)
    for layer in model._flatten_layers() if hasattr(model, "_flatten_layers") else model.layers:
        if type(layer).__name__ == "BatchNormalization":
            layer.momentum = 0.5
    model.compile("adam", "sparse_categorical_crossentropy")
    model.train_on_batch(x, np.arange(len(x)) % CLASSES)
    return model


def compare(thaw, k, model, x, kind):
    """Two numbers: Thaw's answers of the saved file, and both frameworks' of what Thaw exports."""
    path, tensor = thaw.path("model." + kind), thaw.path("x.npy")
    wanted = run(model, x)
    np.save(tensor, x)
    model.save(path)
    there = distance(thaw.answers(path, tensor), wanted)
    exported = thaw.export(path)
    os.remove(path)
    back = [distance(run(other.models.load_model(exported, compile=False), x), wanted)
            for other in FRAMEWORKS.values()]
    return there, max(back)


def main():
    thaw, names = Thaw(*sys.argv[1:3]), sys.argv[3:]
    x = np.random.default_rng(1).uniform(0, 255, (6, SIZE, SIZE, 3)).astype(np.float32)
    good = True
    print("| model | file | opened by Thaw | exported, opened by Keras |\n|---|---|---|---|")
    for build in MODELS:
        if names and build.__name__ not in names:
            continue
        for framework, k in FRAMEWORKS.items():
            model = trained(k, build, x)
            for kind in ("h5", "keras"):
                try:
                    found = compare(thaw, k, model, x, kind)
                    good &= max(found) <= LIMIT
                    text = " | ".join("%.0e" % v for v in found)
                except Exception as error:  # whatever it is, it stands in the table
                    good = False
                    text = str(error).strip().splitlines()[0][:160] + " | -"
                print("| %s | .%s, %s | %s |" % (build.__name__, kind, framework, text), flush=True)
    sys.exit(not good)


if __name__ == "__main__":
    main()
