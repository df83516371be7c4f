"""The loop of benchmarks/landscape.py in eager PyTorch: prints its seconds per point."""

from __future__ import annotations

import argparse
import statistics
import time

import pytorch_networks
import torch
from torch.nn import functional as F

IMAGES = 1000
WARM_UP = 3


def seconds_per_point(model: str, points: int, batch: int) -> float:
    """Measures one network."""
    network = pytorch_networks.create(model).eval()
    images, labels = torch.rand(IMAGES, 3, 32, 32), torch.randint(10, (IMAGES,))
    start = [parameter.detach().clone() for parameter in network.parameters()]
    first, second = ([torch.randn_like(tensor) * tensor.abs() for tensor in start] for _ in range(2))
    seconds = []
    with torch.no_grad():
        for point in range(WARM_UP + 2 * points):
            begin = time.perf_counter()
            x, y = point / points, -point / points
            for parameter, w, d1, d2 in zip(network.parameters(), start, first, second, strict=True):
                parameter.copy_(w).add_(d1, alpha=x).add_(d2, alpha=y)
            loss = correct = 0.0
            for at in range(0, IMAGES, batch):
                logits, wanted = network(images[at : at + batch]), labels[at : at + batch]
                loss += F.cross_entropy(logits, wanted, reduction="sum").item()
                correct += (logits.argmax(1) == wanted).sum().item()
            seconds.append(time.perf_counter() - begin)
    return statistics.mean(seconds[WARM_UP:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--points", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    args = parser.parse_args()
    print(seconds_per_point(args.model, args.points, args.batch))


if __name__ == "__main__":
    main()
