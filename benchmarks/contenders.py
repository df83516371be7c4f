"""Runs each contender in its own process and returns what it measured, with its peak memory."""

from __future__ import annotations

import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DATA = HERE.parent / "data" / "fashion-mnist"


class ProcessFailedError(Exception):
    """A contender failed; the message is the end of its output."""


@dataclass(frozen=True)
class Ended:
    """A process's output, its start (seconds since 1970) and its peak resident memory in MB."""

    output: str
    began: float
    peak_mb: float


@dataclass(frozen=True)
class Training:
    """Medians over the counted epochs of a process.

    Args:
        train: training examples per second, including the data path.
        evaluate: examples per second of the evaluation after an epoch; None if unknown.
        peak_mb: peak resident memory of the process.
        versions: the versions of the libraries.
    """

    train: float
    evaluate: float | None
    peak_mb: float
    versions: dict[str, str]


def run(command: Iterable[object], threads: int) -> Ended:
    """Runs a process with a number of OpenMP threads until it ends."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    words = [str(word) for word in command]
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        began = time.time()
        process = subprocess.Popen(words, stdout=output, stderr=errors, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            tail = errors.read()[-2000:] or output.read()[-2000:]
            raise ProcessFailedError(f"exit code {process.returncode} of: {' '.join(words)}\n{tail}")
        # kilobytes on Linux, bytes on macOS
        scale = 1e6 if sys.platform == "darwin" else 1e3
        return Ended(output.read(), began, usage.ru_maxrss / scale)


def ours(
    epochs: int, limit: int, batch_size: int, threads: int, image_size: int | None = None, *more: str
) -> tuple[Training, list[dict[str, Any]]]:
    """Runs our command `train`, from file to metrics; with ``--profile`` in `more`, also returns the profile."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [sys.executable, "-m", "py_djl_resnet", "train", "--quiet", "--offline", "--out", out]
        command += ["--epochs", epochs, "--limit", limit, "--batch-size", batch_size, "--threads", threads, *more]
        ended = run(command + (["--image-size", image_size] if image_size else []), threads)
        rows = _rows(out / "metrics.csv")
        profile = _rows(out / "profile.csv") if "--profile" in more else []
        versions = json.loads((out / "recipe.json").read_text())["versions"]
    counted = rows[1:] or rows
    trained = statistics.median(float(row["examples_per_second"]) for row in counted)
    evaluated = statistics.median(min(limit, 10_000) / float(row["validation_seconds"]) for row in counted)
    return Training(trained, evaluated, ended.peak_mb, versions), profile


def _rows(file: Path) -> list[dict[str, Any]]:
    with open(file, newline="") as stream:
        return list(csv.DictReader(stream))


def theirs(
    python: Path,
    epochs: int,
    limit: int,
    batch_size: int,
    threads: int,
    image_size: int | None = None,
    compiled: bool = False,
) -> Training:
    """Runs a good PyTorch loop over tensors in memory."""
    options = ["--epochs", epochs, "--limit", limit, "--batch-size", batch_size, *_size(image_size)]
    report, ended = pytorch(python, "epochs", threads, *options, *(["--compile"] if compiled else []))
    counted = report["epochs"][1:] or report["epochs"]
    trained = statistics.median(report["examples"] / epoch["seconds"] for epoch in counted)
    evaluated = statistics.median(report["test_examples"] / epoch["validation_seconds"] for epoch in counted)
    return Training(trained, evaluated, ended.peak_mb, {"torch": report["torch"]})


def chapter(epochs: int, limit: int, batch_size: int, threads: int) -> Training:
    """Runs the chapter's code as published, with DJL's own parts."""
    ended = java("ChapterLoop", threads, DATA, epochs, limit, batch_size)
    seconds = [float(line) for line in ended.output.splitlines()]
    trained = statistics.median(min(limit, 60_000) / value for value in seconds[1:] or seconds)
    return Training(trained, None, ended.peak_mb, {})


def our_steps(batch_size: int, size: int, seconds: float, threads: int) -> tuple[list[float], float]:
    """Returns the seconds of each of our steps on one fixed batch, without a data path, and the peak memory in MB.

    It warms up for as long first: the JVM's compiler would otherwise take a core from the engine's threads.
    """
    ended = java("FixedBatch", threads, batch_size, size, 2 * seconds)
    steps = [float(line) for line in ended.output.splitlines()]
    return steps[len(steps) // 2 :], ended.peak_mb


def data_cost(batch_size: int, size: int, threads: int, steps: int, pairs: int) -> list[float]:
    """Returns the relative overhead of the data path in our steps, for alternating blocks in one process.

    That is the time with the loader's batches, divided by the time with one fixed batch, minus 1.
    """
    output = java("DataPath", threads, DATA, batch_size, size, steps, pairs).output
    return [loader / fixed - 1 for loader, fixed in _pairs(output)]


def profile_cost(threads: int, limit: int, pairs: int) -> list[float]:
    """Returns the relative overhead of the profile in our epochs, for alternating epochs in one process."""
    options = ["--threads", threads, "--limit", limit, "--pairs", pairs]
    output = run([sys.executable, HERE / "our_work.py", "profile-cost", *options], threads).output
    return [profiled / plain - 1 for profiled, plain in _pairs(output)]


def _pairs(output: str) -> list[tuple[float, float]]:
    return [(float(first), float(second)) for first, second in (line.split() for line in output.splitlines())]


def libraries(python: Path | None, threads: int) -> float:
    """Returns the peak memory in MB of a process that only loads its libraries; ours if `python` is None."""
    if python is not None:
        return run([python, "-c", "import torch; torch.zeros(1) + 1"], threads).peak_mb
    return run([sys.executable, HERE / "our_work.py", "libraries", "--threads", threads], threads).peak_mb


def their_steps(
    python: Path, batch_size: int, size: int, seconds: float, threads: int, compiled: bool = False
) -> tuple[list[float], float]:
    """Returns the same for PyTorch's steps."""
    # Our learning rate: the loss stays finite however often the batch repeats
    options = ["--batch-size", batch_size, "--image-size", size, "--seconds", 2 * seconds, "--lr", 0.001]
    report, ended = pytorch(python, "fixed-batch", threads, *options, *(["--compile"] if compiled else []))
    steps = report["steps"]
    return steps[len(steps) // 2 :], ended.peak_mb


def first_batch(python: Path | None, threads: int) -> float:
    """Returns the seconds from the command to the end of the first step; ours if `python` is None."""
    if python is not None:
        report, ended = pytorch(python, "first-batch", threads)
        return float(report["at"]) - ended.began
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, HERE / "our_work.py", "first-batch", "--out", Path(folder) / "run"]
        ended = run([*command, "--threads", threads], threads)
    return float(json.loads(ended.output)["at"]) - ended.began


def latency(python: Path | None, threads: int, compiled: bool = False) -> float:
    """Returns the median milliseconds of a call on one image; ours if `python` is None."""
    if python is not None:
        report, _ = pytorch(python, "latency", threads, *(["--compile"] if compiled else []))
    else:
        report = json.loads(
            run([sys.executable, HERE / "our_work.py", "latency", "--threads", threads], threads).output
        )
    return 1000 * statistics.median(report["calls"])


def pytorch(python: Path, work: str, threads: int, *options: object) -> tuple[dict[str, Any], Ended]:
    script = HERE / "pytorch_loop.py"
    ended = run([python, script, work, "--data-dir", DATA, "--threads", threads, *options], threads)
    return json.loads(ended.output), ended


def versions(python: Path | None) -> dict[str, str]:
    """Returns the versions of our library and what it runs on, and of torch if there is a `python`."""
    found = ours(1, 64, 32, 1)[0].versions
    if python is not None:
        found["torch"] = run([python, "-c", "import torch; print(torch.__version__)"], 1).output.strip()
    return found


def has_torch(python: Path) -> bool:
    """Returns whether a Python has torch, without importing it."""
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"
    return subprocess.run([python, "-c", code], check=False).returncode == 0


def java(name: str, threads: int, *arguments: object) -> Ended:
    """Compiles and runs a program of `java/` with the JVM options of our command."""
    from py_djl_resnet._java import find, jars

    class_path = os.pathsep.join(map(str, jars.class_path("pytorch", offline=True)))
    command = [find.find_java().home / "bin" / "java", "-cp", class_path, "-XX:+UseSerialGC", "-Xmn16m"]
    command += ["-Dai.djl.offline=true", "-DOPT_OUT_TRACKING=true", "-Dai.djl.default_engine=PyTorch"]
    command += [f"-Dai.djl.pytorch.num_threads={threads}", "-Dai.djl.pytorch.num_interop_threads=1"]
    return run([*command, HERE / "java" / f"{name}.java", *arguments], threads)


def _size(image_size: int | None) -> list[object]:
    return ["--image-size", image_size] if image_size else []
