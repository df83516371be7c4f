"""The image files and the network of tests/golden/imported_network.py, and torchvision's logits for them."""

from pathlib import Path

import numpy as np
from golden.formula import weights
from state_files import read_safetensors, write_safetensors

import py_djl_resnet as resnet

CLASSES = 10
_GOLDEN = Path(__file__).parent.parent / "java" / "src" / "test" / "resources" / "golden"
FILES = sorted((_GOLDEN / "photographs").iterdir())

#: Preprocessings with known logits.
PIPELINES = {
    "torchvision": "torchvision",
    "bicubic": {
        "channels": 3,
        "resize": {"to": "short-side", "size": 57, "interpolation": "bicubic", "rounded": True},
        "crop": {"height": 64, "width": 60},
        "mean": [0.5, 0.5, 0.5],
        "deviation": [0.25, 0.5, 0.5],
    },
    "stretched": {
        "channels": 3,
        "resize": {"to": "exact", "height": 48, "width": 80, "interpolation": "bilinear", "rounded": True},
    },
}


def expected():
    """Returns torchvision's logits, (images, classes), by preprocessing."""
    return read_safetensors(_GOLDEN / "photographs.safetensors")


def write_weights(file):
    """Writes the weights of the ResNet-18 under torchvision's names."""
    with resnet.create_model("resnet18", classes=CLASSES) as model:
        state = model.state_dict()
    tensors = {name: weights(name, array.shape) for name, array in state.items() if array.dtype == np.float32}
    return write_safetensors(file, tensors)
