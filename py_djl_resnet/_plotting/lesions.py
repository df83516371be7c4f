"""The errors of networks without some blocks, or with blocks in another order."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from .chart import Chart, finished


class _Lesions(Protocol):
    @property
    def accuracy(self) -> float: ...

    def of(self, kind: str, size: int | None = None) -> list[dict[str, Any]]: ...

    def summary(self) -> list[dict[str, Any]]: ...


def plot_lesions(
    networks: Sequence[tuple[str, _Lesions]],
    path: str | os.PathLike[str] | None = None,
) -> Chart:
    """Draws the test error without each block, without random blocks, and with blocks swapped.

    Args:
        networks: for each a label and its :class:`py_djl_resnet.Lesions`.
        path: as of :func:`finished`.
    """
    shuffles = any(lesions.of("shuffle") for _, lesions in networks)
    chart = Chart(figsize=(15 if shuffles else 10, 4.4), layout="constrained")
    panels = chart.subplots(1, 3 if shuffles else 2, sharey=True)
    names = sorted({row["blocks"][0] for _, lesions in networks for row in lesions.of("block")}, key=_position)
    for number, (label, lesions) in enumerate(networks):
        colour = f"C{number}"
        for axes in panels:
            axes.axhline(1 - lesions.accuracy, color=colour, linewidth=1, linestyle=":")
        errors = {row["blocks"][0]: 1 - row["accuracy"] for row in lesions.of("block")}
        # the line ends where a network has no such block
        panels[0].plot([errors.get(name, math.nan) for name in names], "o-", color=colour, label=label)
        _spread(panels[1], colour, lesions, "delete", lambda row: row["size"], 0)
        if shuffles:
            _spread(panels[2], colour, lesions, "shuffle", lambda row: row["tau"], 1)
    shown = range(0, len(names), 1 + len(names) // 30)
    panels[0].set_xticks(shown, [names[i] for i in shown], rotation=90, fontsize="small")
    panels[0].set(title="Without each block (dotted: complete)", xlabel="Block left out")
    panels[1].set(title=f"Without random blocks{_draws(networks, 'delete')}", xlabel="Blocks left out")
    panels[1].xaxis.set_major_locator(MaxNLocator(integer=True))
    if shuffles:
        panels[2].set(title=f"Blocks swapped{_draws(networks, 'shuffle')}", xlabel="Kendall's tau of the new order")
        panels[2].set_xlim(panels[2].get_xlim()[::-1])
    panels[0].set_ylabel("Test error")
    panels[0].set_ylim(0, 1)
    for axes in panels:
        axes.grid(alpha=0.3)
        axes.set_axisbelow(True)
    chart.legend(
        handles=[line for line in panels[0].get_lines() if line.get_marker() == "o"],
        loc="outside lower center",
        ncols=4,
        frameon=False,
    )
    return finished(chart, path)


def _draws(networks: Sequence[tuple[str, _Lesions]], kind: str) -> str:
    """Returns how often each number was drawn, if that is the same for all."""
    counts = {row["draws"] for _, lesions in networks for row in lesions.summary() if row["kind"] == kind}
    return f" (n = {counts.pop()} each)" if len(counts) == 1 else ""


def _position(name: str) -> list[tuple[int, int | str]]:
    """Sorts layer2.10 after layer2.9."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", name)]


def _spread(axes: Axes, colour: str, lesions: _Lesions, kind: str, place: Any, complete: int) -> None:
    """Draws each draw as a point, and for each size the mean with the standard deviation.

    `complete` is the place of the complete network, where the line begins.
    """
    rows = lesions.of(kind)
    axes.plot([place(row) for row in rows], [1 - row["accuracy"] for row in rows], ".", color=colour, alpha=0.35)
    means: list[Mapping[str, Any]] = [row for row in lesions.summary() if row["kind"] == kind]
    axes.errorbar(
        [complete, *(place(row) for row in means)],
        [1 - lesions.accuracy, *(row["error"] for row in means)],
        [0, *(row["error_deviation"] or 0 for row in means)],
        color=colour,
        marker="o",
        capsize=3,
    )
