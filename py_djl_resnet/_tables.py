"""Tables as text and CSV, and numbers in them: counts, and means with their deviations."""

from __future__ import annotations

import csv
import io
import math
import statistics
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

_NARROWEST_COLUMN = 16


def text_table(rows: Sequence[Sequence[str]], right: Sequence[int] = (), columns: int | None = None) -> str:
    """Returns rows as lines with aligned columns. The first row holds the headings.

    If a line may have only so many `columns`, the last cell wraps between words; without room for it, each row becomes
    a paragraph.
    """
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    if columns is not None:
        room = columns - sum(widths[:-1]) - 2 * (len(widths) - 1)
        if room < min(widths[-1], _NARROWEST_COLUMN):
            return "\n".join(_paragraph(rows[0], row, columns) for row in rows[1:])
        widths[-1] = min(widths[-1], room)
    lines = []
    for row in rows:
        last = [row[-1]] if columns is None else textwrap.wrap(row[-1], widths[-1], break_on_hyphens=False) or [""]
        for number, part in enumerate(last):
            cells = [*row[:-1], part] if number == 0 else [*[""] * (len(row) - 1), part]
            lines.append(
                "  ".join(
                    cell.rjust(width) if i in right else cell.ljust(width)
                    for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
                ).rstrip()
            )
    return "\n".join(lines)


def _paragraph(headings: Sequence[str], row: Sequence[str], columns: int) -> str:
    details = "; ".join(f"{heading}: {cell}" for heading, cell in zip(headings[1:], row[1:], strict=True) if cell)
    wrapper = textwrap.TextWrapper(columns, break_on_hyphens=False, subsequent_indent="  ")
    return "\n".join([*wrapper.wrap(row[0]), *wrapper.wrap(f"  {details}")])


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


def counted(number: int, singular: str) -> str:
    """Returns ``1 seed`` or ``2 seeds``."""
    return f"{number:,} {singular}{'' if number == 1 else 's'}"
