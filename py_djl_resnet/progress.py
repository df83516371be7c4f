"""Shows the progress of a training run: a bar on a terminal or in a notebook, else a line per epoch."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TextIO

from ._process import terminal
from ._process.streams import lenient
from ._process.surroundings import in_notebook
from .errors import UsageError
from .metrics import AUTOENCODER_METRICS, shown_columns

Snapshot = Mapping[str, Any]

_PHASES = {"training": "Train", "validating": "Eval", "testing": "Test"}
_LONGEST_BAR = 30
_SHORTEST_BAR = 10
#: Columns of the text next to the bar, reserved so that the bar keeps its length
_USUAL = 46
_NOTEBOOK_COLUMNS = 100


class Display(Protocol):
    """The interface that :func:`py_djl_resnet.train` calls during a run, about ten times a second."""

    def show(self, snapshot: Snapshot) -> None:
        """Shows the current state.

        Args:
            snapshot: ``state`` (``"training"``, ``"validating"``, ``"testing"``, ...), ``epoch`` from 1,
                ``epochs``, ``done`` and ``total`` (examples), ``metrics`` (means so far, by name),
                ``examples_per_second``, and more; unknown values are None.
        """
        return

    def epoch_ended(self, row: Mapping[str, Any], epochs: int) -> None:
        """Shows a completed epoch.

        Args:
            row: the new row of the history, with the columns of ``metrics.csv``.
            epochs: how many epochs the run has.
        """
        return

    def close(self) -> None:
        """Ends the display: the run is done, stopped or failed."""
        return


class Silent(Display):
    """Shows nothing."""


class Lines(Display):
    """One line per epoch, for a file or a pipe.

    Args:
        stream: where to write.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def epoch_ended(self, row: Mapping[str, Any], epochs: int) -> None:
        """Writes the epoch's metrics, its time and the estimated time left."""
        seconds = row["seconds"] + row["validation_seconds"]
        left = duration((epochs - row["epoch"]) * seconds)
        print(f"{epoch_line(row, epochs)}, {seconds:.1f} s, {left} left", file=self._stream, flush=True)


class Bar(Display):
    """One line that shows the current phase, replaced by a line per epoch.

    The line never wraps: a narrow terminal drops its least important parts, a wide one has room for a bar.

    Args:
        stream: a terminal, or the standard output of a notebook.
        epochs_to: where an epoch's line goes; None for `stream`.
    """

    def __init__(self, stream: TextIO, epochs_to: TextIO | None = None) -> None:
        self._stream = stream
        self._epochs_to = stream if epochs_to is None else epochs_to
        self._drawn = ""
        self._phase: tuple[int, str] | None = None
        self._started = (0.0, 0)
        self._ended = 0

    def show(self, snapshot: Snapshot) -> None:
        """Draws the current phase of the run."""
        state = snapshot["state"]
        if state == "done":
            self._clear()
        # The snapshot that brings a row may still name its epoch
        elif state == "testing" or (state in _PHASES and snapshot["epoch"] > self._ended):
            self._draw(snapshot)

    def epoch_ended(self, row: Mapping[str, Any], epochs: int) -> None:
        """Replaces the bar by the epoch's metrics."""
        self._clear()
        self._ended = row["epoch"]
        print(terminal.wrapped(epoch_line(row, epochs), self._epochs_to), file=self._epochs_to, flush=True)

    def close(self) -> None:
        """Keeps the bar of a run that stopped within an epoch."""
        if self._drawn:
            self._stream.write("\n")
            self._stream.flush()
        self._drawn = ""

    def _draw(self, snapshot: Snapshot) -> None:
        done, total = snapshot["done"] or 0, snapshot["total"] or 0
        phase = (snapshot["epoch"], snapshot["state"])
        if phase != self._phase:
            self._phase, self._started = phase, (time.monotonic(), done)
        parts = [
            f"{_PHASES[snapshot['state']]} {snapshot['epoch']}/{snapshot['epochs']}",
            f"{100 * done // total if total else 0}%",
            self._left(done, total),
            *(f"{_short(name)} {_figure(name, snapshot['metrics'][name])}" for name in _shown(snapshot["metrics"])),
        ]
        columns = (terminal.width(self._stream) or _NOTEBOOK_COLUMNS) - 1
        line = fitted(parts, columns)
        room = min(columns - max(len(line), _USUAL) - 2, _LONGEST_BAR)
        if room >= _SHORTEST_BAR and total:
            line = line.replace("%", f"%  {self._bar(done / total, room)}", 1)
        if line == self._drawn:
            return
        padding = " " * max(0, min(len(self._drawn), columns) - len(line))  # erases the end of a longer line
        self._drawn = line
        self._stream.write(f"\r{self._coloured(line)}{padding}")
        self._stream.flush()

    def _left(self, done: int, total: int) -> str:
        at, before = self._started
        if done <= before:
            return "-:--"
        return duration((time.monotonic() - at) * (total - done) / (done - before))

    def _bar(self, share: float, room: int) -> str:
        full = round(share * room)
        unicode = (getattr(self._stream, "encoding", None) or "").lower().replace("-", "") == "utf8"
        filled, empty = ("━", "─") if unicode else ("#", ".")
        return filled * full + empty * (room - full)

    def _coloured(self, line: str) -> str:
        phase, space, rest = line.partition("  ")
        rest = re.sub("[━#]+", lambda filled: terminal.coloured(filled[0], "cyan", self._stream), rest)
        return terminal.coloured(phase, "bold", self._stream) + space + rest

    def _clear(self) -> None:
        if self._drawn:
            self._stream.write(f"\r{' ' * len(self._drawn)}\r")
            self._stream.flush()
        self._drawn = ""


def fitted(parts: Sequence[str], columns: int) -> str:
    """Returns the first parts that fit into `columns`, two spaces apart; at least the start of the first."""
    line = parts[0][:columns]
    for part in parts[1:]:
        if len(line) + 2 + len(part) > columns:
            break
        line += f"  {part}"
    return line


def shown_by(progress: Any) -> Display:
    """Returns the display for `progress`: the object itself, or the default for True or False."""
    if isinstance(progress, bool):
        return display() if progress else Silent()
    allowed = "Allowed: True, False, or an object with show, epoch_ended and close, such as LiveFigure()."
    if isinstance(progress, type):
        raise UsageError(f"progress must be an object. Received: the class {progress.__name__}. {allowed}")
    if not all(callable(getattr(progress, name, None)) for name in ("show", "epoch_ended", "close")):
        raise UsageError(f"progress cannot show a run. Received: {progress!r}. {allowed}")
    shown: Display = progress
    return shown


def display(stream: TextIO | None = None, epochs_to: TextIO | None = None) -> Display:
    """Returns a bar for a terminal or a notebook, else lines. Output that cannot be written is dropped.

    Args:
        stream: a terminal, file or pipe; None for standard error, or a notebook's standard output.
        epochs_to: where the line of each epoch goes; None for `stream`.
    """
    if in_notebook():
        return Bar(lenient(sys.stdout))
    stream = sys.stderr if stream is None else stream
    if stream is None:  # Python has none if it is closed
        return Silent()
    # A full log disk or a closed terminal must not end training
    stream = lenient(stream)
    if stream.isatty() and not terminal.is_dumb():
        return Bar(stream, epochs_to)
    return Lines(stream if epochs_to is None else epochs_to)


def epoch_line(row: Mapping[str, Any], epochs: int) -> str:
    """Returns ``epoch 1/10: train loss 0.512, train acc 0.815, test loss 0.460, test acc 0.818``."""
    return f"epoch {row['epoch']}/{epochs}: {metrics_line(row)}"


def metrics_line(row: Mapping[str, Any], columns: Sequence[str] | None = None) -> str:
    """Returns ``train loss 0.512, train acc 0.815`` for some columns of a row.

    None means all metrics, but of an autoencoder only :data:`AUTOENCODER_METRICS`.
    """
    shown = shown_columns(row) if columns is None else columns
    return ", ".join(f"{_short(column.replace('_', ' '))} {_number(row[column])}" for column in shown)


def _shown(metrics: Iterable[str]) -> list[str]:
    """Returns the names of a snapshot's metrics, of an autoencoder only :data:`AUTOENCODER_METRICS`."""
    found = list(metrics)
    return [name for name in found if name in AUTOENCODER_METRICS] if AUTOENCODER_METRICS[0] in found else found


def _number(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.3f}"


def _figure(name: str, value: float) -> str:
    return f"{value:.2f}" if name == "loss" and 0.1 <= value < 100 else _number(value)


def _short(name: str) -> str:
    return name.replace("accuracy", "acc").replace("reconstruction", "rec")


def duration(seconds: float) -> str:
    """Returns ``1:02:03`` or ``2:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
