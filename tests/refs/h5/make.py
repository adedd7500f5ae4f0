"""Makes the small files of this folder, each odd in one way (h5py 3): python make.py"""
import json
import os
import zipfile

import h5py
import numpy as np

CONFIG = json.dumps({"class_name": "Sequential", "config": {"name": "s", "layers": []}})
KERNEL = np.arange(6, dtype="f4").reshape(2, 3)


def model(name, change=None, version="2.15.0", config=CONFIG, **options):
    """One layer 'fc' with kernel and bias, then whatever change() does to it."""
    with h5py.File(name + ".h5", "w", **options) as f:
        if config is not None:
            f.attrs["model_config"] = config.encode()
        if version is not None:
            f.attrs["keras_version"] = version
        w = f.create_group("model_weights")
        w.attrs["layer_names"] = np.array([b"fc"])
        g = w.create_group("fc")
        g.attrs["weight_names"] = [b"fc/kernel:0", b"fc/bias:0"]
        g["fc/kernel:0"] = KERNEL
        g["fc/bias:0"] = np.array([7, 8, 9], "f4")
        if change:
            change(f, g)


def fixed(text, size, padding):
    """A list of strings of one length, padded as asked."""
    kind = h5py.h5t.C_S1.copy()
    kind.set_size(size)
    kind.set_strpad(padding)
    fill = b" " if padding == h5py.h5t.STR_SPACEPAD else b"\0"
    return np.array([t.ljust(size, fill) for t in text], "S%d" % size), kind


def put_list(group, attr, text, padding):
    size = max(map(len, text)) + (padding == h5py.h5t.STR_NULLTERM)
    values, kind = fixed(text, size, padding)
    if attr in group.attrs:
        del group.attrs[attr]
    space = h5py.h5s.create_simple((len(text),))
    a = h5py.h5a.create(group.id, attr.encode(), kind, space)
    a.write(values, mtype=kind)


def replace(g, **options):
    del g["fc/kernel:0"]
    g.create_dataset("fc/kernel:0", **options)


def forms(f, g):
    """Every form of list and number that Keras 2 and 3 read."""
    w = f["model_weights"]
    put_list(w, "layer_names", [b"fc", b"half", b"double", b"packed", b"big", b"count", b"none",
                                b"null", b"\xc3\xa9"], h5py.h5t.STR_SPACEPAD)
    put_list(g, "weight_names", [b"fc/kernel:0", b"fc/bias:0"], h5py.h5t.STR_NULLTERM)

    def add(name, data, **options):
        h = w.create_group(name)
        put_list(h, "weight_names", [b"k"], h5py.h5t.STR_NULLPAD)
        h.create_dataset("k", data=data, **options)

    add("half", KERNEL.astype("f2"))
    add("double", KERNEL.astype("f8"))
    add("packed", KERNEL, chunks=(1, 2), compression="gzip", shuffle=True, fletcher32=True)
    add("big", KERNEL.astype(">f4"))
    add("count", np.int64(41))
    w.create_group("none").attrs["weight_names"] = np.zeros(0)
    w.create_group("null").attrs["weight_names"] = h5py.Empty("S1")
    add("\u00e9", KERNEL[:0])


def extras(f, g):
    t = f.create_group("thaw")
    t.attrs["record"] = '{"classes": ["a", "b"]}'
    t["a/b"] = KERNEL
    t["a-b"] = np.float32(5)


def circle(f, g):
    extras(f, g)
    f["thaw/a/again"] = f["thaw"]


def declare(g, shape, **options):
    replace(g, shape=shape, dtype="f4", **options)


def virtual(f, g):
    layout = h5py.VirtualLayout(shape=(2, 3), dtype="f4")
    layout[:] = h5py.VirtualSource("forms.h5", "model_weights/fc/fc/kernel:0", shape=(2, 3))
    del g["fc/kernel:0"]
    g.create_virtual_dataset("fc/kernel:0", layout)


def link(f, g, to):
    del g["fc/kernel:0"]
    g["fc/kernel:0"] = to


def names(g, *entries):
    g.attrs["weight_names"] = list(entries)


def loose(f, g):
    t = f["model_weights"].create_group("top_level_model_weights")
    names(t, b"scale:0")
    t["scale:0"] = np.float32(1)


# --- '.weights.h5' and '.keras' ---

def call(*names):
    tensors = [{"class_name": "__keras_tensor__", "config": {"keras_history": [n, 0, 0]}} for n in names]
    return [{"args": tensors, "kwargs": {}}] if names else []


def layer(kind, name, feeder, **config):
    return {"module": "keras.layers", "class_name": kind, "name": name, "registered_name": None,
            "build_config": {"input_shape": [None, 4, 4, 3]}, "config": {"name": name, "trainable": True, **config},
            "inbound_nodes": call(*feeder)}


def functional(name, layers):
    return {"module": "keras.src.models.functional", "class_name": "Functional", "name": name,
            "config": {"name": name, "trainable": True, "layers": layers, "input_layers": [layers[0]["name"], 0, 0],
                       "output_layers": [layers[-1]["name"], 0, 0]}}


def conv(name, feeder):
    return layer("Conv2D", name, [feeder], filters=3, kernel_size=[1, 1], use_bias=False)


INNER = functional("inner", [layer("InputLayer", "in_2", [], batch_shape=[None, 4, 4, 3]), conv("x", "in_2"),
                             layer("BatchNormalization", "bn", ["x"])])
WHOLE = functional("whole", [layer("InputLayer", "in_1", [], batch_shape=[None, 4, 4, 3]), conv("first", "in_1"),
                             {**INNER, "inbound_nodes": call("first")}, conv("second", "inner"),
                             layer("GlobalAveragePooling2D", "pool", ["second"]),
                             layer("Dense", "fc", ["pool"], units=2)])


def put_vars(group, *shapes, start):
    v = group.create_group("vars")
    v.attrs["name"] = "x"
    for i, shape in enumerate(shapes):
        v[str(i)] = (start + np.arange(np.prod(shape, dtype=int)) + 50 * i).astype("f4").reshape(shape)


def paths(file, layers="layers", **options):
    """What Keras 3 writes for WHOLE; numbers tell where they stand."""
    with h5py.File(file, "w", **options) as f:
        f.create_group("vars")
        f.create_group("optimizer/vars")["0"] = np.int64(5)
        put_vars(f.create_group(layers + "/conv2d"), (1, 1, 3, 3), start=100)
        put_vars(f.create_group(layers + "/conv2d_1"), (1, 1, 3, 3), start=200)
        inner = f.create_group(layers + "/functional")
        inner.create_group("vars")
        put_vars(inner.create_group(layers + "/conv2d"), (1, 1, 3, 3), start=300)
        put_vars(inner.create_group(layers + "/batch_normalization"), (3,), (3,), (3,), (3,), start=400)
        put_vars(f.create_group(layers + "/dense"), (3, 2), (2,), start=700)


def archive(name, leave_out="", packed="", layers="layers", change=None, **options):
    paths("model.weights.h5", layers, **options)
    if change:
        with h5py.File("model.weights.h5", "a") as f:
            change(f)
    members = {"metadata.json": json.dumps({"keras_version": "3.15.0", "date_saved": "2026-01-01@00:00:00"}),
               "config.json": json.dumps(WHOLE), "model.weights.h5": open("model.weights.h5", "rb").read()}
    os.remove("model.weights.h5")
    with zipfile.ZipFile(name, "w") as z:
        for member, data in members.items():
            info = zipfile.ZipInfo(member, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED if member == packed else zipfile.ZIP_STORED
            if member != leave_out:
                z.writestr(info, data)


def mark(f):
    f["layers/dense/vars/0"].attrs["dtype"] = "bfloat16"


os.chdir(os.path.dirname(os.path.abspath(__file__)))
model("forms", forms, version="2.2.4-tf", libver="latest")
model("extras", extras)
model("keras_1", version=None)
model("user_block", userblock_size=1024)
model("circle", circle)
model("soft_link", lambda f, g: link(f, g, h5py.SoftLink("fc/bias:0")))
model("external_link", lambda f, g: link(f, g, h5py.ExternalLink("forms.h5", "/model_weights/fc/fc/kernel:0")))
model("external_data", lambda f, g: declare(g, (2, 3), external=[("forms.h5", 0, 24)]))
model("virtual", virtual)
model("bfloat16", lambda f, g: replace(g, data=np.zeros((2, 3), "V2")))
model("strings", lambda f, g: replace(g, data=np.array([b"a", b"b"])))
model("unstored", lambda f, g: declare(g, (1000, 1000)))
model("terabytes", lambda f, g: declare(g, (1 << 20, 1 << 20), chunks=(1 << 10, 1 << 10)))
model("overflow", lambda f, g: declare(g, (1 << 33, 1 << 33), chunks=(1 << 10, 1 << 10)))
model("rank_7", lambda f, g: replace(g, data=np.zeros((1,) * 7, "f4")))
model("absent", lambda f, g: names(g, b"fc/gamma:0"))
model("absolute", lambda f, g: names(g, b"/model_weights/fc/fc/kernel:0"))
model("group", lambda f, g: names(g, b"fc"))
model("twice", lambda f, g: names(g, b"fc/bias:0", b"fc/bias:0"))
model("numbers", lambda f, g: g.attrs.__setitem__("weight_names", np.arange(2)))
model("unlisted", lambda f, g: g.attrs.__delitem__("weight_names"))
model("loose", loose)
model("version_9", version="9.1")
model("json", config='{"class_name": }')
model("deep", config="[" * 5000 + "]" * 5000)
model("no_weights", lambda f, g: f.__delitem__("model_weights"))
model("foreign", lambda f, g: f.__delitem__("model_weights"), config=None)
paths("paths.weights.h5")
archive("whole.keras")
archive("whole_2_12.keras", layers="_layer_checkpoint_dependencies", libver="latest")
archive("bare.keras", leave_out="config.json", libver="latest")
archive("weightless.keras", leave_out="model.weights.h5", libver="latest")
archive("packed.keras", packed="model.weights.h5", libver="latest")
archive("marked.keras", change=mark, libver="latest")
with open("whole.keras", "rb") as f:
    data = f.read()
with open("cut.keras", "wb") as f:
    f.write(data[:len(data) // 2])
