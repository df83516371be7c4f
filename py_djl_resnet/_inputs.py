"""What a caller may give to predict: files, folders, Pillow's images and arrays, as one list of images."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from .checks import checked_path, shown
from .datasets import check_finite
from .errors import UsageError
from .images import decode, find_images

#: One image, or a folder of them.
One: TypeAlias = "str | os.PathLike[str] | Image.Image | npt.NDArray[Any]"
#: An array may hold one image, (H, W) or (H, W, C), or several, (N, H, W) or (N, H, W, C).
Images: TypeAlias = "One | Sequence[One]"

_ALLOWED = "files, folders, images of Pillow or arrays"

#: How far floats may lie beyond [0, 1].
_ROUNDING = 1e-6

#: The most images of a batch, as many as Java computes at once, and the most bytes but for a single image.
_BATCH, _BYTES = 16, 256 << 20


@dataclass(frozen=True)
class Input:
    """An image before it is decoded.

    Args:
        name: the file's path, or the image's place in what was given, as ``images[2]``.
        read: decodes it: (C, H, W), uint8, or float32 in [0, 1]; raises :class:`UsageError` for a bad image.
    """

    name: str
    read: Callable[[], npt.NDArray[Any]]


def inputs(images: Any, channels: int, *, invert: bool = False) -> list[Input]:
    """Lists the images of what a caller gave.

    Args:
        images: see :data:`Images`.
        channels: those of the network's input; arrays may have as many, besides 1 and 3.
        invert: whether light and dark change places.

    Raises:
        UsageError: what is no image, a path that does not exist, a folder or list without images; an array of
            another type, shape or range.
    """
    several = isinstance(images, Sequence) and not isinstance(images, str)
    if several and not len(images):
        raise UsageError(f"images must be at least one image; received {shown(images)}")
    found: list[Input] = []
    for index, given in enumerate(images if several else [images]):
        name = f"images[{index}]" if several else "images"
        if isinstance(given, np.ndarray):
            found += _of_array(given, name, channels, invert, single=several)
        elif isinstance(given, Image.Image):
            found.append(Input(name, _of_pillow(given, name, invert)))
        elif isinstance(given, (str, os.PathLike)):
            found += [Input(str(file), _of_file(file, invert)) for file in find_images([checked_path(given, name)])]
        else:
            raise UsageError(f"{name} must be {_ALLOWED}; received {shown(given)}")
    return found


def _of_file(file: os.PathLike[str], invert: bool) -> Callable[[], npt.NDArray[Any]]:
    return lambda: decode(file, invert=invert)


def _of_pillow(image: Image.Image, name: str, invert: bool) -> Callable[[], npt.NDArray[Any]]:
    def read() -> npt.NDArray[Any]:
        try:
            return decode(image, invert=invert)
        except UsageError as error:
            raise UsageError(f"{name}: {error}") from error

    return read


def _of_array(array: npt.NDArray[Any], name: str, channels: int, invert: bool, *, single: bool) -> Iterator[Input]:
    """The images of an array; `single` where it must be one."""
    allowed = sorted({1, 3, channels})
    shape = array.shape
    if array.ndim == 2:
        array = array[np.newaxis, ..., np.newaxis]
    elif array.ndim == 3 and shape[2] in allowed:  # nobody has images 3 pixels wide
        array = array[np.newaxis]
    elif array.ndim == 3 and not single:
        if shape[0] == channels == 3:
            raise UsageError(
                f"{name} of shape {shape} may be 3 grey images or one with its channels first; give "
                "x[..., np.newaxis] or x.transpose(1, 2, 0)"
            )
        array = array[..., np.newaxis]
    elif array.ndim != 4 or single:
        array = np.empty(0)
    if array.ndim != 4 or 0 in shape or array.shape[3] not in allowed:
        forms = "(H, W) or (H, W, C)" if single else "(H, W), (H, W, C), (N, H, W) or (N, H, W, C)"
        raise UsageError(
            f"{name} must have shape {forms}, with no empty axis and channels last, C being "
            f"{' or '.join(map(str, allowed))}; received {shape}"
        )
    array = _checked(array, name)
    alone = single or len(array) == 1
    for index, image in enumerate(array):
        pixels = image.transpose(2, 0, 1)
        yield Input(name if alone else f"{name}[{index}]", _of_pixels(pixels, invert))


def _checked(array: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    """An array of uint8, or as float32 in [0, 1]; or a :class:`UsageError`."""
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f":
        advice = {"b": "x.astype('uint8') * 255"}.get(array.dtype.kind, "x.astype('uint8') if it holds 0 to 255")
        if array.dtype == np.uint16:
            advice = "(x // 257).astype('uint8') if it holds 0 to 65535"
        raise UsageError(
            f"{name} must have dtype uint8 (0 to 255) or a float dtype (0 to 1); received {array.dtype}: give {advice}"
        )
    check_finite(array, name)
    if array.min() < -_ROUNDING or array.max() > 1 + _ROUNDING:
        raise UsageError(
            f"{name} of dtype {array.dtype} must be from 0 to 1; received {array.min():g} to {array.max():g}. Give "
            "bytes as uint8; for an input that is normalized already call model(x)"
        )
    return array.astype(np.float32, copy=False)


def _of_pixels(pixels: npt.NDArray[Any], invert: bool) -> Callable[[], npt.NDArray[Any]]:
    most = pixels.dtype.type(255 if pixels.dtype == np.uint8 else 1)
    return lambda: np.ascontiguousarray(most - pixels if invert else pixels)


def batches(found: Sequence[Input], problems: list[str]) -> Iterator[tuple[list[str], list[npt.NDArray[Any]]]]:
    """Decodes images, a few at a time and all of a batch of one type; their names and pixels.

    Args:
        found: the images.
        problems: gets the errors of bad images, which are left out.
    """
    names: list[str] = []
    pixels: list[npt.NDArray[Any]] = []
    for given in found:
        try:
            image = given.read()
        except UsageError as error:
            problems.append(str(error))
            continue
        held = sum(other.nbytes for other in pixels)
        if pixels and (len(pixels) == _BATCH or held + image.nbytes > _BYTES or image.dtype != pixels[0].dtype):
            yield names, pixels
            names, pixels = [], []
        names.append(given.name)
        pixels.append(image)
    if pixels:
        yield names, pixels
