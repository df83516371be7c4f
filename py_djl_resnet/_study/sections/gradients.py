"""The section with the norms of gradients, by step and by depth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..._plotting.study import plot_depth, plot_norms
from ..._tables import csv_text
from ...checks import checked_text, shown
from ...errors import UsageError
from ...gradients import GLOBAL
from ...models import create_model
from ..definition import Definition
from ..folder import StudyRuns
from ..norms import PLAIN_LEAF, PUBLISHED, PUBLISHED_NOTE, STEM, Recorded, checked_steps, panels, unknown_name
from ..section import Section, markdown_table

_NAMES = ("global", "stem", "published")
_STEPS = (1, 10, 100, "last")
#: How the names of what is no parameter end.
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def check_gradients(_: Definition, options: Mapping[str, Any]) -> None:
    """Raises :class:`UsageError` for a wrong option; which parameters there are is known only after training."""
    names = options.get("names", _NAMES)
    if not (isinstance(names, (list, tuple)) and names):
        raise UsageError(f"names must be a list of names, at least 1. Received: {shown(names)}.")
    for name in names:
        checked_text(name, "names")
    checked_steps(options.get("steps", _STEPS))


def fit_gradients(networks: Sequence[str], options: Mapping[str, Any]) -> None:
    """Raises :class:`UsageError` for the name of a parameter that none of the networks has."""
    named = [name for name in options.get("names", ()) if name not in (GLOBAL, STEM, PUBLISHED)]
    if named:
        parameters: list[str] = []
        for network in networks:
            with create_model(network) as model:
                parameters += [name for name in model.state_dict() if not name.endswith(_STATISTICS)]
        for name in named:
            if name not in parameters:
                raise unknown_name(name, parameters, "No network has a parameter of this name.")


def gradients(study: StudyRuns, options: Mapping[str, Any], _: Callable[[str], None]) -> Section:
    """Draws the norms of gradients of a study's runs that recorded them.

    Options: ``names`` (default: ``global``, ``stem``, ``published``) and ``steps`` (default: 1, 10, 100, ``last``), as
    of :func:`norms_section`.
    """
    several = len(study.definition.seeds) > 1
    recorded = [
        Recorded(f"{network}, seed {seed}" if several else network, run, norms)
        for network in study.definition.networks
        for seed, run in study.of(network)
        if (norms := run.gradients) is not None and GLOBAL in norms.by_name
    ]
    if not recorded:
        return Section(
            "Gradients", 'No run recorded gradients. Repeat the study in another folder with `"debug_gradients"`.'
        )
    return norms_section(recorded, options.get("names", _NAMES), options.get("steps", _STEPS))


def norms_section(runs: Sequence[Recorded], names: Sequence[str], steps: Any) -> Section:
    """Returns the section for some runs.

    Args:
        runs: the runs, at least one.
        names: the curves over the steps: ``global`` (all parameters), ``stem`` (the first layer's weights),
            ``published`` (what the study plots) or names of parameters.
        steps: steps at which the norm of every layer is shown, or ``last``; the nearest recorded ones are used.
    """
    curves = panels(runs, names) or panels(runs, [GLOBAL])
    # several steps may have the same nearest ones
    wanted = dict.fromkeys(tuple(run.nearest(step) for run in runs) for step in checked_steps(steps))
    rows = [
        [run.label, step, depth, layer, run.at(layer, step)]
        for recorded in wanted
        for run, step in zip(runs, recorded, strict=True)
        for depth, layer in enumerate(run.layers, 1)
    ]
    profiles = {
        _title(runs, recorded): [(run.label, _profile(run, step)) for run, step in zip(runs, recorded, strict=True)]
        for recorded in wanted
    }
    text = [
        "2-norms of the gradient of the cross entropy, without weight decay, as `gradients.csv` of each run records "
        "them.",
        "At the start:",
        markdown_table(
            ["network", "first layer, step 1", "all parameters, step 1", "largest norm of all", "at step"],
            [_start(run) for run in runs],
        ),
        "![Gradient norm by step.](gradients.png)",
    ]
    if PUBLISHED in names:
        text.append(PUBLISHED_NOTE if PLAIN_LEAF in curves else f"No network has `{PLAIN_LEAF}` for `{PUBLISHED}`.")
    text.append("![Gradient norm of each layer's weights, from the first layer to the last.](depth.png)")
    return Section(
        "Gradients",
        "\n\n".join(text),
        {
            "gradients.csv": csv_text(
                ["curve", "network", "step", "gradient_norm"],
                [
                    [title, label, int(step), float(norm)]
                    for title, lines in curves.items()
                    for label, at, norms in lines
                    for step, norm in zip(at, norms, strict=True)
                ],
            ),
            "depth.csv": csv_text(["network", "step", "layer", "name", "gradient_norm"], rows),
        },
        {"gradients.png": partial(plot_norms, curves), "depth.png": partial(plot_depth, profiles)},
    )


def _title(runs: Sequence[Recorded], recorded: Sequence[int]) -> str:
    """Returns the title of a panel with a recorded step of each run."""
    first, last = min(recorded), max(recorded)
    steps = f"step {first:,}" if first == last else f"steps {first:,} to {last:,}"
    ends = all(run.nearest("last") == step for run, step in zip(runs, recorded, strict=True))
    return f"last: {steps}" if ends else steps


def _profile(run: Recorded, step: int) -> list[float]:
    values = [run.at(layer, step) for layer in run.layers]
    return [np.nan if value is None else value for value in values]


def _start(run: Recorded) -> list[str]:
    """Returns the norms of a run's first step, and the largest recorded one."""
    norms = run.gradients[GLOBAL]
    largest = int(np.nanargmax(norms["gradient_norm"]))
    first = int(norms["step"][0])
    cells = [_number(run.at(run.stem, first)), _number(run.at(GLOBAL, first))] if first == 1 else ["-", "-"]
    return [run.label, *cells, _number(norms["gradient_norm"][largest]), f"{int(norms['step'][largest]):,}"]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
