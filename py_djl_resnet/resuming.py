"""Resuming runs: which run is to be resumed, whether its recipe fits, and waiting for one that is in use."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import numbers
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ._checkpoint import recipe_settings
from ._java.jars import ENGINES
from .checks import path, shown
from .errors import ResnetWarning, RunInUseError, SettingError, UsageError
from .recipe import Recipe
from .runs import Run, read_recipe, recipe_of_run
from .settings import RESUMABLE, absolute_paths, check_start

#: The files of which one makes a folder a run's, the first that says its recipe first.
_OF_A_RUN = ("recipe.json", "last.safetensors", "last.previous.safetensors")
#: Seconds between looks at a run that another process writes to.
_LOOK_AGAIN = 0.2
#: From where a wait is announced to who called the API.
_CALLER = 3


def run_to_resume(resume: str | os.PathLike[str], recipe: Recipe, out: str | None) -> Path | None:
    """The run that :func:`py_djl_resnet.train` is to resume; None if it is to start one.

    Args:
        resume: a run folder, a checkpoint in one, or "auto": the run in `out`, or without that the newest in
            ``runs`` that follows `recipe`.
        recipe: what is to be trained.
        out: the run folder that was asked for.

    Raises:
        UsageError: no such run.
    """
    if resume != "auto":
        return existing(resume, "resume")
    if out is None:
        return find_run(recipe, Path("runs").absolute())
    return Path(out) if is_run(Path(out)) else None


def existing(run: str | os.PathLike[str], name: str) -> Path:
    """The absolute path of a run folder or checkpoint that exists."""
    source = Path(path(run, name, "; the folder of a run is run.folder"))
    if not source.exists():
        raise UsageError(f"run {source} does not exist; give a run folder, or a checkpoint in one")
    return Path(os.path.abspath(source))


def is_run(folder: Path) -> bool:
    """Whether a folder holds a run that can be resumed."""
    return any((folder / name).is_file() for name in _OF_A_RUN)


def find_run(recipe: Recipe, folder: Path) -> Path | None:
    """The newest run in `folder` that follows `recipe`, resumable settings aside; None if there is none."""
    found: list[tuple[int, Path]] = []
    for run in folder.iterdir() if folder.is_dir() else []:
        with contextlib.suppress(UsageError):
            _, of_run = next(_recipes(run))
            if not differences(recipe, of_run):
                begun = next(file for name in _OF_A_RUN if (file := run / name).is_file())
                found.append((begun.stat().st_mtime_ns, run))
    return max(found, default=(0, None))[1]


def recipe_to_resume(source: Path, changes: Mapping[str, Any], *, quiet: bool) -> Recipe:
    """The checked recipe of a run: of its ``recipe.json``, else of a checkpoint; starts Java as it and `changes` say.

    Args:
        source: the run folder, or a checkpoint in one.
        changes: settings to change, of which the device and the threads are taken.
        quiet: whether to hide the progress of fetching Java's libraries.

    Raises:
        UsageError: no recipe can be read, or none is sound; says what is wrong with the first.
    """
    where = {name: changes[name] for name in ("device", "threads") if name in changes}
    check_start(ENGINES[0], where.get("device", "auto"), where.get("threads"))
    failures = []
    for file, recipe in _recipes(source):
        try:
            return recipe.replace(**where).checked(quiet=quiet)
        except SettingError as error:
            failures.append(f"{file}: {error}")
    raise UsageError(failures[0])


def _recipes(source: Path) -> Iterator[tuple[Path, Recipe]]:
    """The recipes of a run that can be read, with their files; raises the first :class:`UsageError` if none can."""
    named = source.is_file()
    folder = source.parent if named else source
    failures = []
    checkpoints = [source] if named else [folder / name for name in _OF_A_RUN[1:]]
    for file in (folder / _OF_A_RUN[0], *checkpoints):
        try:
            recipe = recipe_of_run(recipe_settings(file), file) if file in checkpoints else read_recipe(file)
        except UsageError as error:
            failures.append(error)
        else:
            yield file, recipe
    if len(failures) > len(checkpoints):
        raise failures[0]


def require_equal(recipe: Recipe, of_run: Recipe, source: Path) -> None:
    """Raises :class:`SettingError` unless a run follows `recipe`, resumable settings aside."""
    if unequal := differences(recipe, of_run):
        values = ", ".join(f'"{name}" {asked!r} (it is {is_!r})' for name, (asked, is_) in unequal.items())
        raise SettingError(
            f"The run in {source} has another recipe: {values}. Give its own settings, resume it as it is with "
            f'"resume" {source} without "out", or choose another "out".'
        )


def differences(recipe: Recipe, of_run: Recipe) -> dict[str, tuple[Any, Any]]:
    """The settings in which a recipe differs from that of a run, with both values; resumable ones aside."""
    values = absolute_paths(dataclasses.asdict(recipe))  # a run keeps whole paths
    pairs = {name: (value, getattr(of_run, name)) for name, value in values.items() if name not in RESUMABLE}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def when_free(wait: float, begin: Callable[[], Run]) -> Run:
    """Calls `begin` again and again, for up to `wait` seconds, while another process writes to its run.

    Raises:
        RunInUseError: the run is still in use then.
        SettingError: a `wait` that is no number of seconds.
    """
    if isinstance(wait, bool) or not isinstance(wait, numbers.Real) or not 0 <= wait < math.inf:
        raise SettingError(f'"wait" must be 0 or more seconds. Received: {shown(wait)}.')
    told = ""
    waited_since: float | None = None  # from the first look on, however long Java took to start
    while True:
        try:
            return begin()
        except RunInUseError as busy:
            waited_since = waited_since or time.monotonic()
            if time.monotonic() - waited_since >= wait:
                raise RunInUseError(f"{busy} Or let it wait: wait=SECONDS.") from busy
            if str(busy) != told:
                told = str(busy)
                warnings.warn(f"waiting for up to {wait:g} s: {told}", ResnetWarning, stacklevel=_CALLER)
        time.sleep(_LOOK_AGAIN)
