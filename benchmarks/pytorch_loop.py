"""The same network, data and recipe in Python's PyTorch: what our throughput is held against.

Prints one JSON object: versions, and for each epoch the training and validation seconds, the loss
and the accuracies. The data lie in memory as one tensor; there is no DataLoader.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class Residual(nn.Module):
    """The chapter's block: biased convolutions, and a projection without batch normalization."""

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--limit", type=int, default=60_000)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--image-size", type=int)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compile", action="store_true", help="torch.compile, channels-last")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    train_x, train_y = read(args.data_dir, "train", args.limit)
    test_x, test_y = read(args.data_dir, "t10k", args.limit)
    network = d2l_resnet18()
    step_network: nn.Module = network
    if args.compile:
        network = network.to(memory_format=torch.channels_last)
        step_network = torch.compile(network)
    optimizer = torch.optim.SGD(network.parameters(), lr=args.lr)

    def images(batch: torch.Tensor) -> torch.Tensor:
        if args.image_size:
            batch = F.interpolate(batch, size=(args.image_size,) * 2, mode="bilinear")
        return batch.to(memory_format=torch.channels_last) if args.compile else batch

    epochs = []
    for _ in range(args.epochs):
        start = time.perf_counter()
        network.train()
        loss_sum = torch.zeros(())
        correct = torch.zeros((), dtype=torch.int64)
        for x, y in batches(train_x, train_y, args.batch_size, torch.randperm(len(train_x))):
            logits = step_network(images(x))
            loss = F.cross_entropy(logits, y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            loss_sum += loss.detach() * len(y)
            correct += (logits.detach().argmax(1) == y).sum()
        seconds = time.perf_counter() - start
        start = time.perf_counter()
        network.eval()
        right = torch.zeros((), dtype=torch.int64)
        with torch.no_grad():
            for x, y in batches(test_x, test_y, args.batch_size, None):
                right += (step_network(images(x)).argmax(1) == y).sum()
        epochs.append(
            {
                "seconds": seconds,
                "validation_seconds": time.perf_counter() - start,
                "train_loss": loss_sum.item() / len(train_x),
                "train_accuracy": correct.item() / len(train_x),
                "test_accuracy": right.item() / len(test_x),
            }
        )
    print(
        json.dumps(
            {
                "torch": torch.__version__,
                "threads": torch.get_num_threads(),
                "examples": len(train_x),
                "epochs": epochs,
            }
        )
    )


if __name__ == "__main__":
    main()
