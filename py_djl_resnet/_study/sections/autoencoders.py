"""The section with hours, losses and KL divergence of autoencoders, beside published values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..._tables import counted, csv_text, figure, mean_deviation
from ...checks import shown
from ...errors import UsageError
from ...runs import Run
from ..definition import Definition
from ..folder import StudyRuns
from ..section import Section, markdown_table

#: The columns with a mean and a deviation: name, heading and form.
_COLUMNS = (
    ("epochs", "epochs", ".0f"),
    ("hours", "hours", ".1f"),
    ("train_loss", "train loss", ".1f"),
    ("validation_loss", "validation loss", ".1f"),
    ("kl", "KL", ".1f"),
)


def check_autoencoders(definition: Definition, _: Mapping[str, Any]) -> None:
    """Raises :class:`UsageError` for published values that do not fit the table."""
    names = [name for name, _, _ in _COLUMNS]
    for by_network in definition.published.values():
        for network, values in by_network.items():
            numbers = values if isinstance(values, dict) else {None: values}
            for name, value in numbers.items():
                if name not in names or not isinstance(value, (int, float)) or isinstance(value, bool):
                    raise UsageError(
                        f'"published" of {network} must be an object of numbers. Received: {shown(values)}. Allowed: '
                        f"{', '.join(names)}."
                    )


def autoencoders(study: StudyRuns, _: Mapping[str, Any], __: Callable[[str], None]) -> Section:
    """Tabulates the best epoch of each run: mean and sample standard deviation over the seeds.

    The study's ``published`` has an object of numbers for a network: ``epochs``, ``hours``, ``train_loss``,
    ``validation_loss`` and ``kl``, any of them.
    """
    cells, rows = [], []
    for network in study.definition.networks:
        measured = [_measured(run) for _, run in study.of(network)]
        found = {name: mean_deviation([one[name] for one in measured if name in one]) for name, _, _ in _COLUMNS}
        means = [figure(*found[name], form) for name, _, form in _COLUMNS]
        cells.append([network, *means, counted(len(measured), "run")])
        rows.append([network, len(measured), *(value for name, _, _ in _COLUMNS for value in found[name])])
        for source, by_network in study.definition.published.items():
            if network in by_network:
                values = by_network[network]
                published = [figure(values.get(name), None, form) for name, _, form in _COLUMNS]
                cells.append([f"{network}, {source}", *published, "published"])
    text = "\n\n".join(
        [
            "Losses and KL divergence are of the epoch with the lowest validation loss, in nats per image: mean ± "
            "standard deviation over seeds. `hours` is the time of training and validation of all epochs, the only "
            "column that differs between equal runs.",
            markdown_table(["network", *(heading for _, heading, _ in _COLUMNS), "n"], cells),
        ]
    )
    head = ["network", "n", *(f"{name}{ending}" for name, _, _ in _COLUMNS for ending in ("", "_deviation"))]
    return Section("Autoencoders", text, {"autoencoders.csv": csv_text(head, rows)})


def _measured(run: Run) -> dict[str, float]:
    """Returns a run's columns; those without validation data are missing."""
    found = {
        "epochs": float(len(run.history)),
        "hours": sum(row["seconds"] + row["validation_seconds"] for row in run.history) / 3600,
    }
    rows = [row for row in run.history if row.get("validation_loss") is not None]
    if rows:
        best = min(rows, key=lambda row: row["validation_loss"])
        found |= {"train_loss": best["train_loss"], "validation_loss": best["validation_loss"]}
        if best.get("validation_kl") is not None:
            found["kl"] = best["validation_kl"]
    return found
