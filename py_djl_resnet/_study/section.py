"""A section of a report, and how its tables and numbers are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..checks import checked_text, nearest, shown
from ..errors import UsageError
from ..metrics import AUTOENCODER_METRICS
from ..settings import names_autoencoder

#: The metrics of a run, by epoch.
METRICS = [
    f"{data}_{metric}"
    for data in ("train", "validation", "validation_average", "test", "test_average")
    for metric in ("loss", "accuracy", *AUTOENCODER_METRICS)
]


class Section(NamedTuple):
    """A section of a study's report.

    Attributes:
        title: its heading.
        markdown: its text: paragraphs, lists and tables. A line ``![caption](curves.png)`` shows a figure.
        tables: the contents of CSV files by their names.
        figures: for each PNG file a function that draws it to a path.
    """

    title: str
    markdown: str
    tables: Mapping[str, str] = {}
    figures: Mapping[str, Callable[[Path], object]] = {}


def checked_metric(options: Mapping[str, Any]) -> str:
    """Returns the option ``metric``, a column of ``metrics.csv``."""
    metric = checked_text(options.get("metric", "test_accuracy"), "metric")
    if metric not in METRICS:
        raise UsageError(
            f"Unknown metric. Received: {metric!r}.{nearest(metric, METRICS)} Allowed: {', '.join(METRICS)}."
        )
    return metric


def require_classifiers(networks: Iterable[str]) -> None:
    """Raises :class:`UsageError` for an autoencoder, which has no classes."""
    for network in networks:
        if names_autoencoder(network):
            raise UsageError(f"It needs classifiers. Received: {shown(network)}. Omit the network or the section.")


def prefixed(options: Mapping[str, Any], file: str) -> str:
    """Returns the name of a section's file or folder, which the section's ``name`` begins if it has one."""
    return f"{options['name']}-{file}" if "name" in options else file


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a table in Markdown; all columns except the first are aligned to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
