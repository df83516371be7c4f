"""Compares the accuracy of bfloat16 and float32 over several seeds.

    python benchmarks/precision.py --seeds 5 --docs

Trains each precision and seed with the recipe fashion-mnist-momentum, and compares the test accuracy after the last
epoch. A run that is already in --out is not repeated, so an interrupted study continues.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import statistics
import subprocess
import sys
from pathlib import Path

import report

PRECISIONS = ("float32", "bfloat16")
RECIPE = "fashion-mnist-momentum"


def accuracy(args: argparse.Namespace, precision: str, seed: int) -> float:
    """Trains, unless it is done, and returns the test accuracy after the last epoch in percent."""
    folder = args.out / f"{precision}-{seed}"
    command = [sys.executable, "-m", "py_djl_resnet", "train", "--quiet", "--offline", "--resume", "auto"]
    command += ["--recipe", RECIPE, "--precision", precision, "--seed", str(seed), "--out", str(folder)]
    command += ["--epochs", str(args.epochs), "--threads", str(args.threads)]
    command += ["--limit", str(args.limit)] if args.limit else []
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with open(folder / "metrics.csv", newline="") as stream:
        return 100 * float(list(csv.DictReader(stream))[-1]["test_accuracy"])


def section(results: dict[str, list[float]], about: str, command: str) -> str:
    """The Markdown of the comparison."""
    count = len(results["float32"])
    rows = ["| precision | " + " | ".join(f"seed {seed}" for seed in range(count)) + " | mean | standard deviation |"]
    rows.append("|" + "---|" * (count + 3))
    for precision, values in results.items():
        cells = [f"{value:.2f}" for value in values]
        spread = statistics.stdev(values) if count > 1 else math.nan
        rows.append(f"| {precision} | {' | '.join(cells)} | {statistics.mean(values):.2f} | {spread:.2f} |")
    difference = statistics.mean(results["bfloat16"]) - statistics.mean(results["float32"])
    told = f"Difference of the means: {difference:+.2f} points."
    return "\n\n".join([about, f"```\n{command}\n```", "\n".join(rows), told])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--limit", type=int, help="examples (default: all)")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path, default=Path("target/precision"))
    parser.add_argument("--docs", action="store_true", help="also write to docs/performance.md")
    args = parser.parse_args()
    results: dict[str, list[float]] = {precision: [] for precision in PRECISIONS}
    for seed in range(args.seeds):
        for precision in PRECISIONS:
            value = accuracy(args, precision, seed)
            results[precision].append(value)
            print(f"{precision}, seed {seed}: {value:.2f} %", file=sys.stderr, flush=True)
    about = f"Test accuracy in percent after {args.epochs} epochs with the recipe `{RECIPE}`; {report.machine()}."
    command = f"python benchmarks/precision.py --seeds {args.seeds} --epochs {args.epochs} --threads {args.threads}"
    command += f" --limit {args.limit}" if args.limit else ""
    text = section(results, about, command)
    if args.docs:
        report.write_section("precision", text)
    print(text)


if __name__ == "__main__":
    main()
