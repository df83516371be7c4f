"""Prints the output of commands: lines on standard error, and tables on standard output."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .._process import terminal
from .._tables import counted, text_table
from ..errors import ResnetWarning
from ..models import Model

#: How each line on standard error begins.
NAME = "py-djl-resnet"


def report(message: str, label: str = "", colour: str = "bold") -> None:
    """Writes a message as one line on standard error, after a coloured label."""
    line = " ".join(part.strip() for part in message.splitlines() if part.strip())
    shown = terminal.coloured(f"{label}:", colour, sys.stderr) + " " if label else ""
    print(f"{NAME}: {shown}{line}", file=sys.stderr, flush=True)


def fail(message: str) -> None:
    """Reports the error that ends the command."""
    report(message, "error", "red")


def warn(message: str) -> None:
    """Reports a warning; the command continues."""
    report(message, "warning", "yellow")


def print_table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> None:
    """Prints rows as a table that fits the terminal; the first row has the headings."""
    print(text_table(rows, right, terminal.width(sys.stdout)))


def network(model: Model) -> str:
    """Returns a network's name, channels and classes, or latent dimensions, in one line."""
    channels = counted(model.in_channels, "channel")
    if model.is_autoencoder:
        return f"{model.name}, {channels}, {counted(model.info['autoencoder']['latent_dim'], 'latent dimension')}"
    return f"{model.name}, {channels}, {model.classes} class{'' if model.classes == 1 else 'es'}"


def shown_path(path: Path | None) -> str:
    """Returns a path relative to the working directory if it is in it, or ``none``."""
    if path is None:
        return "none"
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


@contextlib.contextmanager
def reported_warnings() -> Iterator[None]:
    """Reports this package's warnings in its own format, and leaves all others to Python."""
    with warnings.catch_warnings():
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, ResnetWarning):
                warn(str(message))
            else:
                others(message, category, *where, **more)

        warnings.simplefilter("always", ResnetWarning)
        warnings.showwarning = show
        yield
