"""Trains several runs at once, each in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from .._java import jvm
from .._process.signals import STOP_AT_END_OF_INPUT, signals
from ..errors import ResnetError, UsageError
from ..recipe import Recipe

_POLL_SECONDS = 0.1

#: The advice in the error of a run that diverged. Any other failure, such as a full disk, would stop the next run too.
_DIVERGED = "with a lower learning rate"


class Job(NamedTuple):
    """A run to train.

    Attributes:
        title: its name for the user.
        recipe: its settings.
        folder: its folder.
    """

    title: str
    recipe: Recipe
    folder: Path


class _Training:
    """A process that trains a run, and the last line of its errors."""

    def __init__(self, job: Job, threads: int, wait: int, recipes: Path, announce: Callable[[str], None]) -> None:
        self.job = job
        self.error = ""
        file = recipes / f"{job.folder.name}.json"
        recipe = job.recipe if job.recipe.threads is not None else job.recipe.replace(threads=threads)
        file.write_text(recipe.to_json(), "utf-8")
        command = [sys.executable, "-m", __package__.partition(".")[0], "train", "--recipe", str(file)]
        self.process = subprocess.Popen(
            [*command, "--out", str(job.folder), "--resume", "auto", "--wait-for-lock", str(wait)],
            stdin=subprocess.PIPE,  # ends with this process, even if it is killed
            env={**os.environ, STOP_AT_END_OF_INPUT: "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            # a signal for all processes of a terminal would count as the second one after ours, which ends them at once
            start_new_session=True,
        )
        self._announce = announce
        self._readers = [
            threading.Thread(target=self._read, args=(stream, is_error), daemon=True)
            for stream, is_error in ((self.process.stdout, False), (self.process.stderr, True))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: IO[str], is_error: bool) -> None:
        with stream:
            for line in stream:
                text = line.strip().removeprefix("py-djl-resnet: ")
                if is_error and text:
                    self.error = text.removeprefix("error: ")
                if text.startswith(("epoch ", "warning: ", "error: ")) and " on the test data" not in text:
                    self._announce(f"{self.job.folder.name}: {text}")

    def finish(self) -> int:
        """Waits for the end of the process and its output, and returns its exit code."""
        with self.process.stdin:  # type: ignore[union-attr]  # it is a pipe
            code = self.process.wait()
        for reader in self._readers:
            reader.join(timeout=5)  # a grandchild may keep the pipe open
        return code


def train_in_processes(jobs: Sequence[Job], count: int, wait: int, announce: Callable[[str], None]) -> list[str]:
    """Trains runs, `count` at a time, which share the CPU's cores.

    A signal stops all after their current batch, with their state saved. So does the end of this process.

    Args:
        jobs: the runs.
        count: how many processes.
        wait: seconds to wait for a run that another process trains.
        announce: shows a line.

    Returns:
        A line for each run that failed.

    Raises:
        UsageError: a run was rejected; the others were stopped, with their state saved.
        ResnetError: a run failed for another reason than its loss or weights; the others were stopped likewise.
        KeyboardInterrupt: after Ctrl-C; another signal has its usual effect.
    """
    threads = max(1, jvm.processors() // count)
    waiting = list(jobs)
    running: list[_Training] = []
    failures: list[str] = []
    end: ResnetError | None = None
    stopping = False
    with tempfile.TemporaryDirectory() as recipes, signals() as received:
        while running or waiting:
            while waiting and len(running) < count and not received and end is None:
                job = waiting.pop(0)
                announce(job.title)
                running.append(_Training(job, threads, wait, Path(recipes), announce))
            if (received or end is not None) and not stopping:
                stopping = True  # a second signal would end a process before it has saved its state
                waiting.clear()
                for training in running:
                    training.process.terminate()
            for training in [training for training in running if training.process.poll() is not None]:
                running.remove(training)
                code = training.finish()
                if code == 0 or received or end is not None:
                    continue
                if code == 2:
                    end = UsageError(f"{training.job.title}: {training.error}")
                elif _DIVERGED in training.error:
                    failures.append(f"{training.job.title}: {training.error}")
                else:
                    end = ResnetError(f"{training.job.title}: {training.error or f'exit code {code}'}")
            time.sleep(_POLL_SECONDS)
    if received:
        announce("The study was interrupted. Its state is saved. Repeat the command to resume.")
        signal.raise_signal(received[0])
    if end is not None:
        raise end
    return failures
