"""Training: starts and resumes runs."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ._folder.data import FolderData, with_split
from ._folder.layout import is_folder, require_present
from ._following import follow_run
from ._java import jvm
from ._precision import warn_if_slow
from .checks import checked_class_names, checked_instance, checked_path
from .datasets import ARRAYS, checked_examples, default_folder, from_arrays, require_arrays
from .errors import SettingError, UsageError
from .metrics import Row
from .models import Model, checkpoint_file
from .progress import Display
from .recipe import Recipe
from .resuming import existing_run, preprocessing_of, recipe_to_resume, require_equal, run_to_resume, when_free
from .runs import Run
from .settings import RESUMABLE, absolute_paths

#: Training and test images and labels: train_x, train_y, test_x, test_y.
Arrays = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]


def train(
    model: str | None = None,
    dataset: str | Arrays | None = None,
    recipe: Recipe | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    class_names: Sequence[str] | None = None,
    resume: str | os.PathLike[str] | None = None,
    changes: Mapping[str, Any] | None = None,
    wait: float = 0,
    channels_last: bool | None = None,
    progress: bool | Display = True,
    callback: Callable[[Row], object] | None = None,
) -> Run:
    """Trains a network, or resumes its training.

    On the main thread, Ctrl-C, SIGTERM or SIGHUP ends the run after the current batch and saves
    its state. A second signal ends the process immediately, except in a notebook's kernel. An ignored SIGHUP, as under
    nohup, stays ignored.

    Args:
        model: a network's name; None uses the recipe's.
        dataset: a data set's name; ``folder:DIR``, a folder of images described in docs/data.md; or four arrays:
            training images, training labels, test images, test labels. Images are uint8 (0 to 255) or float32,
            (N, C, H, W) or (N, H, W); labels are N whole numbers from 0. None uses the recipe's.
        recipe: the settings; None uses the chapter's. Its ``weights`` may also be a run folder.
        out: a new run folder; None for ``runs/<date>-<model>-<dataset>``, or, for arrays, nothing on disk.
        class_names: for arrays: distinct names of the classes; None uses their numbers.
        resume: "auto" resumes the run in `out`, or without `out` the newest in ``runs`` with this recipe, and starts
            a run if there is none. A run folder, or a checkpoint in one, resumes that run. Its recipe must be equal to
            this one, except for the settings that docs/settings.md marks as resumable. For a run folder without
            `recipe`, `model` and a data set's name, any recipe is resumed.
        changes: with `resume`: new values of resumable settings, as in :func:`resume`; None uses the recipe's.
        wait: with `resume`: seconds to wait while another process writes to the run, announced by a
            :class:`ResnetWarning`.
        channels_last: True for arrays (N, H, W, C); False for (N, C, H, W); None for (N, C, H, W) unless the shape is
            ambiguous.
        progress: whether to show bars (lines without a terminal), or an object that shows the progress.
        callback: called on this thread with each new row of the history.

    Raises:
        UsageError: a wrong setting (:class:`SettingError`), array or file, a run that is already in progress in this
            process, or a run that another process writes to (:class:`RunInUseError`). Nothing has been written.
        Interrupted: after a signal; its ``folder`` holds ``last.safetensors``, its ``run`` the network.
        TrainingError: the loss is no longer finite.
        ResnetError: another failure, such as a full disk; its ``run``, like that of TrainingError, has the history and
            the network. An exception from `callback` also ends the training, but has neither.
    """
    wanted, arrays, names = checked_inputs(model, dataset, recipe, class_names, channels_last)
    folder = None if out is None else os.path.abspath(checked_path(out, "out"))
    if resume is None and (wait or changes is not None):
        raise SettingError(f'"{"wait" if wait else "changes"}" needs "resume".')
    if resume == "auto" and folder is None and arrays is not None:
        raise SettingError('"resume" of a run on arrays needs "out", its run folder.')
    if resume not in (None, "auto") and out is not None:
        raise SettingError(
            f'"out" cannot be combined with "resume" of a run, which stays in its folder. Received: {out}. Omit "out".'
        )
    any_recipe = resume != "auto" and recipe is None and model is None and not isinstance(dataset, str)
    resumable = {} if any_recipe else {name: getattr(wanted, name) for name in RESUMABLE}

    files: list[FolderData] = []

    def checked() -> Recipe:
        complete = wanted.checked(quiet=progress is False)
        if is_folder(complete.dataset):
            if folder is not None:
                with jvm.translated_errors():
                    jvm.bridge().folders().requireFree(folder)
            files.append(FolderData(complete, begins=True, quiet=progress is False))
        return complete

    def begin(recipe: Recipe) -> Any:
        warn_if_slow(recipe.precision)
        if arrays is None:
            # Java's working directory is the one where it was started
            jvm.set_property("py_djl_resnet.runs", os.path.abspath(checked_path("runs", "The folder of runs")))
            if files:
                return files[0].begin(recipe, folder)
            return jvm.bridge().train(recipe.to_json(), str(default_folder(recipe.dataset)), folder)
        return jvm.bridge().train(recipe.to_json(), *java_datasets(arrays, names), folder)

    def start_or_resume() -> Run:
        source = None if resume is None else run_to_resume(resume, wanted, folder)
        if source is not None:
            required = None if any_recipe else wanted
            changed = resumable if changes is None else changes
            return _resume(source, changed, required, arrays, names, progress, callback)
        return follow_run(checked, begin, progress, callback)

    return when_free(wait, start_or_resume)


def checked_inputs(
    model: str | None,
    dataset: str | Arrays | None,
    recipe: Recipe | None,
    class_names: Sequence[str] | None,
    channels_last: bool | None,
) -> tuple[Recipe, Arrays | None, list[str] | None]:
    """Returns the recipe, arrays and class names for the arguments of :func:`train`."""
    wanted = Recipe() if recipe is None else recipe
    checked_instance(wanted, Recipe, "recipe", "Pass Recipe(epochs=1), or Recipe.from_file(name).")
    if isinstance(model, Model):
        raise UsageError(
            f"model must be a network's name. Received: {model!r}. To resume a run, call resume(folder). To start from "
            "its weights, call model.save(file) and train with Recipe(model=..., weights=file)."
        )
    if model is not None:
        wanted = wanted.replace(model=model)
    if isinstance(dataset, str):
        wanted = wanted.replace(dataset=dataset)
    arrays = None
    if dataset is not None and not isinstance(dataset, str):
        arrays = _checked_arrays(dataset, channels_last)
        wanted = wanted.replace(dataset=ARRAYS, data_dir=None)
    wanted = with_split(Recipe(**absolute_paths(dataclasses.asdict(wanted))))
    if wanted.weights is not None and os.path.isdir(wanted.weights):
        wanted = wanted.replace(weights=str(checkpoint_file(wanted.weights)))
    return wanted, arrays, None if class_names is None else checked_class_names(class_names)


def resume(
    run: str | os.PathLike[str],
    changes: Mapping[str, Any] | None = None,
    dataset: Arrays | None = None,
    *,
    class_names: Sequence[str] | None = None,
    wait: float = 0,
    channels_last: bool | None = None,
    progress: bool | Display = True,
    callback: Callable[[Row], object] | None = None,
) -> Run:
    """Resumes a run in its folder from its last checkpoint, as if it had not been interrupted.

    On the same machine, device and number of threads the result has the same bytes as that of an uninterrupted run.
    Another device or number of threads rounds differently from there on. docs/reliability.md has the details.

    Args:
        run: a run folder, or a checkpoint in one. If ``last`` is damaged, the previous one is used; if
            ``recipe.json`` is missing or damaged, the recipe in the checkpoint. Both give a :class:`ResnetWarning`.
        changes: new values of settings that docs/settings.md marks as resumable, because they leave the result the
            same up to rounding: ``epochs`` (unless the schedule or an average
            depends on their number), ``device``, ``threads``, ...
        dataset: for a run on arrays: the same arrays, as in :func:`train`.
        class_names: for arrays: None, or the same names as in the run.
        wait: seconds to wait while another process writes to the run, announced by a :class:`ResnetWarning`.
        channels_last: as in :func:`train`.
        progress: as in :func:`train`.
        callback: as in :func:`train`; called with new rows only.

    Raises:
        UsageError: there is no such run, another process writes to it (:class:`RunInUseError`), a change is not
            allowed (:class:`SettingError`), or the data differ from the run's.
        Interrupted: as in :func:`train`.
        TrainingError: as in :func:`train`.
    """
    if isinstance(dataset, str):
        raise UsageError(
            f"A run on a named data set needs no dataset. Received: {dataset!r}. Omit it, or give the run's arrays."
        )
    return train(
        dataset=dataset,
        class_names=class_names,
        resume=existing_run(run, "run"),
        changes=changes,
        wait=wait,
        channels_last=channels_last,
        progress=progress,
        callback=callback,
    )


def _resume(
    source: Path,
    changes: Mapping[str, Any],
    required: Recipe | None,
    arrays: Arrays | None,
    names: list[str] | None,
    progress: bool | Display,
    callback: Callable[[Row], object] | None,
) -> Run:
    """Resumes a run, which must have the required recipe if there is one."""
    changed = Recipe.from_settings(checked_instance(changes, Mapping, "changes", 'Pass a dict such as {"epochs": 20}.'))
    given = absolute_paths({name: getattr(changed, name) for name in changes})
    text = json.dumps(given, ensure_ascii=False)
    files: list[FolderData] = []

    def checked() -> Recipe:
        recipe = recipe_to_resume(source, given, quiet=progress is False)
        if is_folder(recipe.dataset) and arrays is None:
            require_present(recipe.dataset)
        if required is not None:
            require_equal(required, recipe, source)
        if is_folder(recipe.dataset) and arrays is None:
            files.append(FolderData(recipe, preprocessing=preprocessing_of(source), quiet=progress is False))
        return recipe

    def begin(recipe: Recipe) -> Any:
        if files:
            return files[0].resume(source, text)
        if arrays is None:
            return jvm.bridge().resume(str(source), text, str(default_folder(recipe.dataset)))
        train, test = java_datasets(arrays, names)
        return jvm.bridge().resume(str(source), text, train, None, test)

    return follow_run(checked, begin, progress, callback)


def _checked_arrays(arrays: Any, channels_last: bool | None) -> Arrays:
    parts = "training images, training labels, test images, test labels"
    require_arrays(arrays, (4,), f"a data set's name, or four arrays: {parts}")
    train_x, train_y = checked_examples(arrays[0], arrays[1], "training", channels_last)
    test_x, test_y = checked_examples(arrays[2], arrays[3], "test", channels_last)
    if train_x.dtype != test_x.dtype:
        raise UsageError(
            f"Training and test images must have the same dtype. Received: {train_x.dtype} and {test_x.dtype}."
        )
    return train_x, train_y, test_x, test_y


def java_datasets(arrays: Arrays, class_names: Sequence[str] | None) -> tuple[Any, Any]:
    """Returns Java's training and test ``Examples`` over arrays."""
    train_x, train_y, test_x, test_y = arrays
    count = int(max(np.max(train_y), np.max(test_y))) + 1
    names = class_names if class_names is not None else [str(n) for n in range(count)]
    return from_arrays((train_x, train_y), names, "training"), from_arrays((test_x, test_y), names, "test")
