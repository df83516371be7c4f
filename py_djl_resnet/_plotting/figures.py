"""Figures of an evaluation, an ablation and a profile."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .._tables import counted
from .chart import Chart, finished


def plot_confusion(
    matrix: npt.NDArray[np.int64],
    class_names: Sequence[str],
    path: str | os.PathLike[str] | None = None,
    title: str = "Accuracy",
) -> Chart:
    """Draws a confusion matrix with the accuracy, overall and per class.

    The counts are (classes, classes), a row for each true class; the colour is a count's share of its row. `title`
    precedes the accuracy.
    """
    count = len(class_names)
    side = 2.0 + 0.5 * min(count, 40)
    chart = Chart(figsize=(side + 1.2, side + 0.3), layout="constrained")
    axes = chart.add_subplot()
    support = matrix.sum(axis=1, keepdims=True)
    share = matrix / np.maximum(support, 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    shown = range(0, count, 1 + count // 80)
    axes.set_xticks(shown, [class_names[i] for i in shown], rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(shown, [class_names[i] for i in shown])
    recall = axes.secondary_yaxis("right")
    recall.set_yticks(shown, [f"{share[i, i]:.1%}" if support[i, 0] else "-" for i in shown])
    recall.set_ylabel("Accuracy per class")
    total = int(matrix.sum())
    axes.set_title(f"{title} {np.trace(matrix) / max(total, 1):.1%}, n = {total:,}")
    axes.set_xlabel("Predicted class")
    axes.set_ylabel("True class")
    for each in (axes, recall):
        each.tick_params(length=0)
    if count <= 20:
        for i in range(count):
            for j in range(count):
                colour = "white" if share[i, j] > 0.5 else "black" if matrix[i, j] else "silver"
                axes.text(j, i, str(matrix[i, j]), ha="center", va="center", color=colour, fontsize=8)
    return finished(chart, path)


def plot_bypass(
    accuracy: float,
    without: Sequence[tuple[str, float]],
    path: str | os.PathLike[str] | None = None,
) -> Chart:
    """Draws the test accuracy of the full network, and that without each residual block."""
    chart = Chart(figsize=(min(max(6.4, 1.5 + 0.22 * len(without)), 40), 4.2), layout="constrained")
    axes = chart.add_subplot()
    stages = [name.partition(".")[0] for name, _ in without]
    for number, stage in enumerate(dict.fromkeys(stages)):
        places = [i for i, other in enumerate(stages) if other == stage]
        axes.bar(places, [without[i][1] for i in places], color=f"C{number}", label=stage)
    axes.axhline(accuracy, color="black", linewidth=1, linestyle="--", label=f"full network: {accuracy:.3f}")
    labelled = range(0, len(without), 1 + len(without) // 150)
    axes.set_xticks(labelled, [without[i][0] for i in labelled], rotation=90, fontsize="small")
    axes.set_xlim(-0.8, len(without) - 0.2)
    axes.set_ylim(0, 1)
    axes.set_title("Test accuracy without each residual block")
    axes.set_xlabel("Block left out")
    axes.set_ylabel("Test accuracy")
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    chart.legend(loc="outside upper center", ncols=5, fontsize="small", frameon=False)
    return finished(chart, path)


def plot_profile(
    rows: Sequence[Mapping[str, Any]],
    steps: int,
    path: str | os.PathLike[str] | None = None,
) -> Chart:
    """Draws the rows of a :class:`py_djl_resnet.Profile`, a bar for each part in the order of a step."""
    chart = Chart(figsize=(6.4, min(1.8 + 0.24 * len(rows), 40)), layout="constrained")
    axes = chart.add_subplot()
    places = range(len(rows))
    forward = [row["forward_ms"] or 0 for row in rows]
    backward = [row["backward_ms"] or 0 for row in rows]
    others = [row["total_ms"] if row["forward_ms"] is None else 0 for row in rows]
    axes.barh(places, forward, color="C0", label="forward pass")
    axes.barh(places, backward, left=forward, color="C1", label="backward pass")
    axes.barh(places, others, color="C2", label="outside both")
    for place, row in zip(places, rows, strict=True):
        axes.text(row["total_ms"], place, f" {row['share']:.1%}", va="center", fontsize="small")
    axes.set_yticks(places, [row["part"] for row in rows], fontsize="small")
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlim(left=0)
    axes.set_title("Time of a training step")
    axes.set_xlabel(f"Milliseconds per step (mean of {counted(steps, 'step')})")
    axes.set_ylabel("Part")
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.legend(frameon=False)
    return finished(chart, path)
