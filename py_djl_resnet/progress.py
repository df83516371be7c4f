"""How a training run shows its progress: bars on a terminal or in a notebook, else lines."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TextIO

from ._process.streams import lenient
from ._process.surroundings import in_notebook
from .errors import UsageError
from .metrics import metric_columns

Snapshot = Mapping[str, Any]


class Display(Protocol):
    """What :func:`py_djl_resnet.train` tells of a run, about ten times a second."""

    def show(self, snapshot: Snapshot) -> None:
        """The state now: ``state``, ``epoch``, ``epochs``, ``done``, ``total``, ``metrics``, ..., ``ended``."""

    def epoch_ended(self, row: Mapping[str, Any], epochs: int) -> None:
        """A row was added to the history."""

    def close(self) -> None:
        """The run has ended, in whatever way."""


class Silent:
    """Shows nothing."""

    def show(self, snapshot: Snapshot) -> None:
        """Shows nothing."""

    def epoch_ended(self, row: Mapping[str, Any], epochs: int) -> None:
        """Shows nothing."""

    def close(self) -> None:
        """Shows nothing."""


class Lines:
    """A plain line an epoch, for a file or a pipe.

    Args:
        stream: where to write.
        losses: whether a line also has loss and accuracy.
    """

    def __init__(self, stream: TextIO, losses: bool = True) -> None:
        self._stream = stream
        self._losses = losses

    def show(self, snapshot: Snapshot) -> None:
        """Shows nothing between two epochs."""

    def epoch_ended(self, row: Mapping[str, Any], epochs: int) -> None:
        """Writes the epoch's line."""
        left = (epochs - row["epoch"]) * (row["seconds"] + row["validation_seconds"])
        start = epoch_line(row, epochs) if self._losses else f"epoch {row['epoch']}/{epochs}"
        print(
            f"{start}: {row['seconds']:.1f} s training ({row['examples_per_second']:.1f} "
            f"examples/sec), {row['validation_seconds']:.1f} s validating, "
            f"about {_duration(left)} left",
            file=self._stream,
            flush=True,
        )

    def close(self) -> None:
        """Nothing to end."""


class Bars:
    """A training and a validating bar for each epoch, with tqdm."""

    def __init__(self, stream: TextIO | None = None) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # in a notebook without ipywidgets the bars are text, which is told here
            from tqdm.auto import tqdm

        self._tqdm = tqdm
        self._stream = stream
        self._bar: Any = None
        self._at: tuple[int, str] | None = None
        self._ended = 0

    def show(self, snapshot: Snapshot) -> None:
        """Draws the bar of the phase that the run is in."""
        phase = snapshot["state"]
        if phase == "done" and self._at is not None and self._at[1] == "testing" and self._bar is not None:
            self._draw(snapshot["ended"]["done"], snapshot["ended"]["metrics"])
            self._end()
        # A snapshot may name the epoch still whose row it brings.
        in_epoch = phase in ("training", "validating") and snapshot["epoch"] > self._ended
        if not in_epoch and phase != "testing":
            return
        at = (snapshot["epoch"], phase)
        if at != self._at:
            ended = snapshot["ended"]
            if self._bar is not None and ended is not None and (ended["epoch"], ended["state"]) == self._at:
                self._draw(ended["done"], ended["metrics"])
            self._end()
            self._at = at
            wide = _has_width(self._stream or sys.stderr)
            title = phase.capitalize()
            self._bar = self._tqdm(
                total=snapshot["total"],
                initial=snapshot["done"] or 0,
                desc=f"{title:<10} {snapshot['epoch']}/{snapshot['epochs']}",
                unit="ex",
                file=self._stream,
                ncols=None if wide else 80,
                nrows=None if wide else 24,
                dynamic_ncols=wide,
                mininterval=0,
            )
        self._draw(snapshot["done"], snapshot["metrics"])

    def epoch_ended(self, row: Mapping[str, Any], epochs: int) -> None:
        """Ends the epoch's last bar with the epoch's figures."""
        if self._bar is not None and self._at is not None and self._at[0] == row["epoch"]:
            training = self._at[1] == "training"
            metrics = {
                column.partition("_")[2]: row[column]
                for column in metric_columns(row)
                if column.startswith("train_") == training
            }
            self._draw(self._bar.total, metrics)
        self._end()
        self._ended = row["epoch"]

    def close(self) -> None:
        """Ends the bar where it is."""
        self._end(complete=False)

    def _draw(self, done: int | None, metrics: Mapping[str, float]) -> None:
        if done is not None:
            self._bar.n = done
        self._bar.set_postfix({_short(name): f"{value:.3f}" for name, value in metrics.items()}, refresh=False)
        self._bar.refresh()

    def _end(self, complete: bool = True) -> None:
        bar, self._bar = self._bar, None
        if bar is not None:
            if complete and bar.total:
                bar.n = bar.total
                bar.refresh()
            bar.close()


def shown_by(progress: Any) -> Display:
    """What shows a run: `progress` itself, or what True and False stand for.

    Raises:
        UsageError: it is none of these.
    """
    if isinstance(progress, bool):
        return display() if progress else Silent()
    if isinstance(progress, type):
        raise UsageError(f"progress must be an object, as {progress.__name__}(); received the class itself")
    methods = ("show", "epoch_ended", "close")
    if not all(callable(getattr(progress, name, None)) for name in methods):
        raise UsageError(
            f"progress must be True, False or an object with {', '.join(methods)}, as LiveFigure(); "
            f"received {progress!r}"
        )
    shown: Display = progress
    return shown


def display(stream: TextIO | None = None, losses: bool = True) -> Display:
    """Bars where they can be drawn (a terminal, a notebook), else lines; what cannot be written is dropped.

    Args:
        stream: a terminal, file or pipe; None takes standard error.
        losses: for lines: whether they have loss and accuracy too.
    """
    if in_notebook():
        return Bars(stream if stream is not sys.stderr else None)
    stream = sys.stderr if stream is None else stream
    if stream is None:  # Python has none where it is closed
        return Silent()
    # a full disk under a log, or a terminal that has closed, ends no training
    stream = lenient(stream)
    return Bars(stream) if stream.isatty() else Lines(stream, losses)


def epoch_line(row: Mapping[str, Any], epochs: int) -> str:
    """``epoch 1/10: train loss 0.512, train acc 0.815, test loss 0.460, test acc 0.818``."""
    return f"epoch {row['epoch']}/{epochs}: {metrics_line(row)}"


def metrics_line(row: Mapping[str, Any], columns: Sequence[str] | None = None) -> str:
    """``train loss 0.512, train acc 0.815`` of some columns of a row, of all metrics for None."""
    shown = metric_columns(row) if columns is None else columns
    return ", ".join(f"{_short(column.replace('_', ' '))} {row[column]:.3f}" for column in shown)


def _short(name: str) -> str:
    return name.replace("accuracy", "acc")


def _has_width(stream: TextIO) -> bool:
    """Whether a terminal tells its width; tqdm would draw bars of no width on one that says 0."""
    try:
        return os.get_terminal_size(stream.fileno()).columns > 0
    except (OSError, ValueError):
        return False


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
