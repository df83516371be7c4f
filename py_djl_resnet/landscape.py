"""Loss surfaces: loss and accuracy of a network around its weights."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .checks import checked_path, json_object, require_no_pipe
from .errors import UsageError

if TYPE_CHECKING:
    from ._landscape.measures import Measures
    from ._plotting.chart import Chart

Values = npt.NDArray[np.float64]

#: The files of a landscape's folder.
INFO, POINTS, TRAJECTORY = "landscape.json", "points.csv", "trajectory.csv"

#: The measured columns of points.csv.
MEASURED = ("loss", "accuracy", "loss_error", "accuracy_error")

_COLUMNS = ["direction", "i", "j", "x", "y", *MEASURED]


@dataclass(frozen=True)
class Landscape:
    """Loss and accuracy on a grid of points around a network's weights, or between two networks.

    At a point (x, y) the weights are ``w + x * d1 + y * d2``. The arrays have the shape (K, nx) on a line and
    (K, nx, ny) in a plane, where K is the number of directions, or pairs of them, that were drawn. The second index
    follows x and the third y. Points without a result so far are NaN.

    Attributes:
        folder: the folder of its files.
        info: the content of ``landscape.json``.
        x: the coordinates along the first direction, float64 (nx,).
        y: those along the second, float64 (ny,); None on a line.
        loss: the mean cross-entropy, float64; inf or NaN where the network's outputs are not finite.
        accuracy: the fraction of correct predictions, float64.
        loss_error: the standard error of the loss, from the sample of examples, float64.
        accuracy_error: the standard error of the accuracy, float64.
        trajectory: of a training run: the columns of ``trajectory.csv`` by name, float64; else None.
        missing: the number of points without a result so far.
    """

    folder: Path
    info: Mapping[str, Any]
    x: Values
    y: Values | None
    loss: Values
    accuracy: Values
    loss_error: Values
    accuracy_error: Values
    trajectory: Mapping[str, Values] | None
    missing: int

    def plot(
        self,
        path: str | os.PathLike[str] | None = None,
        kind: str | None = None,
        *,
        value: str = "loss",
        direction: int = 0,
        levels: int | Sequence[float] = 12,
        log: bool | None = None,
    ) -> Chart | None:
        """Draws the landscape, and writes the figure to `path` (.png, .svg, .pdf; .html for a page) if given.

        Args:
            path: the file; None writes nothing.
            kind: ``line`` (loss and accuracy, of a landscape with one axis), ``contour``, ``filled``, ``heat``,
                ``surface`` (3-D) or ``html`` (a page with a surface to rotate); None: ``line``, ``filled``, or
                ``html`` for a file that ends in .html.
            value: ``loss``, ``accuracy``, or ``curvature``: the smaller curvature divided by the larger.
            direction: the number of the pair of directions, from 0; a line shows all.
            levels: about how many contour levels, or the levels themselves.
            log: whether the loss has a logarithmic scale; None: that of a surface has, that of a line if it varies by
                more than a factor of 30.

        Returns:
            The figure; None for a page.

        Raises:
            UsageError: an argument does not fit, or the file cannot be written.
        """
        from ._landscape.figures import plot

        return plot(self, path, kind, value, direction, levels, log)

    def measures(self) -> Measures:
        """Returns the lowest loss, the width of its basin, the share of non-convex points and the curvatures."""
        from ._landscape.figures import measures

        return measures(self)

    def write_figures(self, folder: str | os.PathLike[str] | None = None) -> list[Path]:
        """Writes all figures to ``figures/`` in a folder, and ``measures.json`` and ``measures.csv`` beside it.

        Args:
            folder: the folder; None for the landscape's own.

        Returns:
            The files.
        """
        from ._landscape.figures import write_figures

        return write_figures(self, self.folder if folder is None else Path(checked_path(folder, "figures' folder")))

    def __str__(self) -> str:
        done = self.loss.size - self.missing
        lines = [f"{self.info['model']}: {done} of {self.loss.size} points"]
        if np.isfinite(self.loss).any():
            at = np.unravel_index(np.nanargmin(np.where(np.isfinite(self.loss), self.loss, np.inf)), self.loss.shape)
            place = f"x = {self.x[at[1]]:g}" + ("" if self.y is None else f", y = {self.y[at[2]]:g}")
            lines.append(f"lowest loss {self.loss[at]:.4f} at {place} (accuracy {self.accuracy[at]:.3f})")
        return "\n".join(lines)


def read_landscape(folder: str | os.PathLike[str]) -> Landscape:
    """Reads the folder of a landscape, complete or not.

    Args:
        folder: the folder that ``landscape`` wrote.

    Raises:
        UsageError: there is no such folder, or a file is missing or malformed.
    """
    path = Path(checked_path(folder, "landscape folder"))
    if not (path / INFO).is_file():
        raise UsageError(f"{path} has no {INFO}. Give the folder that the command landscape wrote.")
    info = _info(path / INFO)
    ranges = zip(info["range"], info["grid"], strict=True)
    axes = [coordinates(first, last, count) for (first, last), count in ranges]
    shape = (info.get("directions", 1), *(len(axis) for axis in axes))
    values, missing = _points(path / POINTS, shape)
    trajectory = _columns(path / TRAJECTORY) if (path / TRAJECTORY).exists() else None
    y = axes[1] if len(axes) > 1 else None
    measured = dict(zip(MEASURED, values, strict=True))
    return Landscape(path, info, axes[0], y, **measured, trajectory=trajectory, missing=missing)


def plot_together(
    landscapes: Mapping[str, Landscape] | Sequence[Landscape],
    path: str | os.PathLike[str] | None = None,
    kind: str | None = None,
    *,
    value: str = "loss",
    direction: int = 0,
    levels: int | Sequence[float] = 12,
    log: bool | None = None,
) -> Chart:
    """Draws several landscapes with one scale: surfaces side by side, lines over each other.

    Args:
        landscapes: the landscapes, by name if the networks' names do not distinguish them.
        path: the file (.png, .svg or .pdf); None writes nothing.
        kind: as in :meth:`Landscape.plot`, except ``html``.
        value: as in :meth:`Landscape.plot`.
        direction: as in :meth:`Landscape.plot`.
        levels: as in :meth:`Landscape.plot`.
        log: as in :meth:`Landscape.plot`.

    Raises:
        UsageError: as in :meth:`Landscape.plot`, or lines and surfaces are mixed.
    """
    from ._landscape.figures import plot_together as plot

    named = landscapes if isinstance(landscapes, Mapping) else dict(zip(labels(landscapes), landscapes, strict=True))
    return plot(named, path, kind, value, direction, levels, log)


def labels(landscapes: Sequence[Landscape]) -> list[str]:
    """Returns a name for each landscape: its network's, with the folder's name if several have the same."""
    models = [str(each.info["model"]) for each in landscapes]
    names = [
        model if models.count(model) == 1 else f"{model} ({each.folder.resolve().name})"
        for model, each in zip(models, landscapes, strict=True)
    ]
    return names if len(set(names)) == len(names) else [str(each.folder) for each in landscapes]


def coordinates(first: float, last: float, count: int) -> Values:
    """Returns `count` evenly spaced coordinates; the middle of a symmetric range is exactly 0."""
    index = np.arange(count, dtype=np.float64)
    inner = (first * (count - 1 - index) + last * index) / (count - 1)
    return np.concatenate([[first], inner[1:-1], [last]])


def _info(file: Path) -> dict[str, Any]:
    try:
        info = json_object(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}.") from error
    try:
        if info["format"] != 1:
            raise UsageError(f"{file} has another format. Received: {json.dumps(info['format'])}. Allowed: 1.")
        sizes = [int(size) for size in info["grid"]]
        ends = [(float(first), float(last)) for first, last in info["range"]]
        if len(sizes) not in (1, 2) or len(sizes) != len(ends) or min(sizes) < 2:
            raise ValueError(f"a grid of {sizes}")
    except UsageError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{file} does not describe a landscape: {error}.") from error
    return info


def _points(file: Path, shape: tuple[int, ...]) -> tuple[list[Values], int]:
    """Returns the measured columns as arrays, and the number of missing points."""
    values = [np.full(shape, np.nan) for _ in MEASURED]
    found = set()
    for row in _rows(file, _COLUMNS) if file.exists() else []:
        try:
            at = tuple(int(number) for number in row[: len(shape)])
            numbers = [float(number) for number in row[5:]]
            for array, number in zip(values, numbers, strict=True):
                array[at] = number
        except (ValueError, IndexError) as error:
            raise UsageError(
                f"{file} has a malformed row. Received: {','.join(row)}. Remove it and repeat the command that "
                "measured it."
            ) from error
        found.add(at)
    return values, values[0].size - len(found)


def _columns(file: Path) -> dict[str, Values]:
    rows = _rows(file, None)
    try:
        numbers = np.array([[float(value) if value else np.nan for value in row] for row in rows[1:]], dtype=np.float64)
        return dict(zip(rows[0], numbers.reshape(-1, len(rows[0])).T, strict=True))
    except (ValueError, IndexError) as error:
        raise UsageError(f"{file} is malformed: {error}. Remove it and repeat the command that wrote it.") from error


def _rows(file: Path, columns: list[str] | None) -> list[list[str]]:
    """Returns the rows of a table; without the header if `columns` requires one."""
    require_no_pipe(file)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}.") from error
    # a process that is still writing, or was killed, may leave half a row
    rows = list(csv.reader(text[: text.rfind("\n") + 1].splitlines()))
    if columns is None:
        return rows
    if rows and rows[0] != columns:
        raise UsageError(f"{file} is not a table of points: its first line is not {','.join(columns)}.")
    return rows[1:]
