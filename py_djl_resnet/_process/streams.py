"""Standard output and error where they are closed, full or gone."""

from __future__ import annotations

import os
import sys
from typing import Any, TextIO, cast


class Lenient:
    """A text stream that drops what cannot be written: a full disk under a log, or a terminal that has closed.

    Args:
        stream: where to write.
        told: the errors that are raised all the same.

    Attributes:
        failure: why something was dropped, the first time; None while all was written.
    """

    def __init__(self, stream: TextIO, told: tuple[type[OSError], ...] = ()) -> None:
        self._stream = stream
        self._told = told
        self.failure: OSError | None = None

    def write(self, text: str) -> int:
        """Writes, if it can be written."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self._drop(error)
            return len(text)

    def flush(self) -> None:
        """Writes out what is held back, if it can be written."""
        try:
            self._stream.flush()
        except OSError as error:
            self._drop(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _drop(self, error: OSError) -> None:
        if isinstance(error, self._told):
            raise error
        self.failure = self.failure or error


def lenient(stream: TextIO) -> TextIO:
    """`stream` as one that drops what cannot be written."""
    return stream if isinstance(stream, Lenient) else cast(TextIO, Lenient(stream))


def open_closed() -> None:
    """Gives the null device to the standard streams that are closed, or the next file gets their number and output."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # the lowest number that is free is this one
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8", closefd=False))


def flushed(stream: TextIO) -> OSError | None:
    """Writes out what a stream holds; why it cannot be written, its rest going to the null device then."""
    try:
        stream.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # or Python complains as it flushes at the end
        return error
    return None
