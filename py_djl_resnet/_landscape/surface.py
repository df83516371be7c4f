"""Measures loss and accuracy of a network along random directions."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .._java import jvm
from .._measuring import PointProgress, follow
from .._precision import warn_if_slow
from .._preprocessing import Preprocessing
from ..checks import checked_folder, whole_number
from ..errors import LandscapeInterrupted
from ..landscape import Landscape, read_landscape
from ..models import Model, opened
from .data import measured_examples, recorded
from .options import checked_options

#: Images of CIFAR's size in batches of this size stay in the processor's caches.
BATCH_SIZE = 250


def loss_surface(
    model: Model | str | os.PathLike[str],
    dataset: str | Sequence[npt.NDArray[Any]] | None = None,
    *,
    out: str | os.PathLike[str],
    data_dir: str | os.PathLike[str] | None = None,
    dimensions: int = 2,
    grid: int | Sequence[int] = 51,
    ranges: Sequence[float] = (-1.0, 1.0),
    normalize: str = "filter",
    include_bias_and_norm: bool = False,
    examples: int | None = 1000,
    split: str = "train",
    batch_norm: str = "frozen",
    seed: int = 0,
    directions: int = 1,
    batch_size: int = BATCH_SIZE,
    preprocessing: Preprocessing = None,
    channels_last: bool | None = None,
    precision: str = "float32",
    device: str = "auto",
    engine: str | None = None,
    progress: bool = True,
) -> Landscape:
    """Measures loss and accuracy on a grid of points ``w + x * d1 + y * d2`` around a network's weights w.

    The directions are drawn from a normal distribution, and by default each of their filters is scaled to the norm of
    the network's filter (Li et al., "Visualizing the Loss Landscape of Neural Nets", 2018).

    Writes ``landscape.json`` and ``points.csv`` to a folder. A call with the same arguments resumes it, and several
    processes may measure points of the same folder at once. The network's weights change during the call and are
    restored.

    Args:
        model: a network, a checkpoint file or a run folder.
        dataset: as in :func:`evaluate`.
        out: the folder.
        data_dir: the folder of the data set's files; None for the recipe's, or the package's.
        dimensions: 2 for planes, 1 for lines along d1.
        grid: the number of points along each axis, at least 2: one number, or (nx, ny).
        ranges: the first and last coordinate, of both axes or of x and then y: (-1, 1) or (-1, 1, -0.5, 1).
        normalize: ``filter``, ``layer`` (scales each tensor to its norm), ``weight`` (multiplies each number by its
            weight's absolute value) or ``none``.
        include_bias_and_norm: whether tensors of one dimension (biases, batch normalization) move too. With ``filter``
            each is then scaled as a whole.
        examples: how many examples to use, at least 2, chosen at random by `seed`; None for all.
        split: ``train`` or ``test``; of four arrays the first or the last two. Without `dataset`, ``train`` means the
            examples that the run was trained on, without those beyond its ``limit`` or held out for validation.
        batch_norm: ``frozen`` keeps the running statistics; ``recalibrated`` replaces them at each point by the mean
            of the batches' statistics over the examples.
        seed: the seed of directions and examples.
        directions: how many pairs of directions to draw.
        batch_size: examples per batch.
        preprocessing: as in :func:`evaluate`.
        channels_last: as in :func:`evaluate`.
        precision: of convolutions and activations: ``float32``, ``bfloat16`` or ``auto``.
        device: for a checkpoint: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
        engine: for a checkpoint: ``pytorch`` or ``mxnet``; None for the running one, else ``pytorch``.
        progress: whether to show progress.

    Raises:
        UsageError: as in :func:`evaluate`; an option is wrong; or the folder holds another landscape.
        LandscapeInterrupted: after Ctrl-C, SIGTERM or SIGHUP.
        TrainingError: the folder cannot be written, for example because the disk is full.
    """
    options = checked_options(
        dimensions=dimensions,
        grid=grid,
        ranges=ranges,
        normalize=normalize,
        include_bias_and_norm=include_bias_and_norm,
        examples=examples,
        split=split,
        batch_norm=batch_norm,
        seed=seed,
        directions=directions,
        batch_size=batch_size,
        precision=precision,
        grid_advice=" For a line use --1d (in Python: dimensions=1)." if dimensions == 2 else " For a plane omit --1d.",
    )
    folder = checked_folder(out)
    options["checkpoint"] = recorded(model)
    with opened(model, device, engine) as network:
        warn_if_slow(precision)
        data, prepared = measured_examples(network, dataset, data_dir, preprocessing, channels_last, options)

        def begin() -> Any:
            landscapes = jvm.bridge().landscapes(json.dumps(options))
            return landscapes.surface(network.handle, data, str(folder), prepared)

        return follow_points(begin, folder, progress)


def follow_points(begin: Callable[[], Any], folder: Path, progress: bool) -> Landscape:
    """Starts Java's ``MeasurementHandle`` and returns what it has measured.

    Raises:
        LandscapeInterrupted: a signal stopped it; the points so far are saved.
    """
    _, state, received = follow(begin, PointProgress() if progress else None)
    if received and state["done"] < state["total"]:
        saved = f"{state['done']} of {state['total']} points are saved in {folder}."
        raise LandscapeInterrupted(signal.Signals(received[0]), folder, saved)
    return read_landscape(folder)


def loss_direction(
    model: Model,
    *,
    seed: int = 0,
    index: int = 0,
    axis: int = 0,
    normalize: str = "filter",
    include_bias_and_norm: bool = False,
) -> dict[str, npt.NDArray[np.float32]]:
    """Draws a direction of :func:`loss_surface` again.

    Args:
        model: the network.
        seed: as in :func:`loss_surface`.
        index: which pair of directions, from 0.
        axis: 0 for d1, 1 for d2.
        normalize: as in :func:`loss_surface`.
        include_bias_and_norm: as in :func:`loss_surface`.

    Returns:
        Arrays by tensor names, in the tensors' shapes. Tensors that do not move are missing.
    """
    options = checked_options(
        dimensions=2,
        grid=2,
        ranges=(-1, 1),
        normalize=normalize,
        include_bias_and_norm=include_bias_and_norm,
        examples=None,
        split="train",
        batch_norm="frozen",
        seed=seed,
        directions=1,
        batch_size=1,
        precision="float32",
    )
    place = whole_number(index, "index", 0), whole_number(axis, "axis", 0, 1)
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    with jvm.translated_errors():
        drawn = jvm.bridge().landscapes(json.dumps(options)).direction(model.handle, *place)
        return {
            str(name): jvm.from_direct_buffer(drawn[name], shapes[str(name)], np.dtype(np.float32)) for name in drawn
        }
