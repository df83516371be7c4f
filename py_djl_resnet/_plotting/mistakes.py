"""The images that a network classified wrongly."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .chart import Chart, finished

_COLUMNS = 5
_LONGEST = 22
_INCHES_PER_LETTER = 0.1


def plot_mistakes(
    images: Sequence[npt.NDArray[Any]],
    captions: Sequence[tuple[str, str]],
    wrong: int,
    total: int,
    path: str | os.PathLike[str] | None = None,
    files: Sequence[str] = (),
) -> Chart:
    """Draws images (C, H, W) in rows of at most five.

    Args:
        images: in [0, 1]; others are stretched to that range.
        captions: the true class, and the predicted one with its probability, for each image.
        wrong: the number of all mistakes.
        total: the number of all examples.
        path: as of :func:`finished`.
        files: the name of each image's file, to be shown below it; empty for none.
    """
    title = f"{wrong:,} of {total:,} examples {'is' if wrong == 1 else 'are'} classified wrongly"
    if wrong > len(images):
        title += "; those with the largest loss"
    columns = min(max(len(images), 1), _COLUMNS)
    rows = -(-len(images) // columns)
    width = max(1.9 * columns, _INCHES_PER_LETTER * len(title))
    chart = Chart(figsize=(width, 0.7 + (2.3 * rows if images else 0.5)), layout="constrained")
    chart.suptitle(title)
    if not images:
        return finished(chart, path)
    for axes in chart.subplots(rows, columns, squeeze=False).flat:
        axes.set_axis_off()
    for axes, image, (true, predicted) in zip(chart.axes, images, captions, strict=False):
        axes.imshow(_drawable(image), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_title(f"{_short(true)}\n", fontsize="small", color="tab:green")
        place: dict[str, Any] = {"transform": axes.transAxes, "ha": "center", "fontsize": "small"}
        axes.text(0.5, 1.02, f"not {_short(predicted)}", color="tab:red", **place)
    for axes, file in zip(chart.axes, files, strict=False):
        axes.text(0.5, -0.02, _short(file), transform=axes.transAxes, ha="center", va="top", fontsize="small")
    return finished(chart, path)


def _drawable(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Returns (H, W) or (H, W, 3) in [0, 1]."""
    low, high = float(image.min()), float(image.max())
    if low < 0 or high > 1:
        image = (image - low) / max(high - low, 1e-12)
    return np.moveaxis(image, 0, -1) if len(image) == 3 else image[0]


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
