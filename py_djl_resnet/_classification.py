"""Classification of images by an open network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ._inputs import BATCH, Images, batches, inputs
from ._java import jvm
from ._preprocessing import Preprocessing, chosen
from ._vae.coding import require_classifier
from .checks import checked_views, whole_number
from .errors import UsageError, warn

__all__ = ["BATCH", "Prediction", "classify", "logits", "warn_of"]


@dataclass(frozen=True)
class Prediction:
    """The most probable classes of an image.

    Args:
        image: the file's path, or the image's place in the argument, such as ``images[2]``.
        top: (class name, probability) pairs, the most probable first.
    """

    image: str
    top: list[tuple[str, float]]

    def to_dict(self) -> dict[str, Any]:
        """Returns ``{"image", "top": [{"class", "probability"}]}``, ready for JSON."""
        return {
            "image": self.image,
            "top": [{"class": name, "probability": value} for name, value in self.top],
        }

    def __str__(self) -> str:
        return f"{self.image}: " + ", ".join(f"{name} {value:.3f}" for name, value in self.top)


def classify(
    handle: Any,
    info: Mapping[str, Any],
    images: Images,
    top_k: int,
    preprocessing: Preprocessing,
    invert: bool,
    tta: str | None,
) -> tuple[list[Prediction], list[str]]:
    """Like :func:`predict`, but also returns an error message for each skipped image.

    `handle` is Java's ``NetworkHandle``, `info` its description.
    """
    require_classifier(info)
    top_k = whole_number(top_k, "top_k")
    views = checked_views(tta)
    prepared = chosen(preprocessing, info["preprocessing"], info["model"])
    with jvm.translated_errors():  # once, rather than for each image
        prepared = str(handle.preprocessing(prepared))
    names = [str(name) for name in info.get("class_names") or range(info["classes"])]
    problems: list[str] = []
    found = inputs(images, info["in_channels"], invert=invert)
    predictions: list[Prediction] = []
    for batch, pixels in batches(found, problems):
        for image, values in _named_logits(handle, batch, pixels, len(names), prepared, views, problems):
            probabilities = _softmax(values)
            best = np.argsort(-probabilities, kind="stable")[:top_k]
            predictions.append(Prediction(image, [(names[i], float(probabilities[i])) for i in best]))
    if not predictions:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise UsageError(problems[0] + more)
    return predictions, problems


def warn_of(problems: Sequence[str]) -> None:
    """Warns about skipped images."""
    for problem in problems:
        warn(f"Skipped: {problem}")


def logits(
    handle: Any,
    pixels: list[npt.NDArray[Any]],
    classes: int,
    preprocessing: str | None,
    views: str | None,
    precision: str = "float32",
) -> npt.NDArray[np.float32]:
    """Returns the logits, (N, classes), of images (C, H, W) of one type that are preprocessed first."""
    with jvm.translated_errors():
        buffers = [jvm.to_direct_buffer(image) for image in pixels]
        shapes = [[int(n) for n in image.shape] for image in pixels]
        answer = handle.predict(buffers, shapes, pixels[0].dtype.name, preprocessing, views, precision)
    return np.array(jvm.from_direct_buffer(answer, (len(pixels), classes), np.dtype(np.float32)))


def _named_logits(
    handle: Any,
    names: list[str],
    pixels: list[npt.NDArray[Any]],
    classes: int,
    prepared: str,
    views: str | None,
    problems: list[str],
) -> list[tuple[str, npt.NDArray[np.float32]]]:
    """Pairs names with logits. An image that cannot be preprocessed is added to `problems`."""
    try:
        return list(zip(names, logits(handle, pixels, classes, prepared, views), strict=True))
    except UsageError as error:
        if len(pixels) == 1:
            problems.append(f"{names[0]}: {error}")
            return []
    each = (
        _named_logits(handle, [n], [p], classes, prepared, views, problems) for n, p in zip(names, pixels, strict=True)
    )
    return [found for one in each for found in one]


def _softmax(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    powers = np.exp(values.astype(np.float64) - values.max())
    probabilities: npt.NDArray[np.float64] = powers / powers.sum()
    return probabilities
