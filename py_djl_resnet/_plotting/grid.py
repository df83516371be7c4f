"""Images side by side, and points of a latent space."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from .chart import Chart, finished

#: White pixels between two images.
_GAP = 2
#: The width of an image in inches: at least, at most, and per pixel.
_LEAST, _MOST, _PER_PIXEL = 0.55, 1.2, 1 / 60
#: Inches: around the figure and beside names; of a line of names; of the title, with the space around it.
_SPACE, _LINE, _TITLE = 0.1, 0.2, 0.34


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
    tiles = tiled(images, columns)
    inches = min(max(width * _PER_PIXEL, _LEAST), _MOST)
    down, across = (size * inches / (width + _GAP) for size in tiles.shape[:2])
    left = _widest(row_names, "small") + _SPACE if row_names else 0
    widest = _widest(column_names, "small")
    # names that are wider than their images stand upright
    upright = widest > 0.9 * inches
    below = (_SPACE + widest if upright else _LINE) if column_names else 0
    whole = 2 * _SPACE + max(left + across, _widest([title], "medium"))
    tall = _SPACE + below + down + _TITLE
    chart = Chart(figsize=(whole, tall))
    start = (whole - left - across) / 2 + left
    axes = chart.add_axes((start / whole, (_SPACE + below) / tall, across / whole, down / tall))
    axes.imshow(tiles, cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    # above the middle of the figure
    axes.set_title(title, fontsize="medium", x=(whole / 2 - start) / across)
    middles = [(place + 0.5) * (height + _GAP) for place in range(rows)]
    axes.set_yticks(middles if row_names else [], row_names or None)
    middles = [(place + 0.5) * (width + _GAP) for place in range(columns)]
    axes.set_xticks(middles if column_names else [], column_names or None)
    axes.tick_params(length=0, labelsize="small")
    if upright:
        axes.tick_params(axis="x", labelrotation=90)
    axes.spines[:].set_visible(False)
    return finished(chart, path)


def _widest(texts: Sequence[str], size: str) -> float:
    """Returns the width of the widest text in inches, 0 for none."""
    font = FontProperties(size=size)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        return max((TextPath((0, 0), text, prop=font).get_extents().x1 / 72 for text in texts if text), default=0)


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
