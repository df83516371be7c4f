"""The section with the accuracy and the loss at some epochs, beside published values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..._tables import counted, csv_text, figure, mean_deviation
from ...checks import shown, whole_number
from ...errors import UsageError
from ...runs import Run
from ..definition import Definition
from ..folder import StudyRuns
from ..l2 import l2_penalties
from ..section import Section, checked_metric, markdown_table

_HEAD = (
    *("network", "published_epoch", "epoch", "epochs", "n", "accuracy", "accuracy_deviation"),
    *("loss", "cross_entropy", "l2"),
)


def check_table(definition: Definition, options: Mapping[str, Any]) -> None:
    """Raises :class:`UsageError` for a wrong option, or published values that do not fit the table."""
    checked_metric(options)
    number = max(len(_epochs(options)[0]), 1)
    for by_network in definition.published.values():
        for network, values in by_network.items():
            if not (isinstance(values, list) and len(values) == number and all(map(_is_published, values))):
                raise UsageError(
                    f'"published" of {network} must have a number or null for each epoch of the section table, '
                    f"{number}. Received: {shown(values)}."
                )


def _is_published(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def table(study: StudyRuns, options: Mapping[str, Any], _: Callable[[str], None]) -> Section:
    """Tabulates accuracy and loss at some epochs: mean and sample standard deviation over the seeds.

    Options: ``at``, the epochs (default: the last), and ``of``, of how many (default: the largest of ``at``); a run
    with fewer epochs is measured at the same fractions of it. ``metric``, the column of the accuracy (default:
    ``test_accuracy``). The study's ``published`` has a value for each of ``at``, or null.
    """
    at, of = _epochs(options)
    metric = checked_metric(options)
    networks = study.definition.networks
    measured = {network: _measured(study, network, at, of, metric) for network in networks}
    heads = [f"epoch {epoch}" if of is None else f"{epoch} of {of}" for epoch in at] if at else ["last epoch"]
    runs = {network: len(study.of(network)) for network in networks}
    accuracies = [
        [network, *(_cell(row, runs[network]) for row in measured[network]["at"]), counted(runs[network], "run")]
        for network in networks
    ]
    for source, by_network in study.definition.published.items():
        for network in (name for name in networks if name in by_network):
            cells = [figure(value) for value in by_network[network]]
            accuracies.append([f"{network}, {source}", *cells, "published"])
    losses = [
        [network, str(row["epoch"]), *(figure(row[column]) for column in ("loss", "cross_entropy", "l2"))]
        for network in networks
        # of few epochs, several fractions are the same epoch
        for row in {row["epoch"]: row for row in measured[network]["all"]}.values()
        if row["n"] or row["l2"] is not None
    ]
    rows = [
        [network, *(row[column] for column in _HEAD[1:])] for network in networks for row in measured[network]["all"]
    ]
    text = "\n\n".join(
        [
            _trained(study),
            f"{metric.replace('_', ' ').capitalize()}, mean ± standard deviation over seeds, and in parentheses the "
            "epoch that was measured, with n where not all runs have it. Where fewer epochs than published were "
            "trained, the learning-rate schedule is scaled, and the same fractions of the run are measured.",
            markdown_table(["network", *heads, "n"], accuracies),
            "The loss that is minimized: `loss` = `cross_entropy` + `l2`. `cross_entropy` is the mean over the "
            "epoch's training examples. `l2` is half the weight decay times the sum of squares of all weights of more "
            "than one dimension, before the epoch's last step; in the row of epoch 0, before the first step.",
            markdown_table(["network", "epoch", "loss", "cross_entropy", "l2"], losses)
            if losses
            else "No epoch is complete yet.",
        ]
    )
    return Section("Accuracy and loss", text, {"table.csv": csv_text(_HEAD, rows)})


def _trained(study: StudyRuns) -> str:
    """Says how much was trained."""
    counts = {network: (epochs, len(study.complete(network))) for network, epochs in study.definition.epochs.items()}
    done = [f"{network} {counted(epochs, 'epoch')}, n = {n}" for network, (epochs, n) in counts.items() if n]
    begun = {network: len(study.of(network)) - n for network, (_, n) in counts.items()}
    unfinished = [f"{network}, n = {n}" for network, n in begun.items() if n]
    missing = [network for network in counts if not study.of(network)]
    trained = f"Trained: {'; '.join(done)}." if done else ""
    trained += f" Unfinished: {'; '.join(unfinished)}." if unfinished else ""
    lacking = f" Not trained: {', '.join(missing)}." if missing else ""
    return f"{trained}{lacking}".strip()


def _epochs(options: Mapping[str, Any]) -> tuple[list[int], int | None]:
    """Returns the epochs to measure, and the number of epochs that they are of."""
    at, of = options.get("at", []), options.get("of")
    if not isinstance(at, list):
        raise UsageError(f'"at" must be a list of epochs. Received: {shown(at)}.')
    whole = [whole_number(epoch, '"at"') for epoch in at]
    most = max(whole, default=1)
    return whole, (most if whole else None) if of is None else whole_number(of, '"of"', most)


def _measured(
    study: StudyRuns, network: str, at: Sequence[int], of: int | None, metric: str
) -> dict[str, list[dict[str, Any]]]:
    """Returns rows for the epochs of the table, and all rows: these, after the epochs 0 and 1."""
    total = study.definition.epochs[network]
    runs = [(run, l2_penalties(run)) for _, run in study.of(network)]
    epochs = [max(1, int(epoch / (of or epoch) * total + 0.5)) for epoch in at] or [total]
    published_epochs: list[int | None] = [*at] or [None]
    rows = [
        {"published_epoch": published, **_at(runs, epoch, total, metric)}
        for published, epoch in zip(published_epochs, epochs, strict=True)
    ]
    first = [{"published_epoch": None, **_at(runs, epoch, total, metric)} for epoch in (0, 1) if epoch not in epochs]
    return {"at": rows, "all": [*first, *rows]}


def _at(runs: Sequence[tuple[Run, dict[int, float]]], epoch: int, total: int, metric: str) -> dict[str, Any]:
    """Returns the means over the runs that have the epoch."""
    done = [(run, l2) for run, l2 in runs if len(run.history) >= epoch]
    entropy, _ = mean_deviation([run.history[epoch - 1]["train_loss"] for run, _ in done if epoch])
    values = [run.history[epoch - 1].get(metric) for run, _ in done if epoch]
    accuracy, deviation = mean_deviation([value for value in values if value is not None])
    penalties = [l2[epoch] for _, l2 in done if epoch in l2]
    l2, _ = mean_deviation(penalties if len(penalties) == len(done) else [])
    return {
        "epoch": epoch,
        "epochs": total,
        "n": len(done) if epoch else 0,
        "accuracy": accuracy,
        "accuracy_deviation": deviation,
        "cross_entropy": entropy,
        "l2": l2,
        "loss": None if entropy is None or l2 is None else entropy + l2,
    }


def _cell(row: Mapping[str, Any], runs: int) -> str:
    if row["n"] == 0:
        return f"- ({row['epoch']}: not run)"
    fewer = f", n = {row['n']}" if row["n"] < runs else ""
    return f"{figure(row['accuracy'], row['accuracy_deviation'])} ({row['epoch']}{fewer})"
