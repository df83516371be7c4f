"""The loss over the learning rate."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from .chart import Chart, finished


def plot_rates(
    lrs: Sequence[float],
    losses: Sequence[float],
    smoothed: Sequence[float],
    suggestion: float | None,
    minimum: float | None,
    path: str | os.PathLike[str] | None = None,
) -> Chart:
    """Draws the losses of the steps of a sweep, their smoothed curve and the suggested rates."""
    chart = Chart(figsize=(6.4, 4.2), layout="constrained")
    axes = chart.add_subplot()
    axes.plot(lrs, losses, ".", color="silver", label="batch")
    axes.plot(lrs, smoothed, color="C0", label="smoothed")
    for colour, rate, label in (("C1", suggestion, "suggestion"), ("C2", minimum, "rate of the lowest loss / 10")):
        if rate is not None:
            height = float(np.interp(np.log(rate), np.log(lrs), smoothed))
            axes.plot(rate, height, "o", color=colour, zorder=3, label=f"{label}: {rate:.2g}")
    axes.set_xscale("log")
    # the last losses of a sweep are far above all others
    top = max(smoothed[: int(np.argmin(smoothed)) + 1]) if smoothed else 1.0
    low = min([0.0, *losses, *smoothed])
    axes.set_ylim(1.06 * low, top + 0.2 * (top - low))
    axes.set_title("Learning-rate sweep")
    axes.set_xlabel("Learning rate")
    axes.set_ylabel("Training loss")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return finished(chart, path)
