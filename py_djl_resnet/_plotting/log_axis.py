"""Logarithmic axes."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullFormatter, ScalarFormatter


def make_logarithmic(axes: Axes, which: str) -> None:
    """Makes the axis ``x`` or ``y`` logarithmic: plain numbers if its data span less than a decade, none without data.

    Call it after the data are drawn.
    """
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, top = sorted(axes.dataLim.intervalx if which == "x" else axes.dataLim.intervaly)
    if not (np.isfinite([low, top]).all() and low > 0):
        axis.set_ticks([])
        return
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    if top < 10 * low:
        axis.set_major_locator(MaxNLocator(5))
        axis.set_major_formatter(ScalarFormatter(useOffset=False))
        axis.set_minor_formatter(NullFormatter())
