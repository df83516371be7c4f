"""Measures what the command `train` does not report.

`first-batch` prints the time at the end of the first step, as JSON; `latency` the seconds of each call of a model
on one image, from numpy array to numpy array, as JSON; `profile-cost` for each pair of epochs the seconds with and
without the profile. `libraries` only loads the libraries.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from py_djl_resnet import Recipe, create_model, train


class FirstBatch:
    """A progress display, called ten times a second, that ends the process at the first step."""

    def show(self, snapshot: dict[str, Any]) -> None:
        if snapshot["step"]:
            print(json.dumps({"at": time.time()}), flush=True)
            os._exit(0)

    def epoch_ended(self, row: dict[str, Any], epochs: int) -> None:
        raise SystemExit("The epoch ended before its first step was seen.")

    def close(self) -> None:
        pass


def latency(calls: int) -> list[float]:
    x = np.random.default_rng(0).random((1, 1, 28, 28), np.float32)
    seconds = []
    with create_model("d2l-resnet18") as model:
        for _ in range(calls):
            start = time.perf_counter()
            model(x)
            seconds.append(time.perf_counter() - start)
    return seconds[calls // 5 :]


def profile_cost(threads: int | None, limit: int, pairs: int) -> None:
    """Alternates epochs with and without the profile; the first pair warms up and is not printed."""
    with tempfile.TemporaryDirectory() as folder:
        for pair in range(pairs + 1):
            seconds = []
            for profile in (True, False):
                recipe = Recipe(epochs=1, limit=limit, threads=threads, profile=profile)
                run = train(recipe=recipe, out=Path(folder) / f"{pair}-{profile}", progress=False)
                seconds.append(run.history[0]["seconds"])
                run.model.close()
            if pair:
                print(*seconds, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", choices=("first-batch", "latency", "profile-cost", "libraries"))
    parser.add_argument("--out", help="first-batch: new run folder")
    parser.add_argument("--threads", type=int)
    parser.add_argument(
        "--calls", type=int, default=1000, help="latency: number of calls; the first fifth does not count"
    )
    parser.add_argument("--limit", type=int, default=2560, help="profile-cost: examples per epoch")
    parser.add_argument("--pairs", type=int, default=5, help="profile-cost: pairs of epochs")
    args = parser.parse_args()
    if args.work == "first-batch":
        train(recipe=Recipe(threads=args.threads), out=args.out, progress=FirstBatch())
    elif args.work == "profile-cost":
        profile_cost(args.threads, args.limit, args.pairs)
    else:
        from py_djl_resnet._java import jvm

        jvm.start(threads=args.threads)
        if args.work == "latency":
            print(json.dumps({"calls": latency(args.calls)}))
        else:
            create_model("cifar-resnet20").close()


if __name__ == "__main__":
    main()
