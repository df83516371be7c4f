"""Chooses and writes the figures of loss surfaces."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from .._files import write
from .._plotting.chart import Chart
from .._plotting.landscape import FLAT, KINDS, Surfaces, panel_title, plot_surfaces
from .._plotting.loss_lines import plot_lines
from .._plotting.surface_html import write_surface
from ..checks import checked_choice, whole_number
from ..errors import UsageError
from .measures import Measures, measured

VALUES = ("loss", "accuracy", "curvature")

#: The figures of a surface: file, kind, value.
_SURFACE = (
    ("filled.png", "filled", "loss"),
    ("contour.png", "contour", "loss"),
    ("heat.png", "heat", "loss"),
    ("surface.png", "surface", "loss"),
    ("surface.html", "html", "loss"),
    ("accuracy.png", "filled", "accuracy"),
    ("curvature.png", "heat", "curvature"),
)

#: About how many contour levels there are by default.
_LEVELS = 12


def plot(
    landscape: Surfaces,
    path: str | os.PathLike[str] | None,
    kind: str | None,
    value: str,
    direction: int,
    levels: int | Sequence[float],
    log: bool | None,
) -> Chart | None:
    """Draws one figure, as :meth:`py_djl_resnet.landscape.Landscape.plot`."""
    page = path is not None and Path(path).suffix.lower() == ".html"
    kind = _checked_kind(kind or ("html" if page else None), [landscape], value)
    if page != (kind == "html"):
        raise UsageError(
            f"The kind html is written to a file that ends in .html, and the other kinds are not. Received: {kind}, "
            f"{path}."
        )
    if kind == "line":
        _require_surface(value, direction, levels)
        return plot_lines(landscape, path, log=log)
    number = whole_number(direction, "direction", 0, len(landscape.loss) - 1)
    if path is not None and page:
        if isinstance(levels, int) and levels != _LEVELS:
            raise UsageError("levels needs contours. Received: a page, which has none. Omit it.")
        write_surface(landscape, path, value=value, direction=number, levels=levels, log=log)
        return None
    return plot_surfaces([(landscape, number)], path, kind=kind, value=value, levels=levels, log=log)


def plot_together(
    named: Mapping[str, Surfaces],
    path: str | os.PathLike[str] | None,
    kind: str | None,
    value: str,
    direction: int,
    levels: int | Sequence[float],
    log: bool | None,
) -> Chart:
    """Draws landscapes with one scale, as :func:`py_djl_resnet.landscape.plot_together`."""
    landscapes = list(named.values())
    if not landscapes:
        raise UsageError("There is no landscape to draw. Give at least one.")
    if kind == "html":
        raise UsageError(f"An HTML page shows one surface. Received: html. Allowed: line, {', '.join(KINDS)}.")
    kind = _checked_kind(kind, landscapes, value)
    if kind == "line":
        _require_surface(value, direction, levels)
        return plot_lines(named, path, log=log)
    number = whole_number(direction, "direction", 0, min(len(each.loss) for each in landscapes) - 1)
    return plot_surfaces(
        [(each, number) for each in landscapes],
        path,
        kind=kind,
        value=value,
        levels=levels,
        log=log,
        titles=[panel_title(each, number, name) for name, each in named.items()],
    )


def measures(landscape: Surfaces) -> Measures:
    """Returns the measures of all directions."""
    ends = landscape.info.get("kind") == "interpolation"
    missing = np.isnan(landscape.loss) & np.isnan(landscape.accuracy)
    rows = [
        measured(landscape.x, landscape.y, loss, gaps, ends) for loss, gaps in zip(landscape.loss, missing, strict=True)
    ]
    return Measures(str(landscape.info["model"]), rows)


def write_figures(landscape: Surfaces, folder: Path) -> list[Path]:
    """Writes all figures and measures of a landscape, as :meth:`py_djl_resnet.landscape.Landscape.write_figures`."""
    found = measures(landscape)
    files = [folder / "measures.json", folder / "measures.csv"]
    write(files[0], (json.dumps(found.to_dict(), indent=2, allow_nan=False) + "\n").encode(), "Measures")
    write(files[1], found.to_csv().encode(), "Measures")
    figures = folder / "figures"
    if landscape.y is None:
        plot_lines(landscape, figures / "line.png")
        return [*files, figures / "line.png"]
    for name, kind, value in _SURFACE:
        if value != "curvature" or min(landscape.loss.shape[1:]) > 3:
            plot(landscape, figures / name, kind, value, 0, _LEVELS, None)
            files.append(figures / name)
    if (count := len(landscape.loss)) > 1:
        files.append(figures / "directions.png")
        plot_surfaces(
            [(landscape, k) for k in range(count)],
            files[-1],
            titles=[f"{landscape.info['model']}, directions {k}" for k in range(count)],
        )
    return files


def _require_surface(value: str, direction: int, levels: int | Sequence[float]) -> None:
    """Rejects options that do nothing for a line, which shows loss and accuracy of all directions."""
    usual = isinstance(levels, int) and levels == _LEVELS
    for name, given in (("value", value != "loss"), ("direction", direction != 0), ("levels", not usual)):
        if given:
            raise UsageError(f"{name} needs a surface. Received: a line. Omit it.")


def _checked_kind(kind: str | None, landscapes: Sequence[Surfaces], value: str) -> str:
    """Returns the kind of figure that fits all landscapes."""
    checked_choice(value, "value", VALUES)
    lines = {each.y is None for each in landscapes}
    if len(lines) > 1:
        raise UsageError("Lines and surfaces cannot be drawn together. Give landscapes of one kind.")
    allowed: tuple[str, ...] = (*KINDS, "html")
    default = "filled"
    if True in lines:
        if value == "curvature":
            raise UsageError("A map of curvatures needs a surface. Received: a line. Allowed: loss, accuracy.")
        allowed, default = ("line",), "line"
    elif value == "curvature":
        allowed, default = FLAT, "heat"
    found = kind or default
    if found not in allowed:
        what = f"the {value} of a {'line' if True in lines else 'surface'}"
        raise UsageError(f"kind does not fit {what}. Received: {found}. Allowed: {', '.join(allowed)}.")
    return found
