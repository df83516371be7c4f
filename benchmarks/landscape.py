"""Times the points of a loss surface, and the same loop in eager PyTorch.

    python benchmarks/landscape.py cifar-resnet20 study-resnet56 --torch-python VENV/bin/python

Each contender runs in its own process, in turn, and measures loss and accuracy of 1,000 images of CIFAR-10's size at
points in a plane. A round's time is the mean over the points without the first ones, which warm up.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import contenders
import numpy as np
import report

IMAGES = 1000
WARM_UP = 3


def ours(model: str, points: int, batch: int, precision: str) -> float:
    """Returns our seconds per point: the difference of two grids, so that what each grid does once cancels.

    A first grid does what a process does once.
    """
    from py_djl_resnet import create_model, loss_surface

    random = np.random.default_rng(0)
    data = random.integers(0, 256, (IMAGES, 3, 32, 32), np.uint8), random.integers(0, 10, IMAGES)
    with create_model(model, 3, 10) as network, tempfile.TemporaryDirectory() as folder:
        seconds = []
        for number, count in enumerate((WARM_UP, WARM_UP, points + WARM_UP)):
            begin = time.perf_counter()
            loss_surface(
                network,
                data,
                out=Path(folder) / str(number),
                grid=(count, 2),
                examples=None,
                batch_size=batch,
                precision=precision,
                progress=False,
            )
            seconds.append(time.perf_counter() - begin)
    return (seconds[2] - seconds[1]) / (2 * points)


def measure(python: Path, who: str, model: str, args: argparse.Namespace) -> float:
    """Runs a contender in its own process."""
    options = [model, "--points", args.points, "--batch", args.batch]
    if who == "ours":
        command = [python, __file__, *options, "--ours", "--precision", args.precision]
    else:
        command = [python, contenders.HERE / "pytorch_landscape.py", *options]
    return float(json.loads(contenders.run(command, args.threads).output.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--points", type=int, default=10, help="half the points that count")
    parser.add_argument("--batch", type=int, default=250)
    parser.add_argument("--precision", default="float32", help="ours; PyTorch computes in float32")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--torch-python", type=Path, help="a Python with torch (default: none is compared)")
    parser.add_argument("--ours", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.ours:
        print(ours(args.models[0], args.points, args.batch, args.precision))
        return
    pythons = {"ours": Path(sys.executable)} | ({"pytorch": args.torch_python} if args.torch_python else {})
    rows = []
    for model in args.models:
        times: dict[str, list[float]] = {who: [] for who in pythons}
        for _ in range(args.rounds):
            for who, python in pythons.items():
                times[who].append(measure(python, who, model, args))
                print(f"{model}, {who}: {times[who][-1]:.3f} s a point", file=sys.stderr, flush=True)
        medians = {who: statistics.median(found) for who, found in times.items()}
        speedup = f"{medians['pytorch'] / medians['ours']:.2f}×" if "pytorch" in medians else "-"
        peer = f"{medians['pytorch']:.3f}" if "pytorch" in medians else "-"
        rows.append([model, f"{medians['ours']:.3f}", f"{625 * medians['ours'] / 60:.1f}", peer, speedup])
    head = ("network", "seconds per point", "minutes for 25 × 25", "eager PyTorch, seconds", "speedup")
    print(f"{IMAGES:,} images, median of {args.rounds} alternating runs, {args.precision}; {report.machine()}.\n")
    print(report.markdown(head, rows))


if __name__ == "__main__":
    main()
