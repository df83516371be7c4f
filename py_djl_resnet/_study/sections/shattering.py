"""The section with the autocorrelation of gradients along lines of inputs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..._plotting.shattering import plot_depths, plot_shattering
from ..._tables import figure, mean_deviation
from ...errors import UsageError
from ...recipe import Recipe
from ...shattering import Shattering, checked_plan, references, row_text, shattered_gradients
from ..definition import Definition
from ..folder import StudyRuns
from ..measured import Measured
from ..section import Section, markdown_table, prefixed, require_classifiers

_LAGS = (1, 2, 4, 8, 16)


def check_shattering(definition: Definition, options: Mapping[str, Any]) -> None:
    """Raises :class:`UsageError` for a wrong option, before anything is trained."""
    networks = options.get("networks", definition.networks)
    checked_plan(networks, options.get("seeds", [0]), options.get("points", 256))
    require_classifiers(networks)


def shattering_section(study: StudyRuns, options: Mapping[str, Any], announce: Callable[[str], None]) -> Section:
    """Measures networks at initialization.

    Options: ``networks`` (default: the study's), ``seeds`` (default: the study's) and ``points``
    (default: 256). ``shattering.json`` in the study's folder keeps what was measured.
    """
    definition = study.definition
    networks = list(options.get("networks", definition.networks))
    seeds = list(options.get("seeds", definition.seeds))
    points = options.get("points", 256)
    dataset = str(definition.settings.get("dataset", Recipe().dataset))
    measured = Measured(study.folder / prefixed(options, "shattering.json"), {"points": points, "dataset": dataset})

    def add(row: dict[str, Any]) -> None:
        measured.add(row)
        announce(row_text(row))

    by_run = {(row["model"], row["seed"]): row for row in measured.rows}
    wanted = [(network, seed) for network in networks for seed in seeds]
    if by_run.keys() >= set(wanted):
        result = Shattering(dataset, points, [by_run[of] for of in wanted])
    else:
        try:
            result = shattered_gradients(
                networks,
                dataset,
                seeds=seeds,
                points=points,
                data_dir=definition.settings.get("data_dir"),
                done=measured.rows,
                callback=add,
            )
        except UsageError as error:
            raise UsageError(f"section shattering: {error}") from error
    noise = references(points)
    curves = {model: result.autocorrelations(model) for model in result.models()}
    first = {model: next(r["derivative"] for r in result.rows if r["model"] == model) for model in curves}
    lags = [lag for lag in _LAGS if lag < len(noise["white"])]
    rows = []
    for model, values in curves.items():
        cosine = mean_deviation([row["cosine"] for row in result.rows if row["model"] == model])
        cells = [figure(*mean_deviation(values[:, lag].tolist()), form=".3f") for lag in lags]
        rows.append([model, str(len(values)), *cells, figure(*cosine, form=".3f")])
    for kind, curve in noise.items():
        rows.append([f"{kind} noise", "", *(figure(float(curve[lag]), form=".3f") for lag in lags), ""])
    spread = "1 seed" if len(seeds) == 1 else f"mean ± standard deviation of {len(seeds)} seeds"
    caption = (
        f"Left: autocorrelation of the gradient at {points} points of a line between two test images, {spread}. "
        f"Right: derivative of the logit along the line, first seed."
    )
    parts = [
        "Networks at initialization: the gradient of a logit with respect to the input, at equally distant points of "
        "the line between two test images. Batch normalization has the statistics of all points. The closer the "
        "autocorrelation is to that of white noise, the less a gradient says about that of a near input.",
        f"![{caption}](shattering.png)",
    ]
    figures: dict[str, Any] = {"shattering.png": partial(plot_shattering, curves, first, noise)}
    depths = _depths(curves)
    if depths:
        parts.append("![Autocorrelation at lag 1 and 8 by depth, mean and range over seeds.](shattering-depth.png)")
        figures["shattering-depth.png"] = partial(plot_depths, depths, [lag for lag in (1, 8) if lag in lags])
    parts += [
        "Autocorrelation at each lag, and the cosine of the angle between the gradients at both images; mean ± "
        "standard deviation over seeds.",
        markdown_table(["network", "n", *(f"lag {lag}" for lag in lags), "cosine"], rows),
    ]
    return Section("Shattered gradients", "\n\n".join(parts), {"shattering.csv": result.to_csv()}, figures)


def _depths(curves: Mapping[str, Any]) -> dict[str, dict[int, Any]]:
    """Returns the curves by family and depth, for families of at least two depths."""
    families: dict[str, dict[int, Any]] = {}
    for model, values in curves.items():
        if found := re.fullmatch(r"(.*\D)(\d+)", model):
            families.setdefault(found[1], {})[int(found[2])] = values
    return {family: depths for family, depths in families.items() if len(depths) > 1}
