"""Second differences of a function on a grid, and the region around its minimum."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

#: Second differences below this many roundings of a float32 loss are taken as zero.
_ROUNDINGS = 8

#: Points into which a step of the grid is divided to measure a region.
_FINER = 16


def eigenvalues(x: Values, y: Values | None, values: Values) -> Values:
    """Returns the eigenvalues of the Hessian at the inner points of a grid, by central differences.

    Args:
        x: evenly spaced coordinates, (nx,).
        y: evenly spaced coordinates, (ny,); None on a line.
        values: the function, (nx,) or (nx, ny).

    Returns:
        On a line the second derivative, (1, nx - 2); in a plane the smaller and the larger eigenvalue, (2, nx - 2,
        ny - 2). Empty if a side has fewer than three points; NaN where a neighbour is not finite. An eigenvalue that
        the rounding of a float32 loss could produce is 0.
    """
    f = np.where(np.isfinite(values), values, np.nan)
    if min(f.shape) < 3:
        return np.empty((f.ndim, *(max(side - 2, 0) for side in f.shape)))
    hx = _step(x)
    if y is None:
        found = ((f[2:] - 2 * f[1:-1] + f[:-2]) / hx**2)[None]
        smallest = hx
    else:
        hy = _step(y)
        c = f[1:-1, 1:-1]
        xx = (f[2:, 1:-1] - 2 * c + f[:-2, 1:-1]) / hx**2
        yy = (f[1:-1, 2:] - 2 * c + f[1:-1, :-2]) / hy**2
        xy = (f[2:, 2:] - f[2:, :-2] - f[:-2, 2:] + f[:-2, :-2]) / (4 * hx * hy)
        radius = np.hypot((xx - yy) / 2, xy)
        found = np.stack([(xx + yy) / 2 - radius, (xx + yy) / 2 + radius])
        smallest = min(hx, hy)
    height = np.abs(f[tuple(slice(1, -1) for _ in f.shape)])
    noise = _ROUNDINGS * np.finfo(np.float32).eps * height / smallest**2
    return np.where(np.abs(found) <= noise, 0.0, found)


def basin(values: Values, level: float) -> tuple[float, bool]:
    """Returns the size of the connected region around the lowest point where a function is at most `level`.

    The function is interpolated linearly between the points; it is outside the region where a corner is not finite.

    Args:
        values: the function on an evenly spaced grid, (nx,) or (nx, ny), with at least one finite value.
        level: at least the lowest value.

    Returns:
        The region's share of the grid, in [0, 1], and whether it touches the grid's border.
    """
    finite = np.isfinite(values)
    lowest = np.unravel_index(np.argmin(np.where(finite, values, np.inf)), values.shape)
    fine = np.where(finite, values, np.nan)
    for axis in range(values.ndim):
        fine = _refined(fine, axis)
    region = _connected(fine <= level, tuple(int(index) * _FINER for index in lowest))
    weights = np.ones(1)
    for side in region.shape:
        along = np.ones(side)
        along[[0, -1]] = 0.5  # a point at the border stands for half a cell
        weights = np.multiply.outer(weights, along)
    weights = weights[0]
    touches = any(np.take(region, end, axis).any() for axis in range(region.ndim) for end in (0, -1))
    return float(weights[region].sum() / weights.sum()), touches


def _refined(values: Values, axis: int) -> Values:
    """Interpolates linearly along an axis."""
    values = np.moveaxis(values, axis, 0)
    share = np.arange(_FINER).reshape(-1, *[1] * (values.ndim - 1)) / _FINER
    # a share of 0 must not carry a neighbour's NaN
    parts = [np.where(share == 0, low, low * (1 - share) + high * share) for low, high in pairwise(values)]
    return np.moveaxis(np.concatenate([*parts, values[-1:]]), 0, axis)


def _connected(inside: Flags, seed: tuple[int, ...]) -> Flags:
    """Returns the part of `inside` that is connected to the seed along the axes."""
    runs = []
    for axis, side in enumerate(inside.shape):
        lines = np.cumsum(~inside, axis=axis)
        other = np.arange(inside.size // side) * (side + 1)
        runs.append(lines + np.expand_dims(other, axis) if inside.ndim > 1 else lines)
    region = np.zeros_like(inside)
    region[seed] = True
    size = 0
    while size < (size := int(region.sum())):
        for numbers in runs:
            reached = np.zeros(numbers.max() + 1, dtype=bool)
            reached[numbers[region]] = True
            region = inside & reached[numbers]
    return region


def _step(coordinates: Values) -> float:
    return float(coordinates[-1] - coordinates[0]) / (len(coordinates) - 1)
