"""Follows a training in the JVM to its end, shows its progress, and stops it on a signal."""

from __future__ import annotations

import json
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ._java import jvm
from ._process.signals import signals
from ._process.surroundings import in_notebook
from .checks import function
from .errors import Interrupted, ResnetError, ResnetWarning, UsageError
from .metrics import Row
from .profile import Profile
from .progress import Display, shown_by
from .recipe import Recipe
from .runs import Run

_POLL_MILLISECONDS = 100
#: From where a run is followed to who called the API.
_CALLER = 8

_running = threading.Lock()


def follow(
    checked: Callable[[], Recipe],
    begin: Callable[[Recipe], Any],
    progress: bool | Display,
    callback: Callable[[Row], object] | None,
) -> Run:
    """Starts Java and checks the recipe with `checked`, then begins the run and follows it to its end."""
    jvm.require_no_fork()
    if not _running.acquire(blocking=False):
        raise UsageError(
            "one training at a time in a process; wait until the one that runs has ended, or use another process"
        )
    try:
        shown = shown_by(progress)
        if callback is not None:
            function(callback, "callback")
        recipe = checked()
        handle = None
        try:
            # what a second signal ends in a notebook is its kernel, with all variables
            with signals(lenient=in_notebook()) as received:
                with jvm.translated_errors():
                    handle = begin(recipe)
                return _ended(handle, shown, callback, received)
        except ResnetError:
            if handle is None and received:
                signal.raise_signal(received[0])  # no run took notice of it
            raise
        finally:
            shown.close()
    finally:
        _running.release()


def _ended(
    handle: Any,
    shown: Display,
    callback: Callable[[Row], object] | None,
    received: list[int],
) -> Run:
    """Follows a run to its end, and makes what it came to of its handle."""
    kept = handle.runDir()
    folder = None if kept is None else Path(os.path.abspath(str(kept)))
    with _closed_on_failure(handle), jvm.translated_errors():
        history, state = _follow(handle, shown, callback, received)
        profile = handle.profile() if state in ("done", "stopped") else None
        run = Run(
            Recipe.from_settings(json.loads(str(handle.recipe()))),
            history,
            folder,
            handle.network(),
            None if profile is None else Profile.from_dict(json.loads(str(profile))),
            json.loads(str(handle.selection())),
            json.loads(str(handle.test())),
        )
    try:
        with jvm.translated_errors():
            handle.check()
    except ResnetError as error:
        error.run = run
        raise
    # a run that a signal came too late for is complete
    if received and state == "stopped":
        raise Interrupted(signal.Signals(received[0]), run)
    return run


@contextmanager
def _closed_on_failure(handle: Any) -> Iterator[None]:
    """Ends a run that is no longer followed, and frees its network."""
    try:
        yield
    except BaseException:
        with suppress(ResnetError), jvm.translated_errors():
            handle.stop()
            while not handle.await_(_POLL_MILLISECONDS):
                pass
            handle.network().close()
        raise


def _follow(
    handle: Any,
    shown: Display,
    callback: Callable[[Row], object] | None,
    received: list[int],
) -> tuple[list[Row], str]:
    """Polls until the run has ended, and stops it on a signal; its history and state."""
    if (warning := handle.warning()) is not None:
        warnings.warn(str(warning), ResnetWarning, stacklevel=_CALLER)
    before = int(handle.rowsBefore())
    history: list[Row] = []
    asked = ended = False
    while not ended:
        ended = bool(handle.await_(_POLL_MILLISECONDS))
        snapshot = json.loads(str(handle.progress(len(history))))
        for row in snapshot["rows"]:
            history.append(row)
            if len(history) <= before:  # of the run that is resumed
                continue
            shown.epoch_ended(row, snapshot["epochs"])
            if callback is not None:
                callback(row)
        shown.show(snapshot)
        if received and not asked:
            handle.stop()
            asked = True
    return history, snapshot["state"]
