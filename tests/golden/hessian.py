"""Writes java/src/test/resources/golden/hessian.json: Hessians of tiny networks, computed densely by PyTorch.

The networks have GELUs, ReLUs, or ReLUs and max pooling.

The loss is the mean cross-entropy with batch normalization in evaluation mode, and the Hessian is that of all trained
parameters in float64, by torch.func.hessian. Parameters, images and the vector that is multiplied are waves, which
TinyNetwork computes, too. Needs torch, with which the committed file was made: 2.15.0. Run in the repository
root:

    python tests/golden/hessian.py
"""

import json
import math
from pathlib import Path

import torch
from torch.nn import functional

PATH = Path("java/src/test/resources/golden/hessian.json")
IMAGES = (24, 2, 6, 6)
CLASSES = 3
#: The trained parameters in the network's order.
TRAINED = {
    "conv1.weight": (4, 2, 3, 3),
    "bn1.weight": (4,),
    "bn1.bias": (4,),
    "conv2.weight": (5, 4, 3, 3),
    "conv2.bias": (5,),
    "bn2.weight": (5,),
    "bn2.bias": (5,),
    "fc.weight": (CLASSES, 5),
    "fc.bias": (CLASSES,),
}
STATISTICS = {"bn1.running_mean": (4,), "bn1.running_var": (4,), "bn2.running_mean": (5,), "bn2.running_var": (5,)}


def waves(name, shape):
    """Returns 0.5 · sin(1.7 i + length of the name), plus 1 for scales and variances, rounded to float32."""
    centre = 1.0 if name.endswith("running_var") or (name.startswith("bn") and name.endswith("weight")) else 0.0
    values = [centre + 0.5 * math.sin(1.7 * i + len(name)) for i in range(math.prod(shape))]
    return torch.tensor(values, dtype=torch.float32).double().reshape(shape)


def split(vector):
    """Returns the trained parameters in a vector by name."""
    parts = torch.split(vector, [math.prod(shape) for shape in TRAINED.values()])
    return {name: part.reshape(shape) for (name, shape), part in zip(TRAINED.items(), parts, strict=True)}


def loss(vector, kind, images, labels):
    """Returns the mean cross-entropy at some parameters."""
    activation = functional.gelu if kind == "gelu" else functional.relu
    p = split(vector) | {name: waves(name, shape) for name, shape in STATISTICS.items()}
    x = functional.conv2d(images, p["conv1.weight"], padding=1)
    x = functional.batch_norm(x, p["bn1.running_mean"], p["bn1.running_var"], p["bn1.weight"], p["bn1.bias"])
    x = activation(x)
    if kind == "max":
        x = functional.max_pool2d(x, 3, stride=1, padding=1)
    x = functional.conv2d(x, p["conv2.weight"], p["conv2.bias"], stride=2, padding=1)
    x = functional.batch_norm(x, p["bn2.running_mean"], p["bn2.running_var"], p["bn2.weight"], p["bn2.bias"])
    x = activation(x)
    x = x.amax((2, 3)) if kind == "max" else x.mean((2, 3))
    return functional.cross_entropy(functional.linear(x, p["fc.weight"], p["fc.bias"]), labels)


if __name__ == "__main__":
    count = math.prod(IMAGES)
    images = torch.tensor([math.sin(0.37 * i + i * i / 900) for i in range(count)], dtype=torch.float32)
    images = images.double().reshape(IMAGES)
    labels = torch.arange(IMAGES[0]) % CLASSES
    start = torch.cat([waves(name, shape).flatten() for name, shape in TRAINED.items()])
    vector = torch.tensor([math.cos(0.9 * i) for i in range(len(start))], dtype=torch.float64)
    networks = {}
    for name in ("gelu", "relu", "max"):
        arguments = (name, images, labels)
        hessian = torch.func.hessian(loss)(start, *arguments)
        gradient = torch.func.grad(loss)(start, *arguments)
        values = torch.linalg.eigvalsh(hessian)
        networks[name] = {
            "loss": loss(start, *arguments).item(),
            "gradient_norm": gradient.norm().item(),
            "largest": values[-1].item(),
            "smallest": values[0].item(),
            "trace": hessian.trace().item(),
            "square": (hessian**2).sum().item(),
            "diagonal_square": (hessian.diagonal() ** 2).sum().item(),
            "product": (hessian @ vector).tolist(),
        }
        print(name, {key: value for key, value in networks[name].items() if key != "product"}, values[:4], values[-4:])
    PATH.write_text(json.dumps({"torch": torch.__version__, "networks": networks}, indent=1) + "\n", encoding="utf-8")
