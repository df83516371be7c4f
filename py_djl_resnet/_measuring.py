"""Follows a measurement in the JVM to its end, shows its progress, and stops it on a signal."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ._java import jvm
from ._process import terminal
from ._process.signals import signals
from ._process.streams import lenient
from ._process.surroundings import in_notebook
from .errors import ResnetError
from .progress import duration, fitted

#: How long Java waits for the end before each look at the progress.
POLL_MILLISECONDS = 100
#: Seconds between two lines in a file or a pipe.
_PAUSE = 10

_measuring = threading.Lock()


def follow(begin: Callable[[], Any], display: PointProgress | None) -> tuple[Any, dict[str, Any], list[int]]:
    """Starts one of Java's handles, and returns it at its end, with its last state and the signals received."""
    with _measuring, signals(lenient=in_notebook()) as received:
        with jvm.translated_errors():
            handle = begin()
        try:
            state = _follow(handle, display, received)
        except BaseException:
            abandon(handle)
            raise
        finally:
            if display is not None:
                display.close()
        with jvm.translated_errors():
            handle.check()
    return handle, state, received


def abandon(handle: Any) -> None:
    """Stops one of Java's handles after another error, and waits for its end."""
    with suppress(ResnetError), jvm.translated_errors():
        handle.stop()
        while not handle.await_(POLL_MILLISECONDS):
            pass


def _follow(handle: Any, display: PointProgress | None, received: list[int]) -> dict[str, Any]:
    stopping = ended = False
    while not ended:
        ended = bool(handle.await_(POLL_MILLISECONDS))
        state: dict[str, Any] = json.loads(str(handle.progress()))
        if display is not None:
            display.show(state, ended)
        if received and not stopping:
            handle.stop()
            stopping = True
    return state


class PointProgress:
    """Shows points done, points per second and the time left: a line that changes, or lines in a file or a pipe.

    Args:
        unit: what is counted.
    """

    def __init__(self, unit: str = "points") -> None:
        self._unit = unit
        stream = sys.stdout if in_notebook() else sys.stderr
        self._stream = None if stream is None else lenient(stream)
        self._changes = stream is not None and (in_notebook() or (stream.isatty() and not terminal.is_dumb()))
        self._first: tuple[float, int] | None = None
        self._shown = -float("inf")
        self._drawn = ""

    def show(self, state: dict[str, Any], ended: bool) -> None:
        """Shows the state that Java reports."""
        now, done, total = time.monotonic(), state["done"], state["total"]
        if self._stream is None or done == 0:
            return
        if self._first is None:
            self._first = now, done
        at, before = self._first
        parts = [f"{done} of {total} {self._unit}"]
        if done > before and now > at:
            rate = (done - before) / (now - at)
            parts += [f"{rate:.{2 if rate < 100 else 0}f} {self._unit}/s", f"{duration((total - done) / rate)} left"]
        self._write(parts, ended)

    def _write(self, parts: list[str], ended: bool) -> None:
        if self._stream is None:
            return
        if self._changes:
            line = fitted(parts, (terminal.width(self._stream) or 80) - 1)
            if line != self._drawn:
                self._stream.write("\r" + line + " " * max(0, len(self._drawn) - len(line)))
                self._stream.flush()
                self._drawn = line
        elif ended or time.monotonic() >= self._shown + _PAUSE:
            self._shown = time.monotonic()
            print(", ".join(parts), file=self._stream, flush=True)

    def close(self) -> None:
        """Keeps the last line."""
        if self._drawn and self._stream is not None:
            self._stream.write("\n")
            self._stream.flush()
