"""Measures what the command `train` does not report.

`first-batch` prints the time at the end of the first step, as JSON; `latency` the seconds of each call of a model
on one image, from numpy array to numpy array.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from typing import Any

import numpy as np

from py_djl_resnet import Recipe, create_model, train
from py_djl_resnet._java import jvm


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


def latency(calls: int, precision: str) -> list[float]:
    x = np.random.default_rng(0).random((1, 1, 28, 28), np.float32)
    options: dict[str, Any] = {} if precision == "float32" else {"precision": precision}
    seconds = []
    with create_model("d2l-resnet18") as model:
        for _ in range(calls):
            start = time.perf_counter()
            model(x, **options)
            seconds.append(time.perf_counter() - start)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", choices=("first-batch", "latency"))
    parser.add_argument("--threads", type=int)
    parser.add_argument("--out", help="first-batch: new run folder")
    parser.add_argument("--calls", type=int, default=1000, help="latency: number of calls")
    parser.add_argument("--precision", default="float32", help="latency: precision of the calls")
    args = parser.parse_args()
    if args.work == "first-batch":
        train(recipe=Recipe(threads=args.threads), out=args.out, progress=FirstBatch())
    else:
        jvm.start(threads=args.threads)
        print(json.dumps({"calls": latency(args.calls, args.precision)}))


if __name__ == "__main__":
    main()
