"""Runs that are killed at random moments and gone on with: what test_crash.py and benchmarks/crash.py share."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

#: Six epochs of five steps, each step followed by a checkpoint, with all that a run has to remember.
SETTINGS = (
    *("--epochs", "6", "--limit", "160", "--batch-size", "32", "--image-size", "8", "--threads", "1"),
    *("--lr", "0.01", "--momentum", "0.9", "--weight-decay", "0.0005", "--schedule", "cosine"),
    *("--checkpoint-every", "1"),
)
TIMES = ("seconds", "validation_seconds", "examples_per_second")


@dataclass
class Kills:
    """What was killed so far."""

    count: int = 0
    moments: Counter[str] = field(default_factory=Counter)
    #: The files that a kill left half written, without the process and number in their names.
    halves: Counter[str] = field(default_factory=Counter)


def start(folder: Path, *settings: str, resume: bool = True) -> subprocess.Popen[str]:
    """A process that trains in `folder`, or goes on there with the run that it finds."""
    command = [sys.executable, "-m", "py_djl_resnet", "train", "--offline", "--quiet", "--out", str(folder), *settings]
    return subprocess.Popen(
        command + (["--resume", "auto"] if resume else []),
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def at_import(folder: Path, module: str, statement: str) -> str:
    """A PYTHONPATH with which Python processes run `statement` when they come to import `module`."""
    (folder / "sitecustomize.py").write_text(
        "import os, pathlib, signal, sys\n"
        "class AtImport:\n"
        "    @staticmethod\n"
        "    def find_spec(name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        f"            {statement}\n"
        "sys.meta_path.insert(0, AtImport)\n"
    )
    return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])


def finish(process: subprocess.Popen[str], code: int = 0) -> str:
    """Waits for the end of a process, which must be that of `code`; what it wrote to standard error."""
    _, err = process.communicate(timeout=300)
    if process.returncode != code:
        raise AssertionError(f"ended with {process.returncode}, not {code}: {err}")
    return err


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 120) -> bool:
    """Whether `condition` came true before the process ended."""
    deadline = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None:
            return False
        if time.monotonic() > deadline:
            process.kill()
            raise AssertionError(f"nothing happened for {seconds} s: {process.communicate()[1]}")
        time.sleep(0.001)
    return True


def begins(folder: Path) -> int:
    """How often a process has begun to train in `folder`."""
    log = folder / "log.txt"
    text = log.read_text() if log.exists() else ""
    return text.count(" started: ") + text.count(" resumed at ")


def halves(folder: Path) -> list[Path]:
    """The files that are being written, or were when their writer died."""
    return list(folder.glob(".*.tmp"))


def killed_runs(base: Path, settings: tuple[str, ...], kills: int, seed: int, report: Kills) -> Iterator[Path]:
    """Runs, each killed again and again and at last gone on with to its end, until `kills` were made in all."""
    moments = random.Random(seed)
    for number in range(kills):
        folder = base / f"killed-{number}"
        done = False
        while not done:
            process = start(folder, *settings)
            if report.count < kills:
                _kill(process, folder, moments, report)
            err = process.communicate(timeout=300)[1]
            done = process.returncode == 0
            if not done and process.returncode != -signal.SIGKILL:
                raise AssertionError(f"ended with {process.returncode} after {report}: {err}")
        yield folder
        if report.count == kills:
            return


def _kill(process: subprocess.Popen[str], folder: Path, moments: random.Random, report: Kills) -> None:
    """Kills the process at some moment of its start, of its training, or of its writing a checkpoint."""
    moment = moments.choice(["start", "training", "training", "writing", "writing"])
    before = begins(folder)
    delay = moments.random()
    if moment == "start":
        time.sleep(3 * delay)
    else:
        if not wait_until(lambda: begins(folder) > before, process):
            return
        time.sleep(0.6 * moments.random())
        if moment == "writing":
            if not wait_until(lambda: any("safetensors" in half.name for half in halves(folder)), process):
                return
            time.sleep(0.05 * delay)
        else:
            time.sleep(0.4 * delay)
    process.kill()
    if process.wait() == -signal.SIGKILL:
        report.count += 1
        report.moments[moment] += 1
        report.halves.update(half.name.split(".")[1] for half in halves(folder))


def differences(expected: Path, actual: Path) -> list[str]:
    """In what the results of two runs differ: tensors, where the run stands, metrics.csv; times are left aside."""
    found = [f"{half} is left" for half in halves(actual)]
    for name in ("last.safetensors", "best.safetensors"):
        (wanted, state), (tensors, other) = checkpoint(expected / name), checkpoint(actual / name)
        found += [f"{name}: {key}" for key in wanted.keys() | tensors.keys() if wanted.get(key) != tensors.get(key)]
        found += [f"{name}: run" for _ in [0] if state != other]
    if metrics(expected) != metrics(actual):
        found.append(f"metrics.csv: {metrics(actual)}, not {metrics(expected)}")
    return found


def checkpoint(file: Path) -> tuple[dict[str, tuple[str, bytes]], dict[str, object]]:
    """The type, shape and bytes of each tensor, and where the run stands, times left aside."""
    content = file.read_bytes()
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length])
    run = json.loads(header.pop("__metadata__")["py_djl_resnet"])["run"]
    for row in (*run["history"], run["partial"]):
        for time_ in TIMES:
            row.pop(time_, None)
    tensors = {}
    for name, tensor in header.items():
        begin, end = tensor["data_offsets"]
        tensors[name] = (f"{tensor['dtype']} {tensor['shape']}", content[8 + length + begin : 8 + length + end])
    return tensors, run


def metrics(folder: Path) -> list[dict[str, str]]:
    """The rows of metrics.csv, times left aside."""
    with (folder / "metrics.csv").open(newline="") as file:
        return [{key: cell for key, cell in row.items() if key not in TIMES} for row in csv.DictReader(file)]
