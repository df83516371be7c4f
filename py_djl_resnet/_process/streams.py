"""Handles closed or full standard streams."""

from __future__ import annotations

import os
import sys
from typing import Any, TextIO, cast


class Lenient:
    """A text stream that drops output that cannot be written: the disk is full, or the terminal has closed.

    Args:
        stream: where to write.
        raised: the errors to raise nevertheless.

    Attributes:
        failure: the first error that was suppressed; None if there was none.
    """

    def __init__(self, stream: TextIO, raised: tuple[type[OSError], ...] = ()) -> None:
        self._stream = stream
        self._raised = raised
        self.failure: OSError | None = None

    def write(self, text: str) -> int:
        """Writes `text` if possible."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self._drop(error)
            return len(text)

    def flush(self) -> None:
        """Flushes the stream if possible."""
        try:
            self._stream.flush()
        except OSError as error:
            self._drop(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _drop(self, error: OSError) -> None:
        if isinstance(error, self._raised):
            raise error
        self.failure = self.failure or error


def lenient(stream: TextIO) -> TextIO:
    """Wraps `stream` so that it drops output that cannot be written."""
    return stream if isinstance(stream, Lenient) else cast(TextIO, Lenient(stream))


def open_closed() -> None:
    """Opens the null device for closed standard streams; otherwise the next file opened would receive their output."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # this is the lowest free number, which open() uses
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8", closefd=False))


def flushed(stream: TextIO) -> OSError | None:
    """Flushes a stream; returns the error if it cannot be written, after redirecting it to the null device."""
    try:
        stream.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # otherwise Python reports it again at exit
        return error
    return None
