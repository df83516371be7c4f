"""The same network, data and recipe in PyTorch, as a baseline for our throughput.

Prints one JSON object with the version and the measurements. `epochs` has the training and validation seconds,
the loss and the accuracies of each epoch, with the data in memory as one tensor and no DataLoader. `fixed-batch`,
`latency` and `first-batch` are described at their functions. Needs only torch and numpy.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class Residual(nn.Module):
    """The chapter's block: convolutions with a bias, and a projection without batch normalization."""

    def __init__(self, in_channels: int, channels: int, project: bool, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1)
        self.bn2 = nn.BatchNorm2d(channels)
        self.projection = nn.Conv2d(in_channels, channels, 1, stride) if project else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.projection is None else self.projection(x)))


def d2l_resnet18() -> nn.Sequential:
    stages: list[nn.Module] = []
    in_channels = 64
    for channels in (64, 128, 256, 512):
        first = channels == 64
        stages.append(Residual(in_channels, channels, not first, 1 if first else 2))
        stages.append(Residual(channels, channels, False, 1))
        in_channels = channels
    network = nn.Sequential(
        nn.Conv2d(1, 64, 7, 2, 3),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
        *stages,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(512, 10),
    )
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)
    return network


def read(folder: Path, part: str, limit: int) -> tuple[torch.Tensor, torch.Tensor]:
    with gzip.open(folder / f"{part}-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    with gzip.open(folder / f"{part}-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    scaled = torch.from_numpy(images[:limit].astype(np.float32) / 255)
    return scaled, torch.from_numpy(labels[:limit].astype(np.int64))


def batches(x: torch.Tensor, y: torch.Tensor, size: int, order: torch.Tensor | None):
    for start in range(0, len(x), size):
        if order is None:
            yield x[start : start + size], y[start : start + size]
        else:
            chosen = order[start : start + size]
            yield x[chosen], y[chosen]


class Loop:
    """A network with its optimizer and training step."""

    def __init__(self, compiled: bool, lr: float, image_size: int | None) -> None:
        self.network = d2l_resnet18()
        self.step_network: nn.Module = self.network
        self.compiled = compiled
        self.image_size = image_size
        if compiled:
            self.network = self.network.to(memory_format=torch.channels_last)
            # A short last batch gets its own code, so that the rest stays fast
            self.step_network = torch.compile(self.network, dynamic=False)
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=lr)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.image_size:
            x = F.interpolate(x, size=(self.image_size,) * 2, mode="bilinear")
        return self.step_network(x.to(memory_format=torch.channels_last) if self.compiled else x)

    def step(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Trains on a batch and returns loss and logits, detached."""
        logits = self.forward(x)
        loss = F.cross_entropy(logits, y)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.detach(), logits.detach()

    def train(self, x: torch.Tensor, y: torch.Tensor, batch_size: int) -> dict[str, float]:
        start = time.perf_counter()
        self.network.train()
        loss_sum = torch.zeros(())
        correct = torch.zeros((), dtype=torch.int64)
        for images, labels in batches(x, y, batch_size, torch.randperm(len(x))):
            loss, logits = self.step(images, labels)
            loss_sum += loss * len(labels)
            correct += (logits.argmax(1) == labels).sum()
        seconds = time.perf_counter() - start
        return {
            "seconds": seconds,
            "train_loss": loss_sum.item() / len(x),
            "train_accuracy": correct.item() / len(x),
        }

    def evaluate(self, x: torch.Tensor, y: torch.Tensor, batch_size: int) -> dict[str, float]:
        start = time.perf_counter()
        self.network.eval()
        correct = torch.zeros((), dtype=torch.int64)
        with torch.inference_mode():
            for images, labels in batches(x, y, batch_size, None):
                correct += (self.forward(images).argmax(1) == labels).sum()
        accuracy = correct.item() / len(x)
        return {"validation_seconds": time.perf_counter() - start, "test_accuracy": accuracy}


def epochs(loop: Loop, args: argparse.Namespace) -> dict[str, object]:
    train_x, train_y = read(args.data_dir, "train", args.limit)
    test_x, test_y = read(args.data_dir, "t10k", args.limit)
    rows = [
        {**loop.train(train_x, train_y, args.batch_size), **loop.evaluate(test_x, test_y, args.batch_size)}
        for _ in range(args.epochs)
    ]
    return {"examples": len(train_x), "test_examples": len(test_x), "epochs": rows}


def first_batch(loop: Loop, args: argparse.Namespace) -> dict[str, object]:
    """Returns the time at the end of the first step."""
    train_x, train_y = read(args.data_dir, "train", args.limit)
    read(args.data_dir, "t10k", args.limit)
    order = torch.randperm(len(train_x))[: args.batch_size]
    loss, _ = loop.step(train_x[order], train_y[order])
    return {"loss": loss.item(), "at": time.time()}


def fixed_batch(loop: Loop, args: argparse.Namespace) -> dict[str, object]:
    """Returns the seconds of each step on one batch of noise, without the first two, which warm up."""
    size = args.image_size or 28
    loop.image_size = None
    x, y = torch.rand(args.batch_size, 1, size, size), torch.arange(args.batch_size) % 10
    steps: list[float] = []
    for number in itertools.count():
        start = time.perf_counter()
        loop.step(x, y)
        if number > 1:
            steps.append(time.perf_counter() - start)
        if steps and sum(steps) > args.seconds:
            return {"steps": steps}
    raise AssertionError


def latency(loop: Loop, args: argparse.Namespace) -> dict[str, object]:
    """Returns the seconds of each call on one image, from numpy array to numpy array."""
    loop.network.eval()
    x = np.random.default_rng(0).random((1, 1, 28, 28), np.float32)
    calls = []
    with torch.inference_mode():
        for _ in range(args.calls):
            start = time.perf_counter()
            loop.forward(torch.from_numpy(x)).numpy()
            calls.append(time.perf_counter() - start)
    return {"calls": calls[len(calls) // 5 :]}


WORK = {"epochs": epochs, "first-batch": first_batch, "fixed-batch": fixed_batch, "latency": latency}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", choices=WORK)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--limit", type=int, default=60_000)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--image-size", type=int)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=5, help="fixed-batch: duration")
    parser.add_argument(
        "--calls", type=int, default=1000, help="latency: number of calls; the first fifth does not count"
    )
    parser.add_argument("--compile", action="store_true", help="use torch.compile and channels-last")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    report = WORK[args.work](Loop(args.compile, args.lr, args.image_size), args)
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads(), **report}))


if __name__ == "__main__":
    main()
