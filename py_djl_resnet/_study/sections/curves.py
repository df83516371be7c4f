"""The section with the curves of training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..._plotting.study import plot_curves
from ..._tables import csv_text
from ...metrics import ELBO, Row, metric_columns
from ...runs import Run
from ..definition import Definition
from ..folder import StudyRuns
from ..l2 import l2_penalties
from ..section import Section, checked_metric

#: Columns beside those of a run's metrics: the penalty, and the sum of cross entropy and penalty.
_L2, _LOSS = "l2", "loss"


def check_curves(_: Definition, options: Mapping[str, Any]) -> None:
    """Raises :class:`UsageError` for a wrong option."""
    checked_metric(options)


def curves(study: StudyRuns, options: Mapping[str, Any], _: Callable[[str], None]) -> Section:
    """Draws training loss and test accuracy over the epochs: the mean over seeds, and the range as a band.

    Options: ``metric``, the column of the second panel (default: ``test_accuracy``).
    """
    metric = checked_metric(options)
    histories = {
        network: [run.history for _, run in study.of(network)]
        for network in study.definition.networks
        if study.of(network)
    }
    rows = [
        (network, seed, row)
        for network in study.definition.networks
        for seed, run in study.of(network)
        for row in _with_penalty(run)
    ]
    # seconds differ from one machine to the next
    columns = ["step", "lr", *dict.fromkeys(name for _, _, row in rows for name in metric_columns(row))] if rows else []
    table = csv_text(
        ["network", "seed", "epoch", *columns],
        [[network, seed, row["epoch"], *(row.get(column) for column in columns)] for network, seed, row in rows],
    )
    loss = "Training loss" if any(ELBO in row for _, _, row in rows) else "Training loss (cross entropy)"
    shown = f"{loss} and {metric.replace('_', ' ')} by epoch"
    caption = f"{shown}: mean over seeds; the band is the range."
    return Section(
        "Curves",
        f"![{caption}](curves.png)" if histories else "No epoch is complete yet.",
        {"curves.csv": table},
        {"curves.png": partial(plot_curves, histories, ("train_loss", metric))} if histories else {},
    )


def _with_penalty(run: Run) -> list[Row]:
    """Returns the rows of a run, with the L2 penalty where it was recorded."""
    penalties = l2_penalties(run)
    return [
        row | {_L2: l2, _LOSS: row["train_loss"] + l2} if (l2 := penalties.get(row["epoch"])) is not None else row
        for row in run.history
    ]
