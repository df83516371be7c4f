"""Figures with Matplotlib, drawn without a display."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checks import checked_path
from ..errors import UsageError
from ..metrics import metric_columns
from .backend import Figure, MaxNLocator

#: The kinds of file that a figure can be written to.
SUFFIXES = (".png", ".svg", ".pdf")

#: Line styles of a run's curves, by their order; a run has one colour when several are overlaid.
_STYLES = ("-", "--", "-.", ":")


class Chart(Figure):
    """A Matplotlib figure that shows itself in a notebook without pyplot."""

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.savefig(stream, format="png", dpi=100)
        return stream.getvalue()


def plot_history(
    runs: Mapping[str, Sequence[Mapping[str, Any]]],
    path: str | os.PathLike[str] | None = None,
) -> Chart:
    """The chapter's figure: train loss, train accuracy, test or validation accuracy over the epochs.

    Args:
        runs: for each legend name the rows of a run's history.
        path: a file to write, ending in .png, .svg or .pdf; None writes nothing.

    Raises:
        UsageError: another ending, or a file that cannot be written.
    """
    if path is not None:
        check_suffix(path)
    chart = Chart(figsize=(6.4, 4.2), layout="constrained")
    axes = chart.add_subplot()
    overlaid = len(runs) > 1
    for number, (name, rows) in enumerate(runs.items()):
        epochs = [row["epoch"] for row in rows]
        for curve, column in enumerate(_curves(rows)):
            label = column.replace("_", " ").replace("accuracy", "acc")
            values = [np.nan if row[column] is None else row[column] for row in rows]
            axes.plot(
                epochs,
                values,
                _STYLES[curve % len(_STYLES)],
                color=f"C{number if overlaid else curve}",
                marker="o" if len(rows) < 3 else None,
                label=f"{name}: {label}" if overlaid else label,
            )
    axes.set_xlabel("epoch")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.3)
    if overlaid:
        chart.set_size_inches(6.4, 4.2 + 0.22 * len(runs))
        chart.legend(loc="outside lower center", ncols=3, fontsize="small", frameon=False)
        if max(map(len, runs)) > 18:
            chart.set_size_inches(9.6, 4.2 + 0.22 * len(runs))
    else:
        axes.legend()
    if path is not None:
        write(chart, path)
    return chart


def _curves(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The chapter's three columns: the training loss and what is measured besides; both losses if nothing is."""
    columns = metric_columns(rows[0]) if rows else []
    besides = [column for column in columns if not column.endswith("_loss")]
    return ["train_loss", *besides] if besides else columns


def plot_confusion(
    matrix: npt.NDArray[np.int64],
    class_names: Sequence[str],
    path: str | os.PathLike[str] | None = None,
) -> Chart:
    """A confusion matrix: a row for each true class, a column for each predicted one.

    Args:
        matrix: counts, (classes, classes); the colour is a count's share of its row.
        class_names: one for each class.
        path: a file to write, ending in .png, .svg or .pdf; None writes nothing.

    Raises:
        UsageError: another ending, or a file that cannot be written.
    """
    if path is not None:
        check_suffix(path)
    count = len(class_names)
    side = 2.0 + 0.5 * min(count, 40)
    chart = Chart(figsize=(side + 0.6, side), layout="constrained")
    axes = chart.add_subplot()
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(count), class_names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(count), class_names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.tick_params(length=0)
    if count <= 20:
        for i in range(count):
            for j in range(count):
                colour = "white" if share[i, j] > 0.5 else "black" if matrix[i, j] else "silver"
                axes.text(j, i, str(matrix[i, j]), ha="center", va="center", color=colour, fontsize=8)
    if path is not None:
        write(chart, path)
    return chart


def plot_bypass(
    accuracy: float,
    without: Sequence[tuple[str, float]],
    path: str | os.PathLike[str] | None = None,
) -> Chart:
    """Test accuracy without each residual block, beside that of the whole network.

    Args:
        accuracy: of the whole network, in [0, 1].
        without: for each block its name, such as ``layer3.2``, and the accuracy without it.
        path: a file to write, ending in .png, .svg or .pdf; None writes nothing.

    Raises:
        UsageError: another ending, or a file that cannot be written.
    """
    if path is not None:
        check_suffix(path)
    chart = Chart(figsize=(min(max(6.4, 1.5 + 0.22 * len(without)), 40), 4.2), layout="constrained")
    axes = chart.add_subplot()
    stages = [name.partition(".")[0] for name, _ in without]
    for number, stage in enumerate(dict.fromkeys(stages)):
        places = [i for i, other in enumerate(stages) if other == stage]
        axes.bar(places, [without[i][1] for i in places], color=f"C{number}", label=stage)
    axes.axhline(accuracy, color="black", linewidth=1, linestyle="--", label="whole network")
    labelled = range(0, len(without), 1 + len(without) // 150)
    axes.set_xticks(labelled, [without[i][0] for i in labelled], rotation=90, fontsize="small")
    axes.set_xlim(-0.8, len(without) - 0.2)
    axes.set_ylim(0, 1)
    axes.set_xlabel("block left out")
    axes.set_ylabel("test accuracy")
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    chart.legend(loc="outside upper center", ncols=5, fontsize="small", frameon=False)
    if path is not None:
        write(chart, path)
    return chart


def plot_profile(
    rows: Sequence[Mapping[str, Any]],
    steps: int | None,
    path: str | os.PathLike[str] | None = None,
) -> Chart:
    """Where the time of a training step goes, a bar for each part in the order of a step.

    Args:
        rows: as :attr:`py_djl_resnet.Profile.rows`.
        steps: how many steps the times are means of; None leaves it out.
        path: a file to write, ending in .png, .svg or .pdf; None writes nothing.

    Raises:
        UsageError: another ending, or a file that cannot be written.
    """
    if path is not None:
        check_suffix(path)
    chart = Chart(figsize=(6.4, min(1.6 + 0.24 * len(rows), 40)), layout="constrained")
    axes = chart.add_subplot()
    places = range(len(rows))
    forward = [row["forward_ms"] or 0 for row in rows]
    backward = [row["backward_ms"] or 0 for row in rows]
    others = [row["total_ms"] if row["forward_ms"] is None else 0 for row in rows]
    axes.barh(places, forward, color="C0", label="forward")
    axes.barh(places, backward, left=forward, color="C1", label="backward")
    axes.barh(places, others, color="C2", label="neither")
    for place, row in zip(places, rows, strict=True):
        axes.text(row["total_ms"], place, f" {row['share']:.1%}", va="center", fontsize="small")
    axes.set_yticks(places, [row["part"] for row in rows], fontsize="small")
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlim(left=0)
    axes.set_xlabel("milliseconds a step" + (f", mean of {steps}" if steps else ""))
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.legend(frameon=False)
    if path is not None:
        write(chart, path)
    return chart


def check_suffix(path: str | os.PathLike[str]) -> None:
    """Raises :class:`UsageError` when a figure cannot be written to a file of this name."""
    suffix = Path(checked_path(path, "the figure's file")).suffix
    if suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"figure {os.fspath(path)} must end in {', '.join(SUFFIXES)}; received {suffix or 'no ending'}"
        )


def write(chart: Figure, path: str | os.PathLike[str]) -> None:
    """Writes a figure; its folder is made.

    Raises:
        UsageError: the file cannot be written.
    """
    file = Path(path)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        chart.savefig(file, dpi=150)
    except OSError as error:
        raise UsageError(f"figure {file} cannot be written: {error.strerror or error}; choose another file") from error
