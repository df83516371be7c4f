"""Where the time of a training step goes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .summary import text_table

if TYPE_CHECKING:
    from ._plotting.figures import Chart


@dataclass(frozen=True)
class Profile:
    """The time of a training step, put down to its parts: what ``train --profile`` tells.

    Args:
        steps: how many steps the times are means of; the first of a run is left out.
        rows: in the order of a step, for each part of the network (``conv1``, ``layer1.0``, ...), the
            ``loss``, the wait for ``data``, the ``optimizer`` and the ``bookkeeping`` (metrics, freeing
            the step's memory, checkpoints within an epoch): ``part``, ``forward_ms`` and
            ``backward_ms`` (None where there are no two passes), ``total_ms``, and ``share`` of the
            step, 0 to 1.
    """

    steps: int
    rows: list[dict[str, Any]]

    @staticmethod
    def from_dict(form: dict[str, Any]) -> Profile:
        """A profile of the form that :meth:`to_dict` makes."""
        return Profile(form["steps"], form["rows"])

    def to_dict(self) -> dict[str, Any]:
        """``{"steps", "rows": [...]}``, ready for JSON."""
        return {"steps": self.steps, "rows": self.rows}

    def plot(self, path: str | os.PathLike[str] | None = None) -> Chart:
        """A bar for each part, written to `path` (.png, .svg, .pdf) if given."""
        from ._plotting.figures import plot_profile

        return plot_profile(self.rows, self.steps, path)

    def __str__(self) -> str:
        table: list[tuple[str, ...]] = [("part", "forward ms", "backward ms", "total ms", "share")]
        table += [
            (
                row["part"],
                *("" if row[key] is None else f"{row[key]:.2f}" for key in ("forward_ms", "backward_ms", "total_ms")),
                f"{row['share']:.1%}",
            )
            for row in self.rows
        ]
        sums = [sum(row[key] or 0 for row in self.rows) for key in ("forward_ms", "backward_ms", "total_ms")]
        table.append(("a step", *(f"{value:.2f}" for value in sums), f"{sum(row['share'] for row in self.rows):.1%}"))
        return f"{text_table(table, range(1, 5))}\nmeans of {self.steps} step{'' if self.steps == 1 else 's'}"
