"""The norms of gradients, weights and updates over the steps."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from .chart import Chart, finished
from .log_axis import make_logarithmic

_PANELS = {"gradient_norm": "Gradient norm", "weight_norm": "Weight norm", "update_ratio": "Update / weight norm"}
_MOST_TICKS = 12


def plot_gradients(
    by_name: Mapping[str, Mapping[str, npt.NDArray[Any]]],
    path: str | os.PathLike[str] | None = None,
) -> Chart:
    """Draws a panel for each column of :class:`py_djl_resnet.Gradients`, on logarithmic axes.

    The colour of a curve is its place in the network; the curve ``global`` is black.
    """
    chart = Chart(figsize=(8.4, 8.4), layout="constrained")
    panels = chart.subplots(len(_PANELS), 1, sharex=True)
    layers = [name for name in by_name if name != "global"]
    colours = matplotlib.colormaps["viridis"].resampled(max(len(layers), 2))
    scale = ScalarMappable(Normalize(0, max(len(layers) - 1, 1)), colours)
    for axes, (column, label) in zip(panels, _PANELS.items(), strict=True):
        for name, norms in by_name.items():
            place = -1 if name == "global" else layers.index(name)
            # a logarithmic axis has no place for 0
            values = np.where(norms[column] > 0, norms[column], np.nan)
            axes.plot(
                norms["step"],
                values,
                color="black" if place < 0 else colours(place),
                linewidth=1.6 if place < 0 else 0.9,
                zorder=3 if place < 0 else 2,
                marker="o" if len(values) < 3 else None,
                markersize=3,
                label=name,
            )
        make_logarithmic(axes, "y")
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
    panels[-1].set_xlabel("Step")
    panels[0].set_title("Norms by step; black: all parameters together" if "global" in by_name else "Norms by step")
    if layers:
        every = -(-len(layers) // _MOST_TICKS)
        bar = chart.colorbar(scale, ax=list(panels), ticks=list(range(0, len(layers), every)), aspect=50)
        bar.set_ticklabels([layers[i] for i in range(0, len(layers), every)], fontsize="small")
        bar.ax.invert_yaxis()
    return finished(chart, path)
