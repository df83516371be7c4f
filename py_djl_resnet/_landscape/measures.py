"""Numbers that describe loss surfaces: lowest loss, basin width, share of non-convex points, curvatures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._tables import csv_text, mean_deviation, text_table
from .curvature import Flags, Values, basin, eigenvalues

#: What the table calls each measure.
LABELS = {
    "centre": "loss at the centre",
    "lowest": "lowest loss",
    "not_finite": "points not finite",
    "non_convex": "non-convex points",
    "non_convex_low": "non-convex points up to 2x the lowest loss",
    "basin_share": "basin at 2x the lowest loss, share of the grid",
    "basin_width": "basin at 2x the lowest loss, width",
    "curvature": "curvature at the centre",
    "lambda_min": "smaller curvature at the centre",
    "lambda_max": "larger curvature at the centre",
    "lambda_ratio": "smaller / larger curvature",
    "barrier": "barrier between A and B",
}
_SHARES = ("not_finite", "non_convex", "non_convex_low", "basin_share")


@dataclass(frozen=True)
class Measures:
    """Numbers that describe the loss surfaces of one network, for each direction or pair of directions.

    The docs define each measure (``docs/landscape.md``). A number that a grid cannot give is None.

    Attributes:
        model: the network's name.
        directions: for each direction the measures by name, and ``basin_open``: whether the basin touches the border
            of the grid, so that its size is a lower bound.
    """

    model: str
    directions: list[dict[str, Any]]

    @property
    def names(self) -> list[str]:
        """The names of the measures."""
        return [name for name in LABELS if name in self.directions[0]]

    @property
    def mean(self) -> dict[str, float | None]:
        """The mean of each measure over the directions that have it."""
        return {name: mean_deviation(self._found(name))[0] for name in self.names}

    @property
    def deviation(self) -> dict[str, float | None]:
        """The standard deviation of each measure over the directions that have it, if they are at least two.

        None for the centre, where all directions have the same network.
        """
        return {name: None if name == "centre" else mean_deviation(self._found(name))[1] for name in self.names}

    @property
    def open(self) -> int:
        """The number of directions whose basin touches the border of the grid."""
        return sum(bool(row["basin_open"]) for row in self.directions)

    def _found(self, name: str) -> list[float]:
        return [row[name] for row in self.directions if row[name] is not None]

    def to_dict(self) -> dict[str, Any]:
        """Returns ``{"model", "directions": [{name: number}], "mean": {…}, "deviation": {…}}`` for JSON."""
        return {
            "model": self.model,
            "directions": self.directions,
            "mean": self.mean,
            "deviation": self.deviation,
        }

    def to_csv(self) -> str:
        """Returns a table with a row for each direction, one for the mean and one for the deviation."""
        return measures_csv([self])

    def __str__(self) -> str:
        return measures_table([self])


def measures_csv(landscapes: Sequence[Measures]) -> str:
    """Returns the rows of :meth:`Measures.to_csv` of all landscapes; what a landscape does not have is empty."""
    columns = (*_names(landscapes), "basin_open")
    rows = []
    for measures in landscapes:
        parts: list[tuple[object, dict[str, Any]]] = [
            *enumerate(measures.directions),
            ("mean", measures.mean | {"basin_open": measures.open}),
            ("deviation", measures.deviation),
        ]
        rows += [(measures.model, label, *(values.get(column) for column in columns)) for label, values in parts]
    return csv_text(("model", "direction", *columns), rows)


def _names(landscapes: Sequence[Measures]) -> list[str]:
    return [name for name in LABELS if any(name in measures.names for measures in landscapes)]


def measures_table(landscapes: Sequence[Measures], labels: Sequence[str] = ()) -> str:
    """Returns a text table with a row for each measure and a column for each landscape: mean ± deviation."""
    names = _names(landscapes)
    rows = [("measure", *(labels or [measures.model for measures in landscapes]))]
    rows += [(LABELS[name], *(shown_measure(measures, name) for measures in landscapes)) for name in names]
    return text_table(rows, right=range(1, len(rows[0])))


def shown_measure(measures: Measures, name: str) -> str:
    """Returns a measure's mean and deviation as text, with ``≥`` where a basin touches the border of the grid."""
    mean, deviation = measures.mean.get(name), measures.deviation.get(name)
    if mean is None:
        return "-"
    bound = "≥ " if measures.open and name.startswith("basin") else ""
    form = ".1%" if name in _SHARES else ".4g"
    return f"{bound}{mean:{form}}" + ("" if deviation is None else f" ± {deviation:{form.replace('4', '2')}}")


def measured(x: Values, y: Values | None, loss: Values, missing: Flags, ends: bool = False) -> dict[str, Any]:
    """Returns the measures of one direction.

    Args:
        x: evenly spaced coordinates, (nx,).
        y: evenly spaced coordinates, (ny,); None on a line.
        loss: (nx,) or (nx, ny).
        missing: which points were not measured, of the same shape.
        ends: whether two networks are at x = 0 and x = 1.
    """
    finite = np.isfinite(loss)
    axes = [x] if y is None else [x, y]
    found: dict[str, Any] = {"centre": None, "lowest": None, "lowest_at": None}
    found["not_finite"] = None if missing.all() else float((~finite)[~missing].mean())
    curvatures = eigenvalues(x, y, loss)
    inner = loss[tuple(slice(1, -1) for _ in axes)]
    known = np.isfinite(curvatures[0])
    found["non_convex"] = _share_below_zero(curvatures[0][known])
    found["non_convex_low"] = None
    found |= {"basin_share": None, "basin_width": None, "basin_open": None}
    if finite.any():
        lowest = float(loss[finite].min())
        at = np.unravel_index(np.argmin(np.where(finite, loss, np.inf)), loss.shape)
        found["lowest"] = lowest
        found["lowest_at"] = [float(axis[index]) for axis, index in zip(axes, at, strict=True)]
        if lowest > 0:
            found["non_convex_low"] = _share_below_zero(curvatures[0][known & (inner <= 2 * lowest)])
            share, found["basin_open"] = basin(loss, 2 * lowest)
            size = share * float(np.prod([axis[-1] - axis[0] for axis in axes]))
            found["basin_share"] = share
            found["basin_width"] = size if y is None else 2 * math.sqrt(size / math.pi)
    centre = _origin(axes)
    if centre is not None and np.isfinite(loss[centre]):
        found["centre"] = float(loss[centre])
    found |= _at_centre(axes, curvatures)
    if ends:
        found["barrier"] = _barrier(x, loss)
    return found


def _share_below_zero(values: Values) -> float | None:
    return float((values < 0).mean()) if values.size else None


def _at_centre(axes: Sequence[Values], curvatures: Values) -> dict[str, float | None]:
    """Returns the curvatures at the origin, if it is an inner point."""
    names = ("curvature",) if len(axes) == 1 else ("lambda_min", "lambda_max")
    values: list[float | None] = [None] * len(names)
    at = _origin([axis[1:-1] for axis in axes])
    if at is not None:
        there = [float(curvature[at]) for curvature in curvatures]
        values = [value if math.isfinite(value) else None for value in there]
    found = dict(zip(names, values, strict=True))
    if len(axes) == 2:
        small, large = values
        found["lambda_ratio"] = None if small is None or not large or large < 0 else small / large
    return found


def _barrier(x: Values, loss: Values) -> float | None:
    """Returns the largest height of the loss between x = 0 and x = 1 above the straight line between its ends."""
    between = (x >= 0) & (x <= 1)
    if not (between.any() and x[between][0] == 0 and x[between][-1] == 1 and np.isfinite(loss[between]).all()):
        return None
    along, values = x[between], loss[between]
    return float((values - (1 - along) * values[0] - along * values[-1]).max())


def _origin(axes: Sequence[Values]) -> tuple[int, ...] | None:
    """Returns the indices of the point at the origin; None if the grid has none."""
    at = tuple(int(np.argmin(np.abs(axis))) if axis.size else 0 for axis in axes)
    near = (axis.size and abs(axis[index]) <= 1e-9 * np.ptp(axis) for axis, index in zip(axes, at, strict=True))
    return at if all(near) else None
