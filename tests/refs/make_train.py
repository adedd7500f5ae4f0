#!/usr/bin/env python3
"""Writes train_cases.json and train_arrays.npz beside itself: five training steps of a small network
in PyTorch (double precision, every formula spelled out), for tests/test_train_steps.c. Needs torch and
numpy."""
import json
import os

import numpy as np
import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
SIDE, CHANNELS, CLASSES, BATCH, STEPS, POOL = 12, 8, 3, 8, 5, 16
EPSILON, MOMENTUM = 1e-3, 0.9

# The network, in the order of its nodes; a norm belongs to the layer before it. Blocks begin at
# "conv1", "dw" and "conv3", the head at "pool".
#   conv1 3x3 -> bn1 -> relu6 -> dw 5x5 -> bn2 -> relu6 -> conv2 1x1 -> bn3 -> add(first relu6)
#   -> conv3 3x3/2 with bias -> relu -> pool -> logits
LAYERS = [
    ("conv1", {"kernel": (3, 3, CHANNELS, 16)}),
    ("bn1", {"gamma": (16,), "beta": (16,), "moving_mean": (16,), "moving_variance": (16,)}),
    ("dw", {"depthwise_kernel": (5, 5, 16, 1)}),
    ("bn2", {"gamma": (16,), "beta": (16,), "moving_mean": (16,), "moving_variance": (16,)}),
    ("conv2", {"kernel": (1, 1, 16, 16)}),
    ("bn3", {"gamma": (16,), "beta": (16,), "moving_mean": (16,), "moving_variance": (16,)}),
    ("conv3", {"kernel": (3, 3, 16, 24), "bias": (24,)}),
    ("logits", {"kernel": (24, CLASSES), "bias": (CLASSES,)}),
]
BLOCK_OF = {"conv1": 0, "bn1": 0, "dw": 1, "bn2": 1, "conv2": 1, "bn3": 1, "conv3": 2, "logits": 3}
FIRST = {"conv1": 0, "dw": 1, "conv3": 2, "pool": 3}  # first trained layer -> lowest trained block

CASES = [
    {"name": "sgd_all", "first": "conv1", "optimizer": "sgd", "momentum": 0.9, "rate": 0.05,
     "decay": 0.05},
    {"name": "nesterov_thawed", "first": "dw", "optimizer": "sgd", "momentum": 0.9, "nesterov": True,
     "rate": 0.05, "decay": 0.05, "clip": 0.5},
    {"name": "adamw_all", "first": "conv1", "optimizer": "adamw", "rate": 0.005, "decay": 0.1},
    {"name": "adamw_thawed", "first": "conv3", "optimizer": "adamw", "rate": 0.005, "decay": 0.1,
     "l2_sp": 0.1},
    {"name": "sgd_head", "first": "pool", "optimizer": "sgd", "momentum": 0.9, "rate": 0.05,
     "decay": 0.05},
    {"name": "sgd_statistics", "first": "conv1", "optimizer": "sgd", "momentum": 0.9, "rate": 0.05,
     "decay": 0.05, "batch_statistics": True},
    {"name": "adamw_statistics_thawed", "first": "dw", "optimizer": "adamw", "rate": 0.005,
     "decay": 0.1, "batch_statistics": True},
]
COMMON = {"smoothing": 0.1, "class_weights": [0.5, 1.0, 1.5], "block_decay": 2.6}


def initial(rng):
    weights = {}
    for layer, params in LAYERS:
        for role, shape in params.items():
            if role in ("gamma", "moving_variance"):
                w = rng.uniform(0.5, 1.5, shape)
            elif role in ("beta", "moving_mean", "bias"):
                w = rng.normal(0, 0.3, shape)
            else:
                fan = np.prod(shape[:2]) if role == "depthwise_kernel" else np.prod(shape[:-1])
                gain = 0.3 if layer == "logits" else 1.5
                w = rng.normal(0, gain / np.sqrt(fan), shape)
            weights[layer, role] = w.astype(np.float32).astype(np.float64)
    return weights


def same(x, kernel, stride):
    """TensorFlow's padding: the odd pixel at the bottom and the right."""
    total = max((-(-x.shape[2] // stride) - 1) * stride + kernel - x.shape[2], 0)
    low = total // 2
    return F.pad(x, (low, total - low, low, total - low))


def norm(w, layer, x, statistics):
    if statistics:
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
        for role, now in (("moving_mean", mean), ("moving_variance", var)):
            w[layer, role].data.mul_(MOMENTUM).add_((1 - MOMENTUM) * now.detach())
    else:
        mean, var = w[layer, "moving_mean"], w[layer, "moving_variance"]
    shape = (1, -1, 1, 1)
    x = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + EPSILON)
    return x * w[layer, "gamma"].view(shape) + w[layer, "beta"].view(shape)


def forward(w, x, lowest, statistics):
    """x [N,C,H,W] to logits; blocks under `lowest` are frozen, and so are their norms."""
    def on(layer):
        return statistics and BLOCK_OF[layer] >= lowest

    def kernel(layer):  # HWIO to OIHW
        return w[layer, "kernel"].permute(3, 2, 0, 1)
    x = F.conv2d(same(x, 3, 1), kernel("conv1"))
    short = F.relu6(norm(w, "bn1", x, on("bn1")))
    x = F.conv2d(same(short, 5, 1), w["dw", "depthwise_kernel"].permute(2, 3, 0, 1), groups=16)
    x = F.relu6(norm(w, "bn2", x, on("bn2")))
    x = norm(w, "bn3", F.conv2d(x, kernel("conv2")), on("bn3")) + short
    x = F.relu(F.conv2d(same(x, 3, 2), kernel("conv3"), w["conv3", "bias"], stride=2))
    return x.mean((2, 3)) @ w["logits", "kernel"] + w["logits", "bias"]


def cross_entropy(logits, labels, smoothing):
    target = torch.full_like(logits, smoothing / CLASSES)
    target[torch.arange(len(labels)), labels] += 1 - smoothing
    return -(target * F.log_softmax(logits, 1)).sum(1)


def update(case, p, g, state, rate, decay, step):
    p.mul_(1 - rate * decay)
    if case["optimizer"] == "sgd":
        v = state.setdefault("v", torch.zeros_like(p))
        v.mul_(case["momentum"]).add_(g)
        p.sub_(rate * (g + case["momentum"] * v if case.get("nesterov") else v))
        return
    m, s = state.setdefault("m", torch.zeros_like(p)), state.setdefault("s", torch.zeros_like(p))
    m.mul_(0.9).add_(0.1 * g)
    s.mul_(0.999).add_(0.001 * g * g)
    p.sub_(rate * (m / (1 - 0.9 ** step)) / (torch.sqrt(s / (1 - 0.999 ** step)) + 1e-8))


def run(case, start, xs, ys):
    lowest, statistics = FIRST[case["first"]], case.get("batch_statistics", False)
    w, states, losses = {}, {}, []
    for (layer, role), value in start.items():
        w[layer, role] = torch.tensor(value)
        w[layer, role].requires_grad_(BLOCK_OF[layer] >= lowest and "moving" not in role)
    trained = [k for k in w if w[k].requires_grad]
    class_weights = torch.tensor(COMMON["class_weights"], dtype=torch.float64)
    for step in range(STEPS):
        pick = [(3 * step + i) % POOL for i in range(BATCH)]
        x, y = torch.tensor(xs[pick]).permute(0, 3, 1, 2), torch.tensor(ys[pick])
        logits = forward(w, x, lowest, statistics)
        losses.append(float(cross_entropy(logits, y, 0).mean().detach()))
        loss = (class_weights[y] * cross_entropy(logits, y, COMMON["smoothing"])).sum() / BATCH
        grads = dict(zip(trained, torch.autograd.grad(loss, [w[k] for k in trained])))
        with torch.no_grad():
            for k in trained:
                if k[0] != "logits" and "kernel" in k[1]:
                    grads[k] += case.get("l2_sp", 0) * (w[k] - torch.tensor(start[k]))
            total = torch.sqrt(sum((g * g).sum() for g in grads.values()))
            if case.get("clip") and total > case["clip"]:
                grads = {k: g * (case["clip"] / total) for k, g in grads.items()}
            for k in trained:
                rate = case["rate"] / COMMON["block_decay"] ** (3 - BLOCK_OF[k[0]])
                decay = case["decay"] if "kernel" in k[1] else 0
                update(case, w[k], grads[k], states.setdefault(k, {}), rate, decay, step + 1)
    return losses, w


def flat(w):
    return np.concatenate([np.asarray(w[layer, role].detach() if torch.is_tensor(w[layer, role])
                                      else w[layer, role]).ravel()
                           for layer, params in LAYERS for role in params]).astype(np.float32)


def main():
    rng = np.random.default_rng(20)
    start = initial(rng)
    xs = rng.normal(0, 1.5, (POOL, SIDE, SIDE, CHANNELS)).astype(np.float32).astype(np.float64)
    ys = rng.integers(0, CLASSES, POOL)
    arrays = {"x": xs.astype(np.float32), "labels": ys.astype(np.int32), "initial": flat(start)}
    for case in CASES:
        case["losses"], w = run(case, start, xs, ys)
        arrays[case["name"]] = flat(w)
    np.savez(os.path.join(HERE, "train_arrays.npz"), **arrays)
    with open(os.path.join(HERE, "train_cases.json"), "w") as f:
        json.dump({"common": COMMON, "cases": CASES}, f, indent=1)
        f.write("\n")


main()
