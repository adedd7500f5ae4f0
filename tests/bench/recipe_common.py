"""What recipe_keras.py and recipe_torch.py share: options, images, augmentations, blocks, report.
Needs only the standard library, pillow and numpy."""
import argparse
import json
import math
import os
import re
import statistics
import subprocess
import sys
import time

BEGAN = time.time()  # imported first, before any large library
PREPROCESS = {"tf": (127.5, 127.5), "lite": (127.0, 128.0)}  # mean and divisor

# thaw_augment_default in vision/augment.c.
DEFAULT_AUGMENT = "flip:h=0.5,brightness:amount=0.1,contrast:amount=0.1"
# Operations that the peers know, with their fields' presets, as in vision/ops/.
OPERATIONS = {"flip": {"h": 0.5, "v": 0}, "rotate": {"deg": 10}, "shift": {"x": 0.1, "y": 0.1},
              "zoom": {"amount": 0.1}, "brightness": {"amount": 0.1}, "contrast": {"amount": 0.1}}


# --- options ---


def parse_augment(text):
    """Thaw's text form, e.g. flip:h=0.5,contrast:amount=0.15, as a list of (operation, fields)."""
    steps = []
    text = re.sub(r"^default\b", DEFAULT_AUGMENT, text.strip())
    for item in [] if text == "none" else text.split(","):
        name, colon, field = item.strip().rpartition(":")
        if not colon and "=" not in field:
            name, field = field, ""
        if not name and not field:
            raise argparse.ArgumentTypeError("an empty item; no augmentation at all is 'none'")
        if name and name not in OPERATIONS:
            raise argparse.ArgumentTypeError(
                f"augmentation '{name}' is not known here; known are {' '.join(OPERATIONS)}")
        if name:
            steps.append((name, dict(OPERATIONS[name])))
        if not steps:
            raise argparse.ArgumentTypeError(f"'{field}' has no operation before it")
        if field:
            key, _, value = (part.strip() for part in field.partition("="))
            if key not in steps[-1][1]:
                raise argparse.ArgumentTypeError(f"{steps[-1][0]} has no field '{key}'; it has "
                                                 f"{', '.join(steps[-1][1])}")
            try:
                steps[-1][1][key] = float(value)
            except ValueError as e:
                raise argparse.ArgumentTypeError(
                    f"{steps[-1][0]}: {key} is '{value}', no number") from e
    return steps


def option_parser(description):
    """Options that 'thaw train' has too are called and preset as there."""
    p = argparse.ArgumentParser(description=description.split("\n\n")[0],
                                formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument("--data", required=True, help="folder with train/ and val/")
    p.add_argument("--backbone", required=True, help="flat Keras .h5")
    p.add_argument("--preprocess", choices=PREPROCESS, required=True)
    p.add_argument("--size", type=int, default=224, help="side of a model that leaves it open")
    p.add_argument("--seeds", default="0,1,2,3,4")
    p.add_argument("--head-epochs", type=int, default=50)
    p.add_argument("--head-lr", type=float, default=1e-2)
    p.add_argument("--thaw-epochs", type=int, default=40, help="0: head only")
    p.add_argument("--thaw-lr", type=float, default=5e-3)
    p.add_argument("--thaw-from", metavar="WHAT",
                   help="a layer, a number of blocks from the top, or 'all'; "
                        "default: the upper half")
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
    p.add_argument("--head-weight-decay", type=float,
                   help="the same for the head while it trains alone; "
                        "default: 1.5, or 0.3 with --thaw-epochs 0")
    p.add_argument("--clip", type=float, default=0, help="largest global norm; 0: none")
    p.add_argument("--block-decay", type=float, default=2.6,
                   help="each block's rate is that of the one above divided by this; "
                        "1 with --random")
    p.add_argument("--schedule", choices=("cosine", "constant"), default="cosine")
    p.add_argument("--warmup", type=float, default=0.5, help="epochs, of each stage")
    p.add_argument("--smoothing", type=float, default=0, help="label smoothing")
    p.add_argument("--mixup", type=float, default=0.2, metavar="ALPHA",
                   help="once layers thaw, mix each image with the next of its batch where what "
                        "trains begins; 0: none")
    p.add_argument("--dropout", type=float, default=0.2)
    p.add_argument("--augment", type=parse_augment, metavar="LIST",
                   help=f"none, default ({DEFAULT_AUGMENT}), or such a list of "
                        f"{', '.join(OPERATIONS)}; without the option 'default' once blocks thaw, "
                        "and the head alone learns from the images as they are")
    return p


def read_options(parser):
    args = parser.parse_args()
    args.augment_head = args.augment is not None
    if not args.augment_head:
        args.augment = parse_augment("default")
    if args.random:
        args.block_decay = 1
    if args.head_weight_decay is None:
        args.head_weight_decay = 1.5 if args.thaw_epochs else 0.3
    args.seeds = [int(s) for s in args.seeds.split(",")]
    return args


# --- images ---


def load_images(folder, classes, height, width):
    """All images of a folder, stretched, as uint8 [n,height,width,3], and their classes [n]."""
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
    return np.stack(images), np.array(labels)


def load_data(data, height, width):
    """Class names, training images, validation images."""
    train = os.path.join(data, "train")
    classes = sorted(entry.name for entry in os.scandir(train)
                     if entry.is_dir() and not entry.name.startswith("."))
    return (classes, load_images(train, classes, height, width),
            load_images(os.path.join(data, "val"), classes, height, width))


# Affine maps as in vision/warp.c: the source position of a result pixel (x, y) is
# (a x + b y + c, d x + e y + f). Their entries are numbers or tensors, one entry a picture.


def centred_map(a, b, d, e, shift_x, shift_y, width, height):
    x, y = (width - 1) / 2, (height - 1) / 2
    return a, b, x - a * x - b * y + shift_x, d, e, y - d * x - e * y + shift_y


def join_maps(first, second):
    a, b, c, d, e, f = first
    p, q, r, s, t, u = second
    return (a * p + b * s, a * q + b * t, a * r + b * u + c,
            d * p + e * s, d * q + e * t, d * r + e * u + f)


def draw_map(name, fields, ops, width, height):
    """A random map of a batch, or None: not a map. `ops` has uniform(limit), sin and cos."""
    if name == "rotate":
        angle = ops.uniform(math.radians(fields["deg"]))
        s, k = ops.sin(angle), ops.cos(angle)
        return centred_map(k, s, -s, k, 0, 0, width, height)
    if name == "shift":
        return centred_map(1, 0, 0, 1, ops.uniform(fields["x"]) * width,
                           ops.uniform(fields["y"]) * height, width, height)
    if name == "zoom":
        scale = 1 / (1 + ops.uniform(fields["amount"]))
        return centred_map(scale, 0, 0, scale, 0, 0, width, height)
    return None


def augment_batch(x, steps, ops, width, height):
    """Thaw's augmentations on a batch of 0..255. `ops` does the work in its framework:
    uniform(limit), sin, cos, and on pictures flip(x, fields), warp(x, map), brightness(x, add),
    contrast(x, factor).
    As in Thaw, maps that follow each other are joined and pictures sampled once."""
    pending = None
    for name, fields in steps:
        drawn = draw_map(name, fields, ops, width, height)
        if drawn is not None:
            pending = join_maps(pending, drawn) if pending else drawn
            continue
        if pending:
            x = ops.warp(x, pending)
        pending = None
        if name == "flip":
            x = ops.flip(x, fields)
        elif name == "brightness":
            x = ops.brightness(x, 255 * ops.uniform(fields["amount"]))
        else:
            x = ops.contrast(x, 1 + ops.uniform(fields["amount"]))
    return ops.warp(x, pending) if pending else x


def draw_shares(n, alpha):
    """What each sample of a batch keeps of itself, 1/2 to 1; the next one gives it the rest."""
    import numpy as np

    shares = np.random.beta(alpha, alpha, n)
    return np.maximum(shares, 1 - shares).astype(np.float32)


# --- blocks and rates ---


def blocks_below(names):
    """For each layer how many blocks lie between the head and it, its own included. Blocks are told
    by the layers' names: block_13_expand, block6a_dwconv, expanded_conv_project; what stands above
    them is one block, what stands below them another."""
    below, block, count = [], None, 0
    for layer in reversed(names):
        found = re.match(r"block_?\d+[a-z]?_|expanded_conv_", layer)
        name = found.group() if found else ""
        if name != block:
            block, count = name, count + 1
        below.insert(0, count)
    return below


def first_thawed(names, what):
    """The index of the lowest layer that thaws."""
    below = blocks_below(names)
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
    return first


def tell(what, epoch, epochs, figures):
    """One line on stderr after each epoch."""
    print(f"{what} {epoch + 1}/{epochs}: {time.time() - BEGAN:.0f} s, "
          + ", ".join(f"{k} {v:.4f}" for k, v in figures.items()), file=sys.stderr, flush=True)


# --- report ---


def peak_memory(pid="self"):
    """VmHWM of a process in bytes."""
    with open(f"/proc/{pid}/status") as f:
        return 1024 * int(next(line for line in f if line.startswith("VmHWM")).split()[1])


def summarise(results):
    """Mean and sample standard deviation of every figure."""
    summary = {"runs": len(results)}
    for key, first in results[0].items():
        if key != "seed" and not isinstance(first, str):
            figures = [r[key] for r in results]
            summary[key] = {"mean": round(statistics.mean(figures), 4),
                            "sd": round(statistics.stdev(figures), 4)}
    return summary


def run(run_seed, args):
    """One JSON line a seed; several seeds in a process each, so that seconds and memory are those
    of one run, and then their summary."""
    if len(args.seeds) == 1:
        print(json.dumps(run_seed(args.seeds[0], args)), flush=True)
        return
    results = []
    for seed in args.seeds:
        command = [sys.executable, *sys.argv, "--seeds", str(seed)]
        line = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        print(line, end="", flush=True)
        results.append(json.loads(line))
    print(json.dumps({"summary": summarise(results)}))
