#!/usr/bin/env python3
"""Do the networks of torchvision and timm come through `thaw import` with equal answers?

    import_torch.py THAW FOLDER [NAME...]     all networks, or those whose names begin so: tv:resnet, timm:vgg11, ...

Each network gets random weights and moving statistics, is saved as a state dict (zip, legacy and safetensors in turn) and
imported; a line of a table gives max|a-b| / max|b| of the pooled features and of the answers at its own size, and what
was recognised. FOLDER takes the files. Exit 1 when something is above 1e-4 or fails. Needs torch, torchvision, timm and
safetensors."""
import os
import subprocess
import sys

import numpy as np
import safetensors.torch
import timm
import torch
import torchvision
from thaw_program import Thaw, distance

LIMIT = 1e-4
CLASSES = 10
BLOCKS = ("BasicBlock", "Bottleneck", "InvertedResidual", "EdgeResidual", "ConvBnAct", "MBConv", "FusedMBConv")

VISION = """resnet18 resnet34 resnet50 resnet101 resnet152 resnext50_32x4d resnext101_32x8d resnext101_64x4d wide_resnet50_2
wide_resnet101_2 vgg11 vgg11_bn vgg13 vgg13_bn vgg16 vgg16_bn vgg19 vgg19_bn mobilenet_v2 mobilenet_v3_small mobilenet_v3_large
densenet121 densenet161 densenet169 densenet201 efficientnet_b0 efficientnet_b1 efficientnet_b2 efficientnet_b3 efficientnet_b4
efficientnet_b5 efficientnet_b6 efficientnet_b7 efficientnet_v2_s efficientnet_v2_m efficientnet_v2_l convnext_tiny
convnext_small convnext_base convnext_large""".split()
TIMM = """resnet10t resnet14t resnet18 resnet18d resnet26 resnet26d resnet26t resnet34 resnet34d resnet50 resnet50c resnet50d
resnet50s resnet50t resnet101 resnet101c resnet101d resnet101s resnet152 resnet152c resnet152d resnet152s resnet200 resnet200d
resnext50_32x4d resnext50d_32x4d resnext101_32x4d resnext101_32x8d resnext101_32x16d resnext101_64x4d wide_resnet50_2
wide_resnet101_2 vgg11 vgg11_bn vgg13 vgg13_bn vgg16 vgg16_bn vgg19 vgg19_bn mobilenetv2_035 mobilenetv2_050 mobilenetv2_075
mobilenetv2_100 mobilenetv2_110d mobilenetv2_120d mobilenetv2_140 mobilenetv3_small_050 mobilenetv3_small_075
mobilenetv3_small_100 mobilenetv3_large_075 mobilenetv3_large_100 tf_mobilenetv3_small_075 tf_mobilenetv3_small_100
tf_mobilenetv3_small_minimal_100 tf_mobilenetv3_large_075 tf_mobilenetv3_large_100 tf_mobilenetv3_large_minimal_100 densenet121
densenet161 densenet169 densenet201 efficientnet_b0 efficientnet_b1 efficientnet_b2 efficientnet_b3 efficientnet_b4
efficientnet_b5 efficientnet_b6 efficientnet_b7 efficientnet_b8 efficientnet_lite0 efficientnet_lite1 efficientnet_lite2
efficientnet_lite3 efficientnet_lite4 tf_efficientnet_b0 tf_efficientnet_b1 tf_efficientnet_b2 tf_efficientnet_b3
tf_efficientnet_b4 tf_efficientnet_b5 tf_efficientnet_b6 tf_efficientnet_b7 tf_efficientnet_b8 tf_efficientnet_lite0
tf_efficientnet_lite1 tf_efficientnet_lite2 tf_efficientnet_lite3 tf_efficientnet_lite4 efficientnetv2_s efficientnetv2_m
efficientnetv2_l tf_efficientnetv2_b0 tf_efficientnetv2_b1 tf_efficientnetv2_b2 tf_efficientnetv2_b3 tf_efficientnetv2_s
tf_efficientnetv2_m tf_efficientnetv2_l convnext_atto convnext_femto convnext_pico convnext_nano convnext_tiny convnext_small
convnext_base convnext_large convnext_xlarge""".split()
NETWORKS = ["tv:" + n for n in VISION] + ["timm:" + n for n in TIMM]


def build(name):
    source, model = name.split(":")
    if source == "tv":
        return getattr(torchvision.models, model)(num_classes=CLASSES)
    return timm.create_model(model, num_classes=CLASSES)


def has_shortcut(block):
    """Attributes: of timm's blocks, of torchvision's; a ResNet's always has one."""
    return getattr(block, "has_skip", getattr(block, "use_res_connect", True))


def fill(model, x):
    """Random weights; batch norms get statistics near those of their input, perturbed, so that no signal dies, and not so
    small a variance that they blow up the rounding errors of the layers before."""
    generator = torch.Generator().manual_seed(1)

    def around(tensor, low, high):
        tensor.copy_(torch.rand(tensor.shape, generator=generator) * (high - low) + low)

    def measure(module, inputs):
        t = inputs[0]
        around(module.running_var, 0.5, 1.5)
        module.running_var.mul_(t.var((0, 2, 3)) + t.pow(2).mean() / 4 + 1e-3)
        around(module.running_mean, -0.5, 0.5)
        module.running_mean.mul_(t.std((0, 2, 3)) + 1e-3).add_(t.mean((0, 2, 3)))

    hooks = []
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                around(module.weight, 0.4, 1.2)
                around(module.bias, -0.3, 0.3)
                hooks.append(module.register_forward_pre_hook(measure))
            elif isinstance(module, torch.nn.LayerNorm) or type(module).__name__.startswith("LayerNorm"):
                around(module.weight, 0.4, 1.2)
                around(module.bias, -0.3, 0.3)
            elif isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
                limit = (6 / module.weight[0].numel()) ** 0.5
                around(module.weight, -limit, limit)
                if module.bias is not None:
                    around(module.bias, -0.3, 0.3)
        blocks = [m for m in model.modules() if type(m).__name__ in BLOCKS and has_shortcut(m)]
        for block in blocks:  # as in trained networks, a block adds little to its shortcut
            [m for n, m in block.named_modules() if isinstance(m, torch.nn.BatchNorm2d) and "downsample" not in n][-1] \
                .weight.mul_(min(0.1, 2 / len(blocks)))
        for name, parameter in model.named_parameters():
            if name.endswith("gamma") or name.endswith("layer_scale"):
                around(parameter, 0.1, 0.4)
        model.eval()
        model(x)
        for hook in hooks:
            hook.remove()


def features_of(model, x):
    """The last map before pooling, as thaw features pools it, and the answers."""
    kept, models = {}, torchvision.models
    pools = [m for m in model.modules() if isinstance(m, (torch.nn.AdaptiveAvgPool2d, timm.layers.SelectAdaptivePool2d))]
    by_output = True
    if "VGG" in type(model).__name__:
        last = [m for m in model.modules() if isinstance(m, torch.nn.MaxPool2d)][-1]
    elif isinstance(model, (models.MobileNetV2, models.DenseNet)):  # they pool by a function
        last = model.features
    else:
        last, by_output = pools[-1], False
    relu = isinstance(model, models.DenseNet)
    handle = last.register_forward_hook(lambda m, i, o: kept.update(map=o if by_output else i[0]))
    with torch.no_grad():
        y = model(x)
    handle.remove()
    found = torch.relu(kept["map"]) if relu else kept["map"]
    return found.double().mean((2, 3)).numpy(), torch.softmax(y.double(), 1).numpy()


def calm(model, x):
    """Divides the classifier, so that no answer is all of 1."""
    with torch.no_grad():
        spread = model(x).std()
        last = [m for m in model.modules() if isinstance(m, torch.nn.Linear)][-1]
        last.weight.div_(spread)
        last.bias.div_(spread)


def save(model, path, kind):
    state = model.state_dict()
    if kind == "safetensors":
        safetensors.torch.save_file({k: v.contiguous() for k, v in state.items()}, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=kind == "zip")


KERAS = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np, keras, tf_keras
x = np.load(sys.argv[2])
np.save(sys.argv[3], [k.models.load_model(sys.argv[1], compile=False).predict(x, verbose=0) for k in (keras, tf_keras)])
"""


def keras_answers(thaw, model, x):
    """Of Keras 3 and of tf-keras; none when there is no Python that has them."""
    python, path = os.environ.get("THAW_KERAS_PYTHON"), thaw.path("keras.npy")
    if not python:
        return []
    subprocess.run([python, "-c", KERAS, model, x, path], check=True, capture_output=True)
    return np.load(path)


def compare(thaw, name, kind, size):
    torch.manual_seed(0)
    model = build(name)
    fill(model, torch.rand(2, 3, 128, 128) * 4 - 2)
    x = torch.rand(1, 3, size, size) * 4 - 2
    calm(model, x)
    features, y = features_of(model, x)
    path, out, tensor = (thaw.path(f) for f in (name.split(":")[1] + ".weights", "out.h5", "x.npy"))
    save(model, path, kind)
    np.save(tensor, x.permute(0, 2, 3, 1).contiguous().numpy())
    try:
        said = thaw.run("import", path, "-o", out, "--size", str(size))
        answers = [thaw.answers(out, tensor), *keras_answers(thaw, out, tensor)]
        return (distance(thaw.features(out, tensor), features), max(distance(a, y) for a in answers),
                said.splitlines()[0].split(": ", 1)[1], said.splitlines()[1].split("), ")[0].split("(")[-1])
    finally:
        for f in (path, out):
            if os.path.exists(f):
                os.remove(f)


def main():
    torch.set_num_threads(1)
    thaw, wanted = Thaw(*sys.argv[1:3], "--threads", "1"), tuple(sys.argv[3:]) or ("",)
    good = True
    print("| network | file | size | features | answers | recognised | mode |\n|---|---|---|---|---|---|---|")
    for i, name in enumerate(n for n in NETWORKS if n.startswith(wanted)):
        kind = ("zip", "safetensors", "legacy")[i % 3]
        size = 224 if "vgg" in name else (96, 75)[i % 2]
        try:
            features, answers, what, mode = compare(thaw, name, kind, size)
            good &= max(features, answers) <= LIMIT
            print("| %s | %s | %d | %.0e | %.0e | %s | %s |" % (name, kind, size, features, answers, what, mode), flush=True)
        except Exception as error:  # whatever it is, it stands in the table
            good = False
            print("| %s | %s | %d | %s | | | |" % (name, kind, size, str(error).strip().splitlines()[0][:300]), flush=True)
    sys.exit(not good)


if __name__ == "__main__":
    main()
