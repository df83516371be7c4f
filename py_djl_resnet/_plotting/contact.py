"""A contact sheet of a data set."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .chart import Chart, finished

#: White pixels between two images.
_GAP = 2


def plot_contact(
    class_names: Sequence[str],
    counts: Sequence[int],
    images: npt.NDArray[np.float32],
    seen: npt.NDArray[np.float32],
    titles: tuple[str, str],
    path: str | os.PathLike[str] | None = None,
) -> Chart:
    """Draws images of each class, a row for each, beside what a network sees of them.

    Args:
        class_names: the classes.
        counts: the number of images of each.
        images: all images, class after class, (N, C, H, W) from 0 to 1.
        seen: the network's inputs, (N, C, H, W), from 0 to 1 except for augmentation.
        titles: what the images are, and the network's name.
        path: the file to write; None for none.
    """
    height = 1.2 + 0.62 * len(class_names)
    chart = Chart(figsize=(9.6, height), layout="constrained")
    left, right = chart.subplots(1, 2, sharey=True)
    what, network = titles
    for axes, pixels, title in ((left, images, what), (right, seen, f"Input of {network} in epoch 1")):
        rows = _rows(counts, pixels)
        axes.imshow(np.concatenate(rows), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_title(title)
        axes.set_xticks([])
        tall = rows[0].shape[0]
        axes.set_yticks([tall * (row + 0.5) for row in range(len(rows))], class_names)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
    return finished(chart, path)


def _rows(counts: Sequence[int], pixels: npt.NDArray[np.float32]) -> list[npt.NDArray[Any]]:
    """Returns a strip of images for each class, (H, W) if grey, else (H, W, 3)."""
    grey = pixels.shape[1] != 3
    tiles = np.clip(pixels[:, :1] if grey else pixels, 0, 1).transpose(0, 2, 3, 1)
    tiles = np.pad(tiles, ((0, 0), (0, _GAP), (0, _GAP), (0, 0)), constant_values=1)
    rows, start = [], 0
    for count in counts:
        row = tiles[start : start + count]
        start += count
        row = np.concatenate([row, np.ones((max(counts) - count, *tiles.shape[1:]), np.float32)])
        strip = np.concatenate(list(row), axis=1)
        rows.append(strip[..., 0] if grey else strip)
    return rows
