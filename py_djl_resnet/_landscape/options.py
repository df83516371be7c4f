"""Checks the options of a loss surface."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..checks import LONG, checked_choice, checked_text, shown, whole_number
from ..errors import UsageError

NORMALIZATIONS = ("filter", "layer", "weight", "none")
SPLITS = ("train", "test")
STATISTICS = ("frozen", "recalibrated")

#: More points than anyone measures; their numbers stay within Java's int.
_MOST = 1_000_000


def checked_options(
    *,
    dimensions: int,
    grid: Any,
    ranges: Any,
    normalize: str,
    include_bias_and_norm: bool,
    examples: int | None,
    split: str,
    batch_norm: str,
    seed: int,
    directions: int,
    batch_size: int,
    precision: str,
    grid_advice: str = "",
) -> dict[str, Any]:
    """Returns the options as Java's ``Landscapes`` reads them; arguments as in :func:`loss_surface`.

    The error about a grid that is none ends with `grid_advice`.
    """
    if dimensions not in (1, 2):
        raise UsageError(f"dimensions must be 1 or 2. Received: {shown(dimensions)}.")
    sizes = checked_grid(grid, dimensions, grid_advice)
    directions = whole_number(directions, "directions")
    require_few(math.prod(sizes) * directions)
    return {
        "grid": sizes,
        "range": checked_ranges(ranges, dimensions),
        "normalize": checked_choice(normalize, "normalize", NORMALIZATIONS),
        "include_bias_and_norm": bool(include_bias_and_norm),
        "batch_norm": checked_choice(batch_norm, "batch_norm", STATISTICS),
        "split": checked_choice(split, "split", SPLITS),
        "examples": None if examples is None else whole_number(examples, "examples", 2),
        "seed": whole_number(seed, "seed", -LONG - 1, LONG),
        "directions": directions,
        "batch_size": whole_number(batch_size, "batch_size"),
        "precision": checked_text(precision, "precision"),
    }


def require_few(points: int) -> None:
    if points > _MOST:
        raise UsageError(f"The grid has too many points. Received: {points:,}. Allowed: up to {_MOST:,}.")


def checked_grid(grid: Any, dimensions: int, advice: str = "") -> list[int]:
    """Returns the number of points along each axis, each at least 2."""
    several = isinstance(grid, Sequence) and not isinstance(grid, str)
    sizes = list(grid) if several else [grid] * dimensions
    received = ",".join(map(str, sizes if several else [grid]))
    if len(sizes) != dimensions:
        needed = "one number of points" + (" for a line" if dimensions == 1 else ", or one for each of the 2 axes")
        raise UsageError(f"grid needs {needed}. Received: {received}.{advice}")
    for size in sizes:
        if size == 1 and not isinstance(size, bool):
            raise UsageError(
                f"grid needs at least 2 points along each axis. Received: {received}."
                + (advice if dimensions == 2 else "")
            )
    return [whole_number(size, "grid", 2, _MOST) for size in sizes]


def checked_ranges(ranges: Any, dimensions: int) -> list[list[float]]:
    """Returns the first and last coordinate of each axis."""
    try:
        ends = [float(end) for end in ranges]
    except (TypeError, ValueError):
        ends = []
    if len(ends) not in (2, 2 * dimensions) or not all(map(math.isfinite, ends)):
        allowed = "2 numbers" if dimensions == 1 else "2 numbers for both axes, or 4: those of x, then those of y"
        what = "has a wrong number of values" if ends and all(map(math.isfinite, ends)) else "must be finite numbers"
        raise UsageError(f"range {what}. Received: {shown(ranges)}. Allowed: {allowed}.")
    pairs = [ends[at : at + 2] for at in range(0, len(ends), 2)]
    for first, last in pairs:
        if first >= last:
            raise UsageError(
                f"range must go from a smaller to a larger number. Received: {first:g},{last:g}. Give "
                + (f"{last:g},{first:g}." if first > last else "two different numbers.")
            )
    return pairs if len(pairs) == dimensions else pairs * dimensions
