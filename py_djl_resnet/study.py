"""Studies: train several networks with several seeds, and report the results."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ._study.definition import Definition, read_definition, study_names
from ._study.folder import StudyRuns, open_study
from ._study.norms import Recorded
from ._study.page import write_page, write_report
from ._study.running import changed, run_definition
from ._study.sections import check_sections
from ._study.sections.gradients import norms_section
from ._study.surfaces import measure_surfaces
from .checks import checked_folder, checked_path, whole_number
from .errors import UsageError
from .gradients import GLOBAL
from .runs import Run, labels

__all__ = ["Definition", "StudyRuns", "available", "open_study", "read_study", "report", "run_study", "write_gradients"]

#: The heading of the report of :func:`write_gradients`.
_NORMS = "Norms of gradients"


def available() -> list[dict[str, Any]]:
    """Lists the studies that come with the package: ``name``, ``title``, ``networks``, ``seeds`` and ``epochs``."""
    return [
        {
            "name": name,
            "title": study.title,
            "networks": list(study.networks),
            "seeds": list(study.seeds),
            "epochs": dict(study.epochs),
        }
        for name in study_names()
        for study in [read_study(name)]
    ]


def read_study(name: str | os.PathLike[str]) -> Definition:
    """Returns the study in a JSON file, or one that comes with the package, by its name.

    Raises:
        UsageError: there is no such file or name, or the file is no study.
    """
    definition = read_definition(name)
    check_sections(definition, f"study {name}")
    return definition


def report(
    folder: str | os.PathLike[str],
    *,
    data_dir: str | os.PathLike[str] | None = None,
    landscapes: bool = False,
    progress: bool = True,
    announce: Callable[[str], None] | None = None,
) -> Path:
    """Writes the report of a study's folder, which may be incomplete, and returns its ``report.html``.

    Args:
        folder: the study's folder.
        data_dir: the folder of the data set's files, for what sections measure; None for the study's.
        landscapes: whether to measure first what its section ``landscapes`` lacks, which takes minutes to hours; a
            call that was interrupted is resumed.
        progress: whether to show progress of the loss surfaces.
        announce: called with a line for whatever is measured; None prints it to standard error.

    Raises:
        UsageError: there is no such folder, or a file in it is malformed, or what was measured had other options.
    """
    data = None if data_dir is None else checked_path(data_dir, "data_dir")
    study = open_study(folder)
    study = dataclasses.replace(study, definition=changed(study.definition, data_dir=data))
    check_sections(study.definition, f"study {study.folder}")
    if landscapes:
        measure_surfaces(study, progress, announce or _print)
    return write_report(study, announce or _print)


def run_study(
    name: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    epochs: int | None = None,
    limit: int | None = None,
    seeds: Sequence[int] | None = None,
    jobs: int = 1,
    progress: bool = True,
    announce: Callable[[str], None] | None = None,
) -> StudyRuns:
    """Trains the runs of a study, or those that its folder lacks, and returns all. :func:`report` describes them.

    The same call resumes a study that was interrupted or killed, with the same results as without the interruption.
    Seeds that the folder has already are kept.

    Args:
        name: a study's name from :func:`available`, or its JSON file.
        out: the study's folder; None for ``studies/<name>``.
        data_dir: the folder of the data set's files; None for the study's.
        epochs: how many epochs to train every network; None for the study's. Schedules are scaled.
        limit: use at most so many training and test images; None for the study's.
        seeds: a run of each network for each of them; None for the study's.
        jobs: how many runs to train at once, each in its own process, which share the cores; 1 trains in this process.
        progress: whether one job shows bars (lines without a terminal); several report each epoch to `announce`.
        announce: called with a line when a run begins; None prints it to standard error.

    Raises:
        UsageError: no such study, a wrong setting, or a folder with runs of another study. Nothing has been written.
        Interrupted: as in :func:`py_djl_resnet.train`; with several jobs, Ctrl-C raises ``KeyboardInterrupt``.
        ResnetError: a run failed. The others have been trained, unless the disk is full or data are missing.
    """
    data = None if data_dir is None else checked_path(data_dir, "data_dir")
    definition = changed(read_study(name), epochs, limit, seeds, data)
    if not any(definition.epochs.values()):
        for option, value in (("epochs", epochs), ("limit", limit), ("jobs", None if jobs == 1 else jobs)):
            if value is not None:
                raise UsageError(f"{option} needs a study that trains networks. Received: {definition.name}. Omit it.")
    folder = checked_folder(Path("studies", definition.name) if out is None else out)
    return run_definition(definition, folder, whole_number(jobs, "jobs", most=1024), progress, announce or _print)


def write_gradients(
    runs: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    names: Sequence[str] = ("global", "stem", "published"),
    steps: Sequence[int | str] = (1, 10, 100, "last"),
) -> Path:
    """Writes tables and figures of the gradients of any runs to a folder, and returns its ``report.html``.

    Args:
        runs: run folders with ``gradients.csv``, which the setting ``debug_gradients`` writes.
        out: the folder, which is created if necessary; an earlier report of gradients in it is replaced.
        names: the curves over the steps: ``global`` (all parameters), ``stem`` (the first layer's weights),
            ``published`` (what the study plots) or names of parameters.
        steps: steps at which the norm of every layer is shown, or ``last``; the nearest recorded ones are used.

    Raises:
        UsageError: a run has no gradients, an unknown name, or a folder with other files.
    """
    folder = checked_folder(out)
    page = folder / "report.md"
    earlier = page.is_file() and page.read_text(encoding="utf-8", errors="replace").startswith(f"# {_NORMS}\n")
    if folder.is_dir() and any(folder.iterdir()) and not earlier:
        raise UsageError(
            f"Folder {folder} is not empty, and holds no earlier report of gradients. Choose another with --out (in "
            "Python: out)."
        )
    opened = [Run.open(run) for run in runs]
    recorded = []
    for label, run in zip(labels(opened), opened, strict=True):
        gradients = run.gradients
        if gradients is None or GLOBAL not in gradients.by_name:
            raise UsageError(f"Run {run.folder} has no gradients. Repeat it with --debug-gradients 100.")
        recorded.append(Recorded(label, run, gradients))
    return write_page(_NORMS, "", [norms_section(recorded, names, steps)], folder)


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
