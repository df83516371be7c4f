"""Loss and accuracy along a line through weights."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

from ..errors import UsageError
from .chart import Chart, finished
from .landscape import Surfaces, axis_labels, description, panel_title

Values = npt.NDArray[np.float64]

#: A loss that varies by more than this factor has a logarithmic axis.
_WIDE = 30

#: A logarithmic axis up to this factor has labels between the powers of ten.
_MANY = 1000

#: About how many characters fit beside each other in the legend.
_CHARACTERS = 130

#: The longest name of a file.
_LONGEST = 100

#: How transparent the bands are: of the sampling error, and of the directions.
_BANDS = (0.35, 0.15)


def plot_lines(
    shown: Mapping[str, Surfaces] | Surfaces, path: str | os.PathLike[str] | None = None, *, log: bool | None = None
) -> Chart:
    """Draws the loss and the accuracy of one or several landscapes along a line, in two panels.

    A curve is the mean over the directions. Its narrow band is the mean's standard error over the examples, its wide
    band the standard deviation over the directions. On a logarithmic axis, mean and standard deviation are those of
    the logarithm.

    Args:
        shown: a landscape, or several by name.
        path: as of :func:`finished`.
        log: whether the loss has a logarithmic axis; None: if it varies by more than a factor of 30.
    """
    several = isinstance(shown, Mapping)
    named: Mapping[str, Surfaces] = shown if isinstance(shown, Mapping) else {panel_title(shown): shown}
    landscapes = list(named.values())
    chart = Chart(figsize=(9.6, 4.4), layout="constrained")
    logarithmic = _is_logarithmic([each.loss for each in landscapes], log)
    for axes, value in zip(chart.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for number, landscape in enumerate(landscapes):
            _draw_curve(axes, landscape, value, f"C{number}", logarithmic and value == "loss")
        axes.set_xlabel(axis_labels(landscapes[0])[0])
        axes.set_ylabel(value.capitalize())
        axes.set_xlim(min(each.x[0] for each in landscapes), max(each.x[-1] for each in landscapes))
        axes.grid(alpha=0.3)
        _limit(axes, [getattr(each, value) for each in landscapes], value, logarithmic)
        if all(each.info.get("kind") == "interpolation" for each in landscapes):
            for place, letter in ((0, "A"), (1, "B")):
                axes.axvline(place, color="black", linewidth=1, linestyle="--", zorder=1)
                axes.annotate(
                    letter,
                    (place, 1),
                    (4, -4),
                    xycoords=axes.get_xaxis_transform(),
                    textcoords="offset points",
                    va="top",
                    weight="bold",
                )
        elif axes.get_xlim()[0] < 0 < axes.get_xlim()[1]:
            axes.axvline(0, color="black", linewidth=1, linestyle="--", zorder=1)
    title = description(landscapes, "loss").replace("Loss on", "Loss and accuracy on", 1)
    chart.suptitle(title if several else f"{next(iter(named))}\n{title}", fontsize="medium")
    handles = _keys(named, several, logarithmic)
    columns = max(1, min(3, _CHARACTERS // max(len(str(handle.get_label())) + 6 for handle in handles)))
    chart.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize="small", frameon=False)
    return finished(chart, path)


def _draw_curve(axes: Axes, landscape: Surfaces, value: str, colour: str, log: bool) -> None:
    values = np.where(np.isfinite(found := getattr(landscape, value)), found, np.nan)
    errors = np.where(np.isfinite(values), getattr(landscape, f"{value}_error"), np.nan)
    x = landscape.x
    if log:
        values, errors = np.log(values), errors / values
    shown = np.exp if log else np.asarray
    middle = values.mean(axis=0)
    mean = shown(middle)
    bands = [errors.mean(axis=0)]  # all directions have the same examples, so the error does not average out
    if len(values) > 1:
        bands.append(values.std(axis=0, ddof=1))
    for width, alpha in zip(bands, _BANDS, strict=False):
        axes.fill_between(x, shown(middle - width), shown(middle + width), color=colour, alpha=alpha, linewidth=0)
    axes.plot(x, mean, color=colour, linewidth=1.6, marker="o" if len(x) < 5 else None, markersize=4)
    bad = (np.isnan(values) & ~_missing(landscape)).any(axis=0)
    if bad.any():
        top = np.full(bad.sum(), 0.98)
        axes.plot(x[bad], top, "x", color=colour, transform=axes.get_xaxis_transform())


def _finite(values: Sequence[Values]) -> Values:
    found: Values = np.concatenate([np.ravel(each) for each in values])
    return found[np.isfinite(found)]


def _is_logarithmic(losses: Sequence[Values], log: bool | None) -> bool:
    """Returns whether losses have a logarithmic axis."""
    finite = _finite(losses)
    if not finite.size:
        return False
    low, top = float(finite.min()), float(finite.max())
    if log and low <= 0:
        raise UsageError("A logarithmic scale needs positive losses, and the lowest is not. Use log=False.")
    return low > 0 and (top / low > _WIDE if log is None else log)


def _limit(axes: Axes, values: Sequence[Values], value: str, log: bool) -> None:
    finite = _finite(values)
    if value == "accuracy" or not finite.size:
        axes.set_ylim(0, 1.03)
        if not finite.size:
            axes.set_yticks([])
        return
    low, top = float(finite.min()), float(finite.max())
    if log:
        axes.set_yscale("log")
        axes.set_ylim(low / 1.3, top * 1.3)
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if top / low < _MANY else (1,)))
        axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(0, 1.06 * top if top > 0 else 1)


def _keys(named: Mapping[str, Surfaces], several: bool, log: bool) -> list[Any]:
    found: list[Any] = []
    if several:
        found += [
            Line2D([], [], color=f"C{number}", label=panel_title(each, 0, name))
            for number, (name, each) in enumerate(named.items())
        ]
    colour = "grey" if several else "C0"
    directions = max(len(each.loss) for each in named.values())
    mean = "" if directions == 1 else f"mean of {directions} directions"
    if mean:
        found.append(Line2D([], [], color=colour, label=mean))
    found.append(Patch(color=colour, alpha=_BANDS[0], linewidth=0, label="± standard error over the examples"))
    if mean:
        label = "± standard deviation over directions" + (" (of the loss: of its logarithm)" if log else "")
        found.append(Patch(color=colour, alpha=_BANDS[1], linewidth=0, label=label))
    for each in named.values() if not several else ():
        if each.info.get("kind") == "interpolation":
            for letter, name in _ends(each.info).items():
                found.append(Line2D([], [], linestyle="", label=f"{letter}: {name}"))
    bad = sum(int((~np.isfinite(each.loss) & ~_missing(each)).sum()) for each in named.values())
    if bad:
        label = f"loss not finite ({bad} point{'' if bad == 1 else 's'})"
        found.append(Line2D([], [], color=colour, linestyle="", marker="x", label=label))
    missing = sum(int(_missing(each).sum()) for each in named.values())
    if missing:
        found.append(Line2D([], [], linestyle="", label=f"not measured: {missing} point{'' if missing == 1 else 's'}"))
    return found


def _ends(info: Mapping[str, Any]) -> dict[str, str]:
    """Returns both networks' files by letter, with the run's folder, or more of the path if that tells them apart."""
    ends = {"A": info.get("checkpoint"), "B": info.get("other")}
    # a network that lies in no file has no path
    parts = {k: Path(end["path"]).parts for k, end in ends.items() if isinstance(end, Mapping) and end.get("path")}
    count = 2
    while count < max(map(len, parts.values()), default=0) and len({part[-count:] for part in parts.values()}) == 1:
        count += 1
    names = {letter: str(Path(*part[-count:])) for letter, part in parts.items()}
    return {letter: name if len(name) <= _LONGEST else f"…{name[1 - _LONGEST :]}" for letter, name in names.items()}


def _missing(landscape: Surfaces) -> npt.NDArray[np.bool_]:
    return np.isnan(landscape.loss) & np.isnan(landscape.accuracy)
