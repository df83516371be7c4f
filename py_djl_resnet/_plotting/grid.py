"""Images side by side, and points of a latent space."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .chart import Chart, finished

#: White pixels between two images.
_GAP = 2
#: The width of an image in inches: at least, at most, and per pixel.
_LEAST, _MOST, _PER_PIXEL = 0.55, 1.2, 1 / 60


def tiled(images: npt.NDArray[np.floating], columns: int) -> npt.NDArray[np.floating]:
    """Returns images, (N, C, H, W) in [0, 1], in rows of `columns`: one grey image (H, W), or (H, W, 3)."""
    grey = images.shape[1] != 3
    tiles = np.clip(images[:, :1] if grey else images, 0, 1).transpose(0, 2, 3, 1)
    tiles = np.pad(tiles, ((0, -len(tiles) % columns), (0, _GAP), (0, _GAP), (0, 0)), constant_values=1)
    _, height, width, channels = tiles.shape
    rows = tiles.reshape(-1, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    whole: npt.NDArray[np.floating] = rows.reshape(-1, columns * width, channels)[:-_GAP, :-_GAP]
    return whole[..., 0] if grey else whole


def plot_grid(
    images: npt.NDArray[np.floating],
    columns: int,
    title: str,
    path: str | os.PathLike[str] | None = None,
    *,
    row_names: Sequence[str] = (),
    column_names: Sequence[str] = (),
) -> Chart:
    """Draws images in rows.

    Args:
        images: (N, C, H, W) in [0, 1], row after row.
        columns: images in a row.
        title: above all.
        path: as of :func:`finished`.
        row_names: a name for each row; empty for none.
        column_names: a name for each column; empty for none.
    """
    height, width = images.shape[2:]
    rows = -(-len(images) // columns)
    inches = min(max(width * _PER_PIXEL, _LEAST), _MOST)
    margin = 0.1 * max(map(len, row_names), default=0)
    below = 0.25 if column_names else 0
    size = (max(inches * columns, 0.1 * len(title)) + margin + 0.15, inches * rows * height / width + 0.4 + below)
    # as constrained, for axes of a fixed shape
    chart = Chart(figsize=size, layout="compressed")
    axes = chart.add_subplot()
    axes.imshow(tiled(images, columns), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_title(title, fontsize="medium")
    middles = [(place + 0.5) * (height + _GAP) for place in range(rows)]
    axes.set_yticks(middles if row_names else [], row_names or None)
    middles = [(place + 0.5) * (width + _GAP) for place in range(columns)]
    axes.set_xticks(middles if column_names else [], column_names or None)
    axes.tick_params(length=0, labelsize="small")
    axes.spines[:].set_visible(False)
    return finished(chart, path)


def plot_points(
    places: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    class_names: Sequence[str],
    axis_names: Sequence[str],
    title: str,
    path: str | os.PathLike[str] | None = None,
) -> Chart:
    """Draws points, (N, 2), coloured by class.

    Args:
        places: the coordinates.
        labels: the class of each point, (N).
        class_names: a name for each class.
        axis_names: of x and y.
        title: above all.
        path: as of :func:`finished`.
    """
    chart = Chart(figsize=(7.6, 5.4), layout="constrained")
    axes = chart.add_subplot()
    shown = [label for label in range(len(class_names)) if (labels == label).any()]
    looks: dict[str, Any] = {"s": 9, "alpha": 0.7, "linewidths": 0}
    for number, label in enumerate(shown):
        own = places[labels == label]
        # ten colours, then other markers
        marker = "os^v<>DP*X"[number // 10 % 10]
        axes.scatter(own[:, 0], own[:, 1], color=f"C{number % 10}", marker=marker, label=class_names[label], **looks)
    axes.set_xlabel(axis_names[0])
    axes.set_ylabel(axis_names[1])
    axes.set_title(title, fontsize="medium")
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    if len(shown) <= 40:
        chart.legend(loc="outside right upper", fontsize="small", frameon=False, markerscale=2)
    return finished(chart, path)
