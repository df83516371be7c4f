"""Networks: created by name, imported from weights, or loaded from a checkpoint."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ._java import jvm
from ._model import Model
from ._preprocessing import Preprocessing
from ._preprocessing import text as preprocessing_text
from ._weight_files import open_weights
from .checks import LONG, checked_class_names, checked_path, checked_text, require_no_pipe, whole_number
from .datasets import MAX_CLASSES
from .errors import UsageError
from .weights import warn_of_numbers

__all__ = ["CHECKPOINTS", "Model", "available", "checkpoint_file", "create_model", "load", "opened"]

#: The checkpoints of a run folder, the preferred one first.
CHECKPOINTS = ("best.safetensors", "last.safetensors")


def create_model(
    name: str = "d2l-resnet18",
    in_channels: int | None = None,
    classes: int | None = None,
    seed: int = 0,
    device: str = "auto",
    engine: str | None = None,
    *,
    weights: str | os.PathLike[str] | None = None,
    new_head: bool = False,
    class_names: Sequence[str] | None = None,
    preprocessing: Preprocessing = None,
) -> Model:
    """Creates a network with new weights, or with those of a file.

    Args:
        name: see :func:`available`; options follow after plus signs, as in ``resnet50+deep_stem``.
        in_channels: channels of its input, at least 1; None for the usual number, as in :func:`summarize`, or that of
            `weights`.
        classes: logits of its output, at least 1; None for as many as there are `class_names`, else for the usual
            number, or that of `weights`.
        seed: of new weights; the same seed gives the same weights.
        device: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
        engine: ``pytorch`` or ``mxnet``, one per process; None for the running one, else ``pytorch``.
        weights: a file of torchvision's or timm's tensors, or a checkpoint: ``.safetensors``, or ``.pth`` and ``.pt``
            with the extra ``[torch]``. ``info["import"]`` then reports which tensors were loaded and which are new.
        new_head: whether the last layer is new, for `classes`, instead of that of `weights`.
        class_names: a name for each class, distinct unless there are `weights`; None for numbers.
        preprocessing: how an image becomes the network's input, as in :func:`evaluate`; only with `weights`. None for
            what is known: that of a checkpoint, of timm's ``config.json`` next to the file, or torchvision's for its
            own networks. ``info["import"]["preprocessing_source"]`` reports which.

    Raises:
        UsageError: an unknown name, a number out of range, a device that does not exist; weights that are damaged or
            do not fit, with a list of tensors.
        JavaNotFoundError, JarError, EngineError: run ``py-djl-resnet doctor`` to see why.

    Warns:
        ResnetWarning: `weights` hold values that are not finite.
    """
    checked_text(name, "name")
    if class_names is not None:
        # ImageNet has two classes named crane
        class_names = checked_class_names(class_names, distinct=weights is None)
        if classes not in (None, len(class_names)):
            raise UsageError(
                f"classes must be the number of class_names. Received: classes={classes} with {len(class_names)} "
                "class_names. Omit classes."
            )
        classes = len(class_names)
    if in_channels is not None:
        in_channels = whole_number(in_channels, "in_channels")
    if classes is not None:
        classes = whole_number(classes, "classes", most=MAX_CLASSES)
    seed = whole_number(seed, "seed", -LONG - 1, LONG)
    if new_head and (weights is None or classes is None):
        raise UsageError("new_head replaces the last layer of weights. Give weights, and classes or class_names.")
    if preprocessing is not None and weights is None:
        raise UsageError("preprocessing needs weights. A network without them is trained first.")
    prepared = preprocessing_text(preprocessing)
    jvm.start(engine, device=checked_text(device, "device"))
    if weights is not None:
        options = {"model": name, "in_channels": in_channels, "classes": classes, "class_names": class_names}
        options |= {"new_head": new_head, "seed": seed, "device": device, "preprocessing": prepared}
        model = Model(open_weights(weights, options))
        warn_of_numbers(model.info["import"]["not_finite"], str(weights))
        return model
    with jvm.translated_errors():
        # 0 and no names mean the usual numbers
        names = class_names or [str(number) for number in range(classes or 0)]
        return Model(jvm.bridge().create(name, in_channels or 0, names, seed, device))


def load(
    checkpoint: str | os.PathLike[str], device: str = "auto", engine: str | None = None, *, raw: bool = False
) -> Model:
    """Loads the network of a checkpoint, or of a run folder's best checkpoint.

    Args:
        checkpoint: a file or a run folder.
        device: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
        engine: ``pytorch`` or ``mxnet``; None for the running one, else ``pytorch``.
        raw: whether to load the weights themselves if a run with ``ema_decay`` or ``swa_epochs`` also saved an average;
            by default, the average is loaded.

    Raises:
        UsageError: the file does not exist or is not a checkpoint of this package.

    Warns:
        ResnetWarning: weights or running statistics are not finite.
    """
    file = checkpoint_file(checkpoint)
    jvm.start(engine, device=checked_text(device, "device"))
    try:
        with jvm.translated_errors():
            model = Model(jvm.bridge().load(os.path.abspath(file), device, not raw))
    except UsageError as error:
        if file.name in str(error):
            raise
        raise UsageError(f"checkpoint {file}: {error}") from None
    # a fused ReLU turns NaN into 0, so that the results would look plausible
    sums = {name: array.sum(dtype=np.float64) for name, array in model.state_dict().items()}
    warn_of_numbers([name for name, total in sums.items() if not np.isfinite(total)], str(file))
    return model


@contextmanager
def opened(model: Model | str | os.PathLike[str], device: str, engine: str | None) -> Iterator[Model]:
    """Yields the caller's network, which stays open, or that of a checkpoint, which is closed afterwards."""
    if isinstance(model, Model):
        jvm.require_no_fork()
        yield model
    else:
        with load(model, device, engine) as network:
            yield network


def available(engine: str | None = None) -> list[dict[str, Any]]:
    """Lists the known networks: name, description, parameters, multiply_adds, input, options, ..."""
    jvm.start(engine)
    with jvm.translated_errors():
        found: list[dict[str, Any]] = json.loads(str(jvm.bridge().models()))
    return found


def checkpoint_file(path: str | os.PathLike[str]) -> Path:
    """Returns `path`, or the best (else the last) checkpoint in it if it is a run folder."""
    file = Path(checked_path(path, "the checkpoint", "The network of a run is run.model, its folder run.folder."))
    if file.is_dir():
        for name in CHECKPOINTS:
            if (file / name).is_file():
                return file / name
        raise UsageError(
            f"Folder {file} has no checkpoint ({' or '.join(CHECKPOINTS)}). "
            "Give a run folder of the command train, or a .safetensors file."
        )
    require_no_pipe(file)
    if not file.is_file():
        raise UsageError(f"Checkpoint {file} does not exist. Give a .safetensors file or a run folder.")
    return file
