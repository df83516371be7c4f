"""Runs a study: trains what is missing, one run after another or several at once."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .._files import write
from ..checks import shown, whole_number
from ..errors import Interrupted, ResnetError, SettingError, TrainingError, UsageError, warn
from ..recipe import Recipe
from ..report import draw
from ..settings import RESUMABLE, absolute_paths
from ..training import train
from .definition import FILE, Definition
from .folder import StudyRuns, open_study, planned, run_folder
from .processes import Job, train_in_processes
from .sections import fit_sections

#: Seconds to wait for a run that another process trains, such as one that outlived a killed study: a week.
WAIT = 7 * 86400


def changed(
    definition: Definition,
    epochs: int | None = None,
    limit: int | None = None,
    seeds: Sequence[int] | None = None,
    data_dir: str | None = None,
) -> Definition:
    """Returns a study with other epochs of trained networks, another limit, seeds or data; None changes nothing."""
    changes: dict[str, Any] = {}
    if epochs is not None:
        number = whole_number(epochs, "epochs")
        changes["epochs"] = {network: number if old else 0 for network, old in definition.epochs.items()}
    settings = dict(definition.settings)
    if limit is not None:
        settings["limit"] = whole_number(limit, "limit", 2)
    if data_dir is not None:
        settings["data_dir"] = data_dir
    changes["settings"] = absolute_paths(settings)
    if seeds is not None:
        numbers = tuple(whole_number(seed, "seeds", 0) for seed in seeds)
        if not numbers or len(set(numbers)) < len(numbers):
            raise UsageError(f"seeds must be different numbers, at least 1. Received: {shown(list(seeds))}.")
        changes["seeds"] = numbers
    return dataclasses.replace(definition, **changes)


def run_definition(
    definition: Definition,
    folder: Path,
    jobs: int,
    progress: bool,
    announce: Callable[[str], None],
) -> StudyRuns:
    """Trains the runs of a study that are not complete yet, and returns all.

    Raises:
        UsageError: a wrong setting, or the folder has runs of another study. Nothing has been written.
        Interrupted: after a signal; the state of the runs is saved.
        ResnetError: a run failed. If its loss is not finite, the others were still trained.
    """
    definition = _with_seeds_of(folder, definition)
    # every network is checked before the first one is trained
    recipes = {of: definition.recipe(*of) for of in planned(definition)}
    for recipe in recipes.values():
        _check(definition, recipe, quiet=progress is False)
    _check_untrained(definition)
    fit_sections(definition)
    write(folder / FILE, definition.to_json().encode(), "Study")
    done = open_study(folder)
    missing = [
        Job(
            f"run {number} of {len(recipes)}: {network}, seed {seed}",
            recipes[network, seed],
            run_folder(folder, network, seed),
        )
        for number, (network, seed) in enumerate(recipes, 1)
        if not _is_done(done, network, seed)
    ]
    if len(missing) < len(recipes):
        announce(f"{len(recipes) - len(missing)} of {len(recipes)} runs are complete")
    if jobs == 1:
        failures = _train_here(missing, progress, announce)
    else:
        failures = train_in_processes(missing, jobs, WAIT, announce)
    if failures:
        report = f"py-djl-resnet study report {shlex.quote(str(folder))}"
        advice = f" Write the report of the others with: {report}" if len(failures) < len(recipes) else ""
        raise ResnetError(f"{len(failures)} of {len(recipes)} runs failed. {' '.join(failures)}{advice}")
    return open_study(folder)


def _check_untrained(definition: Definition) -> None:
    """Raises :class:`UsageError` for an unknown network that is measured without being trained."""
    named = [network for section in definition.sections for network in section.get("networks", ())]
    named += [network for network, epochs in definition.epochs.items() if epochs == 0]
    for network in dict.fromkeys(named):
        if not definition.epochs.get(network):
            _check(definition, Recipe(model=network), quiet=True)


def _check(definition: Definition, recipe: Recipe, quiet: bool) -> None:
    try:
        recipe.checked(quiet=quiet)
    except SettingError as error:
        raise SettingError(f"study {definition.name}, network {recipe.model}: {error}") from None


def _is_done(study: StudyRuns, network: str, seed: int) -> bool:
    run = study.by_run[network, seed]
    report = run_folder(study.folder, network, seed) / "report.html"
    return run is not None and run.is_finished and report.is_file()


def _with_seeds_of(folder: Path, definition: Definition) -> Definition:
    """Returns the study with the seeds that its folder has already, after checking that its runs can be resumed."""
    if not (folder / FILE).is_file() or not (folder / "runs").is_dir():
        return definition
    before = open_study(folder).definition
    unequal = _differences(before, definition)
    if unequal:
        values = ", ".join(f"{name} {shown(new)} (it is {shown(old)})" for name, (old, new) in unequal.items())
        raise UsageError(
            f"The study in {folder} has other settings: {values}. Use the study's settings, or choose another "
            "folder with --out."
        )
    more = tuple(seed for seed in before.seeds if seed not in definition.seeds)
    return dataclasses.replace(definition, seeds=tuple(sorted((*definition.seeds, *more))))


def _differences(before: Definition, now: Definition) -> Mapping[str, tuple[Any, Any]]:
    """Returns both values of what differs between two studies and matters to their runs."""
    pairs = {
        name: (before.settings.get(name), now.settings.get(name))
        for name in sorted({*before.settings, *now.settings} - set(RESUMABLE))
    }
    for network in sorted({*before.networks} & {*now.networks}):
        pairs[f"epochs of {network}"] = (before.epochs[network], now.epochs[network])
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _train_here(jobs: Sequence[Job], progress: bool, announce: Callable[[str], None]) -> list[str]:
    """Trains runs one after another in this process. Returns a line for each run whose loss is not finite."""
    failures = []
    for job in jobs:
        announce(job.title)
        try:
            run = train(recipe=job.recipe, out=job.folder, resume="auto", wait=WAIT, progress=progress)
        except Interrupted as interrupted:
            place = f"{interrupted.signal.name} in {job.title}"
            message = f"The study was interrupted by {place}. Its state is saved. Repeat the command to resume."
            interrupted.args = (message,)
            raise
        except TrainingError as error:
            failures.append(f"{job.title}: {error}")
            error.run.model.close()
            continue
        try:
            draw(run, job.folder)
        except ResnetError as error:  # the run itself is saved
            warn(f"No figure of {job.folder}: {error}")
        run.model.close()
    return failures
