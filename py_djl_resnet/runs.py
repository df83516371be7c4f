"""Training runs: folder, history, figure and network."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ._checkpoint import network_of
from ._files import writing
from ._folder.data import examples_to_evaluate
from ._folder.layout import is_folder
from ._java import jvm
from .checks import checked_path, json_object, require_no_pipe
from .datasets import ARRAYS, named
from .errors import SettingError, UsageError, warn
from .gradients import Gradients, read_gradients
from .metrics import ELBO, Row, read_metrics
from .models import Model, checkpoint_file, load
from .predictions import Predictions, images_of, read_predictions
from .profile import Profile
from .recipe import Recipe
from .settings import SETTINGS

if TYPE_CHECKING:
    from ._plotting.chart import Chart

#: The selection of the best epoch in older runs, whose ``recipe.json`` does not record it.
DEFAULT_SELECTION = {"metric": "test_accuracy", "higher_is_better": True, "on": "test data"}


class Results(NamedTuple):
    """The results of a run in this process: Java's ``Examples`` of its test data, and ``predictions.csv`` as text.

    An autoencoder's text has the bounds of each image in place of predictions.
    """

    examples: Any
    predictions: str | None


class Run:
    """The result of :func:`py_djl_resnet.train` or :meth:`Run.open`.

    Attributes:
        history: one row per epoch with the columns of ``metrics.csv``: losses, accuracies in [0, 1], seconds,
            examples per second, the learning rate.
        folder: the folder of the run's files; None if nothing was kept on disk.
        recipe: the settings of the run.
        selection: how the best epoch is selected: ``metric``, such as ``test_accuracy``, ``higher_is_better`` and
            ``on``.
        test: the best epoch's network on the test data, with ``epoch``, ``examples`` and the metrics, if the run has a
            validation split and is complete; else None.
        profile: how long each part of a step took, if the run was trained in this process with ``profile``; else None.
    """

    def __init__(
        self,
        recipe: Recipe,
        history: list[Row],
        folder: Path | None,
        network: Any = None,
        profile: Profile | None = None,
        selection: Mapping[str, Any] = DEFAULT_SELECTION,
        test: dict[str, Any] | None = None,
        results: Results | None = None,
    ) -> None:
        self.recipe = recipe
        self.history = history
        self.folder = folder
        self.profile = profile
        self.selection = dict(selection)
        self.test = test
        self._results = results
        self._model = None if network is None else Model(network)

    @staticmethod
    def open(folder: str | os.PathLike[str]) -> Run:
        """Reads the ``recipe.json`` and ``metrics.csv`` of a run folder.

        Raises:
            UsageError: there is no such folder, or a file is missing or malformed.
        """
        path = Path(checked_path(folder, "run folder"))
        if not path.is_dir():
            problem = "is not a folder" if path.exists() else "does not exist"
            raise UsageError(f"run folder {path} {problem}. Give the folder of a training run.")
        settings = _read_object(path / "recipe.json")
        test = None
        if (path / "test.json").exists():
            with contextlib.suppress(UsageError):  # it is written again when the run resumes
                test = _read_object(path / "test.json")
        return Run(
            recipe_of_run(settings, path / "recipe.json"),
            read_metrics(path / "metrics.csv"),
            path,
            selection=settings.get("selection") or DEFAULT_SELECTION,
            test=test,
        )

    @property
    def model(self) -> Model:
        """The network at the end of training, or the ``last`` checkpoint of an opened run."""
        if self._model is None:
            if self.folder is None:
                raise UsageError("This run has no network: it has no folder and was not trained in this process.")
            last = self.folder / "last.safetensors"
            self._model = load(last if last.exists() else self.folder)
        return self._model

    @property
    def final_model(self) -> Model:
        """The network that the run ended with: of an autoencoder's run, that of the best epoch."""
        opened = self._results is None and self.folder is not None
        return load(self.folder) if opened and self.is_autoencoder else self.model  # type: ignore[arg-type]

    @property
    def best(self) -> Row | None:
        """The row of the best epoch, whose network is in ``best.safetensors``; None before the first epoch ends."""
        sign = 1 if self.selection["higher_is_better"] else -1
        rows = [row for row in self.history if row[self.selection["metric"]] is not None]
        return max(rows, key=lambda row: sign * row[self.selection["metric"]], default=None)

    @property
    def name(self) -> str:
        """The folder's name, or the model's name if there is no folder."""
        return self.folder.resolve().name if self.folder else self.recipe.model

    @property
    def examples_per_second(self) -> float:
        """The mean over the run, of training time only."""
        seconds = sum(row["seconds"] for row in self.history)
        examples = sum(row["seconds"] * row["examples_per_second"] for row in self.history)
        return float(examples / seconds) if seconds > 0 else math.nan

    @property
    def predictions(self) -> Predictions | None:
        """The final network's prediction for each test example; None before the end of the run, or for an autoencoder.

        Without test data, as in a folder of training images, these are the validation examples.
        """
        if self.is_autoencoder:
            return None
        if self._results is not None and self._results.predictions is not None:
            return read_predictions(self._results.predictions, self.model.class_names, "The run")
        file = None if self.folder is None else self.folder / "predictions.csv"
        if self.folder is None or file is None or not file.is_file():
            return None
        names = network_of(checkpoint_file(self.folder))["class_names"]
        return read_predictions(file.read_text("utf-8"), names, str(file))

    @property
    def gradients(self) -> Gradients | None:
        """The norms per step that ``debug_gradients`` recorded, or None."""
        file = None if self.folder is None else self.folder / "gradients.csv"
        return read_gradients(file) if file is not None and file.is_file() else None

    @property
    def is_autoencoder(self) -> bool:
        """Whether the run trained an autoencoder, which the metrics of a complete epoch show."""
        return bool(self.history) and ELBO in self.history[0]

    @property
    def is_finished(self) -> bool:
        """Whether the run reached its end, perhaps by early stopping, and the results in its folder are complete."""
        return self.folder is not None and (self.folder / "predictions.csv").is_file()

    @property
    def has_images(self) -> bool:
        """Whether the test images can be read, which is not the case for an opened run on arrays."""
        return self._results is not None or (self.folder is not None and self.recipe.dataset != ARRAYS)

    def plot_mistakes(self, path: str | os.PathLike[str] | None = None, count: int = 20) -> Chart:
        """Draws the misclassified images with the largest loss, from :attr:`predictions`.

        Args:
            path: a file to write, ending in .png, .svg or .pdf; None writes nothing.
            count: the maximum number of images.

        Raises:
            UsageError: the run is not complete, or is an opened run on arrays, whose images are not in its folder.
        """
        if self.is_autoencoder:
            raise UsageError("An autoencoder has no predictions. Draw its reconstructions with plot_reconstructions.")
        predictions = self.predictions
        if predictions is None:
            raise UsageError("This run has no predictions yet. Complete it with resume.")
        return predictions.plot_mistakes(images_of(self.test_examples()[0], predictions.mistakes(count).tolist()), path)

    def test_examples(self) -> tuple[Any, str]:
        """Returns Java's ``Examples`` of the run's test data, and ``test`` or ``validation``, for internal use.

        Raises:
            UsageError: they cannot be read, or are those of an opened run on arrays.
        """
        if self._results is not None:
            held_out = self.test is None and self.selection["on"] == "validation data"
            return self._results.examples, "validation" if held_out else "test"
        recipe = self.recipe
        if self.folder is None or not self.has_images:
            raise UsageError("The images of a run on arrays are not in its folder. Draw them from the result of train.")
        jvm.start(recipe.engine)
        if not is_folder(recipe.dataset):
            return named(recipe.dataset, recipe.data_dir, train=False, limit=recipe.limit), "test"
        network = network_of(checkpoint_file(self.folder))
        steps = json.dumps(network["preprocessing"])
        return examples_to_evaluate(
            recipe.dataset,
            network["class_names"] or None,
            steps,
            recipe,
            network["run"].get("data"),
            limit=recipe.limit,
            skip_bad=recipe.skip_bad,
        )

    def plot(self, path: str | os.PathLike[str] | None = None, **options: Any) -> Chart:
        """Draws the run as :func:`plot_runs` does, with its options."""
        return plot_runs([self], path, **options)

    def __repr__(self) -> str:
        return f"Run({self.name!r}, epochs={len(self.history)})"


def plot_runs(
    runs: Sequence[Run] | Mapping[str, Run],
    path: str | os.PathLike[str] | None = None,
    *,
    style: str = "panels",
    size: tuple[float, float] | None = None,
    dpi: int = 150,
) -> Chart:
    """Draws the loss and the accuracy of runs over the epochs, or ELBO, reconstruction and KL of autoencoders.

    The best epoch is marked.

    Args:
        runs: one, or several to compare, each with at least one epoch; or a dict with their names in the legend.
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
    from ._plotting.history import gaps, plot_history

    named = runs if isinstance(runs, Mapping) else dict(zip(labels(runs), runs, strict=True))
    for name, run in named.items():
        if columns := gaps(run.history):
            warn(f"{name} has epochs without a finite {', '.join(columns)}. The curve has a gap there.")
    titles = {f"{run.recipe.model} on {run.recipe.dataset}" for run in named.values()}
    return plot_history(
        {name: run.history for name, run in named.items()},
        path,
        style=style,
        title=titles.pop() if len(titles) == 1 else "Training runs",
        best={name: run.best["epoch"] for name, run in named.items() if run.best},
        size=size,
        dpi=dpi,
    )


def plot_page(runs: Sequence[Run], path: str | os.PathLike[str]) -> None:
    """Writes the same figure as an HTML page that works offline. Every run needs its folder."""
    jvm.start()
    file = Path(os.path.abspath(checked_path(path, "the figure's file")))
    with writing(file, "Figure"):
        file.parent.mkdir(parents=True, exist_ok=True)
    files = [os.path.abspath(run.folder / "metrics.csv") for run in runs if run.folder is not None]
    with jvm.translated_errors():
        jvm.bridge().plot(files, labels(runs), str(file))


def labels(runs: Sequence[Run]) -> list[str]:
    """Returns a unique legend label for each run: the folder's name, else its path, else its path and a number."""
    names = [run.name for run in runs]
    if len(set(names)) < len(names):
        names = [str(run.folder or run.name) for run in runs]
    unique: list[str] = []
    for name in names:
        others = (name if number == 1 else f"{name} ({number})" for number in itertools.count(1))
        unique.append(next(other for other in others if other not in unique))
    return unique


def read_recipe(file: Path) -> Recipe:
    """Returns the recipe in a run folder's ``recipe.json``."""
    return recipe_of_run(_read_object(file), file)


def _read_object(file: Path) -> dict[str, Any]:
    """Returns the JSON object in a file of a run folder."""
    require_no_pipe(file)
    try:
        return json_object(file.read_text("utf-8-sig"), str(file))
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}. Give the folder of a training run.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not JSON: {error}.") from error


def recipe_of_run(settings: dict[str, Any], file: Path) -> Recipe:
    """Returns the unchecked recipe that a run wrote to `file`, which also has keys that are not settings."""
    try:
        return Recipe.from_settings({name: settings[name] for name in SETTINGS if name in settings})
    except SettingError as error:
        raise UsageError(f"{file}: {error}") from error
