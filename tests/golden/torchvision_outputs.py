"""Writes what torchvision's and timm's residual networks compute, for GoldenTest.java to compare with.

Weights and inputs come from a formula that the test computes again, so that the file holds outputs
only: logits in evaluation mode, those after two steps of SGD, and the losses in training mode before,
between and after the steps. Run by hand, in an environment with torch, torchvision, timm and
safetensors:

    python tests/golden/torchvision_outputs.py java/src/test/resources/golden/torchvision.safetensors
"""

import math
import sys

import numpy as np
import timm
import torch
import torchvision
from formula import uniform
from safetensors.numpy import save_file

NAMES = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "wide_resnet50_2", "resnext50_32x4d")
CLASSES = 10
IMAGES = (4, 3, 64, 64)
LR, MOMENTUM, WEIGHT_DECAY = 0.01, 0.9, 1e-3


def tensor(name, shape):
    """A tensor of a network, or the input, by its name: activations stay about as large as the input."""
    u = uniform(name, math.prod(shape))
    if name.endswith("running_var"):
        values = 0.5 + u
    elif len(shape) == 4 and name == "input":
        values = 2 * u - 1
    elif len(shape) > 1:
        values = (2 * u - 1) * math.sqrt(6 / math.prod(shape[1:]))
    elif name.endswith("weight"):
        # small where blocks end, or rounding errors grow over their many batch statistics
        small = {"bn2.weight": 0.25, "bn3.weight": 0.0625}
        values = (0.25 + 0.5 * u) * small.get(name[-10:], 1)
    else:
        values = 0.2 * (2 * u - 1)
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


def fill(network):
    """Gives every tensor its formula's values."""
    state = network.state_dict()
    network.load_state_dict({k: tensor(k, v.shape) if v.dtype == torch.float32 else v for k, v in state.items()})
    return network


def outputs(network):
    """What the test compares, by a short name each."""
    x, labels = tensor("input", IMAGES), torch.arange(IMAGES[0]) % CLASSES
    network.eval()
    with torch.no_grad():
        found = {"evaluation": network(x)}
    optimizer = torch.optim.SGD(network.parameters(), LR, MOMENTUM, weight_decay=WEIGHT_DECAY)
    network.train()
    losses = []
    for _ in range(2):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(x), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    network.eval()
    with torch.no_grad():
        found["after"] = network(x)
        network.train()
        losses.append(torch.nn.functional.cross_entropy(network(x), labels))
    return {**found, "losses": torch.stack(losses)}


def stride_in_1x1(network):
    """Moves the stride of torchvision's bottlenecks to their first convolution."""
    for block in (network.layer2[0], network.layer3[0], network.layer4[0]):
        block.conv1.stride, block.conv2.stride = (2, 2), (1, 1)
    return network


def main():
    """Writes the file."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    networks = {name: lambda name=name: getattr(torchvision.models, name)(num_classes=CLASSES) for name in NAMES}
    networks["resnet50+stride_in_1x1"] = lambda: stride_in_1x1(torchvision.models.resnet50(num_classes=CLASSES))
    networks["resnet50+deep_stem+pooled_shortcut"] = lambda: timm.create_model("resnet50d", num_classes=CLASSES)
    tensors = {}
    for name, create in networks.items():
        for kind, value in outputs(fill(create())).items():
            tensors[f"{name}/{kind}"] = np.ascontiguousarray(value.numpy())
    versions = {"torch": torch.__version__, "torchvision": torchvision.__version__, "timm": timm.__version__}
    save_file(tensors, sys.argv[1], versions)


if __name__ == "__main__":
    main()
