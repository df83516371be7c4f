"""The networks of the comparison in PyTorch."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional as F


class Residual(nn.Module):
    """ReLU of a branch plus a shortcut."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module, inplace: bool = True) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut
        self.inplace = inplace

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.branch(x)
        y += self.shortcut(x)
        return F.relu(y, inplace=self.inplace)


class ZeroPadding(nn.Module):
    """Shortcut option A: every second position, and zeros for the new channels."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, x.shape[1]))


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, bias: bool = False) -> list[nn.Module]:
    """Returns a convolution and its batch normalization."""
    return [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=bias), nn.BatchNorm2d(outputs)]


def basic(inputs: int, outputs: int, stride: int, shortcut: nn.Module, book: bool = False) -> Residual:
    """Returns a block of two 3×3 convolutions; the book's has biases and no ReLU in place."""
    first, second = convolution(inputs, outputs, 3, stride, book), convolution(outputs, outputs, 3, 1, book)
    return Residual(nn.Sequential(*first, nn.ReLU(inplace=not book), *second), shortcut, not book)


def network(stem: list[nn.Module], stages: list[nn.Module], features: int) -> nn.Sequential:
    return nn.Sequential(*stem, *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(features, 10))


def d2l_resnet18() -> nn.Sequential:
    """The chapter's network: convolutions with a bias, and projections without batch normalization."""
    stages: list[nn.Module] = [basic(64, 64, 1, nn.Identity(), True), basic(64, 64, 1, nn.Identity(), True)]
    for inputs in (64, 128, 256):
        stages.append(basic(inputs, 2 * inputs, 2, nn.Conv2d(inputs, 2 * inputs, 1, 2), True))
        stages.append(basic(2 * inputs, 2 * inputs, 1, nn.Identity(), True))
    return network([*convolution(1, 64, 7, 2, True), nn.ReLU(), nn.MaxPool2d(3, 2, 1)], stages, 512)


def cifar_resnet(depth: int) -> nn.Sequential:
    """He et al. 2015, section 4.2, with shortcut option A."""
    blocks = (depth - 2) // 6
    stages: list[nn.Module] = [basic(16, 16, 1, nn.Identity()) for _ in range(blocks)]
    for inputs in (16, 32):
        stages.append(basic(inputs, 2 * inputs, 2, ZeroPadding()))
        stages += [basic(2 * inputs, 2 * inputs, 1, nn.Identity()) for _ in range(blocks - 1)]
    return network([*convolution(3, 16, 3), nn.ReLU(inplace=True)], stages, 64)


def study_resnet(depth: int) -> nn.Sequential:
    """Like :func:`cifar_resnet`, but the last block of a stage changes the size, in its second convolution."""
    blocks = (depth - 2) // 6
    stages: list[nn.Module] = []
    for width in (16, 32, 64):
        stages += [basic(width, width, 1, nn.Identity()) for _ in range(blocks - 1)]
        if width < 64:
            branch = [*convolution(width, width, 3), nn.ReLU(inplace=True), *convolution(width, 2 * width, 3, 2)]
            stages.append(Residual(nn.Sequential(*branch), ZeroPadding()))
    stages.append(basic(64, 64, 1, nn.Identity()))
    created = network([*convolution(3, 16, 3), nn.ReLU(inplace=True)], stages, 64)
    for module in created.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.9
    return created


def resnet50() -> nn.Sequential:
    """The same as torchvision's, with 10 classes."""
    stages: list[nn.Module] = []
    inputs = 64
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for number in range(blocks):
            stride = 2 if number == 0 and width > 64 else 1
            branch = [*convolution(inputs, width, 1), nn.ReLU(inplace=True)]
            branch += [*convolution(width, width, 3, stride), nn.ReLU(inplace=True), *convolution(width, 4 * width, 1)]
            projection = nn.Identity() if number else nn.Sequential(*convolution(inputs, 4 * width, 1, stride))
            stages.append(Residual(nn.Sequential(*branch), projection))
            inputs = 4 * width
    return network([*convolution(3, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)], stages, inputs)


class Scale(nn.Module):
    """A product with a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.factor


class Plus(nn.Module):
    """A branch added to its input."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.branch(x)


class Float(nn.Module):
    """Ends the part in bfloat16."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.float()


def max_head(features: int) -> list[nn.Module]:
    """Returns global max pooling and a linear layer whose outputs are divided by 9."""
    return [
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        Float(),
        nn.Linear(features, 10, bias=False),
        Scale(1 / 9),
    ]


def fashion_net(factor: float = 1) -> nn.Sequential:
    """A narrow residual network that pools before batch normalization; `factor` scales its widths."""
    stem, *widths = (int(factor * width) for width in (16, 64, 128, 256))
    layers: list[nn.Module] = [nn.Conv2d(1, stem, 3, padding=1), nn.GELU()]
    inputs = stem
    for width in widths:
        first, second = (nn.Conv2d(channels, width, 3, padding=1, bias=False) for channels in (inputs, width))
        layers += [first, nn.MaxPool2d(2), nn.BatchNorm2d(width, momentum=0.4), nn.GELU()]
        layers += [Plus(nn.Sequential(second, nn.BatchNorm2d(width, momentum=0.4), nn.GELU()))]
        inputs = width
    return nn.Sequential(*layers, *max_head(inputs))


def airbench94(factor: float = 1) -> nn.Sequential:
    """The network of airbench94; :func:`whiten` sets its first weight."""
    widths = [int(factor * width) for width in (64, 256, 256)]
    layers: list[nn.Module] = [nn.Conv2d(3, 24, 2), nn.GELU()]
    layers[0].weight.requires_grad_(False)
    inputs = 24
    for width in widths:
        for number, channels in enumerate((inputs, width)):
            convolution = nn.Conv2d(channels, width, 3, padding=1, bias=False)
            nn.init.dirac_(convolution.weight.data[:channels])
            norm = nn.BatchNorm2d(width, eps=1e-12, momentum=0.4)
            norm.weight.requires_grad_(False)
            layers += [convolution, *([nn.MaxPool2d(2)] if number == 0 else []), norm, nn.GELU()]
        inputs = width
    first, *others = [*layers, *max_head(inputs)]
    return nn.Sequential(OrderedDict(whiten=first, **{str(place): layer for place, layer in enumerate(others, 1)}))


def whiten(network: nn.Sequential, images: torch.Tensor) -> None:
    """Sets the first weight of :func:`airbench94` from normalized images (N, C, H, W)."""
    patches = images.unfold(2, 2, 1).unfold(3, 2, 1).movedim(1, 3).reshape(-1, images.shape[1] * 4)
    values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
    filters = (vectors / (values + 5e-4).sqrt()).T.reshape(-1, images.shape[1], 2, 2)
    network[0].weight.data.copy_(torch.cat((filters, -filters)))


NETWORKS = {
    "d2l-resnet18": d2l_resnet18,
    "cifar-resnet20": lambda: cifar_resnet(20),
    "cifar-resnet56": lambda: cifar_resnet(56),
    "study-resnet56": lambda: study_resnet(56),
    "resnet50": resnet50,
    "fashion-net": fashion_net,
    "fashion-net+width_1.5": lambda: fashion_net(1.5),
    "fashion-net+width_2": lambda: fashion_net(2),
    "airbench94": airbench94,
    "airbench94+width_1.5": lambda: airbench94(1.5),
    "airbench94+width_2": lambda: airbench94(2),
}

#: The networks that keep PyTorch's own initial weights.
OWN_WEIGHTS = ("fashion-net", "airbench94")


def create(name: str) -> nn.Sequential:
    """Returns a network with He's initial weights, or its own."""
    created = NETWORKS[name]()
    if name.startswith(OWN_WEIGHTS):
        nn.init.zeros_(created[0].bias)
        return created
    for module in created.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return created
