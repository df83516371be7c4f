"""Resuming runs: finds the run, compares its recipe, and waits while another process uses it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import numbers
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ._checkpoint import network_of, recipe_settings
from ._java import jvm
from ._java.jars import ENGINES
from .checks import checked_path, require_no_pipe, shown
from .errors import RunInUseError, SettingError, UsageError, warn
from .recipe import Recipe
from .runs import Run, read_recipe, recipe_of_run
from .settings import RESUMABLE, absolute_paths, check_start, names_autoencoder

#: The files of a run that hold its recipe, the preferred one first. Any of them makes a folder a run.
_RECIPE_FILES = ("recipe.json", "last.safetensors", "last.previous.safetensors")
#: The share of the training images that an autoencoder holds out by itself, as in Java's AutoencoderSettings.
_HELD_OUT = 0.1
#: Seconds between two attempts to resume a run that is in use.
_RETRY_SECONDS = 0.2
_DAY = 86400


def run_to_resume(resume: str | os.PathLike[str], recipe: Recipe, out: str | None) -> Path | None:
    """Returns the run that :func:`py_djl_resnet.train` resumes with these arguments, or None if it starts one."""
    if resume != "auto":
        return existing_run(resume, "resume")
    if out is None:
        return find_run(recipe)
    return Path(out) if any(Path(out, name).is_file() for name in _RECIPE_FILES) else None


def existing_run(run: str | os.PathLike[str], name: str) -> Path:
    """Returns the absolute path of a run folder or checkpoint that exists."""
    source = Path(checked_path(run, name, "The folder of a run is run.folder."))
    if not source.exists():
        raise UsageError(f"run {source} does not exist. Give a run folder, or a checkpoint in one.")
    require_no_pipe(source)
    return Path(os.path.abspath(source))


def find_run(recipe: Recipe) -> Path | None:
    """Returns the newest run in ``runs`` with this recipe, except for resumable settings; None if there is none."""
    folder = Path("runs").absolute()
    found: list[tuple[int, Path]] = []
    for run in folder.iterdir() if folder.is_dir() else []:
        with contextlib.suppress(UsageError):
            file, recipe_of_that_run = next(_recipes(run))
            if not differences(recipe, recipe_of_that_run):
                found.append((file.stat().st_mtime_ns, run))
    return max(found, default=(0, None))[1]


def recipe_to_resume(source: Path, changes: Mapping[str, Any], *, quiet: bool) -> Recipe:
    """Starts Java for a run and returns its checked recipe, from ``recipe.json`` or else from a checkpoint.

    Of the changed settings, only the device and the threads are used here.
    """
    used = {name: changes[name] for name in ("device", "threads") if name in changes}
    check_start(ENGINES[0], used.get("device", "auto"), used.get("threads"))
    failures = []
    for file, recipe in _recipes(source):
        try:
            return recipe.replace(**used).checked(quiet=quiet)
        except SettingError as error:
            failures.append(f"{file}: {error}")
    raise UsageError(failures[0])


def may_extend(recipe: Recipe) -> bool:
    """Returns whether a run with this recipe may be resumed with more epochs."""
    with jvm.translated_errors():
        return bool(jvm.bridge().mayExtend(recipe.to_json()))


def preprocessing_of(source: Path) -> str | None:
    """Returns the preprocessing of a run's network as JSON, from a checkpoint; None if there is none yet."""
    for file in [source] if source.is_file() else [source / name for name in _RECIPE_FILES[1:]]:
        with contextlib.suppress(UsageError):
            return json.dumps(network_of(file)["preprocessing"])
    return None


def _recipes(source: Path) -> Iterator[tuple[Path, Recipe]]:
    """Yields each readable recipe of a run with its file; if there is none, raises the first :class:`UsageError`."""
    if source.is_file():
        files = [source.parent / _RECIPE_FILES[0], source]
    else:
        files = [source / name for name in _RECIPE_FILES]
    failures = []
    for file in files:
        try:
            yield file, read_recipe(file) if file is files[0] else recipe_of_run(recipe_settings(file), file)
        except UsageError as error:
            failures.append(error)
    if len(failures) == len(files):
        raise failures[0]


def require_equal(recipe: Recipe, recipe_of_run: Recipe, source: Path) -> None:
    """Raises :class:`SettingError` if a run has another recipe, except for resumable settings."""
    if unequal := differences(recipe, recipe_of_run):
        values = ", ".join(f'"{name}" {new!r} (it is {old!r})' for name, (new, old) in unequal.items())
        raise SettingError(
            f"The run in {source} has another recipe: {values}. Give its own settings, resume it unchanged with "
            f'"resume" {source} without "out", or choose another "out".'
        )


def differences(recipe: Recipe, recipe_of_run: Recipe) -> dict[str, tuple[Any, Any]]:
    """Returns both values of each setting that differs between two recipes, except for resumable settings."""
    values = absolute_paths(dataclasses.asdict(recipe))  # as a run stores them
    pairs = {name: (value, getattr(recipe_of_run, name)) for name, value in values.items() if name not in RESUMABLE}
    if recipe.precision == "auto":  # a run records the one that it chose
        del pairs["precision"]
    if names_autoencoder(recipe.model) and pairs["validation"] == (None, _HELD_OUT):  # as does an autoencoder's
        del pairs["validation"]
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def when_free(wait: float, begin: Callable[[], Run]) -> Run:
    """Calls `begin` repeatedly for up to `wait` seconds while another process writes to its run."""
    if isinstance(wait, bool) or not isinstance(wait, numbers.Real) or not 0 <= wait < math.inf:
        raise SettingError(f'"wait" must be at least 0. Received: {shown(wait)}.')
    announced = ""
    waiting_since: float | None = None  # from the first attempt, because starting Java also takes time
    while True:
        try:
            return begin()
        except RunInUseError as busy:
            waiting_since = waiting_since or time.monotonic()
            if time.monotonic() - waiting_since >= wait:
                if wait:
                    raise
                raise RunInUseError(f'{busy} "wait" sets how many seconds to wait.') from busy
            if str(busy) != announced:
                announced = str(busy)
                longest = f"{wait / _DAY:g} days" if wait >= 2 * _DAY else f"{wait:g} s"
                warn(f"Waiting up to {longest}. {announced}")
        time.sleep(_RETRY_SECONDS)
