"""The image files and the network of tests/golden/imported_network.py, and torchvision's logits for them."""

import math
import zlib
from pathlib import Path

import numpy as np
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


def _uniform(name, size):
    golden = np.uint64(0x9E3779B97F4A7C15)
    with np.errstate(over="ignore"):
        z = np.uint64(zlib.crc32(name.encode())) + np.arange(1, size + 1, dtype=np.uint64) * golden
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(40)).astype(np.float64) * 2.0**-24


def _tensor(name, shape):
    u = _uniform(name, math.prod(shape))
    if name.endswith("running_var"):
        values = 0.5 + u
    elif len(shape) > 1:
        values = (2 * u - 1) * math.sqrt(6 / math.prod(shape[1:]))
    elif name.endswith("weight"):
        values = 0.5 + 0.5 * u
    else:
        values = 0.02 * (2 * u - 1)
    return values.astype(np.float32).reshape(shape)


def write_weights(file):
    """Writes the weights of the ResNet-18 under torchvision's names."""
    with resnet.create_model("resnet18", classes=CLASSES) as model:
        state = model.state_dict()
    tensors = {name: _tensor(name, array.shape) for name, array in state.items() if array.dtype == np.float32}
    return write_safetensors(file, tensors)
