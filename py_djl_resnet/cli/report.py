"""Lines on standard error, each with the program's name before it."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterator
from typing import TextIO

from ..errors import ResnetWarning
from ..models import Model

#: How errors and lines on standard error begin.
NAME = "py-djl-resnet"


def report(message: str) -> None:
    """Writes a message as one line."""
    line = "; ".join(part.strip() for part in message.splitlines() if part.strip())
    print(f"{NAME}: {line}", file=sys.stderr, flush=True)


def network(model: Model) -> str:
    """A network in a line: its name, channels and classes."""
    channels = f"{model.in_channels} channel{'' if model.in_channels == 1 else 's'}"
    return f"{model.name}, {channels}, {model.classes} class{'' if model.classes == 1 else 'es'}"


def warn(message: str) -> None:
    """Writes what the user should know of, though the command goes on."""
    report(f"warning: {message}")


@contextlib.contextmanager
def reported_warnings() -> Iterator[None]:
    """Writes this package's own warnings as lines of ours, and leaves all others to Python."""
    with warnings.catch_warnings():
        others = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, ResnetWarning):
                warn(str(message))
            else:
                others(message, category, filename, lineno, file, line)

        warnings.simplefilter("always", ResnetWarning)
        warnings.showwarning = show
        yield
