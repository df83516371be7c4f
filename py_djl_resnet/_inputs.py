"""Turns the images that a caller passes, such as files, folders and arrays, into one list."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from .checks import checked_path, shown
from .datasets import check_finite, conversion
from .errors import UsageError
from .images import decode, find_images, printable

#: One image, or a folder of them.
One: TypeAlias = "str | os.PathLike[str] | Image.Image | npt.NDArray[Any]"
#: An array may hold one image, (H, W) or (H, W, C), or several, (N, H, W) or (N, H, W, C).
Images: TypeAlias = "One | Sequence[One]"

_ALLOWED = "files, folders, Pillow images, arrays"

#: The tolerance for floats outside [0, 1].
_ROUNDING = 1e-6

#: The largest batch, which Java computes at once, and its limit in bytes unless it is a single image.
BATCH, _BYTES = 16, 256 << 20


class Input(NamedTuple):
    """An image before `read` decodes it to (C, H, W), uint8, or float32 in [0, 1], or raises :class:`UsageError`."""

    name: str
    read: Callable[[], npt.NDArray[Any]]


def inputs(images: Any, channels: int, *, invert: bool = False) -> list[Input]:
    """Lists the images that a caller passed; arrays may have as many `channels` as the network, or 1 or 3."""
    several = isinstance(images, Sequence) and not isinstance(images, str)
    if several and not len(images):
        raise UsageError(f"images must contain at least one image. Received: {shown(images)}.")
    found: list[Input] = []
    for index, given in enumerate(images if several else [images]):
        name = f"images[{index}]" if several else "images"
        if isinstance(given, np.ndarray):
            found += _of_array(given, name, channels, invert, single=several)
        elif isinstance(given, Image.Image):
            found.append(Input(name, partial(decode, given, invert=invert, name=name)))
        elif isinstance(given, (str, os.PathLike)):
            files = find_images([checked_path(given, name)])
            found += [Input(printable(file), partial(decode, file, invert=invert)) for file in files]
        else:
            advice = " Pass numbers as one array." if isinstance(given, (int, float, list, tuple)) else ""
            raise UsageError(f"{name} is not an image. Received: {shown(given)}. Allowed: {_ALLOWED}.{advice}")
    return found


def _of_array(array: npt.NDArray[Any], name: str, channels: int, invert: bool, *, single: bool) -> Iterator[Input]:
    """Yields the images of an array; `single` if it must be one."""
    allowed = sorted({1, 3, channels})
    shape = array.shape
    if array.ndim == 2:
        array = array[np.newaxis, ..., np.newaxis]
    elif array.ndim == 3 and shape[2] in allowed:  # images 3 pixels wide are not expected
        array = array[np.newaxis]
    elif array.ndim == 3 and not single:
        if shape[0] == channels == 3:
            raise UsageError(
                f"{name} is ambiguous. Received: shape {shape}. For 3 grey images pass x[..., np.newaxis], for one "
                "image with channels first x.transpose(1, 2, 0)."
            )
        array = array[..., np.newaxis]
    elif array.ndim != 4 or single:
        array = np.empty(0)
    if array.ndim != 4 or 0 in shape or array.shape[3] not in allowed:
        forms = "(H, W) or (H, W, C)" if single else "(H, W), (H, W, C), (N, H, W) or (N, H, W, C)"
        raise UsageError(
            f"{name} has the wrong shape. Received: {shape}. Allowed: {forms}, with no empty axis and channels last, "
            f"where C is {' or '.join(map(str, allowed))}."
        )
    array = _checked(array, name)
    alone = single or len(array) == 1
    for index, image in enumerate(array):
        pixels = image.transpose(2, 0, 1)
        yield Input(name if alone else f"{name}[{index}]", _of_pixels(pixels, invert))


def _checked(array: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    """Returns a uint8 array unchanged, and an array of floats in [0, 1] as float32."""
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f":
        raise UsageError(
            f"{name} must have dtype uint8 (0 to 255) or a float dtype (0 to 1). Received: {array.dtype}. "
            f"{conversion(array)}"
        )
    check_finite(array, name)
    if array.min() < -_ROUNDING or array.max() > 1 + _ROUNDING:
        raise UsageError(
            f"{name} of dtype {array.dtype} must have values from 0 to 1. Received: {array.min():g} to "
            f"{array.max():g}. Pass 0 to 255 as uint8. For normalized input, call model(x)."
        )
    return array.astype(np.float32, copy=False)


def _of_pixels(pixels: npt.NDArray[Any], invert: bool) -> Callable[[], npt.NDArray[Any]]:
    most = pixels.dtype.type(255 if pixels.dtype == np.uint8 else 1)
    return lambda: np.ascontiguousarray(most - pixels if invert else pixels)


def batches(found: Sequence[Input], problems: list[str]) -> Iterator[tuple[list[str], list[npt.NDArray[Any]]]]:
    """Yields names and pixels of a few images at a time, all of one type; `problems` gets the errors of bad ones."""
    names: list[str] = []
    pixels: list[npt.NDArray[Any]] = []
    for given in found:
        try:
            image = given.read()
        except UsageError as error:
            problems.append(str(error))
            continue
        held = sum(other.nbytes for other in pixels)
        if pixels and (len(pixels) == BATCH or held + image.nbytes > _BYTES or image.dtype != pixels[0].dtype):
            yield names, pixels
            names, pixels = [], []
        names.append(given.name)
        pixels.append(image)
    if pixels:
        yield names, pixels
