"""Evaluation of networks on test data."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._java import jvm
from ._preprocessing import Preprocessing, chosen
from .checks import path as checked_path
from .checks import whole_number
from .datasets import ARRAYS, Examples, from_arrays, limited, named
from .errors import UsageError
from .models import Model, load
from .summary import text_table

if TYPE_CHECKING:
    from ._plotting.chart import Chart


@dataclass(frozen=True)
class Evaluation:
    """Loss, accuracy, and for each class precision, recall and F1.

    Args:
        loss: mean cross-entropy over the examples.
        accuracy: in [0, 1].
        classes: for each ``name``, ``precision``, ``recall``, ``f1``, ``support``.
        confusion_matrix: counts, int64 (classes, classes): a row for each true class.
    """

    loss: float
    accuracy: float
    classes: list[dict[str, Any]]
    confusion_matrix: npt.NDArray[np.int64]

    def to_dict(self) -> dict[str, Any]:
        """``{"loss", "accuracy", "classes": [...], "confusion_matrix"}``, ready for JSON."""
        return {
            "loss": self.loss,
            "accuracy": self.accuracy,
            "classes": self.classes,
            "confusion_matrix": self.confusion_matrix.tolist(),
        }

    def plot(self, path: str | os.PathLike[str] | None = None) -> Chart:
        """The confusion matrix as a figure, written to `path` (.png, .svg, .pdf) if given."""
        from ._plotting.figures import plot_confusion

        return plot_confusion(self.confusion_matrix, [c["name"] for c in self.classes], path)

    def __str__(self) -> str:
        names = [str(c["name"]) for c in self.classes]
        keys = ("precision", "recall", "f1")
        rows: list[Sequence[str]] = [("class", *keys, "support")]
        rows += [(str(c["name"]), *(_figure(c[key]) for key in keys), str(c["support"])) for c in self.classes]
        counts = [["true \\ predicted", *(str(i) for i in range(len(names)))]]
        counts += [
            [f"{i} {name}", *(str(n) for n in row)]
            for i, (name, row) in enumerate(zip(names, self.confusion_matrix, strict=True))
        ]
        columns = range(1, max(len(counts[0]), 5))
        return "\n".join(
            [
                f"loss {self.loss:.3f}, accuracy {self.accuracy:.3f}, {int(self.confusion_matrix.sum())} examples",
                "",
                text_table(rows, columns),
                "",
                text_table(counts, columns),
            ]
        )


def evaluate(
    model: Model | str | os.PathLike[str],
    dataset: str | Sequence[npt.NDArray[Any]] | None = None,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    limit: int | None = None,
    batch_size: int = 256,
    bypass: Sequence[str] = (),
    preprocessing: Preprocessing = None,
    channels_last: bool | None = None,
    device: str = "auto",
    engine: str | None = None,
) -> Evaluation:
    """Evaluates a network on test data.

    Args:
        model: a network, a checkpoint's file or a run folder.
        dataset: a data set's name, or a pair of images and labels as :func:`train` takes them;
            None takes the data set that the network was trained on.
        data_dir: the folder of the data set's files; None takes the recipe's, or the package's.
        limit: the most examples; None takes all.
        batch_size: examples that are computed at once, at least 1.
        bypass: names of residual blocks, as ``layer3.2``, of which the shortcut alone is kept.
        preprocessing: ``torchvision``, ``plain:N`` (stretched to N by N), a JSON file or a dict of what one holds; None
            for the network's own. Float arrays are taken to be in [0, 1] before it.
        channels_last: whether arrays are (N, H, W, C); None for (N, C, H, W) unless their shape is doubtful.
        device: for a checkpoint: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
        engine: for a checkpoint: ``pytorch`` or ``mxnet``; None for the one that runs, else
            ``pytorch``.

    Raises:
        UsageError: no such checkpoint, data set or block, damaged files, arrays that do not fit; a network that
            records no preprocessing where none is given.
    """
    with opened(model, device, engine) as network:
        measure = measurer(
            network, dataset, data_dir, limit, batch_size, preprocessing=preprocessing, channels_last=channels_last
        )
        return measure(bypass)


def measurer(
    network: Model,
    dataset: str | Sequence[npt.NDArray[Any]] | None,
    data_dir: str | os.PathLike[str] | None,
    limit: int | None,
    batch_size: int,
    *,
    preprocessing: Preprocessing = None,
    channels_last: bool | None = None,
) -> Callable[[Sequence[str]], Evaluation]:
    """Reads the data once, as :func:`evaluate` says, and evaluates the network without the blocks of a call."""
    prepared = chosen(preprocessing, network.preprocessing, network.name)
    batch_size = whole_number(batch_size, "batch_size")
    if limit is not None:
        limit = whole_number(limit, "limit")
    arrays = None if dataset is None or isinstance(dataset, str) else _pair(dataset)
    recipe = network.recipe
    if arrays is not None:
        examples = limited(from_arrays(*arrays, network.class_names, "test", channels_last=channels_last), limit)
    else:
        if dataset is None and recipe is None:
            raise UsageError(
                f"this {network.name} was not trained here, so it records no data set; name one, or give images and "
                "labels"
            )
        name = str(dataset) if recipe is None or dataset is not None else recipe.dataset
        folder = checked_path(data_dir, "data_dir") if data_dir is not None else None
        if folder is None and recipe is not None and name == recipe.dataset:
            folder = recipe.data_dir
        if name == ARRAYS:
            raise UsageError(
                f"{network.name} was trained on arrays, which its checkpoint does not hold; "
                "name a data set or give images and labels"
            )
        examples = named(name, folder, train=False, limit=limit)

    def measure(bypass: Sequence[str]) -> Evaluation:
        if isinstance(bypass, str) or not all(isinstance(name, str) for name in bypass):
            raise UsageError(f"bypass must be names of blocks such as ['layer3.2']; received {bypass!r}")
        with jvm.translated_errors():
            text = str(jvm.bridge().evaluate(network.handle, examples, batch_size, list(bypass), prepared))
        form = json.loads(text)
        matrix = np.array(form["confusion_matrix"], dtype=np.int64)
        return Evaluation(form["loss"], form["accuracy"], form["classes"], matrix)

    return measure


def _pair(dataset: Any) -> Examples:
    if isinstance(dataset, (tuple, list)) and len(dataset) == 2:
        return dataset[0], dataset[1]
    size = f" of {len(dataset)}" if isinstance(dataset, (tuple, list)) else ""
    raise UsageError(
        f"dataset must be a name or a pair of images and labels; received a {type(dataset).__name__}{size}"
    )


@contextmanager
def opened(model: Model | str | os.PathLike[str], device: str, engine: str | None) -> Iterator[Model]:
    """A caller's network, left open, or one of a checkpoint, closed afterwards."""
    if isinstance(model, Model):
        jvm.require_no_fork()
        yield model
    else:
        with load(model, device, engine) as network:
            yield network


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
