"""Trains with one of our recipes in eager PyTorch, and prints a JSON line for each epoch.

Reads the complete recipe as JSON from standard input: benchmarks/recipes.py gives it. A setting that is not known
here must have its default. Networks keep PyTorch's rules of initialization and randomness, so only means compare.
Convolutions are channels-last; bfloat16 is by autocast. Augmentation changes the bytes of whole batches. Needs only
torch and numpy.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import json
import sys
import time
from pathlib import Path

import pytorch_loop
import pytorch_networks
import torch
from pytorch_settings import Recipe, check, learning_rate, parts, steps_per_epoch
from torch import nn
from torch.nn import functional as F


class Augmentation:
    """Changes batches of bytes (N, C, H, W) as a list of names with numbers says, such as ``crop:4``."""

    def __init__(self, steps: list[str], examples: int) -> None:
        self.steps = [step.split(":") for step in steps]
        self.even = torch.rand(examples) < 0.5

    def __call__(self, x: torch.Tensor, chosen: torch.Tensor, epoch: int) -> torch.Tensor:
        for name, *numbers in self.steps:
            match name:
                case "flip":
                    x = flip(x, torch.rand(len(x)) < 0.5)
                case "alternating-flip":  # half of the examples in even epochs, the others in odd ones
                    x = flip(x, self.even[chosen] == (epoch % 2 == 0))
                case "translate" | "crop":
                    x = shift(x, int(numbers[0]), name == "translate")
                case "erase":
                    least, most = map(int, numbers[1].split("-"))
                    x = erase(x, float(numbers[0]), least, most)
        return x


def resized(x: torch.Tensor, size: int | None) -> torch.Tensor:
    """Resizes bytes (N, C, H, W) to squares as Pillow does, a thousand at a time to save memory."""
    if size is None:
        return x
    options = {"size": (size, size), "mode": "bilinear", "antialias": True}
    return torch.cat([F.interpolate(some.float(), **options).round().byte() for some in x.split(1000)])


def flip(x: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
    return torch.where(which[:, None, None, None], x.flip(3), x)


def shift(x: torch.Tensor, most: int, reflects: bool) -> torch.Tensor:
    """Moves each image by up to `most` pixels; reflections or black come in."""
    height, width = x.shape[2:]
    padded = F.pad(x, (most,) * 4, mode="reflect" if reflects else "constant")
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    down, right = torch.randint(2 * most + 1, (2, len(x)))
    return windows[torch.arange(len(x)), :, down, right]


def erase(x: torch.Tensor, probability: float, least: int, most: int) -> torch.Tensor:
    """Fills a rectangle with sides of `least` to `most` pixels with noise, in some images."""
    chosen = (torch.rand(len(x)) < probability).nonzero()[:, 0]
    part = x[chosen]
    inside = []
    for size in x.shape[2:]:
        side = torch.randint(least, most + 1, (len(part), 1))
        first = (torch.rand(len(part), 1) * (size - side + 1)).long()
        places = torch.arange(size)
        inside.append((first <= places) & (places < first + side))
    which = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return x.index_copy(0, chosen, torch.where(which, torch.randint_like(part, 256), part))


def select(network: nn.Module, name: str) -> set[str]:
    """Returns the names of the parameters that a name in our settings means."""
    names = {key: parameter.ndim > 1 for key, parameter in network.named_parameters()}
    head = list(names)[-1].rpartition(".")[0]
    norms = {key for key, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)}
    chosen = {
        "weight": lambda key: names[key],
        "bias": lambda key: key.endswith(".bias"),
        "norm": lambda key: key.rpartition(".")[0] in norms,
        "head": lambda key: key.rpartition(".")[0] == head,
        "body": lambda key: key.rpartition(".")[0] != head,
    }.get(name, lambda key: key.startswith(f"{name}."))
    return set(filter(chosen, names))


def tensors(network: nn.Module) -> list[torch.Tensor]:
    """Returns the weights and running statistics, not copied."""
    return [tensor for tensor in network.state_dict().values() if tensor.is_floating_point()]


def follow(slow: list[torch.Tensor], fast: list[torch.Tensor], weight: float) -> None:
    for one, other in zip(slow, fast, strict=True):
        one.lerp_(other, weight)


class Lookahead:
    """Slow weights as in airbench's legacy/airbench94.py, or beginning after some epochs."""

    def __init__(self, begin: int, steps: int, weights: list[torch.Tensor]) -> None:
        self.begin, self.steps, self.weights = begin, steps, weights
        self.slow = [] if begin else [tensor.clone() for tensor in weights]

    def updated(self, updates: int) -> None:
        if updates % 5 == 0 and updates > self.begin:
            if not self.slow:
                self.slow = [tensor.clone() for tensor in self.weights]
            follow(self.slow, self.weights, 1 - 0.95**5 * (updates / self.steps) ** 3)
            follow(self.weights, self.slow, 1)
        if updates == self.steps and self.slow:
            follow(self.weights, self.slow, 1)


class Training:
    """A network with its data and optimizer."""

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        torch.manual_seed(recipe["seed"])
        self.recipe = recipe
        limit = recipe["limit"] or 10**9
        (self.x, self.y), (x, self.test_y) = (
            pytorch_loop.read_bytes(recipe["dataset"], folder, part, limit) for part in (True, False)
        )
        self.x, x = (resized(images, recipe["image_size"]) for images in (self.x, x))
        count = min(5000, len(self.x))
        sample = self.x[torch.arange(count) * len(self.x) // count]
        self.mean, self.deviation = torch.zeros(1), torch.full((1,), 255.0)
        if recipe["normalize_by"]:
            by = [[float(number) for number in numbers.split(",")] for numbers in recipe["normalize_by"].split("/")]
            self.mean, self.deviation = (255 * torch.tensor(numbers).view(1, -1, 1, 1) for numbers in by)
        elif recipe["normalize"]:
            found = torch.std_mean(sample.double() / 255, (0, 2, 3), correction=0, keepdim=True)
            self.deviation, self.mean = (255 * each.round(decimals=4).float() for each in found)
        self.test_x = self.normalized(x)
        self.network = pytorch_networks.create(recipe["model"])
        if recipe["model"].startswith("airbench94"):
            pytorch_networks.whiten(self.network, self.normalized(sample))
        self.network.to(memory_format=torch.channels_last)
        self.trained = {name: p for name, p in self.network.named_parameters() if p.requires_grad}
        self.frozen = [self.part(text) for text in parts(recipe["freeze"])]
        options = {"momentum": recipe["momentum"], "nesterov": recipe["nesterov"], "fused": True}
        self.optimizer = torch.optim.SGD(self.groups(), lr=recipe["lr"], **options)
        self.augment = Augmentation(recipe["augment"], len(self.x))
        self.per_epoch = steps_per_epoch(recipe, len(self.x))
        self.steps = self.per_epoch * recipe["epochs"]
        self.weights = tensors(self.network)
        self.lookahead = None
        if recipe["lookahead"]:
            begin = int(recipe["lookahead"].split(":")[1]) * self.per_epoch
            self.lookahead = Lookahead(begin, self.steps, self.weights)
        self.average = copy.deepcopy(self.network) if recipe["ema_decay"] else None
        self.averages = [] if self.average is None else tensors(self.average)

    def groups(self) -> list[dict[str, object]]:
        """Returns the parameters by their weight decay and their factor of the learning rate."""
        found: dict[tuple[float, float], list[nn.Parameter]] = {}
        for name, parameter in self.trained.items():
            decays = parameter.ndim > 1 or self.recipe["decay_bias_and_norm"]
            decay = self.recipe["weight_decay"] if decays else 0.0
            key = (decay * self.factor("decay_scales", name), self.factor("lr_scales", name))
            found.setdefault(key, []).append(parameter)
        return [{"params": group, "weight_decay": decay, "scale": scale} for (decay, scale), group in found.items()]

    def factor(self, setting: str, parameter: str) -> float:
        product = 1.0
        for text in parts(self.recipe[setting]):
            name, factor = text.split(":")
            product *= float(factor) if parameter in select(self.network, name) else 1
        return product

    def part(self, text: str) -> tuple[set[str], range]:
        """Returns the parameters of a part of `freeze`, and the epochs from 0 in which they are frozen."""
        name, _, epochs = text.partition(":")
        last = self.recipe["epochs"]
        frozen = range(int(epochs[:-1]), last) if epochs.endswith("-") else range(int(epochs or last))
        return select(self.network, name), frozen

    def freeze(self, epoch: int) -> None:
        """Freezes the parameters of an epoch; their batch normalization uses its running statistics."""
        frozen = {name for names, epochs in self.frozen if epoch in epochs for name in names}
        for name, parameter in self.trained.items():
            parameter.requires_grad_(name not in frozen)
        for prefix, module in self.network.named_modules():
            own = [name for name in self.trained if name.startswith(f"{prefix}.")]
            if isinstance(module, nn.BatchNorm2d) and own and frozen.issuperset(own):
                module.eval()

    def normalized(self, x: torch.Tensor) -> torch.Tensor:
        return (x - self.mean).div_(self.deviation).contiguous(memory_format=torch.channels_last)

    def forward(self, network: nn.Module, x: torch.Tensor) -> torch.Tensor:
        low = self.recipe["precision"] == "bfloat16"
        with torch.autocast("cpu", torch.bfloat16) if low else contextlib.nullcontext():
            return torch.as_tensor(network(x)).float()

    def epoch(self, number: int) -> None:
        self.network.train()
        self.freeze(number)
        order = torch.randperm(len(self.x)).split(self.recipe["batch_size"])[: self.per_epoch]
        for step, chosen in enumerate(order, number * self.per_epoch):
            rate = learning_rate(self.recipe, step, self.steps)
            for group in self.optimizer.param_groups:
                group["lr"] = rate * group["scale"]
            logits = self.forward(self.network, self.normalized(self.augment(self.x[chosen], chosen, number)))
            loss = F.cross_entropy(logits, self.y[chosen], label_smoothing=self.recipe["label_smoothing"])
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            self.updated(step + 1)
        if not loss.isfinite():
            raise SystemExit("The loss is no longer finite.")

    def updated(self, updates: int) -> None:
        if self.lookahead is not None:
            self.lookahead.updated(updates)
        if self.average is not None:
            decay = min(self.recipe["ema_decay"], (1 + updates) / (10 + updates))
            follow(self.averages, self.weights, 1 - decay)

    def accuracy(self, network: nn.Module) -> float:
        network.eval()
        with torch.inference_mode():
            found = [self.forward(network, part).argmax(1) for part in self.test_x.split(1000)]
        return float((torch.cat(found) == self.test_y).double().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--data-dir", type=Path, required=True)
    args = parser.parse_args()
    given = json.load(sys.stdin)
    check(given["recipe"], given["defaults"])
    torch.set_num_threads(args.threads)
    training = Training(given["recipe"], args.data_dir)
    for number in range(given["recipe"]["epochs"]):
        start = time.perf_counter()
        training.epoch(number)
        trained = time.perf_counter()
        row = {"epoch": number + 1, "seconds": trained - start, "test_accuracy": training.accuracy(training.network)}
        if training.average is not None:
            row["test_average_accuracy"] = training.accuracy(training.average)
        row["validation_seconds"] = time.perf_counter() - trained
        print(json.dumps({**row, "torch": torch.__version__}), flush=True)


if __name__ == "__main__":
    main()
