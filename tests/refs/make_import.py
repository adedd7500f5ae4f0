#!/usr/bin/env python3
"""Writes import.json beside itself: names and shapes of small relatives of torchvision's and timm's networks, with what
PyTorch makes of weights that both sides compute from positions. Needs torch, torchvision and timm."""
import json
import os
import re
import sys

import numpy as np
import timm
import torch
import torchvision
from torchvision.models import convnext, densenet, resnet

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from import_torch import features_of
from values import values

CHANNELS = 32  # features that are recorded, spread over all
CLASSES = 10


def weight(name, shape, stream):
    """As make_weight of tests/test_import.c."""
    v = values(int(np.prod(shape)), stream).reshape(shape)
    if name.endswith("running_var"):
        return v + np.float32(0.5)
    if name.endswith("bias") or name.endswith("running_mean"):
        return v - np.float32(0.5)
    if sum(d > 1 for d in shape) < 2:
        return (v + np.float32(0.5)) * np.float32(0.8)
    return (v * np.float32(2) - np.float32(1)) * np.float32(np.sqrt(6 / np.prod(shape[1:])))


def vgg(module, **kwargs):
    """With dense layers of 24 units."""
    model = module(num_classes=CLASSES, **kwargs)
    if hasattr(model, "pre_logits"):
        model.pre_logits = type(model.pre_logits)(512, 24, 7)
        model.head = type(model.head)(24, CLASSES)
        return model
    model.classifier[0] = torch.nn.Linear(25088, 24)
    model.classifier[3] = torch.nn.Linear(24, 24)
    model.classifier[6] = torch.nn.Linear(24, CLASSES)
    return model


def port(name):
    """timm's names as efficientnet_pytorch and efficientnet_lite_pytorch have them."""
    front = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1", "classifier": "_fc"}
    first = {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
    inner = {"conv_pw": "_expand_conv", "bn1": "_bn0", "conv_dw": "_depthwise_conv", "bn2": "_bn1",
             "conv_pwl": "_project_conv", "bn3": "_bn2", "se.conv_reduce": "_se_reduce", "se.conv_expand": "_se_expand"}
    repeats = (1, 2, 2, 3, 3, 4, 1)
    found = re.match(r"blocks\.(\d)\.(\d)\.(.*)\.(\w+)$", name)
    if not found:
        module, kind = name.rsplit(".", 1)
        return front[module] + "." + kind
    stage, block, module, kind = found.groups()
    names = {**inner, **first} if stage == "0" else inner
    return "_blocks.%d.%s.%s" % (sum(repeats[:int(stage)]) + int(block), names[module], kind)


ONES = [1, 1, 1, 1]
SHALLOW = [convnext.CNBlockConfig(24, 40, 1), convnext.CNBlockConfig(40, 48, 1), convnext.CNBlockConfig(48, 64, 2),
           convnext.CNBlockConfig(64, None, 1)]
# name, hint, what it is recognised as, mode, side, function, other names
CASES = [
    ("tv:resnet", "", "resnet10", "torch", 75, lambda: resnet.ResNet(resnet.BasicBlock, ONES, CLASSES), None),
    ("tv:resnext", "", "resnext14_32x4d", "torch", 64,
     lambda: resnet.ResNet(resnet.Bottleneck, ONES, CLASSES, groups=32, width_per_group=4), None),
    ("tv:wide_resnet", "", "wide_resnet14_2", "torch", 64,
     lambda: resnet.ResNet(resnet.Bottleneck, ONES, CLASSES, width_per_group=128), None),
    ("timm:resnet14t", "", "resnet14d", "torch", 75, lambda: timm.create_model("resnet14t", num_classes=CLASSES), None),
    ("tv:vgg11_bn", "", "vgg11_bn", "torch", 224, lambda: vgg(torchvision.models.vgg11_bn), None),
    ("timm:vgg11", "", "vgg11", "torch", 224, lambda: vgg(lambda **k: timm.create_model("vgg11", **k)), None),
    ("tv:densenet", "", "densenet17", "torch", 75,
     lambda: densenet.DenseNet(12, (1, 2, 2, 1), 24, num_classes=CLASSES), None),
    ("tv:densenet (first names)", "", "densenet17", "torch", 64,
     lambda: densenet.DenseNet(12, (1, 2, 2, 1), 24, num_classes=CLASSES),
     lambda n: re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", n)),
    ("tv:mobilenet_v2", "", "mobilenet_v2", "torch", 75,
     lambda: torchvision.models.mobilenet_v2(width_mult=0.35, num_classes=CLASSES), None),
    ("timm:mobilenetv2_035", "", "mobilenet_v2", "torch", 96,
     lambda: timm.create_model("mobilenetv2_035", num_classes=CLASSES), None),
    ("tv:mobilenet_v3_small", "", "mobilenet_v3_small", "torch", 75,
     lambda: torchvision.models.mobilenet_v3_small(num_classes=CLASSES), None),
    ("timm:mobilenetv3_small_050", "mobilenetv3_small_050", "mobilenet_v3_small", "torch", 75,
     lambda: timm.create_model("mobilenetv3_small_050", num_classes=CLASSES), None),
    ("timm:tf_mobilenetv3_small_minimal_100", "tf_mobilenetv3", "mobilenet_v3_small_minimalistic", "tf", 75,
     lambda: timm.create_model("tf_mobilenetv3_small_minimal_100", num_classes=CLASSES), None),
    ("tv:efficientnet_b0", "", "efficientnet_b0", "torch", 75,
     lambda: torchvision.models.efficientnet_b0(num_classes=CLASSES), None),
    ("timm:efficientnet_b0", "/x/efficientnet_b0_ra-3dd342df.pth", "efficientnet_b0", "torch", 96,
     lambda: timm.create_model("efficientnet_b0", num_classes=CLASSES), None),
    ("timm:tf_efficientnet_b0", "tf_efficientnet_b0", "efficientnet_b0", "torch", 96,
     lambda: timm.create_model("tf_efficientnet_b0", num_classes=CLASSES), None),
    ("efficientnet_pytorch", "", "efficientnet_b0", "torch", 75,
     lambda: timm.create_model("tf_efficientnet_b0", num_classes=CLASSES), port),
    ("timm:efficientnet_lite0", "efficientnet_lite0", "efficientnet_lite0", "torch", 75,
     lambda: timm.create_model("efficientnet_lite0", num_classes=CLASSES), None),
    ("efficientnet_lite_pytorch", "", "efficientnet_lite0", "lite", 96,
     lambda: timm.create_model("tf_efficientnet_lite0", num_classes=CLASSES), port),
    ("timm:tf_efficientnetv2_b0", "tf_efficientnetv2_b0", "efficientnet_v2_b0", "torch", 75,
     lambda: timm.create_model("tf_efficientnetv2_b0", num_classes=CLASSES), None),
    ("timm:convnext_atto", "", "convnext", "torch", 96, lambda: timm.create_model("convnext_atto", num_classes=CLASSES), None),
    ("tv:convnext", "", "convnext", "torch", 75, lambda: convnext.ConvNeXt(SHALLOW, num_classes=CLASSES), None),
]


def fill(model):
    state = {n: t for n, t in model.state_dict().items() if not n.endswith("num_batches_tracked")}
    with torch.no_grad():
        for i, (n, t) in enumerate(state.items()):
            t.copy_(torch.from_numpy(weight(n, tuple(t.shape), i)))
    return state


def tensor_list(state, rename):
    """A line a tensor: its name and sides; "NAME+ C" is a batch norm's four."""
    lines = []
    for n, t in state.items():
        name = rename(n) if rename else n
        if name.endswith(".running_var"):
            lines[-3:] = ["%s+ %d" % (name[:-12], len(t))]
        else:
            lines.append(" ".join([name] + [str(d) for d in t.shape]))
    return "\n".join(lines)


def record(name, hint, arch, mode, size, function, rename):
    model = function().eval().double()
    state = fill(model)
    x = values(size * size * 3, 9999).reshape(1, size, size, 3) * np.float32(4) - np.float32(2)
    x = torch.from_numpy(x.transpose(0, 3, 1, 2).astype(np.float64))
    with torch.no_grad():  # no answer is all of 1
        spread = float(np.float32(model(x).std()))
        last = [m for m in model.modules() if isinstance(m, torch.nn.Linear)][-1]
        last.weight.div_(spread)
        last.bias.div_(spread)
    features, answers = features_of(model, x)
    at = [i * features.shape[1] // CHANNELS for i in range(CHANNELS)]
    return {"name": name, "hint": hint, "arch": arch, "mode": mode, "size": size, "spread": spread,
            "tensors": tensor_list(state, rename), "features": [float("%.7g" % features[0, i]) for i in at],
            "answers": [float("%.7g" % v) for v in answers[0]]}


def main():
    torch.set_num_threads(1)
    with open(os.path.join(HERE, "import.json"), "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(record(*case)) for case in CASES) + "\n]\n")


if __name__ == "__main__":
    main()
