"""Checks a long training with many checkpoints for growing memory, leaking handles or threads, and slower steps.

    OMP_NUM_THREADS=1 python benchmarks/soak.py --steps 2000 --checkpoints 300

Trains at batch size 64 in this process and samples it ten times a second. Resident memory is the median over a
wide window of steps, because it swings by the blocks of 9 MB that malloc returns and takes again. Open handles and
threads are the fewest in the window, because a file is open while a checkpoint is written. The time of a step is
the median over epochs, with checkpoints and without validation. Each is compared with the window after step 200.
Prints a Markdown table and exits with 1 if a limit is exceeded. Needs Linux and an idle machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from py_djl_resnet import Recipe, train

BATCH = 64
EPOCH = 50
WINDOW = 250


@dataclass(frozen=True)
class Sample:
    step: int
    memory: int
    handles: int
    threads: int


class Watch:
    """A progress display that takes a sample each time it would draw."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []

    def show(self, snapshot: dict[str, Any]) -> None:
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        memory, threads = (int(status[key].split()[0]) for key in ("VmRSS", "Threads"))
        self.samples.append(Sample(snapshot["step"], memory, len(os.listdir("/proc/self/fd")), threads))

    def epoch_ended(self, row: dict[str, Any], epochs: int) -> None:
        print(f"epoch {row['epoch']} of {epochs}: {row['seconds']:.1f} s", file=sys.stderr)

    def close(self) -> None:
        pass

    def after(self, step: int, name: str, summary: Callable[[list[int]], float]) -> float:
        """Returns a summary of the samples in the window after a step."""
        return summary([getattr(sample, name) for sample in self.samples if step < sample.step <= step + WINDOW])


def step_seconds(rows: Sequence[dict[str, Any]], after: int) -> float:
    """Returns the median time of a step in the four epochs after a step."""
    first = after // EPOCH
    return statistics.median(row["seconds"] for row in rows[first : first + 4]) / EPOCH


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2000, help=f"a multiple of {EPOCH}, 700 or more")
    parser.add_argument("--checkpoints", type=int, default=300)
    parser.add_argument("--engine", default="pytorch")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    if args.steps < 700 or args.steps % EPOCH:
        parser.error(f"--steps must be a multiple of {EPOCH}, at least 700. Received: {args.steps}.")

    recipe = Recipe(
        epochs=args.steps // EPOCH,
        limit=EPOCH * BATCH,
        batch_size=BATCH,
        momentum=0.9,
        lr=0.01,
        engine=args.engine,
        threads=args.threads,
        checkpoint_every=str(max(1, args.steps // args.checkpoints)),
    )
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder:
        rows = train(recipe=recipe, out=Path(folder) / "run", progress=watch).history

    last = args.steps - WINDOW
    compared = [
        (f"{name}, after {begin} and {end} steps", limit, watch.after(begin, key, of), watch.after(end, key, of))
        for name, key, of, begin, end, limit in [
            ("resident memory, MB", "memory", lambda seen: statistics.median(seen) / 1024, 200, last, 0.02),
            ("open handles", "handles", min, 200, last, 0),
            ("threads", "threads", min, 200, last, 0),
        ]
    ]
    end = args.steps - 4 * EPOCH
    compared.append(
        (
            f"milliseconds per step, after 200 and {end}",
            0.05,
            1e3 * step_seconds(rows, 200),
            1e3 * step_seconds(rows, end),
        )
    )
    print(f"{platform.machine()}, {os.cpu_count()} cores, {args.engine}, {args.threads} threads, ", end="")
    print(f"{args.steps} steps at batch {BATCH}, a checkpoint every {recipe.checkpoint_every} steps\n")
    print("| measurement | before | after | change | limit |")
    print("|---|---|---|---|---|")
    for name, limit, before, after in compared:
        print(f"| {name} | {before:.1f} | {after:.1f} | {after / before - 1:+.1%} | {limit:.0%} |")
    sys.exit(any(after > before * (1 + limit) for _, limit, before, after in compared))


if __name__ == "__main__":
    main()
