"""Images for an autoencoder: those of a data set to evaluate, and image files."""

from __future__ import annotations

import json
import numbers
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from .._java import jvm
from ..checks import checked_path, whole_number
from ..datasets import from_arrays
from ..errors import UsageError
from ..evaluation import examples_for
from ..images import decode
from ..models import Model
from .coding import autoencoder_of

#: Images that are prepared at once, to save memory.
_PART = 1024


@dataclass(frozen=True)
class Images:
    """Images of a data set, prepared for an autoencoder when they are needed.

    Args:
        model: the network.
        examples: Java's ``Examples``.
        part: ``test``, ``validation`` or ``all``, as of :func:`examples_for`.
    """

    model: Model
    examples: Any
    part: str

    def __len__(self) -> int:
        return int(self.examples.size())

    @property
    def class_names(self) -> list[str]:
        """A name for each class."""
        with jvm.translated_errors():
            return [str(name) for name in self.examples.classNames()]

    def labels(self, indices: Sequence[int]) -> npt.NDArray[np.int64]:
        """Returns the classes of some images, int64 (N)."""
        with jvm.translated_errors():
            return np.array([int(self.examples.label(index)) for index in indices], np.int64)

    def pixels(self, indices: Sequence[int]) -> npt.NDArray[np.float32]:
        """Returns some images as the network takes them, (N, C, H, W) from 0 to 1."""
        return _prepared(self.model, self.examples, indices)

    def codes(self, indices: Sequence[int]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Returns the posterior means and log variances of some images, both (N, L)."""
        parts = [indices[start : start + _PART] for start in range(0, len(indices), _PART)]
        coded = [self.model.encode(self.pixels(part), self.conditions(part)) for part in parts]
        means, log_variances = zip(*coded, strict=True)
        return np.concatenate(means), np.concatenate(log_variances)

    def conditions(self, indices: Sequence[int]) -> npt.NDArray[np.int64] | None:
        """Returns the labels that the network needs, None if it is not conditional."""
        return self.labels(indices) if autoencoder_of(self.model.info)["conditional"] else None

    def drawn(self, n: int, seed: int) -> list[int]:
        """Returns the indices of `n` images, or of all if there are fewer: in order, drawn by the seed."""
        chosen = np.random.Generator(np.random.PCG64(seed)).permutation(len(self))[:n]
        return [int(index) for index in np.sort(chosen)]


def evaluated_images(
    model: Model,
    dataset: str | Sequence[npt.NDArray[Any]] | None,
    data_dir: str | os.PathLike[str] | None,
    limit: int | None,
) -> Images:
    """Returns the images of a data set, as :func:`py_djl_resnet.evaluate` finds them."""
    autoencoder_of(model.info)
    examples, _, part = examples_for(model, dataset, data_dir, limit)
    return Images(model, examples, part)


def image_name(part: str, count: int = 1) -> str:
    """Returns ``test image`` or ``images`` and the like."""
    return f"{'' if part == 'all' else f'{part} '}image{'' if count == 1 else 's'}"


def single_image(
    model: Model,
    which: int | str | os.PathLike[str] | Image.Image,
    images: Images | None,
    name: str,
) -> tuple[npt.NDArray[np.float32], int | None]:
    """Returns an image as the network takes it, (1, C, H, W), and its class, None for a file.

    Args:
        model: the network.
        which: the index of one of `images`; an image file, or a Pillow image.
        images: the images; None if `which` is no index.
        name: the argument's name, for an error.
    """
    if isinstance(which, (str, os.PathLike, Image.Image)):
        pixels = decode(which if isinstance(which, Image.Image) else checked_path(which, name), name=name)
        # the class does not matter to the preparation
        examples = from_arrays((pixels[np.newaxis], np.zeros(1, np.int32)), ["image"], "image")
        return _prepared(model, examples, [0]), None
    if images is None or not isinstance(which, numbers.Integral):
        raise UsageError(
            f"{name} must be an image. Received: {type(which).__name__}. Allowed: the index of a test image, an image "
            "file, or a Pillow image, such as PIL.Image.fromarray(array) of a uint8 array."
        )
    index = whole_number(which, name, 0, len(images) - 1)
    return images.pixels([index]), int(images.labels([index])[0])


def _prepared(model: Model, examples: Any, indices: Sequence[int]) -> npt.NDArray[np.float32]:
    shape = [len(indices), *autoencoder_of(model.info)["image"]]
    with jvm.translated_errors():
        buffer = jvm.bridge().sheet(examples).prepared(json.dumps(model.preprocessing), list(indices))
        return np.array(jvm.from_direct_buffer(buffer, shape, np.float32))
