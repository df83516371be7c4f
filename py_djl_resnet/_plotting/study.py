"""Figures of a study's report."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..metrics import ELBO
from .chart import Chart, finished, near
from .log_axis import make_logarithmic


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
        # an autoencoder's first losses may be thousands of times the last
        if any(ELBO in row for runs in histories.values() for rows in runs for row in rows[:1]):
            axes.set_ylim(near(axes))
    chart.legend(
        handles=list(panels[0].get_lines()), loc="outside lower center", ncols=4, fontsize="small", frameon=False
    )
    return finished(chart, path)


def plot_norms(
    panels: Mapping[str, Sequence[tuple[str, Any, Any]]], path: str | os.PathLike[str] | None = None
) -> Chart:
    """Draws gradient norms over the steps on logarithmic axes.

    Args:
        panels: for each title label, steps and norms of each curve.
        path: as of :func:`finished`.
    """
    columns = min(2, len(panels))
    chart = Chart(figsize=(4.8 * max(columns, 1.4), 0.6 + 3.2 * -(-len(panels) // columns)), layout="constrained")
    grid = chart.subplots(-(-len(panels) // columns), columns, squeeze=False).flat
    labels = list(dict.fromkeys(_network(label) for curves in panels.values() for label, _, _ in curves))
    for (title, curves), axes in zip(panels.items(), grid, strict=False):
        for label, steps, norms in curves:
            # a logarithmic axis has no place for 0
            values = np.where(norms > 0, norms, np.nan)
            marker = "o" if len(steps) < 3 else None
            axes.plot(steps, values, color=_colour(labels, label), linewidth=0.9, marker=marker, markersize=3)
        axes.set_title(title, fontsize="medium")
        make_logarithmic(axes, "x")
        make_logarithmic(axes, "y")
        axes.set_xlabel("Step")
        axes.set_ylabel("Gradient norm")
        axes.grid(alpha=0.3)
    for axes in list(grid):
        axes.remove()
    _legend(chart, labels)
    return finished(chart, path)


def plot_depth(
    panels: Mapping[str, Sequence[tuple[str, Sequence[float]]]], path: str | os.PathLike[str] | None = None
) -> Chart:
    """Draws the gradient norm of each layer's weights over its place in the network.

    Args:
        panels: for each title label and norms of each network, from its first layer to its last.
        path: as of :func:`finished`.
    """
    columns = min(2, len(panels))
    chart = Chart(figsize=(4.8 * max(columns, 1.4), 0.6 + 3.4 * -(-len(panels) // columns)), layout="constrained")
    grid = chart.subplots(-(-len(panels) // columns), columns, squeeze=False).flat
    labels = list(dict.fromkeys(_network(label) for curves in panels.values() for label, _ in curves))
    for (title, curves), axes in zip(panels.items(), grid, strict=False):
        for label, norms in curves:
            values = np.array(norms, float)
            values[~(values > 0)] = np.nan
            axes.plot(
                np.arange(1, len(values) + 1),
                values,
                color=_colour(labels, label),
                marker=".",
                markersize=4,
                linewidth=0.9,
            )
        axes.set_title(title, fontsize="medium")
        make_logarithmic(axes, "y")
        axes.set_xlabel("Layer")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylabel("Gradient norm")
        axes.grid(alpha=0.3)
    for axes in list(grid):
        axes.remove()
    _legend(chart, labels)
    return finished(chart, path)


def _network(label: str) -> str:
    """Returns the network of a run's label, which all its seeds share a colour with."""
    return label.partition(", seed ")[0]


def _colour(labels: Sequence[str], label: str) -> str:
    return f"C{labels.index(_network(label))}"


def _legend(chart: Chart, labels: Sequence[str]) -> None:
    keys = [Line2D([], [], color=_colour(labels, label), label=label) for label in labels]
    chart.legend(handles=keys, loc="outside lower center", ncols=4, fontsize="small", frameon=False)
