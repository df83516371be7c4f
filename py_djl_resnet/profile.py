"""The time of a training step, by part."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ._tables import counted, text_table

if TYPE_CHECKING:
    from ._plotting.chart import Chart


@dataclass(frozen=True)
class Profile:
    """The time of a training step by part, as ``train --profile`` reports it.

    Attributes:
        steps: the number of steps over which the times are averaged. The first step of a run does not count.
        rows: one dict for each part in the order of a step: the network's parts (``conv1``, ``layer1.0``, ...),
            ``loss``, ``data`` (the wait for a batch), ``optimizer`` and ``bookkeeping`` (metrics, freeing memory,
            checkpoints within an epoch). Keys: ``part``, ``forward_ms`` and ``backward_ms`` (milliseconds; None
            for a part outside the two passes), ``total_ms``, and ``share`` of the step in [0, 1].
    """

    steps: int
    rows: list[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Returns ``{"steps", "rows": [...]}``, ready for JSON."""
        return asdict(self)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Chart:
        """Draws a bar for each part.

        Args:
            path: a file to write, ending in .png, .svg or .pdf; None writes nothing.

        Raises:
            UsageError: an unsupported extension, or a file that cannot be written.
        """
        from ._plotting.figures import plot_profile

        return plot_profile(self.rows, self.steps, path)

    def __str__(self) -> str:
        keys = ("forward_ms", "backward_ms", "total_ms")
        table: list[tuple[str, ...]] = [("part", "forward ms", "backward ms", "total ms", "share")]
        table += [
            (row["part"], *("" if row[key] is None else f"{row[key]:.2f}" for key in keys), f"{row['share']:.1%}")
            for row in self.rows
        ]
        sums = [sum(row[key] or 0 for row in self.rows) for key in keys]
        table.append(("step", *(f"{value:.2f}" for value in sums), f"{sum(row['share'] for row in self.rows):.1%}"))
        return f"{text_table(table, range(1, 5))}\nmean of {counted(self.steps, 'step')}"
