"""The autocorrelation of gradients along a line of inputs, and the gradients themselves."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from .chart import Chart, finished

_NOISE = {"white": ":", "brown": "--"}


def plot_shattering(
    autocorrelations: Mapping[str, npt.NDArray[np.float64]],
    derivatives: Mapping[str, Sequence[float]],
    references: Mapping[str, npt.NDArray[np.float64]],
    path: str | os.PathLike[str] | None = None,
) -> Chart:
    """Draws the autocorrelations of all networks in one panel, and the derivatives of each in its own.

    Args:
        autocorrelations: for each network (seeds, lags).
        derivatives: for each network the derivative of a logit at each point of a line.
        references: for each kind of noise its autocorrelation, (lags).
        path: as of :func:`finished`.
    """
    chart = Chart(figsize=(11, max(4.6, 1.15 * len(derivatives) + 1)), layout="constrained")
    left, right = chart.subfigures(1, 2, width_ratios=(1, 1.1), squeeze=False)[0]
    axes = left.subplots()
    for number, (model, curves) in enumerate(autocorrelations.items()):
        mean = curves.mean(axis=0)
        deviation = curves.std(axis=0, ddof=1) if len(curves) > 1 else np.zeros_like(mean)
        lags = np.arange(len(mean))
        axes.plot(lags, mean, color=f"C{number}", label=model)
        axes.fill_between(lags, mean - deviation, mean + deviation, color=f"C{number}", alpha=0.2, linewidth=0)
    for noise, curve in references.items():
        axes.plot(np.arange(len(curve)), curve, color="black", linestyle=_NOISE[noise], label=f"{noise} noise")
    seeds = max(len(curves) for curves in autocorrelations.values())
    spread = f"mean ± deviation of {seeds} seeds" if seeds > 1 else "1 seed"
    left.suptitle(f"Autocorrelation of the gradient, {spread}", fontsize="medium")
    axes.set(xlabel="Lag (points)", ylabel="Autocorrelation")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", frameon=False)
    panels = right.subplots(len(derivatives), 1, sharex=True, squeeze=False)[:, 0]
    for number, (panel, (model, values)) in enumerate(zip(panels, derivatives.items(), strict=True)):
        share = np.linspace(0, 1, len(values))
        panel.plot(share, values, color=f"C{number}", linewidth=0.8)
        panel.set_title(model, fontsize="small", loc="left")
        panel.tick_params(labelsize="small")
        panel.grid(alpha=0.3)
    right.suptitle("Derivative of the logit along the line, first seed", fontsize="medium")
    panels[-1].set_xlabel("Position between the images")
    return finished(chart, path)


def plot_depths(
    families: Mapping[str, Mapping[int, npt.NDArray[np.float64]]],
    lags: Sequence[int],
    path: str | os.PathLike[str] | None = None,
) -> Chart:
    """Draws the autocorrelation at some lags by depth: the mean over seeds, and the range as bars.

    Args:
        families: for each family and depth the autocorrelations, (seeds, lags).
        lags: a panel for each.
        path: as of :func:`finished`.
    """
    chart = Chart(figsize=(4.8 * len(lags), 4.2), layout="constrained")
    panels = chart.subplots(1, len(lags), sharey=True, squeeze=False)[0]
    for axes, lag in zip(panels, lags, strict=True):
        for number, (family, by_depth) in enumerate(families.items()):
            depths = sorted(by_depth)
            values = [by_depth[depth][:, lag] for depth in depths]
            mean = np.array([found.mean() for found in values])
            below = mean - [found.min() for found in values]
            above = np.array([found.max() for found in values]) - mean
            label = family.rstrip("-")
            axes.errorbar(depths, mean, [below, above], color=f"C{number}", marker="o", capsize=3, label=label)
        axes.set(title=f"Lag {lag}", xlabel="Depth (layers)")
        axes.set_xticks(sorted({depth for by_depth in families.values() for depth in by_depth}))
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("Autocorrelation")
    panels[0].legend(fontsize="small", frameon=False)
    return finished(chart, path)
