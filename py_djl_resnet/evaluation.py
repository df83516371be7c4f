"""What a trained network can do: evaluated on a data set, asked to classify images."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import _jvm
from ._preprocessing import Preprocessing, chosen
from .checks import path as checked_path
from .checks import whole_number
from .datasets import ARRAYS, Examples, from_arrays, limited, named
from .errors import ResnetWarning, UsageError
from .models import Model, load
from .summary import text_table

if TYPE_CHECKING:
    from ._inputs import Images
    from .figures import Chart


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
    """The likeliest classes of an image.

    Args:
        image: the file's path, or the image's place in what was given, as ``images[2]``.
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
        with _jvm.translated_errors():
            text = str(_jvm.bridge().evaluate(network.handle, examples, batch_size, list(bypass), prepared))
        form = json.loads(text)
        matrix = np.array(form["confusion_matrix"], dtype=np.int64)
        return Evaluation(form["loss"], form["accuracy"], form["classes"], matrix)

    return measure


def predict(
    model: Model | str | os.PathLike[str],
    images: Images,
    top_k: int = 3,
    *,
    preprocessing: Preprocessing = None,
    invert: bool = False,
    device: str = "auto",
    engine: str | None = None,
) -> list[Prediction]:
    """Classifies images of any size, grey or colour.

    Args:
        model: a network, a checkpoint's file or a run folder.
        images: an image, or several in a list: files; folders, which stand for the images in them; images of Pillow;
            arrays (H, W) or (H, W, C), uint8 or floats in [0, 1]. Or one array of several images, (N, H, W) or
            (N, H, W, C).
        top_k: how many classes, at least 1; more than there are gives all.
        preprocessing: as of :func:`evaluate`.
        invert: whether light and dark change places, for dark things on a light background where the network knows
            light on dark, as Fashion-MNIST's.
        device: for a checkpoint: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
        engine: for a checkpoint: ``pytorch`` or ``mxnet``; None for the one that runs, else
            ``pytorch``.

    Returns:
        A prediction for each image that could be read, in their order.

    Raises:
        UsageError: no such checkpoint or path, no image that can be read, an array of another type, shape or range; a
            network that records no preprocessing where none is given.

    Warns:
        ResnetWarning: an image that cannot be read or prepared, which is left out.
    """
    predictions, problems = predictions_and_problems(model, images, top_k, preprocessing, invert, device, engine)
    warn_of(problems)
    return predictions


def warn_of(problems: Sequence[str]) -> None:
    """Warns the caller of the calling function of images that are left out."""
    for problem in problems:
        warnings.warn(f"{problem}; left out", ResnetWarning, stacklevel=3)


def predictions_and_problems(
    model: Model | str | os.PathLike[str],
    images: Images,
    top_k: int,
    preprocessing: Preprocessing,
    invert: bool,
    device: str = "auto",
    engine: str | None = None,
) -> tuple[list[Prediction], list[str]]:
    """As :func:`predict`, with an error for each image that is left out."""
    from ._inputs import batches, inputs

    top_k = whole_number(top_k, "top_k")
    with opened(model, device, engine) as network:
        prepared = chosen(preprocessing, network.preprocessing, network.name)
        problems: list[str] = []
        found = inputs(images, network.in_channels, invert=invert)
        predictions: list[Prediction] = []
        for names, pixels in batches(found, problems):
            for name, logits in _logits(network, names, pixels, prepared, problems):
                probabilities = _softmax(logits)
                best = np.argsort(-probabilities, kind="stable")[:top_k]
                top = [(network.class_names[i], float(probabilities[i])) for i in best]
                predictions.append(Prediction(name, top))
    if not predictions:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise UsageError(problems[0] + more)
    return predictions, problems


def _logits(
    network: Model, names: list[str], pixels: list[npt.NDArray[Any]], prepared: str | None, problems: list[str]
) -> list[tuple[str, npt.NDArray[np.float32]]]:
    """The names and logits of images (C, H, W) of one type; an image that cannot be prepared is a problem."""
    try:
        with _jvm.translated_errors():
            buffers = [_jvm.to_direct_buffer(image) for image in pixels]
            shapes = [[int(n) for n in image.shape] for image in pixels]
            answer = network.handle.predict(buffers, shapes, pixels[0].dtype.name, prepared)
    except UsageError as error:
        if len(pixels) == 1:
            problems.append(f"{names[0]}: {error}")
            return []
        each = (_logits(network, [n], [image], prepared, problems) for n, image in zip(names, pixels, strict=True))
        return [found for one in each for found in one]
    found = np.array(_jvm.from_direct_buffer(answer, (len(pixels), network.classes), np.dtype(np.float32)))
    return list(zip(names, found, strict=True))


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
        _jvm.require_no_fork()
        yield model
    else:
        with load(model, device, engine) as network:
            yield network


def _softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    powers = np.exp(logits.astype(np.float64) - logits.max())
    probabilities: npt.NDArray[np.float64] = powers / powers.sum()
    return probabilities


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
