"""The scale of colours and contour levels that one surface has, or several share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.ticker import MaxNLocator

from ..checks import whole_number
from ..errors import UsageError

Values = npt.NDArray[np.float64]

#: Colour maps that colour-blind readers can follow; the last one diverges.
_COLOURS = {"loss": "viridis", "accuracy": "cividis", "curvature": "PuOr"}

#: Larger losses than this many times the 90th percentile are clipped.
_FAR = 10

#: A logarithmic scale spans at most this factor. Lower losses than `_LEAST` tell less than the highest ones.
_DECADES = 1e5
_LEAST = 1e-3

#: From dense to sparse, the first digits of round levels.
_DIGITS = ((1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 5, 6, 7, 8, 9), (1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))


@dataclass(frozen=True)
class Scale:
    """Levels and colours of values.

    Attributes:
        levels: the contour levels, ascending, all within the values' range.
        low: the value of the first colour; lower values have the same.
        top: the value of the last colour; higher values have the same and are clipped in 3-D.
        log: whether colours and heights are logarithmic.
    """

    levels: Values
    low: float
    top: float
    log: bool
    colours: Colormap

    @property
    def norm(self) -> Normalize:
        """Maps values to [0, 1]."""
        return (LogNorm if self.log else Normalize)(self.low, self.top, clip=True)

    @property
    def digits(self) -> int:
        """The digits that tell levels apart, at least three."""
        gap = float(np.diff(self.levels).min()) if len(self.levels) > 1 else np.inf
        return next(
            (
                digits
                for digits in range(3, 9)
                if all(abs(float(f"{level:.{digits}g}") - level) <= gap / 20 for level in self.levels.tolist())
            ),
            9,
        )

    def mappable(self) -> ScalarMappable:
        """Returns what a colour bar is drawn from."""
        return ScalarMappable(self.norm, self.colours)

    def clipped(self, values: Values) -> int:
        """Returns the number of finite values above the top."""
        return int((np.isfinite(values) & (values > self.top * (1 + 1e-9))).sum())

    def flattened(self, values: Values) -> int:
        """Returns the number of finite values that a logarithmic scale draws as its lowest one."""
        return int((np.isfinite(values) & (values < self.low * (1 - 1e-9))).sum()) if self.log else 0

    def height(self, values: Any) -> Any:
        """Returns values as they are drawn: as logarithms if the scale is, clipped, NaN where they are not finite."""
        shown = np.clip(np.where(np.isfinite(values), values, np.nan), self.low, self.top)
        return np.log10(shown) if self.log else shown


def short_number(value: float, digits: int = 3) -> str:
    """Returns a number with three digits, or as many as given: 0.137, 20 or 5e5."""
    return re.sub(r"e([+-])0?", lambda found: "e" + found[1].strip("+"), f"{value:.{digits}g}")


def surface_scale(
    surfaces: Sequence[Values], value: str, levels: int | Sequence[float] = 12, log: bool | None = None
) -> Scale:
    """Returns the scale of one or several surfaces.

    Args:
        surfaces: the values; those that are not finite do not count.
        value: ``loss``, ``accuracy`` or ``curvature``.
        levels: about how many levels, or the levels themselves.
        log: whether the scale is logarithmic; None: for losses.
    """
    finite = np.concatenate([np.ravel(values) for values in surfaces])
    finite = finite[np.isfinite(finite)]
    chosen = _checked(levels)
    colours = matplotlib.colormaps[_COLOURS[value]]
    if value != "loss":
        if log:
            raise UsageError(f"log needs the loss. Received: {value}. Omit it.")
        low, top, log = -1.0 if value == "curvature" else 0.0, 1.0, False
    elif not finite.size:
        low, top, log = 0.0, 1.0, False
    else:
        low, top = float(finite.min()), float(finite.max())
        top = min(top, _FAR * max(float(np.quantile(finite, 0.9)), low))
        log = top > 0 if log is None else log
        if log and top <= 0:
            raise UsageError("A logarithmic scale needs a positive loss, and there is none. Use log=False.")
        if not isinstance(chosen, int):
            low, top = min(low, chosen[0]), max(top, chosen[-1])
        if log:
            low = max(low, min(_LEAST, top / _DECADES))
            if isinstance(chosen, int):
                top = min(top, low * _DECADES)
        if top - low <= 1e-9 * max(abs(top), 1e-30):  # a constant
            low, top, log = low - 0.5 * (abs(low) or 1), low + 0.5 * (abs(low) or 1), False
    found = _levels(low, top, chosen, log) if isinstance(chosen, int) else np.array(chosen)
    return Scale(found[(found > low) & (found < top)] if isinstance(chosen, int) else found, low, top, log, colours)


def _checked(levels: int | Sequence[float]) -> int | list[float]:
    if not isinstance(levels, (Sequence, np.ndarray)) or isinstance(levels, str):
        return whole_number(levels, "levels", 2, 100)
    try:
        chosen = [float(level) for level in levels]
    except (TypeError, ValueError):
        chosen = []
    if not chosen or not np.isfinite(chosen).all() or sorted(set(chosen)) != chosen:
        raise UsageError(f"levels must be finite and ascending. Received: {levels!r}. Allowed: such as (0.1, 1, 10).")
    return chosen


def _levels(low: float, top: float, count: int, log: bool) -> Values:
    """Returns about `count` round levels between two values."""
    if log:
        exponents = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(top))) + 1)
        for digits in _DIGITS:
            found = np.array([digit * 10.0**exponent for exponent in exponents for digit in digits])
            found = found[(found > low) & (found < top)]
            if count / 2 <= len(found) <= 1.3 * count:
                return found
    return np.asarray(MaxNLocator(count).tick_values(low, top), dtype=np.float64)
