"""Runs that are killed at random moments and gone on with: what test_crash.py and benchmarks/crash.py share."""

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

#: Six epochs of five steps, each step followed by a checkpoint, with all that a run has to remember.
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
    """What was killed so far."""

    count: int = 0
    moments: Counter[str] = field(default_factory=Counter)
    #: Those that left a checkpoint of theirs with less in it than its head announces.
    half_written: int = 0


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


def wait_until(condition: Callable[[], bool], *processes: subprocess.Popen[str], seconds: float = 120) -> bool:
    """Whether `condition` came true before all of the processes had ended."""
    deadline = time.monotonic() + seconds
    while not condition():
        if all(process.poll() is not None for process in processes):
            return False
        if time.monotonic() > deadline:
            for process in processes:
                process.kill()
            told = [process.communicate()[1] for process in processes]
            raise AssertionError(f"nothing happened for {seconds} s: {told}")
        time.sleep(0.001)
    return True


@contextlib.contextmanager
def held(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has the lock of a run folder and does nothing."""
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
    """How often a process has begun to train in `folder`."""
    log = folder / "log.txt"
    text = log.read_text() if log.exists() else ""
    return text.count(" started: ") + text.count(" resumed at ")


def halves(folder: Path) -> list[Path]:
    """The files that are being written, or were when their writer died."""
    return list(folder.glob(".*.tmp"))


def unfinished(folder: Path, process: subprocess.Popen[str]) -> list[Path]:
    """The checkpoints that a process writes, or wrote when it died; not yet under their names."""
    return [file for name in ("last", "best") for file in folder.glob(f".{name}.safetensors.{process.pid}-*.tmp")]


def written(checkpoint: Path) -> float:
    """The share of a checkpoint that is written, by what its head announces; infinite when it is gone."""
    try:
        with checkpoint.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            head = file.read(length)
        if not length or len(head) < length:
            return 0
        header = json.loads(head)
        end = max(tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__")
        return checkpoint.stat().st_size / (8 + length + end)
    except FileNotFoundError:
        return math.inf


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
            if not wait_until(lambda: unfinished(folder, process) != [], process):
                return
            # a share beyond the whole is never written: the kill comes after the file has its name
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
    """In what two runs differ: their files, and the content of checkpoints, recipe.json and metrics.csv.

    Times are left aside, and so is what log.txt, run.lock and the figures hold.
    """
    found = [f"{half.name} is left" for half in halves(actual)]
    wanted, there = files(expected), files(actual)
    found += [f"{name} is {'missing' if name in wanted else 'too many'}" for name in sorted(wanted ^ there)]
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
    """The names of the files of a run, below its folder."""
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()} - {
        half.name for half in halves(folder)
    }


def checkpoint(file: Path) -> tuple[dict[str, tuple[str, bytes]], dict[str, Any]]:
    """The type, shape and bytes of each tensor, and the metadata; times, and the checksum over them, left aside."""
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
    """The names of the columns of metrics.csv."""
    return (folder / "metrics.csv").read_text().split("\n", 1)[0]


def metrics(folder: Path) -> list[str]:
    """The lines of metrics.csv below the first, as they are but for the times."""
    first, *rows, end = (folder / "metrics.csv").read_bytes().decode().split("\n")
    assert end == ""
    timed = [at for at, name in enumerate(first.split(",")) if name in TIMES]
    assert len(timed) == len(TIMES)
    return [",".join("" if at in timed else cell for at, cell in enumerate(row.split(","))) for row in rows]


@contextlib.contextmanager
def suspended(process: subprocess.Popen[str]) -> Iterator[None]:
    """A process that stands still, and keeps what it has, such as a lock."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def go_on(folder: Path) -> None:
    """Ends a run of three epochs."""
    finish(start(folder, *SHORT))


def the_error(err: str) -> str:
    """The only line of an error."""
    (line,) = [line for line in err.splitlines() if line.startswith("py-djl-resnet: error: ")]
    assert "Traceback" not in err
    return line


def state(folder: Path) -> tuple[dict[str, tuple[str, bytes]], Any]:
    """The tensors of `last`, and where the run stood."""
    tensors, metadata = checkpoint(folder / "last.safetensors")
    return tensors, metadata["run"]
