"""Examples per second of our training loop and of the same loop in Python's PyTorch, in turn.

    pip install '.[bench]'
    python benchmarks/throughput.py --rounds 5 --limit 12800

Each round runs both in processes of their own, one after the other, on the same data with the same
recipe and threads; the first epoch of each process warms up and is not counted. Whole epochs are
timed, the data path included: ours from file to metrics, theirs over tensors in memory. Prints a
Markdown table: median, least and most, and the ratio of each round.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE.parent / "data" / "fashion-mnist"


def ours(args: argparse.Namespace) -> list[float]:
    """Examples per second of our epochs, validation left out."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = [sys.executable, "-m", "py_djl_resnet", "train", "--quiet", "--offline", "--out", str(run)]
        subprocess.run(
            command + shared_options(args) + ["--engine", args.engine], check=True, stdout=subprocess.DEVNULL
        )
        with open(run / "metrics.csv", newline="") as file:
            return [float(row["examples_per_second"]) for row in csv.DictReader(file)]


def theirs(args: argparse.Namespace, *more: str) -> list[float]:
    """Examples per second of PyTorch's epochs, validation left out."""
    command = [sys.executable, str(HERE / "pytorch_loop.py"), "--data-dir", str(DATA)]
    done = subprocess.run([*command, *shared_options(args), *more], check=True, stdout=subprocess.PIPE, text=True)
    report = json.loads(done.stdout)
    return [report["examples"] / epoch["seconds"] for epoch in report["epochs"]]


def shared_options(args: argparse.Namespace) -> list[str]:
    options = ["--epochs", args.epochs, "--limit", args.limit, "--batch-size", args.batch_size]
    options += ["--threads", args.threads]
    if args.image_size:
        options += ["--image-size", args.image_size]
    return [str(option) for option in options]


def processor() -> str:
    """The processor's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")


def spread(values: list[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=2, help="of each process, the first not counted")
    parser.add_argument("--limit", type=int, default=12_800)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--image-size", type=int)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--engine", default="pytorch")
    parser.add_argument("--compile", action="store_true", help="against torch.compile with channels-last")
    args = parser.parse_args()
    more = ["--compile"] if args.compile else []
    rounds = []
    for number in range(args.rounds):
        mine = statistics.median(ours(args)[1:])
        other = statistics.median(theirs(args, *more)[1:])
        rounds.append((mine, other))
        print(f"round {number + 1}: {mine:.1f} and {other:.1f} examples/s", file=sys.stderr, flush=True)
    print(
        f"d2l-resnet18, {args.image_size or 28}×{args.image_size or 28}, batch {args.batch_size}, "
        f"{args.limit} examples an epoch, {args.threads} threads, n = {args.rounds}; {processor()}, "
        f"{platform.system()}, Python {platform.python_version()}, "
        f"py_djl_resnet {metadata.version('py-djl-resnet')} ({args.engine}), torch {metadata.version('torch')}\n"
    )
    print("| | examples/s, median (least to most) |\n|---|---|")
    print(f"| py_djl_resnet | {spread([mine for mine, _ in rounds], 1)} |")
    print(f"| PyTorch{', compiled' if args.compile else ''} | {spread([other for _, other in rounds], 1)} |")
    print(f"| ratio of a round | {spread([mine / other for mine, other in rounds], 3)} |")


if __name__ == "__main__":
    main()
