"""The same network, data and recipe in PyTorch, as a baseline.

Prints one JSON object with the version and the measurements. `epochs` has the training and validation seconds of
each epoch, with the data in memory as one tensor and no DataLoader. The others are described at their functions.
Needs only torch and numpy.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytorch_networks
import roofline
import torch
from torch import nn
from torch.nn import functional as F

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def read_bytes(dataset: str, folder: Path, train: bool, limit: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns images as bytes (N, C, H, W) and their labels."""
    if dataset == "cifar-10":
        names = [f"data_batch_{number}" for number in range(1, 6)] if train else ["test_batch"]
        records = np.concatenate([np.fromfile(folder / f"{name}.bin", np.uint8) for name in names]).reshape(-1, 3073)
        images, labels = records[:limit, 1:].reshape(-1, 3, 32, 32), records[:limit, 0]
    else:
        part = folder / ("train" if train else "t10k")
        with gzip.open(f"{part}-images-idx3-ubyte.gz") as file:
            images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
        with gzip.open(f"{part}-labels-idx1-ubyte.gz") as file:
            labels = np.frombuffer(file.read(), np.uint8, offset=8)
    return torch.from_numpy(images[:limit].copy()), torch.from_numpy(labels[:limit].astype(np.int64))


def read(dataset: str, folder: Path, train: bool, limit: int) -> tuple[torch.Tensor, torch.Tensor]:
    x, y = read_bytes(dataset, folder, train, limit)
    return x.float() / 255, y


def batches(
    x: torch.Tensor, y: torch.Tensor, size: int, order: torch.Tensor
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    for chosen in order.split(size):
        yield x[chosen], y[chosen]


class Loop:
    """A network with its optimizer and training step."""

    def __init__(self, args: argparse.Namespace) -> None:
        torch.manual_seed(0)
        self.args = args
        order = torch.channels_last if args.channels_last else torch.contiguous_format
        self.order = order
        self.network = pytorch_networks.create(args.model).to(memory_format=order)
        self.compiled: nn.Module = torch.compile(self.network, dynamic=False) if args.compile else self.network
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=0.01)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[-1] != self.args.image_size:
            x = F.interpolate(x, size=(self.args.image_size,) * 2, mode="bilinear")
        autocast = torch.autocast("cpu", torch.bfloat16) if self.args.autocast else contextlib.nullcontext()
        with autocast:
            return self.compiled(x.to(memory_format=self.order)).float()

    def step(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Trains on a batch and returns loss and logits, detached."""
        logits = self.forward(x)
        loss = F.cross_entropy(logits, y)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.detach(), logits.detach()

    def train(self, x: torch.Tensor, y: torch.Tensor) -> float:
        """Returns the seconds of an epoch with its metrics."""
        start = time.perf_counter()
        self.network.train()
        loss_sum = torch.zeros(())
        correct = torch.zeros((), dtype=torch.int64)
        for images, labels in batches(x, y, self.args.batch_size, torch.randperm(len(x))):
            loss, logits = self.step(images, labels)
            loss_sum += loss * len(labels)
            correct += (logits.argmax(1) == labels).sum()
        if not loss_sum.isfinite():
            raise SystemExit("The loss is no longer finite.")
        return time.perf_counter() - start

    def evaluate(self, x: torch.Tensor, y: torch.Tensor) -> float:
        start = time.perf_counter()
        self.network.eval()
        correct = torch.zeros((), dtype=torch.int64)
        with torch.inference_mode():
            for images, labels in batches(x, y, self.args.batch_size, torch.arange(len(x))):
                correct += (self.forward(images).argmax(1) == labels).sum()
        correct.item()
        return time.perf_counter() - start


def epochs(args: argparse.Namespace) -> dict[str, object]:
    """Returns the seconds of training and evaluation in each epoch."""
    loop = Loop(args)
    train = read(args.dataset, args.data_dir, True, args.limit)
    test = read(args.dataset, args.data_dir, False, args.limit)
    rows = [{"train": loop.train(*train), "evaluate": loop.evaluate(*test)} for _ in range(args.epochs)]
    return {"epochs": rows}


def first_batch(args: argparse.Namespace) -> dict[str, object]:
    """Returns the time at the end of the first step on the whole data set."""
    loop = Loop(args)
    x, y = read(args.dataset, args.data_dir, True, args.limit)
    read(args.dataset, args.data_dir, False, args.limit)
    chosen = torch.randperm(len(x))[: args.batch_size]
    loop.step(x[chosen], y[chosen])[0].item()
    return {"at": time.time()}


def latency(args: argparse.Namespace) -> dict[str, object]:
    """Returns the seconds of each call on one image, from numpy array to numpy array."""
    loop = Loop(args)
    loop.network.eval()
    x = np.random.default_rng(0).random((1, 1, 28, 28), np.float32)
    calls = []
    with torch.inference_mode():
        for _ in range(args.calls):
            start = time.perf_counter()
            loop.forward(torch.from_numpy(x)).numpy()
            calls.append(time.perf_counter() - start)
    return {"calls": calls}


def peaks(args: argparse.Namespace) -> dict[str, object]:
    """Returns the operations per second of the fastest of a large matrix product, a 1×1 and a 3×3 convolution."""
    found = {}
    for name, precision in PRECISIONS.items():
        a, b = torch.rand(2048, 2048).to(precision), torch.rand(2048, 2048).to(precision)
        x = torch.rand(64, 256, 28, 28).to(precision).to(memory_format=torch.channels_last)
        speeds = []
        with torch.inference_mode():
            speeds.append(2 * 2048**3 / fastest(lambda a=a, b=b: a @ b, args.seconds))
            for size in (1, 3):
                w = torch.rand(256, 256, size, size).to(precision).to(memory_format=torch.channels_last)
                operations = 2 * 64 * (28 - size + 1) ** 2 * 256 * 256 * size**2
                speeds.append(operations / fastest(lambda x=x, w=w: F.conv2d(x, w), args.seconds))
        found[name] = max(speeds)
    return {"peaks": found}


def fastest(call: Callable[[], object], seconds: float) -> float:
    """Returns the least time of a call that is repeated for some seconds."""
    times: list[float] = []
    while sum(times) < seconds:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def flops(args: argparse.Namespace) -> dict[str, object]:
    """Returns the operations that a training step needs per example."""
    layers = []

    def record(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        if isinstance(module, nn.Conv2d):
            shape = (inputs[0].shape[-1], module.kernel_size[0], module.stride[0], int(module.padding[0]))
            layers.append(roofline.Layer(module.in_channels, module.out_channels, *shape, module.groups))
        else:
            layers.append(roofline.Layer(*module.weight.shape[::-1]))

    network = pytorch_networks.create(args.model).to("meta")
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(record)
    network(torch.empty(2, network[0].in_channels, args.image_size, args.image_size, device="meta"))
    return {"flops": roofline.training_flops(layers)}


WORK = {"epochs": epochs, "first-batch": first_batch, "latency": latency, "peaks": peaks, "flops": flops}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", choices=WORK)
    parser.add_argument("--model", choices=pytorch_networks.NETWORKS, default="d2l-resnet18")
    parser.add_argument("--dataset", choices=("fashion-mnist", "cifar-10"), default="fashion-mnist")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--limit", type=int, default=60_000)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--image-size", type=int, default=28)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=1, help="peaks: duration of each of six measurements")
    parser.add_argument("--calls", type=int, default=1000, help="latency: number of calls")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--autocast", action="store_true", help="bfloat16, by PyTorch's own rules")
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(json.dumps({"torch": torch.__version__, **WORK[args.work](args)}))


if __name__ == "__main__":
    main()
