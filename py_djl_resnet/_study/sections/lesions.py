"""The section with networks without some blocks, or with blocks in another order."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ..._checkpoint import checksum
from ..._plotting.lesions import plot_lesions
from ..._tables import counted, csv_text, figure, mean_deviation
from ...checks import LONG, whole_number
from ...errors import UsageError
from ...lesion import Lesions, checked_sizes, described, lesions, require_blocks, row_text
from ...models import create_model
from ..definition import Definition
from ..folder import StudyRuns, run_folder
from ..measured import Measured
from ..section import Section, markdown_table, prefixed, require_classifiers

#: Options with which more may be measured, while what was measured before stays.
_OPTIONS = ("delete", "shuffle", "draws")


def check_lesions(definition: Definition, options: Mapping[str, Any]) -> None:
    """Raises :class:`UsageError` for a wrong option, before anything is trained."""
    require_classifiers(definition.networks)
    for name in ("delete", "shuffle"):
        checked_sizes(options.get(name, []), name)
    for name in ("draws", "limit"):
        whole_number(options.get(name, 1), name)
    whole_number(options.get("seed", 0), "seed", -LONG - 1, LONG)


def fit_lesions(networks: Sequence[str], options: Mapping[str, Any]) -> None:
    """Raises :class:`UsageError` for a network without blocks, or with fewer than are to be left out or swapped."""
    for name in networks:
        with create_model(name) as network:
            require_blocks(network, options.get("delete"), options.get("shuffle"))


def lesions_section(study: StudyRuns, options: Mapping[str, Any], announce: Callable[[str], None]) -> Section:
    """Measures each complete run without each block, without random blocks, and with equal blocks swapped.

    Options: ``delete``, ``shuffle``, ``draws`` and ``seed``, as of :func:`py_djl_resnet.lesions`, and ``limit``, the
    most test images (default: the study's ``limit``, which is never exceeded). Each run's ``lesions.json`` keeps what
    was measured.
    """
    found: list[tuple[str, int, Lesions]] = []
    for network in study.definition.networks:
        for seed, _ in study.complete(network):
            found.append((network, seed, _measured(study, network, seed, options, announce)))
    if not found:
        return Section("Deleting and reordering blocks", "No run is complete yet.")
    limit = _limit(study, options)
    of = "" if limit is None else f" on at most {counted(limit, 'image')}"
    first = {network: lesion for network, _, lesion in reversed(found)}
    drawn = [(network, first[network]) for network in study.definition.networks if network in first]
    caption = (
        "Test error without each block (left), without random blocks (middle) and with equal blocks swapped (right), "
        "by network, of the first seed. Dots are draws; bars are the mean ± standard deviation over the draws; dotted "
        "lines are the complete networks."
    )
    text = "\n\n".join(
        [
            f"![{caption}](lesions.png)",
            f"Test error{of}, mean ± standard deviation over draws and seeds. A residual block that is left out keeps "
            "its shortcut; of a plain network, blocks that change the shape stay, since nothing else leads past them. "
            "Kendall's tau is 1 for the network's own order.",
            markdown_table(["network", "lesion", "n", "tau", "error", "loss"], _rows(found)),
        ]
    )
    return Section(
        "Deleting and reordering blocks",
        text,
        {"lesions.csv": _csv(found)},
        {"lesions.png": partial(plot_lesions, drawn)},
    )


def _measured(
    study: StudyRuns, network: str, seed: int, options: Mapping[str, Any], announce: Callable[[str], None]
) -> Lesions:
    folder = run_folder(study.folder, network, seed)
    checkpoint = folder / "last.safetensors"
    limit = _limit(study, options)
    chosen = {name: options[name] for name in _OPTIONS if name in options}
    draws_seed = options.get("seed", 0)
    settings = {"checkpoint": checksum(checkpoint), "limit": limit, "seed": draws_seed}
    measured = Measured(folder / prefixed(options, "lesions.json"), settings)
    form = measured.result
    if form is not None and form.get("options") == chosen:
        return Lesions(form["model"], form["loss"], form["accuracy"], draws_seed, measured.rows[: form["rows"]])

    def add(row: dict[str, Any]) -> None:
        measured.add(row)
        announce(f"{network}, seed {seed}, {row_text(row)}")

    try:
        result = lesions(
            checkpoint,
            seed=draws_seed,
            data_dir=study.definition.settings.get("data_dir"),
            limit=limit,
            **chosen,
            done=measured.rows,
            callback=add,
        )
    except UsageError as error:
        raise UsageError(f"section lesions of {network}: {error}") from error
    measured.finish(
        result.lesions,
        {"options": chosen, "rows": len(result.lesions), "model": result.model}
        | {"loss": result.loss, "accuracy": result.accuracy},
    )
    return result


def _limit(study: StudyRuns, options: Mapping[str, Any]) -> int | None:
    limits = [options.get("limit"), study.definition.settings.get("limit")]
    return min((number for number in limits if number is not None), default=None)


def _rows(found: list[tuple[str, int, Lesions]]) -> list[list[str]]:
    rows = []
    for network in dict.fromkeys(name for name, _, _ in found):
        of = [lesion for name, _, lesion in found if name == network]
        errors = mean_deviation([1 - lesion.accuracy for lesion in of])
        losses = mean_deviation([lesion.loss for lesion in of])
        rows.append([network, "none", str(len(of)), "", figure(*errors), figure(*losses)])
        for kind, size in dict.fromkeys((row["kind"], row["size"]) for lesion in of for row in lesion.lesions):
            draws = [row for lesion in of for row in lesion.of(kind, size)]
            taus = [row["tau"] for row in draws if row["tau"] is not None]
            rows.append(
                [
                    network,
                    "each block left out in turn" if kind == "block" else described(kind, size),
                    str(len(draws)),
                    figure(mean_deviation(taus)[0], form=".2f") if taus else "",
                    figure(*mean_deviation([1 - row["accuracy"] for row in draws])),
                    figure(*mean_deviation([row["loss"] for row in draws])),
                ]
            )
    return rows


def _csv(found: list[tuple[str, int, Lesions]]) -> str:
    head: list[str] = []
    rows: list[list[Any]] = []
    for network, seed, lesion in found:
        table = list(csv.reader(io.StringIO(lesion.to_csv())))
        head = ["network", "seed", *table[0]]
        rows += [[network, seed, *row] for row in table[1:]]
    return csv_text(head, rows)
