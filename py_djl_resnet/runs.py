"""A training run: its folder, its history, its figure, its network."""

from __future__ import annotations

import csv
import itertools
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _jvm
from .checks import path as checked_path
from .checks import require_no_pipe
from .errors import SettingError, UsageError
from .models import Model, load
from .profile import Profile
from .recipe import Recipe
from .settings import SETTINGS

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
        self._network = network
        self._model: Model | None = None

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
            if self._network is not None:
                self._model = Model(self._network)
            elif self.folder is not None:
                last = self.folder / "last.safetensors"
                self._model = load(last if last.exists() else self.folder)
            else:
                raise UsageError("this run has no network: it has no folder and was not trained")
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
    return recipe_of_run(settings, file)


def recipe_of_run(settings: dict[str, Any], file: Path) -> Recipe:
    """The recipe that a run wrote to `file`, with versions and other keys besides its settings; not checked."""
    try:
        return Recipe.from_settings({name: settings[name] for name in SETTINGS if name in settings})
    except SettingError as error:
        raise UsageError(f"{file}: {error}") from error
