"""One panel with a surface: contour lines, filled contours, a heat map or 3-D."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from .surface_scale import Scale, short_number

Values = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

#: Looks of points that have no finite value, and of those that are not measured. No colour map here has them.
_NOT_FINITE: dict[str, Any] = {"facecolor": "#f4c7d9", "edgecolor": "#a3195b", "hatch": "xxxx", "linewidth": 0}
_MISSING: dict[str, Any] = {"facecolor": "white", "edgecolor": "grey", "hatch": "....", "linewidth": 0}

#: The longest label of a 3-D axis in one line.
_LONG = 20

#: How high above a 3-D surface a path is drawn, as a share of its height, and the points of each of its segments.
_ABOVE = 0.02
_FINE = 20

#: The room of a checkpoint's label, as shares of the axes.
_LABEL = (0.22, 0.05)


@dataclass(frozen=True)
class Panel:
    """What a panel shows.

    Attributes:
        title: above it.
        x: coordinates, (nx,).
        y: coordinates, (ny,).
        values: (nx, ny), the first index along x.
        missing: which of them are not measured, (nx, ny).
        labels: of both axes.
        trajectory: the columns ``x``, ``y``, ``epoch`` and one named as the value; None without a trajectory.
        value: ``loss``, ``accuracy`` or ``curvature``.
    """

    title: str
    x: Values
    y: Values
    values: Values
    missing: Flags
    labels: tuple[str, str]
    trajectory: Mapping[str, Values] | None
    value: str

    @property
    def not_finite(self) -> Flags:
        """Which values were measured and are not finite."""
        return ~np.isfinite(self.values) & ~self.missing


def draw_flat(axes: Axes, panel: Panel, kind: str, scale: Scale) -> None:
    """Draws a surface from above: ``contour``, ``filled`` or ``heat``."""
    x, y = panel.x, panel.y
    # Matplotlib's rows run along y; between points the logarithm is interpolated on a logarithmic scale
    heights = np.ma.masked_invalid(scale.height(panel.values).T)
    low, *levels, top = map(float, scale.height([scale.low, *scale.levels, scale.top]))
    look: dict[str, Any] = {"cmap": scale.colours, "norm": Normalize(low, top)}
    for flags, style in ((panel.not_finite, _NOT_FINITE), (panel.missing, _MISSING)):
        if flags.any():
            # below the surface, which ends at the last finite points
            axes.add_collection(PolyCollection(_cells(x, y, flags, 0.5 if kind == "heat" else 1), zorder=0.5, **style))
    if kind == "heat":
        axes.pcolormesh(_edges(x), _edges(y), heights, **look)
    else:
        axes.set_xlim(x[0], x[-1])
        axes.set_ylim(y[0], y[-1])
        finite = heights.compressed()
        if kind == "filled" and finite.size:
            axes.contourf(x, y, heights, levels=np.unique([low, *levels, top]), **look)
        crossed = sorted({level for level in levels if finite.size and finite.min() < level < finite.max()})
        if crossed:
            plain = kind == "contour"
            colour: dict[str, Any] = look if plain else {"colors": "white", "alpha": 0.5}
            lines = axes.contour(x, y, heights, levels=crossed, linewidths=1.3 if plain else 0.5, **colour)
            if plain:
                axes.clabel(
                    lines,
                    fmt=lambda height: short_number(10**height if scale.log else height, scale.digits),
                    fontsize="small",
                )
    if panel.trajectory is not None:
        _draw_trajectory(axes, panel, panel.trajectory, scale)
    elif x[0] <= 0 <= x[-1] and y[0] <= 0 <= y[-1]:
        axes.plot(0, 0, "+", color="black", markersize=9, markeredgewidth=1.6, path_effects=[_halo()], zorder=4)
    axes.set_xlabel(panel.labels[0])
    axes.set_ylabel(panel.labels[1])
    axes.set_title(panel.title)


def draw_3d(axes: Any, panel: Panel, scale: Scale) -> None:
    """Draws a surface in 3-D, on Matplotlib's 3-D axes; heights above the scale's top are clipped."""
    x, y = np.meshgrid(panel.x, panel.y, indexing="ij")
    heights = scale.height(panel.values)
    low, top = (float(scale.height(end)) for end in (scale.low, scale.top))
    if np.isfinite(heights).any():
        axes.plot_surface(
            *(x, y, heights), cmap=scale.colours, vmin=low, vmax=top, rstride=1, cstride=1, linewidth=0.2, shade=False
        ).set_edgecolor((0, 0, 0, 0.25))
    bad = panel.not_finite
    if bad.any():
        axes.plot(x[bad], y[bad], np.full(bad.sum(), low), "x", color=_NOT_FINITE["edgecolor"], markersize=4)
    if panel.trajectory is not None:
        _draw_path_3d(axes, panel, panel.trajectory, scale, heights)
    axes.set_xlim(panel.x[0], panel.x[-1])
    axes.set_ylim(panel.y[0], panel.y[-1])
    axes.set_zlim(low, top)
    ticks = scale.levels[:: max(1, len(scale.levels) // 6)]
    axes.set_zticks([float(scale.height(tick)) for tick in ticks], [short_number(tick, scale.digits) for tick in ticks])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, prune="both"))  # the ends of both axes meet in a corner
    for name, label in zip("xy", panel.labels, strict=True):
        long = len(label) > _LONG  # in one line it would leave the picture
        look = {"labelpad": 10, "fontsize": "small"} if long else {}
        getattr(axes, f"set_{name}label")(label.replace(" (", "\n(") if long else label, **look)
        if long:
            axes.set_box_aspect(None, zoom=0.9)
    axes.set_zlabel(panel.value.capitalize(), labelpad=4 * scale.digits - 4)
    axes.set_title(panel.title)
    axes.view_init(elev=32, azim=-58)


def keys(panels: list[Panel], scale: Scale, kind: str) -> list[Artist]:
    """Returns the legend's entries: what the marks mean, with numbers of points."""
    found: list[Artist] = []
    flat = kind != "surface"
    trajectory = any(panel.trajectory is not None for panel in panels)
    if trajectory:
        name = panels[0].value
        label = (
            f"checkpoints: epoch and true {name} (also their colour)" if flat else f"checkpoints (colour: true {name})"
        )
        found.append(Line2D([], [], color="black", marker="o", markerfacecolor="white", label=label))
    elif flat and any(p.x[0] <= 0 <= p.x[-1] and p.y[0] <= 0 <= p.y[-1] for p in panels):
        found.append(Line2D([], [], color="black", linestyle="", marker="+", markersize=9, label="the checkpoint"))
    clipped = sum(scale.clipped(panel.values) for panel in panels)
    if clipped and panels[0].value == "loss":
        colour = "none" if kind == "contour" else scale.colours(1.0)
        above = "no lines above" if kind == "contour" else "clipped above"
        label = f"{above} {short_number(scale.top)} ({_points(clipped)})"
        found.append(Patch(facecolor=colour, edgecolor="none" if colour != "none" else "silver", label=label))
    flattened = sum(scale.flattened(panel.values) for panel in panels)
    if flattened:
        colour = "none" if kind == "contour" else scale.colours(0.0)
        below = "no lines below" if kind == "contour" else "drawn alike below"
        label = f"{below} {short_number(scale.low)} ({_points(flattened)})"
        found.append(Patch(facecolor=colour, edgecolor="none" if colour != "none" else "silver", label=label))
    value = panels[0].value
    bad = sum(int(panel.not_finite.sum()) for panel in panels)
    if bad and flat:
        found.append(Patch(**_NOT_FINITE, label=f"{value} not finite ({_points(bad)})"))
    elif bad:
        mark: dict[str, Any] = {"linestyle": "", "marker": "x", "color": _NOT_FINITE["edgecolor"]}
        found.append(Line2D([], [], **mark, label=f"{value} not finite ({_points(bad)})"))
    missing = sum(int(panel.missing.sum()) for panel in panels)
    if missing:
        label = f"not measured ({_points(missing)})"
        found.append(Patch(**_MISSING, label=label) if flat else Line2D([], [], linestyle="", label=label))
    return found


def _draw_trajectory(axes: Axes, panel: Panel, path: Mapping[str, Values], scale: Scale) -> None:
    """Draws a run's path; a checkpoint has the colour of its true loss, which the plane need not have there."""
    x, y, true = path["x"], path["y"], path[panel.value]
    axes.plot(x, y, color="black", linewidth=1.1, path_effects=[_halo()], zorder=3)
    axes.scatter(
        *(x, y), c=true, cmap=scale.colours, norm=scale.norm, s=34, edgecolors="black", linewidths=0.9, zorder=4
    )
    middle = (panel.x[0] + panel.x[-1]) / 2
    for index in _apart(x / (panel.x[-1] - panel.x[0]), y / (panel.y[-1] - panel.y[0])):
        right = x[index] <= middle
        axes.annotate(
            f"{path['epoch'][index]:g}: {short_number(true[index], scale.digits)}",
            (x[index], y[index]),
            xytext=(6 if right else -6, 5),
            textcoords="offset points",
            ha="left" if right else "right",
            fontsize="small",
            path_effects=[_halo()],
            zorder=5,
        )


def _draw_path_3d(axes: Any, panel: Panel, path: Mapping[str, Values], scale: Scale, heights: Values) -> None:
    """Draws a run's path just above the surface, always in front of it; without the parts outside the grid."""
    axes.computed_zorder = False  # the surface as a whole would cover the path
    low, top = (float(scale.height(end)) for end in (scale.low, scale.top))
    share = np.arange(len(path["x"]) * _FINE - _FINE + 1) / _FINE
    x, y = (np.interp(share, np.arange(len(path[name])), path[name]) for name in "xy")
    z = _interpolated(panel, heights, x, y) + _ABOVE * (top - low)
    axes.plot(x, y, z, color="black", linewidth=1.3, path_effects=[_halo()], zorder=4)
    true = path[panel.value]
    axes.scatter(
        *(x[::_FINE], y[::_FINE], z[::_FINE]),
        c=true,
        cmap=scale.colours,
        norm=scale.norm,
        s=30,
        edgecolors="black",
        depthshade=False,
        zorder=5,
    )


def _interpolated(panel: Panel, heights: Values, x: Values, y: Values) -> Values:
    """Returns heights between the points of the grid, interpolated linearly; NaN outside."""
    places, whole = [], []
    for axis, at in ((panel.x, x), (panel.y, y)):
        place = (at - axis[0]) / (axis[-1] - axis[0]) * (len(axis) - 1)
        whole.append(np.clip(np.floor(place), 0, len(axis) - 2).astype(int))
        places.append(np.where((place >= 0) & (place <= len(axis) - 1), place - whole[-1], np.nan))
    (i, j), (u, v) = whole, places
    return np.asarray(
        (heights[i, j] * (1 - u) + heights[i + 1, j] * u) * (1 - v)
        + (heights[i, j + 1] * (1 - u) + heights[i + 1, j + 1] * u) * v
    )


def _apart(x: Values, y: Values) -> list[int]:
    """Returns the first and the last point, and those between whose labels would not overlap; in shares of an axis."""
    chosen = [0, len(x) - 1] if len(x) > 1 else [0]
    for index in range(1, len(x) - 1):
        if all(abs(y[index] - y[k]) > _LABEL[1] or abs(x[index] - x[k]) > _LABEL[0] for k in chosen):
            chosen.append(index)
    return chosen


def _edges(axis: Values) -> Values:
    """Returns the borders of the cells around evenly spaced points."""
    half = (axis[1] - axis[0]) / 2
    return np.concatenate([[axis[0] - half], (axis[1:] + axis[:-1]) / 2, [axis[-1] + half]])


def _cells(x: Values, y: Values, flags: Flags, reach: float) -> list[list[tuple[float, float]]]:
    """Returns the corners of the rectangle around each flagged point, `reach` steps to each side."""
    dx, dy = reach * (x[1] - x[0]), reach * (y[1] - y[0])
    return [
        [(x[i] + dx * across, y[j] + dy * up) for across, up in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        for i, j in np.argwhere(flags).tolist()
    ]


def _halo() -> withStroke:
    return withStroke(linewidth=2.6, foreground="white")


def _points(count: int) -> str:
    return f"{count:,} point{'' if count == 1 else 's'}"
