"""Measures the loss between two networks, and around the path of a run."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from .._java import jvm
from .._precision import warn_if_slow
from .._preprocessing import Preprocessing
from ..checks import checked_folder, checked_path
from ..errors import UsageError, warn
from ..landscape import Landscape
from ..models import Model, load, opened
from .data import measured_examples, recorded
from .options import checked_options
from .surface import BATCH_SIZE, follow_points

_KEPT = re.compile(r"epoch-\d{4,9}\.safetensors")
#: A plane needs two differences.
_LEAST = 3


def interpolate_loss(
    first: Model | str | os.PathLike[str],
    second: Model | str | os.PathLike[str],
    dataset: str | Sequence[npt.NDArray[Any]] | None = None,
    *,
    out: str | os.PathLike[str],
    data_dir: str | os.PathLike[str] | None = None,
    grid: int = 41,
    ranges: Sequence[float] = (-0.5, 1.5),
    examples: int | None = 1000,
    split: str = "train",
    batch_norm: str = "frozen",
    seed: int = 0,
    batch_size: int = BATCH_SIZE,
    preprocessing: Preprocessing = None,
    channels_last: bool | None = None,
    precision: str = "float32",
    device: str = "auto",
    engine: str | None = None,
    progress: bool = True,
) -> Landscape:
    """Measures loss and accuracy on the line through two networks of the same kind, ``a + x * (b - a)``.

    All tensors are interpolated, batch normalization's running statistics too; beyond the networks, these stay those
    of the nearer one, because a variance would soon be negative (Goodfellow et al., "Qualitatively Characterizing
    Neural Network Optimization Problems", 2015). Data set and preprocessing default to those of `first`. Otherwise as
    :func:`loss_surface`.

    Args:
        first: the network at x = 0: a network, a checkpoint file or a run folder.
        second: the network at x = 1.
        dataset: as in :func:`evaluate`.
        out: the folder of ``landscape.json`` and ``points.csv``.
        data_dir: as in :func:`loss_surface`.
        grid: the number of points, at least 2. The default, with that of `ranges`, has both networks among them, which
            the barrier between them needs.
        ranges: the first and the last x.
        examples: as in :func:`loss_surface`.
        split: as in :func:`loss_surface`.
        batch_norm: ``frozen`` interpolates the running statistics; ``recalibrated`` computes those of the examples at
            each point.
        seed: the seed of the examples.
        batch_size: as in :func:`loss_surface`.
        preprocessing: as in :func:`loss_surface`.
        channels_last: as in :func:`loss_surface`.
        precision: as in :func:`loss_surface`.
        device: as in :func:`loss_surface`.
        engine: as in :func:`loss_surface`.
        progress: as in :func:`loss_surface`.

    Raises:
        UsageError: as in :func:`loss_surface`, or the networks differ in kind.
        LandscapeInterrupted: after Ctrl-C, SIGTERM or SIGHUP.
        TrainingError: the folder cannot be written.
    """
    options = _checked(1, grid, ranges, examples, split, batch_norm, seed, batch_size, precision)
    folder = checked_folder(out)
    options |= {"checkpoint": recorded(first), "other": recorded(second)}
    with opened(first, device, engine) as a, opened(second, device, engine) as b:
        _require_same(a, b)
        known = [steps for steps in (a.preprocessing, b.preprocessing) if steps is not None]
        if preprocessing is None and len(known) == 2 and known[0] != known[1]:
            warn("The two networks prepare images differently. Both are measured with the preprocessing of the first.")
        warn_if_slow(precision)
        data, prepared = measured_examples(a, dataset, data_dir, preprocessing, channels_last, options)

        def begin() -> Any:
            landscapes = jvm.bridge().landscapes(json.dumps(options))
            return landscapes.interpolation(a.handle, b.handle, data, str(folder), prepared)

        return follow_points(begin, folder, progress)


def loss_trajectory(
    run: str | os.PathLike[str],
    dataset: str | Sequence[npt.NDArray[Any]] | None = None,
    *,
    out: str | os.PathLike[str],
    data_dir: str | os.PathLike[str] | None = None,
    grid: int | Sequence[int] = 25,
    ranges: Sequence[float] | None = None,
    examples: int | None = 1000,
    split: str = "train",
    batch_norm: str = "frozen",
    seed: int = 0,
    batch_size: int = BATCH_SIZE,
    preprocessing: Preprocessing = None,
    channels_last: bool | None = None,
    precision: str = "float32",
    raw: bool = False,
    device: str = "auto",
    engine: str | None = None,
    progress: bool = True,
) -> Landscape:
    """Measures the loss in the plane that fits the path of a run best, and at its checkpoints.

    The plane is spanned by the two leading singular vectors of the differences of all kept checkpoints to the last
    one, and its origin is the last one (Li et al., 2018). ``trajectory.csv`` has each checkpoint's place in the plane,
    its own loss and accuracy, and the loss at its place, which is equal only for a checkpoint in the plane. The
    running statistics of batch normalization move along, within their range over the checkpoints. Otherwise as
    :func:`loss_surface`.

    Args:
        run: the folder of a run that was trained with the setting ``keep``.
        dataset: as in :func:`evaluate`.
        out: the folder of ``landscape.json``, ``points.csv`` and ``trajectory.csv``.
        data_dir: as in :func:`loss_surface`.
        grid: as in :func:`loss_surface`.
        ranges: as in :func:`loss_surface`, in the units of the weights; None for the path with a margin.
        examples: as in :func:`loss_surface`.
        split: as in :func:`loss_surface`.
        batch_norm: as in :func:`loss_surface`; ``recalibrated`` also for the checkpoints' own losses.
        seed: the seed of the examples.
        batch_size: as in :func:`loss_surface`.
        preprocessing: as in :func:`loss_surface`.
        channels_last: as in :func:`loss_surface`.
        precision: as in :func:`loss_surface`.
        raw: whether to take the weights themselves, even if the checkpoints have their average.
        device: as in :func:`loss_surface`.
        engine: as in :func:`loss_surface`.
        progress: as in :func:`loss_surface`.

    Raises:
        UsageError: as in :func:`loss_surface`, or the run has fewer than three kept checkpoints.
        LandscapeInterrupted: after Ctrl-C, SIGTERM or SIGHUP.
        TrainingError: the folder cannot be written.
    """
    files = kept_checkpoints(run)
    options = _checked(
        2, grid, (-1, 1) if ranges is None else ranges, examples, split, batch_norm, seed, batch_size, precision
    )
    if ranges is None:
        options["range"] = None
    folder = checked_folder(out)
    options["checkpoint"] = os.path.abspath(files[-1])
    with load(files[-1], device, engine, raw=raw) as network:
        warn_if_slow(precision)
        data, prepared = measured_examples(network, dataset, data_dir, preprocessing, channels_last, options)
        paths = [str(file.absolute()) for file in files]

        def begin() -> Any:
            landscapes = jvm.bridge().landscapes(json.dumps(options))
            return landscapes.trajectory(network.handle, paths, not raw, data, str(folder), prepared)

        return follow_points(begin, folder, progress)


def kept_checkpoints(run: str | os.PathLike[str]) -> list[Path]:
    """Returns the checkpoints that a run kept of its epochs, in order, at least three."""
    folder = Path(checked_path(run, "the run", "Give its folder, run.folder."))
    if not folder.is_dir():
        problem = "is a file" if folder.exists() else "does not exist"
        raise UsageError(f"Run folder {folder} {problem}. Give the folder of a training run.")
    files = [file for file in folder.iterdir() if _KEPT.fullmatch(file.name)]
    if len(files) < _LEAST:
        raise UsageError(
            f"{folder} has too few checkpoints of epochs for a trajectory. Received: {len(files)}. Allowed: {_LEAST} "
            f"or more. Train with --keep {_LEAST} or more (in Python: keep), which keeps the last epochs' checkpoints."
        )
    return sorted(files, key=lambda file: int(file.stem.removeprefix("epoch-")))


def _checked(
    dimensions: int,
    grid: Any,
    ranges: Any,
    examples: int | None,
    split: str,
    batch_norm: str,
    seed: int,
    batch_size: int,
    precision: str,
) -> dict[str, Any]:
    return checked_options(
        dimensions=dimensions,
        grid=grid,
        ranges=ranges,
        normalize="none",
        include_bias_and_norm=True,
        examples=examples,
        split=split,
        batch_norm=batch_norm,
        seed=seed,
        directions=1,
        batch_size=batch_size,
        precision=precision,
    )


def _require_same(a: Model, b: Model) -> None:
    kinds = [f"{one.name} (channels: {one.in_channels}, classes: {one.classes})" for one in (a, b)]
    if kinds[0] != kinds[1]:
        raise UsageError(
            f"Only networks of the same kind can be interpolated. Received: {kinds[0]} and {kinds[1]}. Give two "
            "checkpoints of the same network."
        )
