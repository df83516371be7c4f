"""Trains with one of our recipes in eager PyTorch, and prints a JSON line for each epoch.

Reads the complete recipe as JSON from standard input: benchmarks/recipes.py gives it. A setting that is not known
here must have its default. Networks keep PyTorch's rules of initialization and randomness, so only means compare.
Convolutions are channels-last; bfloat16 is by autocast. Needs only torch and numpy.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import pytorch_loop
import pytorch_networks
import torch
from torch.nn import functional as F

#: The settings that this program follows, and those that cannot change accuracy.
FOLLOWED = {"model", "dataset", "epochs", "batch_size", "lr", "momentum", "nesterov", "weight_decay", "normalize"}
FOLLOWED |= {"decay_bias_and_norm", "schedule", "step_epochs", "step_factor", "warmup_epochs", "precision", "seed"}
FOLLOWED |= {"drop_last", "limit", "augment", "label_smoothing"}
IRRELEVANT = {"data_dir", "engine", "device", "threads", "compile", "checkpoint_every", "keep", "profile"}

Recipe = dict[str, Any]


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Returns the learning rate of a step, by the definitions of our schedules."""
    per_epoch = steps // recipe["epochs"]
    warm = recipe["warmup_epochs"] * per_epoch
    if step < warm:
        return float(recipe["lr"]) * (step + 1) / warm
    t, total = step - warm, steps - warm
    match recipe["schedule"]:
        case "constant":
            factor = 1.0
        case "step":
            factor = recipe["step_factor"] ** (step // per_epoch // recipe["step_epochs"])
        case "cosine":
            factor = (1 + math.cos(math.pi * t / total)) / 2
        case "one-cycle":
            top = 0.3 * total - 1
            rising, part = t <= top, t / top if t <= top else (t - top) / (total - 1 - top)
            begin, end = (1 / 25, 1) if rising else (1, 1 / 250_000)
            factor = end + (begin - end) * (1 + math.cos(math.pi * part)) / 2
        case "triangular":
            peak = 0.23 * total
            factor = t / peak if t < peak else (total - t) / (total - peak)
        case other:
            raise SystemExit(f"The schedule {other} is not known here.")
    return float(recipe["lr"] * factor)


class Augmentation:
    """Changes batches as a list of names with numbers says, such as ``crop:4``."""

    def __init__(self, steps: list[str], examples: int) -> None:
        self.steps = [(name, float(number or 0)) for name, _, number in (step.partition(":") for step in steps)]
        self.flipped = torch.rand(examples) < 0.5

    def __call__(self, x: torch.Tensor, chosen: torch.Tensor, epoch: int) -> torch.Tensor:
        for name, number in self.steps:
            match name:
                case "flip":
                    x = flip(x, torch.rand(len(x)) < 0.5)
                case "altflip":  # the first flip is drawn, then every other epoch flips
                    x = flip(x, self.flipped[chosen] ^ (epoch % 2 == 1))
                case "translate" | "crop":
                    x = shift(x, int(number), "reflect" if name == "translate" else "constant")
                case "erase":
                    x = erase(x, number)
                case other:
                    raise SystemExit(f"The augmentation {other} is not known here.")
        return x


def flip(x: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
    return torch.where(which[:, None, None, None], x.flip(3), x)


def shift(x: torch.Tensor, most: int, mode: str) -> torch.Tensor:
    """Moves each image by up to `most` pixels."""
    height, width = x.shape[2:]
    padded = F.pad(x, (most,) * 4, mode=mode)
    dy, dx = torch.randint(0, 2 * most + 1, (2, len(x), 1))
    rows, columns = dy + torch.arange(height), dx + torch.arange(width)
    return padded[torch.arange(len(x))[:, None, None], :, rows[:, :, None], columns[:, None, :]].movedim(3, 1)


def erase(x: torch.Tensor, probability: float) -> torch.Tensor:
    """Fills a rectangle of 3 to 13 pixels a side with noise, in some images."""
    x = x.clone()
    for image in (torch.rand(len(x)) < probability).nonzero()[:, 0].tolist():
        h, w = (int(torch.randint(3, 14, ())) for _ in range(2))
        top, left = (int(torch.randint(0, size - side + 1, ())) for size, side in zip(x.shape[2:], (h, w), strict=True))
        x[image, :, top : top + h, left : left + w] = torch.randn(x.shape[1], h, w)
    return x


class Training:
    """A network with its data and optimizer."""

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        torch.manual_seed(recipe["seed"])
        self.recipe = recipe
        limit = recipe["limit"] or 10**9
        (self.x, self.y), self.test = (
            pytorch_loop.read(recipe["dataset"], folder, part, limit) for part in (True, False)
        )
        if recipe["normalize"]:
            mean, deviation = self.x.mean((0, 2, 3), keepdim=True), self.x.std((0, 2, 3), keepdim=True)
            self.x, self.test = (self.x - mean) / deviation, ((self.test[0] - mean) / deviation, self.test[1])
        self.network = pytorch_networks.create(recipe["model"])
        if recipe["model"].startswith("airbench94"):
            pytorch_networks.whiten(self.network, self.x[:5000])
        self.network.to(memory_format=torch.channels_last)
        trained = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        decayed = [p for p in trained if p.ndim > 1 or recipe["decay_bias_and_norm"]]
        others = [p for p in trained if p.ndim == 1 and not recipe["decay_bias_and_norm"]]
        groups = [{"params": decayed, "weight_decay": recipe["weight_decay"]}, {"params": others, "weight_decay": 0}]
        options = {"momentum": recipe["momentum"], "nesterov": recipe["nesterov"]}
        self.optimizer = torch.optim.SGD([group for group in groups if group["params"]], lr=recipe["lr"], **options)
        self.augment = Augmentation(recipe.get("augment") or [], len(self.x))
        size = recipe["batch_size"]
        self.per_epoch = len(self.x) // size if recipe["drop_last"] else -(-len(self.x) // size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        low = self.recipe["precision"] == "bfloat16"
        with torch.autocast("cpu", torch.bfloat16) if low else contextlib.nullcontext():
            logits = self.network(x.contiguous(memory_format=torch.channels_last))
        return torch.as_tensor(logits).float()

    def epoch(self, number: int) -> None:
        self.network.train()
        smoothing = self.recipe.get("label_smoothing") or 0.0
        order = torch.randperm(len(self.x)).split(self.recipe["batch_size"])[: self.per_epoch]
        for step, chosen in enumerate(order, number * self.per_epoch):
            rate = learning_rate(self.recipe, step, self.per_epoch * self.recipe["epochs"])
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            logits = self.forward(self.augment(self.x[chosen], chosen, number))
            loss = F.cross_entropy(logits, self.y[chosen], label_smoothing=smoothing)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
        if not loss.isfinite():
            raise SystemExit("The loss is no longer finite.")

    def accuracy(self) -> float:
        self.network.eval()
        x, y = self.test
        with torch.inference_mode():
            found = [self.forward(part).argmax(1) for part in x.split(1000)]
        return float((torch.cat(found) == y).double().mean())


def check(recipe: Recipe, defaults: Recipe) -> None:
    """Ends the program if the recipe has a setting that this program would ignore."""
    unknown = recipe.keys() - FOLLOWED - IRRELEVANT
    if ignored := sorted(name for name in unknown if recipe[name] != defaults[name]):
        raise SystemExit(f"Settings that are not known here: {', '.join(ignored)}.")


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
        row = {"epoch": number + 1, "seconds": trained - start, "test_accuracy": training.accuracy()}
        row["validation_seconds"] = time.perf_counter() - trained
        print(json.dumps({**row, "torch": torch.__version__}), flush=True)


if __name__ == "__main__":
    main()
