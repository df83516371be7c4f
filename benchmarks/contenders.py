"""Runs each contender in its own process and returns what it measured."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from works import Work

HERE = Path(__file__).parent
FASHION_MNIST = HERE.parent / "data" / "fashion-mnist"

#: One epoch to warm up and one that counts.
EPOCHS = 2


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
    """The last epoch of a process.

    Args:
        train: training examples per second, including the data path.
        evaluate: examples per second of the evaluation after the epoch.
        peak_mb: peak resident memory of the process.
        versions: the versions of the libraries.
        profile: the rows of ``profile.csv``.
    """

    train: float
    evaluate: float
    peak_mb: float
    versions: dict[str, str]
    profile: list[dict[str, str]]


def run(command: Iterable[object], threads: int) -> Ended:
    """Runs a process with a number of OpenMP threads until it ends."""
    # How OpenMP waits is each contender's own choice, not the caller's
    inherited = {key: text for key, text in os.environ.items() if key not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    environment = {**inherited, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
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


@contextlib.contextmanager
def busy_core() -> Iterator[subprocess.Popen[bytes]]:
    """Keeps the first core busy with a loop, which also ends if this process does."""
    code = (
        "import os, sys\n"
        "if hasattr(os, 'sched_setaffinity'): os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "while os.getppid() == int(sys.argv[1]): pass"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(os.getpid())])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def write_cifar(folder: Path) -> None:
    """Writes noise in the format of CIFAR-10's binary files."""
    random = np.random.default_rng(0)
    for name in (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"):
        records = random.integers(0, 256, (10_000, 3073), np.uint8)
        records[:, 0] %= 10
        records.tofile(folder / name)


@dataclass(frozen=True)
class Contenders:
    """Everything that can be measured here.

    Args:
        threads: threads of each contender.
        torch_python: a Python that has torch.
        cifar: folder of CIFAR-10's binary files.
    """

    threads: int
    torch_python: Path
    cifar: Path

    def train(self, work: Work, name: str, limit: int, *more: object) -> Training:
        """Trains with ours or PyTorch, `more` being options of our command."""
        folder = self.cifar if work.dataset == "cifar-10" else FASHION_MNIST
        options = ["--model", work.model, "--dataset", work.dataset, "--data-dir", folder, "--epochs", EPOCHS]
        options += ["--limit", limit, "--batch-size", work.batch_size, "--image-size", work.size]
        with busy_core() if work.busy else contextlib.nullcontext():
            if name.startswith("ours"):
                return self._ours(name, limit, [*options, *more])
            found, ended = self._pytorch("epochs", name, *options)
        last = found["epochs"][-1]
        versions = {"torch": found["torch"]}
        return Training(limit / last["train"], limit / last["evaluate"], ended.peak_mb, versions, [])

    def _ours(self, name: str, limit: int, options: list[object]) -> Training:
        """Runs our command `train`, from file to metrics."""
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "run"
            command = [sys.executable, "-m", "py_djl_resnet", "train", "--quiet", "--offline", "--out", out]
            command += ["--threads", self.threads, "--lr", 0.01, *options]
            ended = run(command + (["--precision", "bfloat16"] if name == "ours-bfloat16" else []), self.threads)
            last = _rows(out / "metrics.csv")[-1]
            profile = _rows(out / "profile.csv") if "--profile" in options else []
            versions = json.loads((out / "recipe.json").read_text())["versions"]
        evaluated = limit / float(last["validation_seconds"])
        return Training(float(last["examples_per_second"]), evaluated, ended.peak_mb, versions, profile)

    def latency(self, name: str, calls: int) -> float:
        """Returns the median milliseconds of a call on one image; the first fifth of the calls does not count."""
        if name.startswith("ours"):
            precision = "bfloat16" if name == "ours-bfloat16" else "float32"
            found = json.loads(self._our_work("latency", "--calls", calls, "--precision", precision).output)
        else:
            found, _ = self._pytorch("latency", name, "--calls", calls)
        return 1000 * statistics.median(found["calls"][len(found["calls"]) // 5 :])

    def first_batch(self, name: str) -> float:
        """Returns the seconds from the command to the end of the first step."""
        if name.startswith("ours"):
            with tempfile.TemporaryDirectory() as folder:
                ended = self._our_work("first-batch", "--out", Path(folder) / "run")
            return float(json.loads(ended.output)["at"]) - ended.began
        found, ended = self._pytorch("first-batch", name, "--data-dir", FASHION_MNIST)
        return float(found["at"]) - ended.began

    def chapter(self, limit: int) -> float:
        """Returns the examples per second of the book's code as published, with DJL's own parts."""
        from py_djl_resnet._java import find, jars

        class_path = os.pathsep.join(map(str, jars.class_path("pytorch", offline=True)))
        command = [find.find_java().home / "bin" / "java", "-cp", class_path, "-XX:+UseSerialGC", "-Xmn16m"]
        command += ["-Dai.djl.offline=true", "-DOPT_OUT_TRACKING=true", "-Dai.djl.default_engine=PyTorch"]
        command += [f"-Dai.djl.pytorch.num_threads={self.threads}", "-Dai.djl.pytorch.num_interop_threads=1"]
        command += [HERE / "java" / "ChapterLoop.java", FASHION_MNIST, EPOCHS, limit, 256]
        return limit / float(run(command, self.threads).output.split()[-1])

    def peaks(self) -> dict[str, float]:
        """Returns the operations per second that the cores reach, by precision."""
        return dict(self._pytorch("peaks", "eager")[0]["peaks"])

    def flops(self, work: Work) -> int:
        """Returns the operations that a training step needs per example."""
        return int(self._pytorch("flops", "eager", "--model", work.model, "--image-size", work.size)[0]["flops"])

    def _our_work(self, work: str, *options: object) -> Ended:
        return run([sys.executable, HERE / "our_work.py", work, "--threads", self.threads, *options], self.threads)

    def _pytorch(self, work: str, name: str, *options: object) -> tuple[dict[str, Any], Ended]:
        command = [self.torch_python, HERE / "pytorch_loop.py", work, "--threads", self.threads, *options]
        command += ["--compile"] if name.startswith("compiled") else []
        command += ["--channels-last"] if name in ("autocast-last", "compiled", "compiled-autocast") else []
        ended = run(command + (["--autocast"] if "autocast" in name else []), self.threads)
        return json.loads(ended.output), ended


def _rows(file: Path) -> list[dict[str, str]]:
    with open(file, newline="") as stream:
        return list(csv.DictReader(stream))


def has_torch(python: Path) -> bool:
    """Returns whether a Python has torch, without importing it."""
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"
    return subprocess.run([python, "-c", code], check=False).returncode == 0
