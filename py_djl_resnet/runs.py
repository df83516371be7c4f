"""A training run: its folder, its history, its figure, its network."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import itertools
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _checkpoint, _jvm
from .checks import path as checked_path
from .checks import require_no_pipe
from .errors import UsageError
from .models import Model, load
from .profile import Profile
from .recipe import RESUMABLE, Recipe

if TYPE_CHECKING:
    from .figures import Chart

#: A row of the history: ``epoch``, ``step``, ``train_loss``, ``test_accuracy``, ...
Row = dict[str, Any]

#: The columns of ``metrics.csv`` that this package reads; others are kept as they are.
COLUMNS = (
    "epoch",
    "step",
    "seconds",
    "validation_seconds",
    "examples_per_second",
    "lr",
    "train_loss",
    "train_accuracy",
    "test_loss",
    "test_accuracy",
)
_WHOLE = {"epoch", "step"}
#: The files of which one makes a folder a run's, the first that says its recipe first.
_OF_A_RUN = ("recipe.json", "last.safetensors", "last.previous.safetensors")


class Run:
    """What :func:`py_djl_resnet.train` gives, or :meth:`Run.open` reads.

    Attributes:
        history: a row an epoch with the columns of ``metrics.csv``: losses, accuracies in [0, 1],
            seconds, examples a second, the learning rate.
        folder: where the run's files lie; None when nothing was kept on disk.
        recipe: the settings of the run.
        profile: where the time of a step went, of a run that was trained here with ``profile``; else None.
    """

    def __init__(
        self,
        recipe: Recipe,
        history: list[Row],
        folder: Path | None,
        network: Any = None,
        profile: Profile | None = None,
    ) -> None:
        self.recipe = recipe
        self.history = history
        self.folder = folder
        self.profile = profile
        self._model = None if network is None else Model(network)

    @staticmethod
    def open(folder: str | os.PathLike[str]) -> Run:
        """Reads the ``recipe.json`` and ``metrics.csv`` of a run folder.

        Raises:
            UsageError: no such folder, a file that is missing or not in its form.
        """
        path = Path(checked_path(folder, "run folder"))
        if not path.is_dir():
            raise UsageError(
                f"run folder {path} {'is not a folder' if path.exists() else 'does not exist'}; "
                "give a folder that the train command made"
            )
        return Run(read_recipe(path / "recipe.json"), read_metrics(path / "metrics.csv"), path)

    @property
    def model(self) -> Model:
        """The trained network: as training left it, or the ``last`` checkpoint of an opened run."""
        if self._model is None:
            if self.folder is None:
                raise UsageError("this run has no network: it has no folder and was not trained")
            last = self.folder / "last.safetensors"
            self._model = load(last if last.exists() else self.folder)
        return self._model

    @property
    def name(self) -> str:
        """The folder's name, or the model's where there is no folder."""
        return self.folder.resolve().name if self.folder else self.recipe.model

    @property
    def examples_per_second(self) -> float:
        """Mean over the run; training time only."""
        seconds = sum(row["seconds"] for row in self.history)
        examples = sum(row["seconds"] * row["examples_per_second"] for row in self.history)
        return float(examples / seconds) if seconds > 0 else math.nan

    def plot(self, path: str | os.PathLike[str] | None = None) -> Chart:
        """The chapter's figure: train loss, train and test accuracy over the epochs.

        Args:
            path: a file to write, ending in .png, .svg or .pdf; None writes nothing.

        Returns:
            A Matplotlib figure, which a notebook shows.
        """
        from .figures import plot_history

        return plot_history({self.name: self.history}, path)

    def __repr__(self) -> str:
        return f"Run({self.name!r}, epochs={len(self.history)})"


def plot_page(runs: Sequence[Run], path: str | os.PathLike[str]) -> None:
    """The same figure as an HTML page that draws without a network; every run needs its folder."""
    _jvm.start()
    file = Path(os.path.abspath(path))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"figure {file} cannot be written: {error.strerror or error}; choose another file") from error
    files = [os.path.abspath(run.folder / "metrics.csv") for run in runs if run.folder is not None]
    with _jvm.translated_errors():
        _jvm.bridge().plot(files, labels(runs), str(file))


def labels(runs: Sequence[Run]) -> list[str]:
    """A legend's name for each run, no two equal: the folder's name, else its path, else a number after it."""
    names = [run.name for run in runs]
    if len(set(names)) < len(names):
        names = [str(run.folder or run.name) for run in runs]
    unique: list[str] = []
    for name in names:
        others = (name if number == 1 else f"{name} ({number})" for number in itertools.count(1))
        unique.append(next(other for other in others if other not in unique))
    return unique


def read_metrics(file: Path) -> list[Row]:
    """The rows of a ``metrics.csv``; empty cells are None.

    Raises:
        UsageError: a file that cannot be read, lacks a column, or holds what is no number.
    """
    require_no_pipe(file)
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream, strict=True)
            lacking = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if lacking:
                raise UsageError(f"{file} is no table of metrics: it lacks the columns {', '.join(lacking)}")
            return [_row(cells, f"{file}, line {reader.line_num}") for cells in reader]
    except OSError as error:
        raise UsageError(
            f"{file} cannot be read: {error.strerror}; give a folder that the train command made"
        ) from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is no table of metrics: {error}") from error


def _row(cells: dict[str | Any, Any], where: str) -> Row:
    row: Row = {}
    for name, text in cells.items():
        if name is None or text is None:
            raise UsageError(f"{where}: has another number of cells than the first line")
        try:
            row[name] = None if text == "" else int(text) if name in _WHOLE else float(text)
        except ValueError as error:
            if name in COLUMNS:
                raise UsageError(f"{where}: {name} must be a number; received {text!r}") from error
            row[name] = text
    return row


def find_run(recipe: Recipe, folder: Path) -> Path | None:
    """The newest run in `folder` that follows `recipe`; None if there is none.

    What may be changed when a run goes on need not agree.
    """
    found: list[tuple[int, Path]] = []
    for run in folder.iterdir() if folder.is_dir() else []:
        with contextlib.suppress(UsageError):
            if not differing(recipe, recipe_to_resume(run)):
                begun = next(file for name in _OF_A_RUN if (file := run / name).is_file())
                found.append((begun.stat().st_mtime_ns, run))
    return max(found, default=(0, None))[1]


def differing(recipe: Recipe, of_run: Recipe) -> dict[str, tuple[Any, Any]]:
    """The settings in which a recipe differs from that of a run, with both values.

    Those that may be changed when a run goes on are left out.
    """
    values = dataclasses.asdict(recipe)
    if recipe.weights is not None:  # a run keeps the whole path
        values["weights"] = os.path.abspath(recipe.weights)
    pairs = {key: (value, getattr(of_run, key)) for key, value in values.items() if key not in RESUMABLE}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def is_run(folder: Path) -> bool:
    """Whether a folder holds a run that can be gone on with."""
    return any((folder / name).is_file() for name in _OF_A_RUN)


def recipe_to_resume(source: Path) -> Recipe:
    """The recipe that a run goes on with: of its ``recipe.json``, else, for want of that, of its checkpoint.

    Args:
        source: the run folder, or a checkpoint in one.

    Raises:
        UsageError: neither can be read; what is wrong with ``recipe.json`` is told.
    """
    named = source.is_file()
    try:
        return read_recipe((source.parent if named else source) / "recipe.json")
    except UsageError:
        for checkpoint in [source] if named else [source / name for name in _OF_A_RUN[1:]]:
            with contextlib.suppress(UsageError):
                return _recipe(_checkpoint.recipe_settings(checkpoint), checkpoint)
        raise


def read_recipe(file: Path) -> Recipe:
    """The recipe of a run folder's ``recipe.json``.

    Raises:
        UsageError: no such file, or one that the train command did not write.
    """
    require_no_pipe(file)
    try:
        settings = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise UsageError(
            f"{file} cannot be read: {error.strerror}; give a folder that the train command made"
        ) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} is not JSON: {error}") from error
    if not isinstance(settings, dict):
        raise UsageError(f"{file} must be a JSON object; received a {type(settings).__name__}")
    return _recipe(settings, file)


def _recipe(settings: dict[str, Any], file: Path) -> Recipe:
    # The run's recipe.json also names versions; the keys that are a recipe's are read here.
    known = {key: settings[key] for key in Recipe.__dataclass_fields__ if key in settings}
    return Recipe.from_settings(known, str(file))
