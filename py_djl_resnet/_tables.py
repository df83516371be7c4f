"""Tables as CSV, and numbers in tables: means with their deviations."""

from __future__ import annotations

import csv
import io
import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any


def csv_text(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Returns a table as CSV; None is an empty cell."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([["" if cell is None else cell for cell in row] for row in rows])
    return stream.getvalue()


def mean_deviation(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Returns mean and sample standard deviation: of no value None, and of one no deviation."""
    if not values:
        return None, None
    if len(values) == 1:
        return values[0], None
    mean = math.fsum(values) / len(values)
    return mean, statistics.stdev(values) if all(map(math.isfinite, values)) else math.nan


def figure(mean: float | None, deviation: float | None = None, form: str = ".4f") -> str:
    """Returns ``0.9125 ± 0.0012``, or a dash for a value that was not measured."""
    if mean is None:
        return "-"
    return format(mean, form) + ("" if deviation is None else f" ± {deviation:{form}}")
