"""Figures of loss surfaces."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .._landscape.curvature import eigenvalues
from ..errors import UsageError
from .chart import Chart, finished
from .surface_panel import Panel, draw_3d, draw_flat, keys
from .surface_scale import short_number, surface_scale

Values = npt.NDArray[np.float64]

#: How a surface over two directions can be drawn with Matplotlib.
FLAT = ("contour", "filled", "heat")
KINDS = (*FLAT, "surface")

_NAMES = {"loss": "Loss", "accuracy": "Accuracy", "curvature": "Smaller / larger curvature"}
_COLUMNS = 4


class Surfaces(Protocol):
    """What is drawn of a :class:`py_djl_resnet.landscape.Landscape`."""

    @property
    def x(self) -> Values: ...

    @property
    def y(self) -> Values | None: ...

    @property
    def loss(self) -> Values: ...

    @property
    def accuracy(self) -> Values: ...

    @property
    def loss_error(self) -> Values: ...

    @property
    def accuracy_error(self) -> Values: ...

    @property
    def info(self) -> Mapping[str, Any]: ...

    @property
    def trajectory(self) -> Mapping[str, Values] | None: ...


def plot_surfaces(
    shown: Sequence[tuple[Surfaces, int]],
    path: str | os.PathLike[str] | None = None,
    *,
    kind: str = "filled",
    value: str = "loss",
    levels: int | Sequence[float] = 12,
    log: bool | None = None,
    titles: Sequence[str] = (),
) -> Chart:
    """Draws one surface, or several side by side with one scale.

    Args:
        shown: each landscape, with the number of its pair of directions.
        path: as of :func:`finished`.
        kind: one of :data:`KINDS`.
        value: ``loss``, ``accuracy`` or ``curvature``, the smaller curvature divided by the larger.
        levels: about how many contour levels, or the levels themselves.
        log: whether the scale is logarithmic; None: for losses.
        titles: of the panels; the default names the network.
    """
    panels = [
        panel(each, k, value, titles[number] if titles else panel_title(each, k))
        for number, (each, k) in enumerate(shown)
    ]
    scale = surface_scale([each.values for each in panels], value, levels, log)
    columns = min(len(panels), _COLUMNS)
    rows = -(-len(panels) // columns)
    side = 4.6 if len(panels) > 1 else 5.6
    chart = Chart(figsize=(side * columns + 1.2, (side - 0.4) * rows + 0.6), layout="constrained")
    look: dict[str, Any] = {"projection": "3d"} if kind == "surface" else {}
    grid = chart.subplots(rows, columns, squeeze=False, subplot_kw=look)
    drawn = list(grid.flat)[: len(panels)]
    for axes in list(grid.flat)[len(panels) :]:
        axes.remove()
    for number, (axes, each) in enumerate(zip(drawn, panels, strict=True)):
        if kind == "surface":
            draw_3d(axes, each, scale)
            if number % columns < columns - 1:
                axes.set_zlabel("")  # the next panel would cover it
        else:
            draw_flat(axes, each, kind, scale)
            if number % columns and each.labels == panels[0].labels:
                axes.set_ylabel("")
    if any(np.isfinite(each.values).any() for each in panels):
        clipped = value == "loss" and any(scale.clipped(each.values) for each in panels)
        ticks = scale.levels[:: max(1, len(scale.levels) // 12)]
        bar = chart.colorbar(
            scale.mappable(),
            ax=drawn,
            ticks=ticks,
            extend="max" if clipped else "neither",
            shrink=0.9,
            aspect=30,
            pad=0.12 if kind == "surface" else 0.02,
        )
        bar.ax.set_yticks([], minor=True)
        bar.ax.set_yticklabels([short_number(tick, scale.digits) for tick in ticks])
        bar.set_label(_NAMES[value])
    chart.suptitle(description([each for each, _ in shown], value), fontsize="medium")
    if entries := keys(panels, scale, kind):
        columns = len(entries) if len(panels) > 1 else 2
        chart.legend(handles=entries, loc="outside lower center", ncols=columns, fontsize="small", frameon=False)
    return finished(chart, path)


def panel(landscape: Surfaces, direction: int, value: str, title: str) -> Panel:
    """Returns what a panel shows of one pair of directions."""
    x, y, loss = landscape.x, landscape.y, landscape.loss[direction]
    if y is None:
        raise UsageError("A surface needs two directions, and this landscape has one. Use the kind line.")
    missing = np.isnan(loss) & np.isnan(landscape.accuracy[direction])
    trajectory = landscape.trajectory
    if value == "curvature":
        if min(loss.shape) < 4:  # the border has none, and a map needs two points a side
            size = "x".join(map(str, loss.shape))
            raise UsageError(f"A map of curvatures needs a grid of at least 4x4 points. Received: {size}.")
        values, trajectory = _ratio(*eigenvalues(x, y, loss)), None
        x, y, missing = x[1:-1], y[1:-1], missing[1:-1, 1:-1]
    else:
        values = getattr(landscape, value)[direction]
    return Panel(title, x, y, values, missing, axis_labels(landscape), trajectory, value)


def _ratio(smaller: Values, larger: Values) -> Values:
    """Returns smaller / larger curvatures from -1 to 1: -1 if the surface is at least as concave as convex."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(larger > 0, smaller / larger, np.where(smaller < 0, -1.0, 0.0))
    return np.where(np.isfinite(smaller), np.clip(ratio, -1, 1), np.nan)


def axis_labels(landscape: Surfaces) -> tuple[str, str]:
    """Returns the labels of both axes."""
    info = landscape.info
    if info.get("explained"):
        first, second = (
            f"principal direction {k} ({share:.1%} of squared distance)" for k, share in enumerate(info["explained"], 1)
        )
        return first, second
    if info.get("kind") == "interpolation":
        return "from A (0) to B (1)", ""
    if landscape.y is None:
        return "step along the direction", ""
    return "direction 1 (x)", "direction 2 (y)"


def panel_title(landscape: Surfaces, direction: int = 0, name: str = "") -> str:
    """Returns a name, of the network by default, with the accuracy if the network itself is a point of the grid."""
    axes = [landscape.x] if landscape.y is None else [landscape.x, landscape.y]
    at = tuple(int(np.argmin(np.abs(axis))) for axis in axes)
    accuracy = landscape.accuracy[direction][at]
    there = all(axis[index] == 0 for axis, index in zip(axes, at, strict=True)) and np.isfinite(accuracy)
    alone = landscape.info.get("kind") != "interpolation"
    return (name or str(landscape.info["model"])) + (f", accuracy {accuracy:.3f}" if there and alone else "")


def description(landscapes: Sequence[Surfaces], value: str) -> str:
    """Returns a sentence about the examples and directions, as far as all landscapes share them."""
    infos = [landscape.info for landscape in landscapes]

    def shared(key: str) -> Any:
        return infos[0].get(key) if all(info.get(key) == infos[0].get(key) for info in infos) else None

    examples, split, dataset, norm = map(shared, ("examples", "split", "dataset", "normalize"))
    words = [_NAMES[value]]
    if examples:
        part = {"train": "training ", "test": "test "}.get(str(split), "")
        words.append(f"on {examples:,} {part}examples" + (f" of {dataset}" if dataset else ""))
    text = " ".join(words)
    if norm and infos[0].get("kind") == "surface":
        text += f"; {norm}-normalized directions" if norm != "none" else "; directions not normalized"
    return text
