"""Computes the losses of the first training steps of the study's networks, and of He et al.'s, with PyTorch.

The networks are written here from their descriptions, in torch.nn. Weights and images are computed from names
(formula.py), labels from step and place. Run: python tests/golden/first_losses.py
java/src/test/resources/golden/first_losses.json
"""

import json
import sys
from pathlib import Path

import torch
from formula import uniform, weights
from torch import nn
from torch.nn.functional import cross_entropy, pad, relu

BATCH, SIDE, CLASSES = 8, 16, 10
#: DJL passes it as a float; in 56 layers the difference grows to 4e-4 in step 20.
EPSILON = torch.tensor(1e-5, dtype=torch.float32).item()
CASES = {
    "study-plain20": ("study", 25),
    "study-resnet20": ("study", 25),
    "study-plain56": ("study", 25),
    "study-resnet56": ("study", 25),
    "cifar-resnet20": ("cifar-he2016", 25),
}
RECIPES = Path(__file__).parent.parent.parent / "py_djl_resnet" / "recipes"


class Block(nn.Module):
    """Two convolutions of 3x3; the shortcut takes every second row and column, and pads the channels with zeros."""

    def __init__(self, channels: int, out: int, first: bool, plain: bool) -> None:
        super().__init__()
        stride = 1 if channels == out else 2
        # the study's blocks change the shape in their second convolution
        middle, strides = (out, (stride, 1)) if first else (channels, (1, stride))
        self.conv1 = nn.Conv2d(channels, middle, 3, strides[0], 1, bias=False)
        self.bn1 = nn.BatchNorm2d(middle, EPSILON)
        self.conv2 = nn.Conv2d(middle, out, 3, strides[1], 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out, EPSILON)
        self.more, self.stride, self.plain = out - channels, stride, plain

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(relu(self.bn1(self.conv1(x)))))
        if self.plain:
            return relu(y)
        return relu(y + pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, *self.padding())))

    def padding(self) -> tuple[int, int]:
        """Returns how many channels of zeros the shortcut adds before and after the others."""
        return self.more // 2, self.more - self.more // 2


class Net(nn.Module):
    """Three stages of n blocks for 6n + 2 layers; the study's last block of a stage has the next stage's channels."""

    def __init__(self, name: str) -> None:
        super().__init__()
        study = name.startswith("study")
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16, EPSILON)
        channels = 16
        for stage, width in enumerate((16, 32, 64), 1):
            outs = [width] * ((int(name[-2:]) - 2) // 6)
            if study and stage < 3:
                outs[-1] = 2 * width
            blocks = []
            for out in outs:
                blocks.append(Block(channels, out, not study, "plain" in name))
                channels = out
            self.add_module(f"layer{stage}", nn.Sequential(*blocks))
        self.fc = nn.Linear(64, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = relu(self.bn1(self.conv1(x)))
        return self.fc(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))


def losses(name: str, recipe_name: str, steps: int) -> list[float]:
    """Returns the loss of each step, before its update, in float64.

    At a learning rate of 0.1, rounding grows quickly: after 25 steps float32 differs from float64 by up to 0.7.
    """
    recipe = json.loads((RECIPES / f"{recipe_name}.json").read_text())
    net = Net(name).double().train()
    with torch.no_grad():
        for key, tensor in net.named_parameters():
            tensor.copy_(torch.tensor(weights(key, tuple(tensor.shape))))
    decay, everywhere = recipe["weight_decay"], recipe.get("decay_bias_and_norm", False)
    groups = [
        {"params": [p for p in net.parameters() if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in net.parameters() if p.ndim == 1], "weight_decay": decay if everywhere else 0},
    ]
    sgd = torch.optim.SGD(groups, recipe["lr"], recipe["momentum"], nesterov=recipe.get("nesterov", False))
    found = []
    for step in range(steps):
        images = 3.4 * uniform(f"images{step}", BATCH * 3 * SIDE * SIDE) - 1.7
        x = torch.tensor(images.astype("float32"), dtype=torch.float64).view(BATCH, 3, SIDE, SIDE)
        labels = torch.tensor([(7 * place + 3 * step) % CLASSES for place in range(BATCH)])
        loss = cross_entropy(net(x), labels)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        found.append(loss.item())
    return found


if __name__ == "__main__":
    cases = [{"model": name, "recipe": of[0], "losses": losses(name, *of)} for name, of in CASES.items()]
    Path(sys.argv[1]).write_text(json.dumps(cases, indent=1) + "\n", "utf-8")
