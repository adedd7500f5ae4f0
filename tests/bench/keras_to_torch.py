"""Layers and weights of a flat Keras .h5 as torch modules, for recipe_torch.py."""
import json
import math
import sys

import h5py
import torch
from torch import nn


class Reader:
    """Makes torch modules of the layers of a flat Keras file, following the maps' sides."""

    def __init__(self, path, size):
        self.path, self.size = path, size
        self.file = h5py.File(path)
        self.sides = {}     # of each layer's output
        self.channels = {}

    def fail(self, layer, what):
        sys.exit(f"{self.path}: {layer['name']} ({layer['class_name']}): {what}")

    def weights(self, layer):
        """By the last part of their names, as tensors."""
        group = self.file["model_weights"][layer["name"]]
        names = [n.decode() if isinstance(n, bytes) else n for n in group.attrs["weight_names"]]
        return {n.rpartition("/")[2].split(":")[0]: torch.from_numpy(group[n][()]) for n in names}

    def padding(self, layer, sides, kernel, strides):
        """For 'same' as TensorFlow has it: ((top, bottom), (left, right))."""
        if layer["config"]["padding"] == "valid":
            return (0, 0), (0, 0)
        total = [max((math.ceil(n / s) - 1) * s + k - n, 0)
                 for n, k, s in zip(sides, kernel, strides)]
        return tuple((t // 2, t - t // 2) for t in total)

    def convolution(self, layer, sides, channels):
        config, weights = layer["config"], self.weights(layer)
        kernel, strides = config["kernel_size"], config["strides"]
        if config["activation"] != "linear" or set(config["dilation_rate"]) != {1}:
            self.fail(layer, "an activation or dilation is not known here")
        if layer["class_name"] == "Conv2D":
            kernels, groups = weights["kernel"].permute(3, 2, 0, 1), 1
        else:
            kernels, groups = weights["depthwise_kernel"].permute(2, 3, 0, 1), channels
            kernels = kernels.reshape(-1, 1, *kernel)
        (top, bottom), (left, right) = self.padding(layer, sides, kernel, strides)
        even = top == bottom and left == right
        conv = nn.Conv2d(channels, len(kernels), kernel, strides, groups=groups,
                         padding=(top, left) if even else 0, bias="bias" in weights)
        with torch.no_grad():
            conv.weight.copy_(kernels)
            if conv.bias is not None:
                conv.bias.copy_(weights["bias"])
        sides = [(n + before + after - k) // s + 1 for n, (before, after), k, s
                 in zip(sides, ((top, bottom), (left, right)), kernel, strides)]
        module = conv if even else nn.Sequential(nn.ZeroPad2d((left, right, top, bottom)), conv)
        return module, sides, len(kernels)

    def norm(self, layer, channels):
        config, weights = layer["config"], self.weights(layer)
        norm = nn.BatchNorm2d(channels, config["epsilon"], 1 - config["momentum"])
        with torch.no_grad():
            for key, to in (("gamma", norm.weight), ("beta", norm.bias),
                            ("moving_mean", norm.running_mean),
                            ("moving_variance", norm.running_var)):
                if key not in weights:
                    self.fail(layer, f"no {key}")
                to.copy_(weights[key])
        return norm

    def relu(self, layer):
        config = layer["config"]
        if config["negative_slope"] or config["threshold"]:
            self.fail(layer, "a slope or threshold is not known here")
        top = config["max_value"]
        return nn.Hardtanh(0, math.inf if top is None else top)

    def module(self, layer, sources):
        """A module, its output's sides and channels."""
        sides, channels = self.sides[sources[0]], self.channels[sources[0]]
        kind = layer["class_name"]
        if kind in ("Conv2D", "DepthwiseConv2D"):
            return self.convolution(layer, sides, channels)
        if kind == "BatchNormalization":
            return self.norm(layer, channels), sides, channels
        if kind == "ReLU":
            return self.relu(layer), sides, channels
        if kind == "Add":
            return Add(), sides, channels
        if kind == "Dropout":
            return nn.Identity(), sides, channels
        if kind == "ZeroPadding2D":
            (top, bottom), (left, right) = layer["config"]["padding"]
            return (nn.ZeroPad2d((left, right, top, bottom)),
                    [sides[0] + top + bottom, sides[1] + left + right], channels)
        return self.fail(layer, "this kind is not known here")

    def read(self):
        """Up to the global pooling: a list of (layer's name, module, sources)."""
        config = json.loads(self.file.attrs["model_config"])
        steps = []
        for layer in config["config"]["layers"]:
            name = layer["name"]
            if layer["class_name"] == "InputLayer":
                shape = layer["config"]["batch_input_shape"]
                self.sides[name] = [side or self.size for side in shape[1:3]]
                self.channels[name] = shape[3]
                steps.append((name, nn.Identity(), []))
                continue
            sources = [source[0] for source in layer["inbound_nodes"][0]]
            if layer["class_name"] == "GlobalAveragePooling2D":
                return steps
            module, self.sides[name], self.channels[name] = self.module(layer, sources)
            steps.append((name, module, sources))
        return sys.exit(f"{self.path}: no GlobalAveragePooling2D above the last feature map")


class Add(nn.Module):
    def forward(self, x, y):
        return x + y
