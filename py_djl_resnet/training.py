"""Training: starts a run in the JVM, follows it, and stops it on a signal."""

from __future__ import annotations

import json
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _jvm
from ._signals import signals
from ._surroundings import in_notebook
from .checks import class_names as checked_names
from .checks import function, instance, path
from .datasets import ARRAYS, check_labels, check_pictures, default_folder, from_checked
from .errors import Interrupted, ResnetError, ResnetWarning, UsageError
from .models import Model
from .profile import Profile
from .progress import Display, shown_by
from .recipe import Recipe
from .runs import Row, Run, recipe_to_resume

#: Training and test pictures and labels: train_x, train_y, test_x, test_y.
Arrays = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]

_POLL_MILLISECONDS = 100
#: From where a run is followed to who called this module.
_CALLER = 5

_RECIPES = "settings make one, as Recipe(epochs=1), and Recipe.from_file reads one of a file or by its name"

_running = threading.Lock()


def train(
    model: str | None = None,
    dataset: str | Arrays | None = None,
    recipe: Recipe | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    class_names: Sequence[str] | None = None,
    channels_last: bool | None = None,
    progress: bool | Display = True,
    callback: Callable[[Row], object] | None = None,
) -> Run:
    """Trains a network.

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
        channels_last: whether arrays are (N, H, W, C); None for (N, C, H, W) unless their shape is doubtful.
        progress: whether to show bars (or lines, where there is no terminal), or what shows it.
        callback: called on this thread with each new row of the history.

    Raises:
        UsageError: a setting, array or file that is wrong, or a training that runs already; nothing
            has been written then.
        Interrupted: after a signal; its ``folder`` holds ``last.safetensors``, its ``run`` the network.
        TrainingError: the loss is no longer a number.
        ResnetError: what else ended the training, such as a full disk; as of TrainingError, its ``run`` holds the
            history and the network. What `callback` raises ends the training, too, and leaves neither.
    """
    recipe = Recipe() if recipe is None else instance(recipe, Recipe, "recipe", _RECIPES)
    if isinstance(model, Model):
        raise UsageError(
            f"model must be a network's name; received {model!r}. To go on with a run call resume(folder); to begin "
            "with weights call model.save(file), and train with Recipe(model=..., weights=file)"
        )
    if model is not None:
        recipe = recipe.replace(model=model)
    if isinstance(dataset, str):
        recipe = recipe.replace(dataset=dataset)
    arrays = None
    if dataset is not None and not isinstance(dataset, str):
        arrays = _checked_arrays(dataset, channels_last)
        recipe = recipe.replace(dataset=ARRAYS, data_dir=None)
    if recipe.data_dir is not None:  # Java may look for a relative folder elsewhere than Python
        recipe = recipe.replace(data_dir=os.path.abspath(recipe.data_dir))
    if recipe.weights is not None:
        recipe = recipe.replace(weights=os.path.abspath(recipe.weights))
    folder = None if out is None else os.path.abspath(path(out, "out"))
    names = None if class_names is None else checked_names(class_names)

    def begin() -> Any:
        if arrays is None:
            # Java's own folder is still the one where it was started
            _jvm.set_property("py_djl_resnet.runs", os.path.abspath("runs"))
            return _jvm.bridge().train(recipe.to_json(), str(default_folder(recipe.dataset)), folder)
        return _jvm.bridge().train(recipe.to_json(), *_datasets(arrays, names), folder)

    return _run(begin, recipe, progress, callback)


def resume(
    run: str | os.PathLike[str],
    changes: Mapping[str, Any] | None = None,
    dataset: Arrays | None = None,
    *,
    class_names: Sequence[str] | None = None,
    channels_last: bool | None = None,
    progress: bool | Display = True,
    callback: Callable[[Row], object] | None = None,
) -> Run:
    """Goes on with a run from its last checkpoint, in its folder, as if it had not been interrupted.

    On the same machine, device and number of threads the result has the same bytes as that of an
    uninterrupted run; another device or number of threads rounds otherwise from there on.
    docs/reliability.md says more.

    Args:
        run: a run folder, or a checkpoint in one. A damaged ``last`` gives way to the one before it, a missing or
            damaged ``recipe.json`` to the recipe in the checkpoint, with a :class:`UserWarning`.
        changes: settings to change, of those that leave the result as it is, to rounding: ``epochs`` (not with a
            cosine or one-cycle schedule), ``device``, ``threads``, ``data_dir``, ``checkpoint_every``,
            ``keep``, ``profile``.
        dataset: the arrays of a run on arrays, as in :func:`train`; those that it was begun with.
        class_names: for arrays: None, or the classes' names as they are in the run.
        channels_last: as in :func:`train`.
        progress: as in :func:`train`.
        callback: as in :func:`train`; called with the new rows only.

    Raises:
        UsageError: no run, a run that another process writes to, a change that is not allowed, other data than the
            run's.
        Interrupted: as :func:`train`.
        TrainingError: as :func:`train`.
    """
    source = Path(os.path.abspath(path(run, "run", "; the folder of a run is run.folder")))
    if not source.exists():
        raise UsageError(f"run {os.fspath(run)} does not exist; give a run folder, or a checkpoint in one")
    recipe = recipe_to_resume(source)
    given = {} if changes is None else dict(instance(changes, Mapping, "changes", 'such as {"epochs": 20}'))
    recipe.replace(**given)  # names and types are checked before Java starts
    given.update({key: os.path.abspath(given[key]) for key in ("data_dir", "weights") if given.get(key) is not None})
    arrays = None if dataset is None else _checked_arrays(dataset, channels_last)
    names = None if class_names is None else checked_names(class_names)
    where = recipe.replace(**{key: given[key] for key in ("device", "threads") if key in given})

    def begin() -> Any:
        if arrays is None:
            return _jvm.bridge().resume(str(source), json.dumps(given), str(default_folder(recipe.dataset)))
        return _jvm.bridge().resume(str(source), json.dumps(given), *_datasets(arrays, names))

    return _run(begin, where, progress, callback)


def _run(
    begin: Callable[[], Any],
    recipe: Recipe,
    progress: bool | Display,
    callback: Callable[[Row], object] | None,
) -> Run:
    """Starts the JVM as `recipe` says, then the run, and follows it to its end."""
    _jvm.require_no_fork()
    if not _running.acquire(blocking=False):
        raise UsageError(
            "one training at a time in a process; wait until the one that runs has ended, or use another process"
        )
    try:
        shown = shown_by(progress)
        if callback is not None:
            function(callback, "callback")
        _jvm.start(recipe.engine, device=recipe.device, threads=recipe.threads, quiet=progress is False)
        handle = None
        try:
            # what a second signal ends in a notebook is its kernel, with all variables
            with signals(lenient=in_notebook()) as received:
                with _jvm.translated_errors():
                    handle = begin()
                return _ended(handle, shown, callback, received)
        except ResnetError:
            if handle is None and received:
                signal.raise_signal(received[0])  # no run took notice of it
            raise
        finally:
            shown.close()
    finally:
        _running.release()


def _ended(
    handle: Any,
    shown: Display,
    callback: Callable[[Row], object] | None,
    received: list[int],
) -> Run:
    """Follows a run to its end, and makes what it came to of its handle."""
    kept = handle.runDir()
    folder = None if kept is None else Path(os.path.abspath(str(kept)))
    with _closed_on_failure(handle), _jvm.translated_errors():
        history, state = _follow(handle, shown, callback, received)
        profile = handle.profile() if state in ("done", "stopped") else None
        run = Run(
            Recipe.from_settings(json.loads(str(handle.recipe()))),
            history,
            folder,
            handle.network(),
            None if profile is None else Profile.from_dict(json.loads(str(profile))),
        )
    try:
        with _jvm.translated_errors():
            handle.check()
    except ResnetError as error:
        error.run = run
        raise
    # a run that a signal came too late for is complete
    if received and state == "stopped":
        raise Interrupted(signal.Signals(received[0]), run)
    return run


@contextmanager
def _closed_on_failure(handle: Any) -> Iterator[None]:
    """Ends a run that nobody follows any more, and frees the network that nobody gets."""
    try:
        yield
    except BaseException:
        handle.stop()
        while not handle.await_(_POLL_MILLISECONDS):
            pass
        with suppress(ResnetError), _jvm.translated_errors():
            handle.network().close()
        raise


def _follow(
    handle: Any,
    shown: Display,
    callback: Callable[[Row], object] | None,
    received: list[int],
) -> tuple[list[Row], str]:
    """Polls until the run has ended, and stops it on a signal; its history and state."""
    if (warning := handle.warning()) is not None:
        warnings.warn(str(warning), ResnetWarning, stacklevel=_CALLER)
    before = int(handle.rowsBefore())
    history: list[Row] = []
    asked = ended = False
    while not ended:
        ended = bool(handle.await_(_POLL_MILLISECONDS))
        snapshot = json.loads(str(handle.progress(len(history))))
        for row in snapshot["rows"]:
            history.append(row)
            if len(history) <= before:  # of the run that is gone on with
                continue
            shown.epoch_ended(row, snapshot["epochs"])
            if callback is not None:
                callback(row)
        if not ended:
            shown.show(snapshot)
        if received and not asked:
            handle.stop()
            asked = True
    return history, snapshot["state"]


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
