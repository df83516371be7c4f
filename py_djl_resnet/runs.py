"""A training run: its folder, its history, its figure, its network."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._java import jvm
from .checks import path as checked_path
from .checks import require_no_pipe
from .errors import SettingError, UsageError
from .metrics import Row, read_metrics
from .models import Model, load
from .profile import Profile
from .recipe import Recipe
from .settings import SETTINGS

if TYPE_CHECKING:
    from ._plotting.chart import Chart

#: What selected the best epoch of a run whose ``recipe.json`` does not say.
SELECTION = {"metric": "test_accuracy", "higher_is_better": True, "on": "test data"}


class Run:
    """What :func:`py_djl_resnet.train` gives, or :meth:`Run.open` reads.

    Attributes:
        history: a row an epoch with the columns of ``metrics.csv``: losses, accuracies in [0, 1],
            seconds, examples a second, the learning rate.
        folder: where the run's files lie; None when nothing was kept on disk.
        recipe: the settings of the run.
        selection: what selects the best epoch: ``metric``, such as ``test_accuracy``, ``higher_is_better`` and ``on``.
        test: of a run with a validation split, once it is complete: the best epoch's network on the test data,
            ``epoch``, ``examples`` and the metrics; else None.
        profile: where the time of a step went, of a run that was trained here with ``profile``; else None.
    """

    def __init__(
        self,
        recipe: Recipe,
        history: list[Row],
        folder: Path | None,
        network: Any = None,
        profile: Profile | None = None,
        selection: Mapping[str, Any] = SELECTION,
        test: dict[str, Any] | None = None,
    ) -> None:
        self.recipe = recipe
        self.history = history
        self.folder = folder
        self.profile = profile
        self.selection = dict(selection)
        self.test = test
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
        settings = _read_object(path / "recipe.json")
        test = None
        if (path / "test.json").exists():
            with contextlib.suppress(UsageError):  # resuming writes it again
                test = _read_object(path / "test.json")
        return Run(
            recipe_of_run(settings, path / "recipe.json"),
            read_metrics(path / "metrics.csv"),
            path,
            selection=settings.get("selection") or SELECTION,
            test=test,
        )

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
    def best(self) -> Row | None:
        """The row of the best epoch, whose network is in ``best.safetensors``; None before the first epoch's end."""
        sign = 1 if self.selection["higher_is_better"] else -1
        rows = [row for row in self.history if row[self.selection["metric"]] is not None]
        return max(rows, key=lambda row: sign * row[self.selection["metric"]], default=None)

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

    def plot(self, path: str | os.PathLike[str] | None = None, **options: Any) -> Chart:
        """Draws the run as :func:`plot_runs` does, with its options."""
        return plot_runs([self], path, **options)

    def __repr__(self) -> str:
        return f"Run({self.name!r}, epochs={len(self.history)})"


def plot_runs(
    runs: Sequence[Run],
    path: str | os.PathLike[str] | None = None,
    *,
    style: str = "panels",
    size: tuple[float, float] | None = None,
    dpi: int = 150,
) -> Chart:
    """Draws the loss and the accuracy of runs over the epochs, with the best epoch marked.

    Args:
        runs: one, or several to compare, each with at least one epoch.
        path: a file to write, ending in .png, .svg or .pdf; None writes nothing.
        style: ``"panels"`` for a panel per metric, or ``"d2l"`` for the chapter's figure: training loss, training
            accuracy and test accuracy in one panel.
        size: width and height in inches; None chooses.
        dpi: dots per inch of a .png file.

    Returns:
        A Matplotlib figure, which a notebook shows.

    Raises:
        UsageError: an unknown style or ending, or a file that cannot be written.
    """
    from ._plotting.history import plot_history

    names = labels(runs)
    titles = {f"{run.recipe.model} on {run.recipe.dataset}" for run in runs}
    return plot_history(
        {name: run.history for name, run in zip(names, runs, strict=True)},
        path,
        style=style,
        title=titles.pop() if len(titles) == 1 else "Training runs",
        best={name: run.best["epoch"] for name, run in zip(names, runs, strict=True) if run.best},
        size=size,
        dpi=dpi,
    )


def plot_page(runs: Sequence[Run], path: str | os.PathLike[str]) -> None:
    """The same figure as an HTML page that draws without a network; every run needs its folder."""
    jvm.start()
    file = Path(os.path.abspath(path))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"figure {file} cannot be written: {error.strerror or error}; choose another file") from error
    files = [os.path.abspath(run.folder / "metrics.csv") for run in runs if run.folder is not None]
    with jvm.translated_errors():
        jvm.bridge().plot(files, labels(runs), str(file))


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


def read_recipe(file: Path) -> Recipe:
    """The recipe of a run folder's ``recipe.json``.

    Raises:
        UsageError: no such file, or one that the train command did not write.
    """
    return recipe_of_run(_read_object(file), file)


def _read_object(file: Path) -> dict[str, Any]:
    """The JSON object in a file of a run folder."""
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
    return settings


def recipe_of_run(settings: dict[str, Any], file: Path) -> Recipe:
    """The recipe that a run wrote to `file`, with versions and other keys besides its settings; not checked."""
    try:
        return Recipe.from_settings({name: settings[name] for name in SETTINGS if name in settings})
    except SettingError as error:
        raise UsageError(f"{file}: {error}") from error
