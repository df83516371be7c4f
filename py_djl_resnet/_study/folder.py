"""The folder of a study: its definition and its runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..checks import checked_path
from ..errors import UsageError
from ..runs import Run
from .definition import FILE, Definition, read_definition


@dataclass(frozen=True)
class StudyRuns:
    """The runs of a study.

    Attributes:
        definition: the study.
        folder: its folder, with ``study.json``, ``runs/`` and ``report/``.
        by_run: the runs by network and seed, in the order in which they are trained: all networks with one seed, then
            with the next. None has no complete epoch yet; others may still be incomplete (:meth:`is_complete`).
    """

    definition: Definition
    folder: Path
    by_run: dict[tuple[str, int], Run | None]

    def of(self, network: str) -> list[tuple[int, Run]]:
        """Returns each seed and run of a network that has at least one complete epoch."""
        return [(seed, run) for (name, seed), run in self.by_run.items() if name == network and run is not None]

    def complete(self, network: str) -> list[tuple[int, Run]]:
        """Returns each seed and run of a network that has been trained to its end."""
        return [(seed, run) for seed, run in self.of(network) if self.is_complete(network, run)]

    def is_complete(self, network: str, run: Run) -> bool:
        """Returns whether a run has all its epochs, or was ended by early stopping."""
        return len(run.history) >= self.definition.epochs[network] or run.is_finished


def run_folder(folder: Path, network: str, seed: int) -> Path:
    """Returns the folder of a run of a study."""
    # Windows allows no colon, as in vae-resnet:0, in a file's name
    return folder / "runs" / f"{network.replace(':', '-')}-seed{seed}"


def planned(definition: Definition) -> Iterator[tuple[str, int]]:
    """Yields network and seed of each run in the order of training: every network before the next seed.

    Networks of 0 epochs have no runs.
    """
    for seed in definition.seeds:
        for network in definition.networks:
            if definition.epochs[network] > 0:
                yield network, seed


def open_study(folder: str | os.PathLike[str]) -> StudyRuns:
    """Reads the folder of a study, which may be incomplete.

    Raises:
        UsageError: there is no such folder, or a file in it is malformed.
    """
    path = Path(checked_path(folder, "study folder"))
    if not (path / FILE).is_file():
        problem = f"has no {FILE}" if path.is_dir() else "is not a folder" if path.exists() else "does not exist"
        raise UsageError(f"study folder {path} {problem}. Give a folder that study run wrote.")
    definition = read_definition(path / FILE)
    return StudyRuns(definition, path, {of: _opened(run_folder(path, *of)) for of in planned(definition)})


def _opened(folder: Path) -> Run | None:
    """Returns the run in a folder, or None if no epoch of it is complete."""
    if not ((folder / "recipe.json").is_file() and (folder / "metrics.csv").is_file()):
        return None
    run = Run.open(folder)
    return run if run.history else None
