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

from ._following import follow
from ._java import jvm
from .checks import class_names as checked_names
from .checks import instance, path
from .datasets import ARRAYS, check_labels, check_pictures, default_folder, from_checked
from .errors import SettingError, UsageError
from .metrics import Row
from .models import Model, checkpoint_file
from .progress import Display
from .recipe import Recipe
from .resuming import existing, is_run, recipe_to_resume, require_equal, run_to_resume, when_free
from .runs import Run
from .settings import RESUMABLE, absolute_paths

#: Training and test pictures and labels: train_x, train_y, test_x, test_y.
Arrays = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]

_RECIPES = "settings make one, as Recipe(epochs=1), and Recipe.from_file reads one of a file or by its name"


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

    Ctrl-C, SIGTERM or SIGHUP, when this is called on the main thread, ends the run after the current
    batch, with its last state saved; a second one ends the process at once, but for a notebook's kernel. SIGHUP is
    left ignored where it is, as under nohup.

    Args:
        model: a network's name; None takes the recipe's.
        dataset: a data set's name; or four arrays: train pictures, train labels, test pictures,
            test labels, pictures uint8 (0 to 255) or float32, (N, C, H, W) or (N, H, W), labels N
            whole numbers from 0; None takes the recipe's.
        recipe: the settings; None takes the chapter's.
        out: the run folder, which must not exist; None chooses ``runs/<date>-<model>-<dataset>``,
            or, for arrays, keeps nothing on disk.
        class_names: for arrays: the classes' names, no two alike; None takes their numbers.
        resume: "auto" resumes the run in `out`, or without `out` the newest in ``runs`` with this recipe, and starts
            a run if there is none. A run folder, or a checkpoint in one, resumes that run. The run's recipe must be
            this one, except for the settings that docs/settings.md marks as resumable; with a run folder, and without
            `recipe`, `model` and a data set's name, it may be any.
        changes: with `resume`: new values of resumable settings, as in :func:`resume`; None takes the recipe's.
        wait: with `resume`: seconds to wait while another process writes to the run, which a
            :class:`ResnetWarning` announces.
        channels_last: whether arrays are (N, H, W, C); None for (N, C, H, W) unless their shape is doubtful.
        progress: whether to show bars (or lines, where there is no terminal), or what shows it.
        callback: called on this thread with each new row of the history.

    Raises:
        UsageError: a setting (:class:`SettingError`), array or file that is wrong, a training that runs already, or
            a run that another process writes to (:class:`RunInUseError`); nothing has been written then.
        Interrupted: after a signal; its ``folder`` holds ``last.safetensors``, its ``run`` the network.
        TrainingError: the loss is no longer a number.
        ResnetError: what else ended the training, such as a full disk; as of TrainingError, its ``run`` holds the
            history and the network. What `callback` raises ends the training, too, and leaves neither.
    """
    asked = Recipe() if recipe is None else instance(recipe, Recipe, "recipe", _RECIPES)
    if isinstance(model, Model):
        raise UsageError(
            f"model must be a network's name; received {model!r}. To go on with a run call resume(folder); to begin "
            "with weights call model.save(file), and train with Recipe(model=..., weights=file)"
        )
    if model is not None:
        asked = asked.replace(model=model)
    if isinstance(dataset, str):
        asked = asked.replace(dataset=dataset)
    arrays = None
    if dataset is not None and not isinstance(dataset, str):
        arrays = _checked_arrays(dataset, channels_last)
        asked = asked.replace(dataset=ARRAYS, data_dir=None)
    asked = Recipe(**absolute_paths(dataclasses.asdict(asked)))
    if asked.weights and os.path.isdir(asked.weights):
        asked = asked.replace(weights=str(checkpoint_file(asked.weights)))
    folder = None if out is None else os.path.abspath(path(out, "out"))
    names = None if class_names is None else checked_names(class_names)
    if resume is None and (wait or changes is not None):
        raise SettingError(f'"{"wait" if wait else "changes"}" needs "resume".')
    if resume == "auto" and folder is None and arrays is not None:
        raise SettingError('"resume" of a training on arrays needs "out", its run folder.')
    if resume not in (None, "auto") and out is not None:
        raise SettingError(
            f'"out" cannot be given with "resume" of a run, which stays in its folder. Received: {out}. Omit "out".'
        )
    any_recipe = resume != "auto" and recipe is None and model is None and not isinstance(dataset, str)
    same = {} if any_recipe else {name: getattr(asked, name) for name in RESUMABLE}

    def begin(recipe: Recipe) -> Any:
        if arrays is None:
            # Java's own folder is still the one where it was started
            jvm.set_property("py_djl_resnet.runs", os.path.abspath("runs"))
            return jvm.bridge().train(recipe.to_json(), str(default_folder(recipe.dataset)), folder)
        return jvm.bridge().train(recipe.to_json(), *_datasets(arrays, names), folder)

    def start_or_resume() -> Run:
        source = None if resume is None else run_to_resume(resume, asked, folder)
        if source is not None:
            required = None if any_recipe else asked
            return _resume(source, same if changes is None else changes, required, arrays, names, progress, callback)
        try:
            return follow(lambda: asked.checked(quiet=progress is False), begin, progress, callback)
        except UsageError:
            if resume is None or folder is None or not is_run(Path(folder)):
                raise
        return start_or_resume()  # another process has begun the run meanwhile

    return when_free(wait, start_or_resume)


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
    """Resumes a run from its last checkpoint, in its folder, as if it had not been interrupted.

    On the same machine, device and number of threads the result has the same bytes as that of an
    uninterrupted run; another device or number of threads rounds otherwise from there on.
    docs/reliability.md says more.

    Args:
        run: a run folder, or a checkpoint in one. A damaged ``last`` gives way to the one before it, a missing or
            damaged ``recipe.json`` to the recipe in the checkpoint, with a :class:`UserWarning`.
        changes: new values of settings that leave the result as it is, to rounding, which docs/settings.md marks as
            resumable: ``epochs`` (not with a cosine or one-cycle schedule), ``device``, ``threads``, ...
        dataset: the arrays of a run on arrays, as in :func:`train`; those that it was begun with.
        class_names: for arrays: None, or the classes' names as they are in the run.
        wait: seconds to wait while another process writes to the run, which a :class:`ResnetWarning` announces.
        channels_last: as in :func:`train`.
        progress: as in :func:`train`.
        callback: as in :func:`train`; called with the new rows only.

    Raises:
        UsageError: no run, a run that another process writes to (:class:`RunInUseError`), a change that is not
            allowed (:class:`SettingError`), other data than the run's.
        Interrupted: as :func:`train`.
        TrainingError: as :func:`train`.
    """
    source = existing(run, "run")
    arrays = None if dataset is None else _checked_arrays(dataset, channels_last)
    names = None if class_names is None else checked_names(class_names)
    return when_free(
        wait, lambda: _resume(source, {} if changes is None else changes, None, arrays, names, progress, callback)
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
    changed = Recipe.from_settings(instance(changes, Mapping, "changes", 'such as {"epochs": 20}'))
    given = absolute_paths({name: getattr(changed, name) for name in changes})

    def checked() -> Recipe:
        recipe = recipe_to_resume(source, given, quiet=progress is False)
        if required is not None:
            require_equal(required, recipe, source)
        return recipe

    def begin(recipe: Recipe) -> Any:
        if arrays is None:
            return jvm.bridge().resume(str(source), json.dumps(given), str(default_folder(recipe.dataset)))
        return jvm.bridge().resume(str(source), json.dumps(given), *_datasets(arrays, names))

    return follow(checked, begin, progress, callback)


def _checked_arrays(arrays: Any, channels_last: bool | None) -> Arrays:
    if not isinstance(arrays, (tuple, list)) or len(arrays) != 4:
        size = f" of {len(arrays)}" if isinstance(arrays, (tuple, list)) else ""
        raise UsageError(
            "dataset must be a name or four arrays (train pictures, train labels, test pictures, "
            f"test labels); received a {type(arrays).__name__}{size}"
        )
    train_x = check_pictures(arrays[0], "train pictures", channels_last)
    train_y = check_labels(arrays[1], len(train_x), "train labels")
    test_x = check_pictures(arrays[2], "test pictures", channels_last)
    test_y = check_labels(arrays[3], len(test_x), "test labels")
    if train_x.shape[1:] != test_x.shape[1:] or train_x.dtype != test_x.dtype:
        raise UsageError(
            "train and test pictures must have the same shape (C, H, W) and dtype; received "
            f"{train_x.shape[1:]} {train_x.dtype} and {test_x.shape[1:]} {test_x.dtype}"
        )
    return train_x, train_y, test_x, test_y


def _datasets(arrays: Arrays, class_names: Sequence[str] | None) -> tuple[Any, Any]:
    train_x, train_y, test_x, test_y = arrays
    count = int(max(np.max(train_y), np.max(test_y))) + 1
    names = class_names if class_names is not None else [str(n) for n in range(count)]
    return (
        from_checked(train_x, train_y, names, "train"),
        from_checked(test_x, test_y, names, "test"),
    )
