"""Starts, kills, resumes and compares training processes, for the tests and benchmarks/crash.py."""

from __future__ import annotations

import contextlib
import json
import math
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
from typing import Any

#: Six epochs of five steps with a checkpoint after each step, and everything that a run has to store.
SETTINGS = (
    *("--epochs", "6", "--limit", "160", "--batch-size", "32", "--image-size", "8", "--threads", "1"),
    *("--lr", "0.01", "--momentum", "0.9", "--weight-decay", "0.0005", "--schedule", "cosine"),
    *("--checkpoint-every", "1", "--keep", "2"),
)
#: The same in three epochs.
SHORT = (*SETTINGS, "--epochs", "3")
TIMES = ("seconds", "validation_seconds", "examples_per_second")


@dataclass
class Kills:
    """Counts the kills so far."""

    count: int = 0
    moments: Counter[str] = field(default_factory=Counter)
    #: The kills that left a checkpoint shorter than its header says.
    half_written: int = 0


def start(folder: Path, *settings: str, resume: bool = True) -> subprocess.Popen[str]:
    """Starts a process that trains in `folder`, or resumes the run there."""
    command = [sys.executable, "-m", "py_djl_resnet", "train", "--offline", "--quiet", "--out", str(folder), *settings]
    return subprocess.Popen(
        command + (["--resume", "auto"] if resume else []),
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def at_import(folder: Path, module: str, statement: str) -> str:
    """Returns a PYTHONPATH with which Python runs `statement` when it imports `module`."""
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
    """Waits for a process, checks its exit code and returns its standard error."""
    _, err = process.communicate(timeout=300)
    if process.returncode != code:
        raise AssertionError(f"ended with {process.returncode}, not {code}: {err}")
    return err


def wait_until(condition: Callable[[], bool], *processes: subprocess.Popen[str], seconds: float = 120) -> bool:
    """Returns whether `condition` became true before all processes ended."""
    deadline = time.monotonic() + seconds
    while not condition():
        if all(process.poll() is not None for process in processes):
            return False
        if time.monotonic() > deadline:
            for process in processes:
                process.kill()
            errors = [process.communicate()[1] for process in processes]
            raise AssertionError(f"nothing happened for {seconds} s: {errors}")
        time.sleep(0.001)
    return True


@contextlib.contextmanager
def held(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Yields a process that holds the lock of a run folder and does nothing else."""
    script = (
        "import fcntl, sys; file = open(sys.argv[1], 'r+'); fcntl.lockf(file, fcntl.LOCK_EX); file.truncate(0);"
        "import os; file.write(f'process {os.getpid()} on earth'); file.flush(); print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(folder / "run.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        holder.stdout.readline()
        yield holder
        holder.stdin.close()


def begins(folder: Path) -> int:
    """Returns how often a process has started to train in `folder`."""
    log = folder / "log.txt"
    text = log.read_text() if log.exists() else ""
    return text.count(" started: ") + text.count(" resumed at ")


def halves(folder: Path) -> list[Path]:
    """Returns the files that are being written, or were when their writer died."""
    return list(folder.glob(".*.tmp"))


def unfinished(folder: Path, process: subprocess.Popen[str]) -> list[Path]:
    """Returns the checkpoints that a process is writing, or was when it died, under their temporary names."""
    return [file for name in ("last", "best") for file in folder.glob(f".{name}.safetensors.{process.pid}-*.tmp")]


def written(checkpoint: Path) -> float:
    """Returns the share of a checkpoint that is written, according to its header; infinite if it is gone."""
    try:
        with checkpoint.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            text = file.read(length)
        if not length or len(text) < length:
            return 0
        header = json.loads(text)
        end = max(tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__")
        return checkpoint.stat().st_size / (8 + length + end)
    except FileNotFoundError:
        return math.inf


def killed_runs(base: Path, settings: tuple[str, ...], kills: int, seed: int, report: Kills) -> Iterator[Path]:
    """Yields complete runs, each killed and resumed repeatedly, until there were `kills` kills in all."""
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
    """Kills the process while it starts, trains, or writes a checkpoint."""
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
            if not wait_until(lambda: unfinished(folder, process) != [], process):
                return
            # with a share above 1 the kill comes after the file has its final name
            file, share = next(iter(unfinished(folder, process)), None), 1.3 * delay
            if file is not None and not wait_until(lambda: written(file) >= share, process):
                return
        else:
            time.sleep(0.4 * delay)
    process.kill()
    if process.wait() == -signal.SIGKILL:
        report.count += 1
        report.moments[moment] += 1
        report.half_written += any(written(file) < 1 for file in unfinished(folder, process))


def differences(expected: Path, actual: Path) -> list[str]:
    """Returns how two runs differ: in their files and in the content of checkpoints, recipe.json and metrics.csv.

    Ignores times, and the content of log.txt, run.lock and the figures.
    """
    found = [f"{half.name} is left" for half in halves(actual)]
    wanted, there = files(expected), files(actual)
    found += [f"{name} is {'missing' if name in wanted else 'extra'}" for name in sorted(wanted ^ there)]
    for name in sorted(name for name in wanted & there if name.endswith(".safetensors")):
        (tensors, metadata), (others, other) = checkpoint(expected / name), checkpoint(actual / name)
        found += [f"{name}: {key}" for key in tensors.keys() | others.keys() if tensors.get(key) != others.get(key)]
        found += [f"{name}: {key}" for key in metadata.keys() | other.keys() if metadata.get(key) != other.get(key)]
    if (expected / "recipe.json").read_bytes() != (actual / "recipe.json").read_bytes():
        found.append("recipe.json")
    if first_line(expected) != first_line(actual):
        found.append(f"metrics.csv begins with {first_line(actual)}, not {first_line(expected)}")
    if metrics(expected) != metrics(actual):
        found.append(f"metrics.csv: {metrics(actual)}, not {metrics(expected)}")
    return found


def files(folder: Path) -> set[str]:
    """Returns the names of a run's files, relative to its folder."""
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()} - {
        half.name for half in halves(folder)
    }


def checkpoint(file: Path) -> tuple[dict[str, tuple[str, bytes]], dict[str, Any]]:
    """Returns the type, shape and bytes of each tensor, and the metadata without times and checksum."""
    content = file.read_bytes()
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length])
    entries = header.pop("__metadata__")
    checksum = entries.pop("checksum")
    assert checksum.startswith("crc32c:")
    metadata = {**json.loads(entries.pop("py_djl_resnet")), **entries}
    for row in (*metadata["run"]["history"], metadata["run"]["partial"]):
        for time_ in TIMES:
            row.pop(time_, None)
    tensors = {}
    for name, tensor in header.items():
        begin, end = tensor["data_offsets"]
        tensors[name] = (f"{tensor['dtype']} {tensor['shape']}", content[8 + length + begin : 8 + length + end])
    return tensors, metadata


def first_line(folder: Path) -> str:
    """Returns the header line of metrics.csv."""
    return (folder / "metrics.csv").read_text().split("\n", 1)[0]


def metrics(folder: Path) -> list[str]:
    """Returns the rows of metrics.csv without the times."""
    first, *rows, end = (folder / "metrics.csv").read_bytes().decode().split("\n")
    assert end == ""
    timed = [at for at, name in enumerate(first.split(",")) if name in TIMES]
    assert len(timed) == len(TIMES)
    return [",".join("" if at in timed else cell for at, cell in enumerate(row.split(","))) for row in rows]


@contextlib.contextmanager
def suspended(process: subprocess.Popen[str]) -> Iterator[None]:
    """Suspends a process, which keeps its locks."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def complete(folder: Path) -> None:
    """Resumes a run of three epochs and waits for its end."""
    finish(start(folder, *SHORT))


def the_error(err: str) -> str:
    """Returns the only error line."""
    (line,) = [line for line in err.splitlines() if line.startswith("py-djl-resnet: error: ")]
    assert "Traceback" not in err
    return line


def state(folder: Path) -> tuple[dict[str, tuple[str, bytes]], Any]:
    """Returns the tensors of `last` and the state of the run."""
    tensors, metadata = checkpoint(folder / "last.safetensors")
    return tensors, metadata["run"]
