#!/usr/bin/env python3
"""Thaw's recipe in PyTorch, to be measured beside it: a new head on a frozen backbone, then its top
blocks as well; fixed epochs, the last weights, no choice made on the validation images.

    recipe_torch.py --data DIR --backbone FILE.h5 --preprocess tf [--mode channels_last,bf16]
    recipe_torch.py ... --check build/thaw

DIR holds train/CLASS/* and val/CLASS/*. FILE.h5 is a flat Keras model ('thaw export' and
'thaw import' write such); its layers and weights are rebuilt in torch, and --check compares the
features of both. Prints one JSON object a seed, each from a process of its own, and with several
seeds a summary. Options that 'thaw train' has too are called and preset as there. Needs torch,
h5py and pillow; see README.md."""
import recipe_common as common  # first: it takes the time

import json
import math
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from keras_to_torch import Reader

MODES = ("eager", "channels_last", "compile", "bf16")


def read_mode(text):
    mode = text.split(",")
    for word in mode:
        if word not in MODES:
            raise common.argparse.ArgumentTypeError(f"'{word}' is none of {', '.join(MODES)}")
    return mode


def arguments():
    p = common.option_parser(__doc__)
    p.add_argument("--mode", type=read_mode, default="channels_last",
                   help="eager, or any of channels_last, compile, bf16 with commas between")
    p.add_argument("--workers", type=int, default=0, help="processes that augment")
    p.add_argument("--cache-features", action="store_true",
                   help="compute the features once and let the head learn from them")
    p.add_argument("--check", metavar="THAW",
                   help="only compare the features of random pictures with those of this command")
    args = common.read_options(p)
    if args.cache_features and args.augment_head:
        p.error("--cache-features needs a head that learns from images as they are: no --augment")
    return args


# --- images ---


class Augmentations:
    """common.augment_batch in PyTorch, on [n,c,h,w]."""
    sin, cos = staticmethod(torch.sin), staticmethod(torch.cos)

    def __init__(self, n):
        self.n = n

    def uniform(self, limit):
        return (torch.rand(self.n) * 2 - 1) * limit

    def flip(self, x, fields):
        for axis, key in ((3, "h"), (2, "v")):
            if fields[key]:
                chosen = torch.rand(self.n) < fields[key]
                x[chosen] = x[chosen].flip(axis)
        return x

    def warp(self, x, entries):
        height, width = x.shape[2:]
        a, b, c, d, e, f = (entry + torch.zeros(self.n) for entry in entries)
        # grid_sample's corners are -1 and 1: pixel = (g + 1) * half.
        across, down = (width - 1) / 2, (height - 1) / 2
        theta = torch.stack([
            a, b * down / across, (a * across + b * down + c) / across - 1,
            d * across / down, e, (d * across + e * down + f) / down - 1], dim=1).view(-1, 2, 3)
        grid = nn.functional.affine_grid(theta, list(x.shape), align_corners=True)
        return nn.functional.grid_sample(x, grid, mode="bicubic", padding_mode="border",
                                         align_corners=True).clamp_(0, 255)

    def brightness(self, x, add):
        return x.add_(add.view(-1, 1, 1, 1)).clamp_(0, 255)

    def contrast(self, x, factor):
        mean = x.mean(dim=(1, 2, 3), keepdim=True)
        return x.sub_(mean).mul_(factor.view(-1, 1, 1, 1)).add_(mean).clamp_(0, 255)


class Pictures(Dataset):
    """Batches of preprocessed tensors [n,c,h,w]."""

    def __init__(self, images, labels, steps, args):
        self.images = torch.from_numpy(images).permute(0, 3, 1, 2)
        self.labels, self.steps = torch.from_numpy(labels), steps
        self.mean, self.divisor = common.PREPROCESS[args.preprocess]
        self.format = (torch.channels_last if "channels_last" in args.mode
                       else torch.contiguous_format)

    def __len__(self):
        return len(self.labels)

    def __getitems__(self, rows):
        x = self.images[rows].to(torch.float32, memory_format=self.format)
        height, width = x.shape[2:]
        x = common.augment_batch(x, self.steps, Augmentations(len(rows)), width, height)
        x = x.contiguous(memory_format=self.format)
        return x.sub_(self.mean).div_(self.divisor), self.labels[rows]


def as_it_is(batch):
    return batch


def batches(pictures, args, shuffle=False):
    """Workers only where there is work for them: without augmentation a batch is a copy."""
    workers = args.workers if pictures.steps else 0
    return DataLoader(pictures, args.batch, shuffle=shuffle, num_workers=workers,
                      persistent_workers=workers > 0, collate_fn=as_it_is)


# --- network ---


class Network(nn.Module):
    """Backbone, mean over the sides, dropout, new classifier."""

    def __init__(self, args, classes):
        super().__init__()
        reader = Reader(args.backbone, args.size)
        steps = reader.read()
        self.side = reader.sides[steps[0][0]]
        self.names = [name for name, _, _ in steps]
        self.layers = nn.ModuleList(module for _, module, _ in steps)
        place = {name: i for i, name in enumerate(self.names)}
        self.sources = [[place[s] for s in sources] for _, _, sources in steps]
        last_use = {s: i for i, sources in enumerate(self.sources) for s in sources}
        self.dead = [[s for s, last in last_use.items() if last == i] for i in range(len(steps))]
        for layer, sources, dead in zip(self.layers, self.sources, self.dead):
            if isinstance(layer, nn.Hardtanh):  # ReLU as well
                layer.inplace = sources == dead
        width = reader.channels[self.names[-1]]
        self.dropout = nn.Dropout(args.dropout)
        self.dense = nn.Linear(width, classes)
        nn.init.xavier_uniform_(self.dense.weight)
        nn.init.zeros_(self.dense.bias)

    def cut_below(self, first):
        """The highest layer below `first` whose output is all that those above it get."""
        return next(cut for cut in range(first - 1, -1, -1)
                    if all(s >= cut for sources in self.sources[cut + 1:] for s in sources))

    def features(self, x, cut=None, shares=None):
        """With `shares` [n,1,1,1] each sample is mixed with the next one above the layer `cut`."""
        values = {0: x}
        for i, layer in enumerate(self.layers):
            if i > 0:
                values[i] = layer(*(values[s] for s in self.sources[i]))
            if i == cut:
                values[i] = shares * values[i] + (1 - shares) * values[i].roll(-1, 0)
            for s in self.dead[i]:  # an activation lives no longer than in a network written out
                del values[s]
        return values[len(self.layers) - 1].mean(dim=(2, 3))

    def classify(self, features):
        return self.dense(self.dropout(features))

    def forward(self, x, cut=None, shares=None):
        return self.classify(self.features(x, cut, shares))

    def renew(self, momentum):
        """Random weights as Keras' initialisers make them."""
        for module in self.layers.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.BatchNorm2d):
                module.reset_running_stats()
                module.reset_parameters()
                if momentum is not None:
                    module.momentum = 1 - momentum

    def thaw(self, first, batch_statistics):
        """Layers from there on train."""
        self.requires_grad_(True)
        self.eval()
        for i, layer in enumerate(self.layers):
            layer.requires_grad_(i >= first)
            layer.train(batch_statistics and i >= first)


# --- training ---


def make_optimizer(model, decay, args):
    """Decay of kernels only, and a rate that falls from block to block. A group's 'share' is its
    part of the rate."""
    below = common.blocks_below(model.names)
    modules = [*zip(model.layers, below), (model.dense, 0)]
    groups = {}
    for layer, blocks in modules:
        for module in layer.modules():
            for name, parameter in module.named_parameters(recurse=False):
                kernel = name == "weight" and not isinstance(module, nn.BatchNorm2d)
                if parameter.requires_grad:
                    groups.setdefault((blocks, kernel), []).append(parameter)
    groups = [{"params": parameters, "share": args.block_decay ** -blocks, "lr": 0.0,
               "decay": decay if kernel and args.optimizer != "adam" else 0}
              for (blocks, kernel), parameters in groups.items()]
    if args.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=0.9, fused=True)
    for group in groups:
        group["weight_decay"] = group["decay"]
    return torch.optim.AdamW(groups, eps=1e-8, fused=True)


def update(model, optimizer, rate, args):
    for group in optimizer.param_groups:
        group["lr"] = rate * group["share"]
        if args.optimizer == "sgd" and group["decay"]:  # torch's own is not decoupled
            with torch.no_grad():
                torch._foreach_mul_(group["params"], 1 - group["lr"] * group["decay"])
    if args.clip:
        nn.utils.clip_grad_norm_(model.parameters(), args.clip)
    optimizer.step()


def rate_at(step, peak, epochs, per_epoch, args):
    """Linear warm-up, then constant or half a cosine down to 0."""
    warm, total = math.floor(args.warmup * per_epoch), epochs * per_epoch
    if step < warm:
        return peak * (step + 1) / (warm + 1)
    done = min((step - warm) / max(total - warm, 1), 1)
    return peak * (0.5 * (1 + math.cos(math.pi * done)) if args.schedule == "cosine" else 1)


def precision(args):
    return torch.autocast("cpu", torch.bfloat16, enabled="bf16" in args.mode)


def accuracy(forward, model, val, args):
    right = count = 0
    model.dropout.eval()
    with torch.no_grad(), precision(args):
        for x, labels in val:
            right += int((forward(x).argmax(dim=1) == labels).sum())
            count += len(labels)
    return right / count


def fit(forward, model, train, val, epochs, rate, what, args, cut=None):
    """Trains one stage, `forward` being the model or what runs it, mixing above the layer `cut` if
    there is one; the validation accuracy after its last epoch, and the workers' peak memory."""
    decay = args.head_weight_decay if what == "head" else args.weight_decay
    optimizer = make_optimizer(model, decay, args)
    measure = nn.CrossEntropyLoss(label_smoothing=args.smoothing, reduction="none")
    step = memory = 0
    for epoch in range(epochs):
        total = 0
        model.dropout.train()
        for x, labels in train:
            with precision(args):
                if cut is None:
                    loss = measure(forward(x), labels).mean()
                else:
                    shares = torch.from_numpy(common.draw_shares(len(labels), args.mixup))
                    logits = forward(x, cut, shares.view(-1, 1, 1, 1))
                    loss = (shares * measure(logits, labels)
                            + (1 - shares) * measure(logits, labels.roll(-1, 0))).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            update(model, optimizer, rate_at(step, rate, epochs, len(train), args), args)
            total += float(loss.detach()) * len(labels)
            step += 1
        reached = accuracy(forward, model, val, args)
        memory = sum(common.peak_memory(p.pid) for p in multiprocessing.active_children())
        common.tell(what, epoch, epochs,
                    {"loss": total / len(train.dataset), "val_accuracy": reached})
    return round(reached, 4), memory


class Features(Dataset):
    """Those of all pictures, computed once."""

    def __init__(self, model, pictures, args):
        with torch.no_grad(), precision(args):
            self.x = torch.cat([model.features(x).float() for x, _ in batches(pictures, args)])
        self.labels = pictures.labels
        self.steps = []

    def __len__(self):
        return len(self.labels)

    def __getitems__(self, rows):
        return self.x[rows], self.labels[rows]


def run_seed(seed, args):
    torch.manual_seed(seed)
    np.random.seed(seed)
    imported = time.time()
    with os.scandir(os.path.join(args.data, "train")) as entries:
        classes = sum(e.is_dir() and not e.name.startswith(".") for e in entries)
    model = Network(args, classes)
    _, images, held_out = common.load_data(args.data, *model.side)
    train, val = Pictures(*images, args.augment, args), Pictures(*held_out, [], args)
    head_train = train if args.augment_head else Pictures(*images, [], args)
    if "channels_last" in args.mode:
        model.to(memory_format=torch.channels_last)
    forward = torch.compile(model, dynamic=False) if "compile" in args.mode else model
    result, memory = {"seed": seed, "mode": ",".join(args.mode)}, 0
    if args.random:
        model.renew(args.bn_momentum)
        model.thaw(0, True)
        result["random_accuracy"], memory = fit(
            forward, model, batches(train, args, True), batches(val, args), args.random_epochs,
            args.random_lr, "random", args, 0 if args.mixup else None)
    else:
        model.thaw(len(model.layers), False)
        head = forward, head_train, val
        if args.cache_features:
            head = model.classify, Features(model, head_train, args), Features(model, val, args)
        result["head_accuracy"], _ = fit(
            head[0], model, batches(head[1], args, True), batches(head[2], args), args.head_epochs,
            args.head_lr, "head", args)
        if args.thaw_epochs:
            torch.compiler.reset()  # other layers train from here on
            first = common.first_thawed(model.names, args.thaw_from)
            model.thaw(first, args.batch_statistics)
            result["thawed_accuracy"], memory = fit(
                forward, model, batches(train, args, True), batches(val, args), args.thaw_epochs,
                args.thaw_lr, "thawed", args, model.cut_below(first) if args.mixup else None)
    now = time.time()
    own = common.peak_memory()
    result.update(seconds=round(now - common.BEGAN, 1),
                  seconds_without_import=round(now - imported, 1),
                  peak_memory_bytes=own + memory, main_peak_memory_bytes=own)
    return result


# --- check ---


def check(args):
    """The largest difference from Thaw's features, relative to their largest. Exits with 1 above
    1e-4."""
    model = Network(args, 1)
    model.thaw(len(model.layers), False)
    generator = np.random.default_rng(1)
    x = generator.uniform(-1, 1, (4, *model.side, 3)).astype(np.float32)
    with tempfile.TemporaryDirectory() as scratch:
        paths = [os.path.join(scratch, name) for name in ("x.npy", "features.npy")]
        np.save(paths[0], x)
        subprocess.run([args.check, "features", args.backbone, "--tensor", paths[0],
                        "-o", paths[1]], check=True, stdout=sys.stderr)
        wanted = np.load(paths[1])
    with torch.no_grad():
        found = model.features(torch.from_numpy(x).permute(0, 3, 1, 2)).numpy()
    difference = float(np.abs(found - wanted).max() / np.abs(wanted).max())
    print(json.dumps({"backbone": args.backbone, "features": list(found.shape),
                      "relative_difference": difference}))
    sys.exit(difference > 1e-4)


if __name__ == "__main__":
    options = arguments()
    if options.check:
        check(options)
    common.run(run_seed, options)
