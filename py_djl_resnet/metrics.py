"""Reads the table of a run's metrics, ``metrics.csv``."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .checks import require_no_pipe
from .errors import UsageError

#: A row of the history: ``epoch``, ``step``, ``train_loss``, ``test_accuracy``, ...
Row = dict[str, Any]

#: The columns of every run. The metrics of its objective follow, such as ``train_loss``.
COLUMNS = ("epoch", "step", "seconds", "validation_seconds", "examples_per_second", "lr")
_INTEGERS = {"epoch", "step"}

#: A column that only autoencoders have.
ELBO = "train_elbo"

#: The metrics of an autoencoder that lines and figures show, in nats per image.
AUTOENCODER_METRICS = ("elbo", "reconstruction", "kl")


def metric_columns(row: Iterable[str]) -> list[str]:
    """Returns the columns with metrics, such as ``train_loss`` and ``test_accuracy``, in their order."""
    return [name for name in row if name not in COLUMNS]


def shown_columns(row: Iterable[str]) -> list[str]:
    """Returns the columns with metrics, of an autoencoder only those with :data:`AUTOENCODER_METRICS`."""
    columns = metric_columns(row)
    if ELBO not in columns:
        return columns
    return [column for column in columns if column.rpartition("_")[2] in AUTOENCODER_METRICS]


def read_metrics(file: Path) -> list[Row]:
    """Returns the rows of a ``metrics.csv``; empty cells are None."""
    require_no_pipe(file)
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, strict=True)
            missing = [name for name in (*COLUMNS, "train_loss") if name not in (reader.fieldnames or ())]
            if missing:
                raise UsageError(f"{file} is not a table of metrics. Missing columns: {', '.join(missing)}.")
            return [_row(cells, f"{file}, line {reader.line_num}") for cells in reader]
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}. Give the folder of a training run.") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is not a table of metrics: {error}.") from error


def _row(cells: dict[str | Any, Any], where: str) -> Row:
    row: Row = {}
    for name, text in cells.items():
        if name is None or text is None:
            raise UsageError(f"{where}: the number of fields differs from the first line.")
        try:
            row[name] = None if text == "" else int(text) if name in _INTEGERS else float(text)
        except ValueError as error:
            raise UsageError(f"{where}: {name} must be a number. Received: {text!r}.") from error
    return row
