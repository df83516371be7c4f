"""Classification of images: files, folders, images of Pillow, arrays."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._java import jvm
from ._preprocessing import Preprocessing, chosen
from .checks import whole_number
from .errors import ResnetWarning, UsageError
from .evaluation import opened
from .models import Model

if TYPE_CHECKING:
    from ._inputs import Images


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
        with jvm.translated_errors():  # once, rather than for each image
            prepared = str(network.handle.preprocessing(prepared))
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
        with jvm.translated_errors():
            buffers = [jvm.to_direct_buffer(image) for image in pixels]
            shapes = [[int(n) for n in image.shape] for image in pixels]
            answer = network.handle.predict(buffers, shapes, pixels[0].dtype.name, prepared)
    except UsageError as error:
        if len(pixels) == 1:
            problems.append(f"{names[0]}: {error}")
            return []
        each = (_logits(network, [n], [image], prepared, problems) for n, image in zip(names, pixels, strict=True))
        return [found for one in each for found in one]
    found = np.array(jvm.from_direct_buffer(answer, (len(pixels), network.classes), np.dtype(np.float32)))
    return list(zip(names, found, strict=True))


def _softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    powers = np.exp(logits.astype(np.float64) - logits.max())
    probabilities: npt.NDArray[np.float64] = powers / powers.sum()
    return probabilities
