"""Figures of a study's report."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from .chart import Chart, finished


def plot_curves(
    histories: Mapping[str, Sequence[Sequence[Mapping[str, Any]]]],
    columns: Sequence[str],
    path: str | os.PathLike[str] | None = None,
) -> Chart:
    """Draws a panel for each column of the metrics.

    Args:
        histories: for each network in the legend the rows of each of its runs.
        columns: the columns of ``metrics.csv``.
        path: as of :func:`finished`.
    """
    chart = Chart(figsize=(4.8 * len(columns), 4.2), layout="constrained")
    panels = chart.subplots(1, len(columns), squeeze=False)[0]
    for axes, column in zip(panels, columns, strict=True):
        for number, (network, runs) in enumerate(histories.items()):
            length = max(map(len, runs))
            values = np.full((len(runs), length), np.nan)
            for run, rows in enumerate(runs):
                values[run, : len(rows)] = [np.nan if row.get(column) is None else row[column] for row in rows]
            epochs = np.arange(1, length + 1)
            # rows of a run that is not complete are missing at the end
            known = np.isfinite(values).any(axis=0)
            mean, low, high = (reduce(values[:, known], axis=0) for reduce in (np.nanmean, np.nanmin, np.nanmax))
            marker = "o" if length < 3 else None
            axes.plot(epochs[known], mean, color=f"C{number}", marker=marker, markersize=4, label=network)
            axes.fill_between(epochs[known], low, high, color=f"C{number}", alpha=0.25, linewidth=0)
        axes.set_xlabel("Epoch")
        axes.set_ylabel(column.replace("_", " ").capitalize())
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(alpha=0.3)
    chart.legend(
        handles=list(panels[0].get_lines()), loc="outside lower center", ncols=4, fontsize="small", frameon=False
    )
    return finished(chart, path)
