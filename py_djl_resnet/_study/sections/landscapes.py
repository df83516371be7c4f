"""The section with loss surfaces side by side, and their measures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from ..._landscape.measures import LABELS, Measures, measures_csv, shown_measure
from ..._tables import counted
from ...landscape import Landscape, plot_together
from ..definition import Definition
from ..folder import StudyRuns
from ..section import Section, markdown_table, require_classifiers
from ..surfaces import measured_surface, plan

_TITLE = "Loss surfaces"
_HOW = "`study report DIR --landscapes` measures them"


def check_landscapes(definition: Definition, options: Mapping[str, Any]) -> None:
    """Raises :class:`UsageError` for a wrong option."""
    require_classifiers(plan(definition, options).networks)


def landscapes(study: StudyRuns, options: Mapping[str, Any], _: Callable[[str], None]) -> Section:
    """Draws the loss around the final weights of each network's first seed, side by side with one scale.

    Options: ``pairs``, the networks of each figure (default: all in one), ``grid``, points along each axis (default:
    25), ``range`` of the axes (default: -1 to 1), ``examples`` of the training data (default: 1000, or "all") and
    ``directions``, pairs of random directions (default: 3). ``study report DIR --landscapes`` measures what is missing;
    otherwise the section shows what there is.
    """
    wanted = plan(study.definition, options)
    found = {network: surface for network in wanted.networks if (surface := measured_surface(study, options, network))}
    if not found:
        return Section(_TITLE, f"No surface has been measured yet: {_HOW}, once the runs are complete.")
    measures = {network: surface.measures() for network, surface in found.items()}
    blocks = [_text(found)]
    missing = [network for network in wanted.networks if network not in found or found[network].missing]
    if missing:
        blocks.append(f"**Not complete:** {', '.join(missing)}; {_HOW}.")
    figures = {}
    for pair in wanted.pairs:
        shown = {network: found[network] for network in pair if network in found}
        if shown:
            name = f"landscape-{'-'.join(shown)}.png"
            figures[name] = partial(plot_together, shown)
            blocks.append(f"![Loss around the final weights: {', '.join(shown)}; one scale.]({name})")
    lines = {network: line for network, surface in found.items() if (line := _lines(surface))}
    if lines:
        figures["landscape-lines.png"] = partial(plot_together, lines)
        blocks.append(
            "![Loss and accuracy along the axes of all surfaces, lines through the final weights: mean and standard "
            "deviation over the directions.](landscape-lines.png)"
        )
    blocks.append(_table(measures))
    return Section(_TITLE, "\n\n".join(blocks), {"landscapes.csv": measures_csv(list(measures.values()))}, figures)


def _text(found: Mapping[str, Landscape]) -> str:
    info = next(iter(found.values())).info
    nx, ny = info["grid"]
    return (
        f"Loss of {info['examples']:,} training examples on {nx} x {ny} points around the final weights of the "
        f"first seed, over {counted(info['directions'], 'pair')} of random directions, {info['normalize']}-normalized "
        "(Li et al. 2018), with the running statistics of batch normalization. The figures show the first pair; the "
        "table has mean ± standard deviation over the pairs. The points at the border, and those beside one that is "
        "not finite, have no curvature."
    )


def _table(measures: Mapping[str, Measures]) -> str:
    names = next(iter(measures.values())).names
    return markdown_table(
        ["measure", *measures],
        [[LABELS[name], *(shown_measure(each, name) for each in measures.values())] for name in names],
    )


def _lines(surface: Landscape) -> Landscape | None:
    """Returns the axes of the surfaces as lines; None if the network's own weights are not a point of the grid."""
    i, j = (int(np.argmin(np.abs(axis))) for axis in (surface.x, surface.y) if axis is not None)
    if surface.y is None or surface.x[i] or surface.y[j] or not np.array_equal(surface.x, surface.y):
        return None

    def along(name: str) -> Any:
        values = getattr(surface, name)
        return np.concatenate([values[:, :, j], values[:, i, :]])

    return dataclasses.replace(
        surface, y=None, **{name: along(name) for name in ("loss", "accuracy", "loss_error", "accuracy_error")}
    )
