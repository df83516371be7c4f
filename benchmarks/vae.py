"""Times training steps of variational autoencoders, and the same networks in eager PyTorch.

    python benchmarks/vae.py --torch-python VENV/bin/python --cifar-dir DIR

The contenders take turns, each in its own process. Each trains for two epochs; only the second counts. PyTorch runs
eagerly, with contiguous tensors (its default) and with the channels last. vae-resnet:0 trains at batch 25 as published
(objective keng2017), vae-small at batch 128 on Fashion-MNIST. Without --cifar-dir, vae-resnet:0 trains on noise of
CIFAR-10's size.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import contenders
import report

EPOCHS = 2
#: The folder in the archive of CIFAR-10's binary files.
ARCHIVE = "cifar-10-batches-bin"
ORDERS: dict[str, list[str]] = {"contiguous": [], "channels last": ["--channels-last"]}


@dataclass(frozen=True)
class Case:
    """A network with its data.

    Args:
        limit: training images of an epoch, before a tenth is held out.
    """

    model: str
    objective: str
    dataset: str
    batch_size: int
    limit: int


CASES = (
    Case("vae-resnet:0", "keng2017", "cifar-10", 25, 1000),
    Case("vae-small", "gaussian", "fashion-mnist", 128, 10_000),
)


def ours(case: Case, limit: int, data: Path, threads: int) -> float:
    """Returns our examples per second."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [sys.executable, "-m", "py_djl_resnet", "train", "--quiet", "--offline", "--out", out]
        command += ["--model", case.model, "--objective", case.objective, "--optimizer", "adam", "--lr", 1e-3]
        command += ["--dataset", case.dataset, "--data-dir", data, "--batch-size", case.batch_size, "--limit", limit]
        contenders.run([*command, "--epochs", EPOCHS, "--threads", threads], threads)
        with open(out / "metrics.csv", newline="") as stream:
            return float(list(csv.DictReader(stream))[-1]["examples_per_second"])


def pytorch(case: Case, limit: int, data: Path, threads: int, python: Path, options: list[str]) -> float:
    """Returns PyTorch's examples per second, in as many steps as ours."""
    trained = limit - limit // 10
    command = [python, contenders.HERE / "pytorch_vae.py", case.model, "--objective", case.objective, "--dataset"]
    command += [case.dataset, "--data-dir", data, "--batch-size", case.batch_size, "--limit", trained, *options]
    ended = contenders.run([*command, "--epochs", EPOCHS, "--threads", threads], threads)
    return trained / float(json.loads(ended.output)["train"][-1])


def row(case: Case, rounds: list[dict[str, float]], trained: int) -> list[str]:
    """Returns a network's cells: speeds with their ranges, and the ratios of the rounds to each order."""
    speeds = [report.spread([one[who] for one in rounds]) for who in ("ours", *ORDERS)]
    ratios = [report.spread([one["ours"] / one[order] for one in rounds], 2) for order in ORDERS]
    return [case.model, str(case.batch_size), str(-(-trained // case.batch_size)), *speeds, *ratios]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch-python", type=Path, default=Path(sys.executable), help="a Python with torch")
    parser.add_argument("--cifar-dir", type=Path, help="the folder of CIFAR-10's binary files")
    parser.add_argument("--model", choices=[case.model for case in CASES], help="one network (default: both)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1, help="factor of the number of images")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    args = parser.parse_args()
    rows = []
    with contextlib.ExitStack() as stack:
        cifar = args.cifar_dir
        if cifar is None:
            cifar = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            contenders.write_cifar(cifar)
        elif (cifar / ARCHIVE).is_dir():
            cifar /= ARCHIVE
        for case in CASES:
            if args.model not in (None, case.model):
                continue
            limit = int(case.limit * args.scale)
            data = cifar if case.dataset == "cifar-10" else contenders.FASHION_MNIST
            rounds: list[dict[str, float]] = []
            for _ in range(args.rounds):
                found = {"ours": ours(case, limit, data, args.threads)}
                for order, options in ORDERS.items():
                    found[order] = pytorch(case, limit, data, args.threads, args.torch_python, options)
                rounds.append(found)
                speeds = ", ".join(f"{who} {speed:.1f}" for who, speed in found.items())
                print(f"{case.model}: {speeds} examples/s", file=sys.stderr, flush=True)
            rows.append(row(case, rounds, limit - limit // 10))
    head = ["network", "batch", "steps", "ours, examples/s", *(f"PyTorch, {order}" for order in ORDERS)]
    head += [f"ours / {order}" for order in ORDERS]
    runs = f"Median (range) of {args.rounds} alternating runs" if args.rounds > 1 else "1 run each"
    print(f"{runs}, float32; {report.machine()}.\n")
    print(report.markdown(head, rows))


if __name__ == "__main__":
    main()
