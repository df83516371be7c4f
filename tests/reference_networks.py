"""Residual networks in numpy and double precision, as a reference for the Java networks."""

import math
import re

import numpy as np
from state_files import read_safetensors


def read_tensors(file):
    """Returns the tensors of a safetensors file by name, without the optimizer's."""
    tensors = read_safetensors(file).items()
    return {name: array.astype(np.float64) for name, array in tensors if not name.startswith("optimizer/")}


class Reference:
    """A network computed from its tensors, with one method per family.

    Args:
        tensors: tensors by torchvision's names.
        training: whether batch normalization uses the batch's statistics.
    """

    def __init__(self, tensors, training=False):
        self.tensors = tensors
        self.training = training
        self.normalized = {}  # the inputs of batch normalization by layer

    def conv(self, name, x, stride=1):
        """Convolution without bias, padded by half its kernel."""
        weight = self.tensors[f"{name}.weight"]
        size = weight.shape[-1]
        height, width = (-(-n // stride) for n in x.shape[2:])
        padded = np.pad(x, ((0, 0), (0, 0), (size // 2,) * 2, (size // 2,) * 2))
        y = 0
        for i in range(size):
            for j in range(size):
                part = padded[:, :, i : i + stride * height : stride, j : j + stride * width : stride]
                y = y + np.einsum("oc,nchw->nohw", weight[:, :, i, j], part)
        return y

    def norm(self, name, x, epsilon=1e-5):
        """Batch normalization."""
        self.normalized[name] = x
        gamma, beta, mean, variance = (
            self.tensors[f"{name}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
        )
        if self.training:
            mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3))
        scale = gamma / np.sqrt(variance + epsilon)
        return x * scale[:, None, None] + (beta - mean * scale)[:, None, None]

    def cifar(self, x, study=False, plain=False):
        """Post-activation basic blocks; the study's blocks have their stride in the second convolution."""
        x = relu(self.norm("bn1", self.conv("conv1", x)))
        for name in self.blocks():
            out = self.tensors[f"{name}.conv2.weight"].shape[0]
            stride = 1 if out == x.shape[1] else 2
            y = self.conv(f"{name}.conv1", x, 1 if study else stride)
            y = self.conv(f"{name}.conv2", relu(self.norm(f"{name}.bn1", y)), stride if study else 1)
            y = self.norm(f"{name}.bn2", y)
            if plain:
                x = relu(y)
            elif f"{name}.downsample.0.weight" in self.tensors:
                x = relu(y + self.norm(f"{name}.downsample.1", self.conv(f"{name}.downsample.0", x, stride)))
            else:
                x = relu(y + option_a(x, out, stride))
        return self.head(x)

    def preact(self, x):
        """Full pre-activation: basic blocks, or bottlenecks with the stride in the 3x3 convolution."""
        photographs = self.tensors["conv1.weight"].shape[-1] == 7
        x = relu(self.norm("bn1", self.conv("conv1", x, 2 if photographs else 1)))
        x = max_pool(x) if photographs else x
        for number, name in enumerate(self.blocks()):
            last = 3 if f"{name}.conv3.weight" in self.tensors else 2
            stride = 2 if not name.startswith("layer1.") and name.endswith(".0") else 1
            activated = x if number == 0 else relu(self.norm(f"{name}.bn1", x))
            projected = f"{name}.downsample.0.weight" in self.tensors
            shortcut = self.conv(f"{name}.downsample.0", activated, stride) if projected else x
            y = self.conv(f"{name}.conv1", activated, stride if last == 2 else 1)
            for i in range(2, last + 1):
                y = relu(self.norm(f"{name}.bn{i}", y))
                y = self.conv(f"{name}.conv{i}", y, stride if last == 3 and i == 2 else 1)
            x = shortcut + y
        return self.head(relu(self.norm("bn2", x)))

    def fashion(self, x):
        """Pooled units, each followed by a residual unit."""
        x = gelu(self.conv("conv1", x) + self.tensors["conv1.bias"][:, None, None])
        for stage in ("layer1", "layer2", "layer3"):
            x = gelu(self.norm(f"{stage}.0.bn1", pool_pairs(self.conv(f"{stage}.0.conv1", x))))
            x = x + gelu(self.norm(f"{stage}.1.bn1", self.conv(f"{stage}.1.conv1", x)))
        return x.max((2, 3)) @ self.tensors["fc.weight"].T / 9

    def airbench(self, x):
        """A whitening convolution, and groups of a pooled and a plain unit."""
        weight, height, width = self.tensors["whiten.weight"], x.shape[2] - 1, x.shape[3] - 1
        taps = [(i, j) for i in range(2) for j in range(2)]
        y = sum(np.einsum("oc,nchw->nohw", weight[:, :, i, j], x[:, :, i : i + height, j : j + width]) for i, j in taps)
        x = gelu(y + self.tensors["whiten.bias"][:, None, None])
        for group in ("layers.1", "layers.2", "layers.3"):
            x = gelu(self.norm(f"{group}.norm1", pool_pairs(self.conv(f"{group}.conv1", x)), 1e-12))
            x = gelu(self.norm(f"{group}.norm2", self.conv(f"{group}.conv2", x), 1e-12))
        return x.max((2, 3)) @ self.tensors["head.weight"].T / 9

    def head(self, x):
        """Global average pooling and a linear layer."""
        return x.mean((2, 3)) @ self.tensors["fc.weight"].T + self.tensors["fc.bias"]

    def blocks(self):
        """Returns the names of the blocks in order."""
        names = {found[0] for name in self.tensors if (found := re.match(r"layer\d+\.\d+", name))}
        return sorted(names, key=lambda name: [int(n) for n in re.findall(r"\d+", name)])


def relu(x):
    """ReLU."""
    return np.maximum(x, 0)


def gelu(x):
    """x times the normal distribution function of x."""
    return x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2


def pool_pairs(x):
    """2x2 max pooling with stride 2; an odd row or column at the end is left out."""
    height, width = x.shape[2] // 2, x.shape[3] // 2
    cut = x[:, :, : 2 * height, : 2 * width]
    return cut.reshape(*x.shape[:2], height, 2, width, 2).max((3, 5))


def max_pool(x):
    """3x3 max pooling with stride 2 of a map without negative values."""
    height, width = (-(-n // 2) for n in x.shape[2:])
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = [padded[:, :, i : i + 2 * height : 2, j : j + 2 * width : 2] for i in range(3) for j in range(3)]
    return np.max(windows, axis=0)


def option_a(x, channels, stride):
    """Subsamples, and pads the channels with zeros on both sides."""
    before = (channels - x.shape[1]) // 2
    return np.pad(x[:, :, ::stride, ::stride], ((0, 0), (before, channels - x.shape[1] - before), (0, 0), (0, 0)))


def cross_entropy(logits, labels):
    """Returns the mean cross-entropy in nats."""
    shifted = logits - logits.max(1, keepdims=True)
    losses = np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(labels)), labels]
    return losses.mean()
