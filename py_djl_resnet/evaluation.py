"""What a trained network can do: measured on a data set, asked about pictures."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import _jvm
from .checks import path as checked_path
from .checks import whole_number
from .datasets import ARRAYS, Examples, from_arrays, limited, named
from .datasets import available as available_datasets
from .errors import UsageError
from .models import Model, load
from .recipe import Recipe
from .summary import text_table

if TYPE_CHECKING:
    from .figures import Chart

#: Pictures that are given to the network at once.
_BATCH = 64


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
        from .figures import plot_confusion

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


@dataclass(frozen=True)
class Prediction:
    """The likeliest classes of a picture.

    Args:
        image: the picture's path.
        top: (class name, probability) pairs, the likeliest first.
    """

    image: str
    top: list[tuple[str, float]]

    def to_dict(self) -> dict[str, Any]:
        """``{"image", "top": [{"class", "probability"}]}``, ready for JSON."""
        return {
            "image": self.image,
            "top": [{"class": name, "probability": value} for name, value in self.top],
        }

    def __str__(self) -> str:
        return f"{self.image}: " + ", ".join(f"{name} {value:.3f}" for name, value in self.top)


def evaluate(
    model: Model | str | os.PathLike[str],
    dataset: str | Sequence[npt.NDArray[Any]] | None = None,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    limit: int | None = None,
    batch_size: int = 256,
    bypass: Sequence[str] = (),
    device: str = "auto",
    engine: str | None = None,
) -> Evaluation:
    """Measures a network on test data.

    Args:
        model: a network, a checkpoint's file or a run folder.
        dataset: a data set's name, or a pair of pictures and labels as :func:`train` takes them;
            None takes the data set that the network was trained on.
        data_dir: the folder of the data set's files; None takes the recipe's, or the package's.
        limit: the most examples; None takes all.
        batch_size: examples that are computed at once, at least 1.
        bypass: names of residual blocks, as ``layer3.2``, of which the shortcut alone is kept.
        device: for a checkpoint: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
        engine: for a checkpoint: ``pytorch`` or ``mxnet``; None for the one that runs, else
            ``pytorch``.

    Raises:
        UsageError: no such checkpoint, data set or block, damaged files, arrays that do not fit.
    """
    with opened(model, device, engine) as network:
        return measurer(network, dataset, data_dir, limit, batch_size)(bypass)


def measurer(
    network: Model,
    dataset: str | Sequence[npt.NDArray[Any]] | None,
    data_dir: str | os.PathLike[str] | None,
    limit: int | None,
    batch_size: int,
) -> Callable[[Sequence[str]], Evaluation]:
    """Reads the data once, as :func:`evaluate` says, and measures the network without the blocks of a call."""
    batch_size = whole_number(batch_size, "batch_size")
    if limit is not None:
        limit = whole_number(limit, "limit")
    arrays = None if dataset is None or isinstance(dataset, str) else _pair(dataset)
    recipe = network.recipe
    if arrays is not None:
        examples = limited(from_arrays(*arrays, network.class_names, "test"), limit)
    else:
        name = str(dataset) if dataset else (recipe.dataset if recipe else Recipe().dataset)
        folder = checked_path(data_dir, "data_dir") if data_dir is not None else None
        if folder is None and recipe is not None and name == recipe.dataset:
            folder = recipe.data_dir
        if name == ARRAYS:
            raise UsageError(
                f"{network.name} was trained on arrays, which its checkpoint does not hold; "
                "name a data set or give pictures and labels"
            )
        examples = named(name, folder, train=False, limit=limit)

    def measure(bypass: Sequence[str]) -> Evaluation:
        if isinstance(bypass, str) or not all(isinstance(name, str) for name in bypass):
            raise UsageError(f"bypass must be names of blocks such as ['layer3.2']; received {bypass!r}")
        with _jvm.translated_errors():
            text = str(_jvm.bridge().evaluate(network.handle, examples, batch_size, list(bypass)))
        form = json.loads(text)
        matrix = np.array(form["confusion_matrix"], dtype=np.int64)
        return Evaluation(form["loss"], form["accuracy"], form["classes"], matrix)

    return measure


def predict(
    model: Model | str | os.PathLike[str],
    images: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    top_k: int = 3,
    *,
    invert: bool = False,
    device: str = "auto",
    engine: str | None = None,
) -> list[Prediction]:
    """The likeliest classes of pictures.

    Args:
        model: a network, a checkpoint's file or a run folder.
        images: picture files, or folders of them; of any size, grey or colour.
        top_k: how many classes, at least 1; more than there are gives all.
        invert: for dark things on a light background; Fashion-MNIST's are light on dark.
        device: for a checkpoint: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
        engine: for a checkpoint: ``pytorch`` or ``mxnet``; None for the one that runs, else
            ``pytorch``.

    Raises:
        UsageError: no such checkpoint or picture, a file that is no picture.
    """
    from .images import find_images, read_image

    top_k = whole_number(top_k, "top_k")
    # what is neither, an array perhaps, is one picture that cannot be read
    given: Any = images
    single = isinstance(given, (str, os.PathLike)) or not isinstance(given, Sequence)
    files = find_images([given] if single else given)
    predictions: list[Prediction] = []
    with opened(model, device, engine) as network:
        height, width = _picture_size(network, engine)
        for start in range(0, len(files), _BATCH):
            batch = files[start : start + _BATCH]
            x = np.stack([read_image(f, network.in_channels, height, width, invert) for f in batch])
            for file, probabilities in zip(batch, _softmax(network(x)), strict=True):
                best = np.argsort(-probabilities, kind="stable")[:top_k]
                top = [(network.class_names[i], float(probabilities[i])) for i in best]
                predictions.append(Prediction(str(file), top))
    return predictions


def _pair(dataset: Any) -> Examples:
    if isinstance(dataset, (tuple, list)) and len(dataset) == 2:
        return dataset[0], dataset[1]
    size = f" of {len(dataset)}" if isinstance(dataset, (tuple, list)) else ""
    raise UsageError(
        f"dataset must be a name or a pair of pictures and labels; received a {type(dataset).__name__}{size}"
    )


@contextmanager
def opened(model: Model | str | os.PathLike[str], device: str, engine: str | None) -> Iterator[Model]:
    """A caller's network, left open, or one of a checkpoint, closed afterwards."""
    if isinstance(model, Model):
        yield model
    else:
        with load(model, device, engine) as network:
            yield network


def _picture_size(network: Model, engine: str | None) -> tuple[int, int]:
    if network.image_size is not None:
        return network.image_size, network.image_size
    name = (network.recipe or Recipe()).dataset
    for known in available_datasets(engine):
        # a data set of a caller's own files has no shape before they are read
        if known["name"] == name and len(known["shape"]) == 3 and min(known["shape"]) > 0:
            return known["shape"][1], known["shape"][2]
    raise UsageError(
        f"the checkpoint of {network.name} does not say which image size it was trained on, as that of pictures that "
        "are not square; call the model on arrays instead, or train it with an image_size"
    )


def _softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    total: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return total


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
