"""Measures the loss surfaces of a study's runs, for its section ``landscapes``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._checkpoint import checksum
from .._files import write
from .._landscape.options import checked_ranges, require_few
from .._landscape.surface import loss_surface
from ..checks import json_object, shown, whole_number
from ..errors import UsageError
from ..landscape import INFO, Landscape, read_landscape
from .definition import Definition
from .folder import StudyRuns, run_folder
from .measured import require_same
from .section import prefixed

KIND = "landscapes"
#: The file in the folder of a network's surfaces with what they were measured with.
_SETTINGS = "study.json"


@dataclass(frozen=True)
class Plan:
    """What the section measures.

    Attributes:
        pairs: networks that are drawn side by side.
        grid: points along each axis.
        range: the first and last coordinate of each axis.
        examples: training examples; None for all.
        directions: pairs of random directions.
    """

    pairs: tuple[tuple[str, ...], ...]
    grid: int
    range: list[list[float]]
    examples: int | None
    directions: int

    @property
    def networks(self) -> list[str]:
        """Each network once."""
        return list(dict.fromkeys(network for pair in self.pairs for network in pair))


def plan(definition: Definition, options: Mapping[str, Any]) -> Plan:
    """Checks the options of a section ``landscapes``; :class:`Plan` has their meaning."""
    networks = definition.networks
    pairs = options.get("pairs", [list(networks)])
    if not (isinstance(pairs, list) and pairs and all(isinstance(pair, list) and pair for pair in pairs)):
        raise UsageError(
            f'"pairs" must be lists of networks. Received: {shown(pairs)}. Allowed: such as '
            f"{json.dumps([list(networks[:2])])}."
        )
    for network in (name for pair in pairs for name in pair):
        if network not in networks:
            raise UsageError(
                '"pairs" has a network that the study does not train. Received: '
                f"{shown(network)}. Allowed: {', '.join(networks)}."
            )
    examples = options.get("examples", 1000)
    grid = whole_number(options.get("grid", 25), '"grid"', 2)
    directions = whole_number(options.get("directions", 3), '"directions"')
    require_few(grid**2 * directions)
    return Plan(
        tuple(map(tuple, pairs)),
        grid,
        checked_ranges(options.get("range", (-1, 1)), 2),
        None if examples == "all" else whole_number(examples, '"examples"', 2),
        directions,
    )


def surface_folder(study: StudyRuns, options: Mapping[str, Any], network: str, seed: int) -> Path:
    """Returns the folder of a network's surfaces, for a section's options."""
    return study.folder / prefixed(options, KIND) / f"{network}-seed{seed}"


def _settings(study: StudyRuns, options: Mapping[str, Any], network: str, seed: int) -> dict[str, Any]:
    """Returns what a network's surfaces are measured with."""
    wanted = plan(study.definition, options)
    sizes = {name: getattr(wanted, name) for name in ("grid", "range", "examples", "directions")}
    return {"checkpoint": checksum(_checkpoint(study, network, seed)), **sizes}


def _checkpoint(study: StudyRuns, network: str, seed: int) -> Path:
    return run_folder(study.folder, network, seed) / "last.safetensors"


def _is_begun(study: StudyRuns, options: Mapping[str, Any], network: str, seed: int) -> bool:
    """Returns whether a network has surfaces, after checking that they were measured with the same settings."""
    folder = surface_folder(study, options, network, seed)
    if not (folder / INFO).is_file():
        return False
    file = folder / _SETTINGS
    if file.is_file():
        before = json_object(file.read_text("utf-8"), str(file))
        require_same(folder, before, _settings(study, options, network, seed))
    return True


def measured_surface(study: StudyRuns, options: Mapping[str, Any], network: str) -> Landscape | None:
    """Returns the surfaces of a network's first complete run, or None if no point of them was measured."""
    for seed, _ in study.complete(network)[:1]:
        if _is_begun(study, options, network, seed):
            landscape = read_landscape(surface_folder(study, options, network, seed))
            return landscape if landscape.missing < landscape.loss.size else None
    return None


def measure_surfaces(study: StudyRuns, progress: bool, announce: Callable[[str], None]) -> None:
    """Measures the surfaces of each network's first complete run; those of an earlier call are resumed."""
    chosen = [section for section in study.definition.sections if section["kind"] == KIND]
    if not chosen:
        raise UsageError(
            f'The study {study.folder} has no section "{KIND}". Add {{"kind": "{KIND}"}} to the sections of '
            f"the study's file, and repeat study run with it and --out {study.folder}."
        )
    for options in chosen:
        wanted = plan(study.definition, options)
        for network in wanted.networks:
            for seed, _ in study.complete(network)[:1]:
                folder = surface_folder(study, options, network, seed)
                if not _is_begun(study, options, network, seed):
                    settings = _settings(study, options, network, seed)
                    write(folder / _SETTINGS, (json.dumps(settings) + "\n").encode(), "Measurement")
                announce(f"loss surfaces of {network}, seed {seed}")
                loss_surface(
                    _checkpoint(study, network, seed),
                    out=folder,
                    data_dir=study.definition.settings.get("data_dir"),
                    grid=wanted.grid,
                    ranges=[end for axis in wanted.range for end in axis],
                    examples=wanted.examples,
                    directions=wanted.directions,
                    progress=progress,
                ).write_figures()
