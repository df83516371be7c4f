"""Follows a training run in the JVM to its end, shows its progress, and stops it on a signal."""

from __future__ import annotations

import json
import os
import shlex
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ._java import jvm, memory
from ._measuring import POLL_MILLISECONDS, abandon
from ._process.signals import signals
from ._process.surroundings import in_notebook
from .checks import shown
from .datasets import ARRAYS
from .errors import Interrupted, ResnetError, TrainingError, UsageError, warn
from .metrics import Row
from .profile import Profile
from .progress import Display, shown_by
from .recipe import Recipe
from .runs import Results, Run

_running = threading.Lock()


_Result = TypeVar("_Result")


def follow(
    checked: Callable[[], Recipe],
    begin: Callable[[Recipe], Any],
    progress: bool | Display,
    finish: Callable[[Any, Display, list[int]], _Result],
) -> _Result:
    """Starts Java and checks the recipe with `checked`, then begins the run and returns what `finish` makes of it.

    `finish` gets Java's ``TrainingHandle``, the display and the list that receives signals.
    """
    jvm.require_no_fork()
    if not _running.acquire(blocking=False):
        raise UsageError(
            "A process can train only one network at a time. Wait for the current run to end, or use another process."
        )
    try:
        display = shown_by(progress)
        recipe = checked()
        handle = None
        try:
            # in a notebook a second signal would end the kernel and lose all variables
            with signals(lenient=in_notebook()) as received:
                with jvm.translated_errors():
                    handle = begin(recipe)
                return finish(handle, display, received)
        except ResnetError:
            if handle is None and received:
                signal.raise_signal(received[0])  # no run has handled it
            raise
        finally:
            display.close()
    finally:
        _running.release()


def follow_run(
    checked: Callable[[], Recipe],
    begin: Callable[[Recipe], Any],
    progress: bool | Display,
    callback: Callable[[Row], object] | None,
) -> Run:
    """Follows a training run to its end and returns it, or raises the error that ended it."""
    if callback is not None and not callable(callback):
        raise UsageError(f"callback must be a function. Received: {shown(callback)}.")
    return follow(checked, begin, progress, partial(_result, callback=callback))


def _result(
    handle: Any,
    display: Display,
    received: list[int],
    callback: Callable[[Row], object] | None,
) -> Run:
    with _closed_on_failure(handle), jvm.translated_errors():
        described = json.loads(str(handle.describe()))
        folder = None if described["run_dir"] is None else Path(os.path.abspath(described["run_dir"]))
        if described["warning"] is not None:
            warn(described["warning"])
        history, state = _follow(handle, display, callback, received, described["rows_before"])
        memory.give_back()
        profile = handle.profile() if state in ("done", "stopped") else None
        run = Run(
            Recipe.from_settings(described["recipe"]),
            history,
            folder,
            handle.network(),
            None if profile is None else Profile(**json.loads(str(profile))),
            described["selection"],
            json.loads(str(handle.test())),
            Results(handle.testExamples(), _text(handle.predictions())) if state == "done" else None,
        )
    try:
        with jvm.translated_errors():
            handle.check()
    except ResnetError as error:
        error.run = run
        last = None if folder is None else folder / "last.safetensors"
        if isinstance(error, TrainingError) and last is not None and last.is_file():
            error.args = (f"{error} To keep what this one learned before, start it from the weights in {last}.",)
        raise
    # a run that was complete before the signal came is returned
    if received and state == "stopped":
        raise Interrupted(signal.Signals(received[0]), run, _how_to_resume(run))
    return run


def _text(value: Any) -> str | None:
    """Returns Java's text, or None for null."""
    return None if value is None else str(value)


def _how_to_resume(run: Run) -> str:
    if run.folder is None:
        return "Nothing was saved to disk. The network is this exception's run.model."
    on_arrays = run.recipe.dataset == ARRAYS
    if in_notebook() or on_arrays:
        again = f"py_djl_resnet.resume({str(run.folder)!r}{', dataset=the same arrays' if on_arrays else ''})"
    else:
        again = f"python -m py_djl_resnet train --resume {shlex.quote(str(run.folder))}"
    return f"Its state is saved in {run.folder / 'last.safetensors'}. Resume with: {again}"


@contextmanager
def _closed_on_failure(handle: Any) -> Iterator[None]:
    """Stops an abandoned run and frees its network."""
    try:
        yield
    except BaseException:
        abandon(handle)
        with suppress(ResnetError), jvm.translated_errors():
            handle.network().close()
        raise


def follow_progress(handle: Any, display: Display, received: list[int]) -> None:
    """Shows a sweep until it has ended, and stops it on a signal."""
    try:
        _follow(handle, display, None, received, 0)
    except BaseException:
        abandon(handle)
        raise


def _follow(
    handle: Any,
    display: Display,
    callback: Callable[[Row], object] | None,
    received: list[int],
    rows_before: int,
) -> tuple[list[Row], str]:
    """Polls until the run has ended, and stops it on a signal. Returns its history and state."""
    history: list[Row] = []
    stopping = ended = False
    while not ended:
        ended = bool(handle.await_(POLL_MILLISECONDS))
        snapshot = json.loads(str(handle.progress(len(history))))
        for row in snapshot["rows"]:
            history.append(row)
            if len(history) <= rows_before:  # of the resumed run
                continue
            display.epoch_ended(row, snapshot["epochs"])
            if callback is not None:
                callback(row)
        display.show(snapshot)
        if received and not stopping:
            handle.stop()
            stopping = True
    return history, snapshot["state"]
