"""The loss and the accuracy of runs over their epochs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..checks import checked_choice
from ..metrics import ELBO, metric_columns, shown_columns
from .chart import DPI, Chart, finished, near

#: A panel for each metric, or the one panel of the chapter.
STYLES = ("panels", "d2l")

#: The names of an autoencoder's metrics, which may be negative.
_NAMES = {"elbo": "ELBO in nats per image", "reconstruction": "Reconstruction in nats", "kl": "KL divergence in nats"}

_D2L_DASHES = ("-", "--", "-.", ":")
#: In the columns that measure the average of the weights.
_AVERAGE = "_average_"
_STAR: dict[str, Any] = {"linestyle": "", "marker": "*", "markersize": 13, "markeredgecolor": "white", "zorder": 4}

Row = Mapping[str, Any]


def plot_history(
    runs: Mapping[str, Sequence[Row]],
    path: str | os.PathLike[str] | None = None,
    *,
    style: str = "panels",
    title: str = "",
    best: Mapping[str, int] | None = None,
    size: tuple[float, float] | None = None,
    dpi: int = DPI,
) -> Chart:
    """Draws metrics over epochs, as :func:`py_djl_resnet.runs.plot_runs`; of autoencoders ELBO, reconstruction and KL.

    One run has a colour for each part of the data; several have one colour each, and training is dashed.

    Args:
        runs: for each name in the legend the rows of a run's history.
        path: as of :func:`finished`.
        style: one of :data:`STYLES`.
        title: above the panels.
        best: the best epoch of each run, by name.
        size: width and height in inches.
        dpi: dots per inch.
    """
    checked_choice(style, "style", STYLES)
    chart = Chart(layout="constrained")
    if style == "d2l":
        _one_panel(chart, runs)
        width, height = 9.6 if max(map(len, runs), default=0) > 18 else 6.4, 4.2
    else:
        _panels(chart, runs, best or {})
        width, height = max(4.8 * len(chart.axes), 6.4), 3.8
    if title:
        chart.suptitle(title)
    if len(runs) > 1:
        keys = _keys(chart, runs)
        letters = max(len(str(key.get_label())) for key in keys)
        columns = max(1, min(4, int(12 * width) // (letters + 12)))
        chart.legend(
            handles=keys, loc="outside lower center", ncols=columns, fontsize="small", frameon=False, handlelength=3
        )
        height += 0.2 * -(-len(keys) // columns)
    else:
        for axes in chart.axes:
            axes.legend()
    chart.set_size_inches(*(size or (width, height)))
    return finished(chart, path, dpi)


def _panels(chart: Chart, runs: Mapping[str, Sequence[Row]], best: Mapping[str, int]) -> None:
    columns = list(dict.fromkeys(column for rows in runs.values() if rows for column in shown_columns(rows[0])))
    metrics = list(dict.fromkeys(_metric(column) for column in columns)) or ["loss"]
    several = len(runs) > 1
    for axes, metric in zip(chart.subplots(1, len(metrics), squeeze=False)[0], metrics, strict=True):
        for number, (name, rows) in enumerate(runs.items()):
            shown = [column for column in metric_columns(rows[0]) if _metric(column) == metric] if rows else []
            for order, column in enumerate(shown):
                part = _part(column)
                training = part == "train"
                axes.plot(
                    *_points(rows, column),
                    "--" if training else ":" if several and _AVERAGE in column else "-",
                    color=f"C{number if several else order}",
                    marker="o" if len(rows) < 3 else None,
                    markersize=4,
                    label=f"{name}: {part}" if several else part,
                )
                if column == shown[-1] and not training and name in best:
                    _mark_best(axes, rows, column, best[name], f"{name}: best epoch" if several else "best epoch")
        _label(axes, _NAMES.get(metric) or metric.replace("_", " ").capitalize())


def _mark_best(axes: Axes, rows: Sequence[Row], column: str, epoch: int, label: str) -> None:
    """Marks the best epoch on the curve just drawn."""
    value = next((row[column] for row in rows if row["epoch"] == epoch), None)
    if value is not None:
        colour = axes.lines[-1].get_color()
        axes.plot(epoch, value, **_STAR, color=colour, label=f"{label} {epoch} ({value:.3f})")


def _keys(chart: Chart, runs: Mapping[str, Sequence[Row]]) -> list[Line2D]:
    """Returns the legend entries for several runs: each run's colour, then the meaning of dashes and stars."""
    curves = [curve for axes in chart.axes for curve in axes.lines]
    keys = [Line2D([], [], color=f"C{number}", label=name) for number, name in enumerate(runs)]
    parts: dict[str, dict[str, Any]] = {}
    for curve in curves:
        part = str(curve.get_label()).rpartition(": ")[2]
        if curve.get_marker() == "*":
            parts["best epoch"] = _STAR
        else:
            parts[part] = {"linestyle": curve.get_linestyle()}
    if "best epoch" in parts:
        parts["best epoch"] = parts.pop("best epoch")  # last
    return keys + [Line2D([], [], color="grey", label=part, **look) for part, look in parts.items()]


def _one_panel(chart: Chart, runs: Mapping[str, Sequence[Row]]) -> None:
    axes = chart.add_subplot()
    several = len(runs) > 1
    for number, (name, rows) in enumerate(runs.items()):
        for order, column in enumerate(_chapter_columns(rows)):
            label = column.replace("_", " ").replace("accuracy", "acc")
            axes.plot(
                *_points(rows, column),
                _D2L_DASHES[order % len(_D2L_DASHES)],
                color=f"C{number if several else order}",
                marker="o" if len(rows) < 3 else None,
                label=f"{name}: {label}" if several else label,
            )
    _label(axes, _NAMES["elbo"] if any(rows and ELBO in rows[0] for rows in runs.values()) else "Loss, accuracy")


def _chapter_columns(rows: Sequence[Row]) -> list[str]:
    """The training loss and all metrics that are not losses; both losses if there are none; the ELBOs if there are."""
    columns = metric_columns(rows[0]) if rows else []
    if ELBO in columns:
        return [column for column in columns if column.endswith("_elbo")]
    others = [column for column in columns if not column.endswith("_loss")]
    return ["train_loss", *others] if others else columns


def _metric(column: str) -> str:
    """``loss`` of ``test_loss`` and of ``test_average_loss``, which measures the average of the weights."""
    return column.replace(_AVERAGE, "_", 1).partition("_")[2]


def _part(column: str) -> str:
    """``test`` of ``test_loss``, ``test, average`` of ``test_average_loss``."""
    return column.partition("_")[0] + (", average" if _AVERAGE in column else "")


def _points(rows: Sequence[Row], column: str) -> tuple[list[int], list[float]]:
    return [row["epoch"] for row in rows], [np.nan if row[column] is None else row[column] for row in rows]


def gaps(rows: Sequence[Row]) -> list[str]:
    """Returns the columns that are not finite in some epochs, where their curves have gaps."""
    return [
        column for column in metric_columns(rows[0] if rows else ()) if not np.isfinite(_points(rows, column)).all()
    ]


def _label(axes: Axes, metric: str) -> None:
    axes.set_xlabel("Epoch")
    axes.set_ylabel(metric)
    if metric in _NAMES.values():
        axes.set_ylim(near(axes))
    else:
        low, top = axes.dataLim.y0, axes.dataLim.y1
        if low < 0:  # an autoencoder's loss beside a classifier's
            margin = 0.06 * (top - low) or 1
            axes.set_ylim(low - margin, top + margin)
        else:
            axes.set_ylim(0, 1.06 * top if 0 < top < np.inf else 1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.3)
