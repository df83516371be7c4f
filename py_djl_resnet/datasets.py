"""Named data sets and a caller's arrays."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ._fetch.archive import ARCHIVES, fetch
from ._java import jars, jvm
from .checks import INT, checked_path, nearest
from .errors import UsageError, warn

#: A caller's images and labels: (N, C, H, W) or (N, H, W), uint8 or float32, and N whole numbers.
LabelledImages = tuple[npt.NDArray[Any], npt.NDArray[Any]]

#: The data set's name in the recipe of a run on a caller's arrays.
ARRAYS = "arrays"

#: Larger labels are probably something other than class numbers.
MAX_CLASSES = 100_000

#: Larger float images are taken for 0 to 255 values; standardized images stay far below.
_USUAL = 30


def bundled_data() -> Path:
    """Returns the folder of ``fashion-mnist/``, in an installed package or in the repository."""
    package = Path(__file__).resolve().parent
    inside = package / "data"
    return inside if inside.is_dir() else package.parent / "data"


def available(engine: str | None = None) -> list[dict[str, Any]]:
    """Returns the named data sets: name, description, shape (C, H, W), classes, train and test."""
    jvm.start(engine)
    with jvm.translated_errors():
        found: list[dict[str, Any]] = json.loads(str(jvm.bridge().datasets()))
    return found


def default_folder(name: str) -> Path:
    """Returns the folder of a data set's files if none is given: the bundled one, or one in the cache."""
    return jars.cache_folder() / "data" if name in ARCHIVES else bundled_data()


def download(name: str, data_dir: str | os.PathLike[str] | None = None, *, quiet: bool = False) -> Path:
    """Fetches a data set that does not come with this package, unless its files exist already.

    What is fetched is used only if its checksum is the pinned one. Existing files are accepted by their size, or by
    their names if no size is published.

    Args:
        name: ``cifar-10``, ``cifar-100``, ``mnist``, ``kmnist`` or ``emnist-letters``, ``-digits`` or ``-balanced``.
        data_dir: the folder to put it in; None for the default folder.
        quiet: whether to write nothing to standard error.

    Returns:
        The folder of its files.

    Raises:
        UsageError: not a data set that can be fetched.
        DataError: the archive could not be fetched, or is not the published one.
    """
    if name not in ARCHIVES:
        raise UsageError(
            f"Data set {name!r} cannot be downloaded.{nearest(name, ARCHIVES)} Allowed: {', '.join(ARCHIVES)}."
        )
    folder = default_folder(name) if data_dir is None else Path(os.path.abspath(checked_path(data_dir, "data_dir")))
    return fetch(ARCHIVES[name], folder, offline=jars.is_offline(), quiet=quiet)


def named(name: str, data_dir: str | None, *, train: bool, limit: int | None) -> Any:
    """Returns Java's ``ImageDataset`` of a named data set. The JVM must be running."""
    folder = os.path.abspath(default_folder(name) if data_dir is None else data_dir)
    with jvm.translated_errors():
        return limited(jvm.bridge().dataset(name, folder, train), limit)


def limited(dataset: Any, limit: int | None) -> Any:
    """Returns the first `limit` examples of Java's ``ImageDataset``, or all of them for None."""
    return dataset if limit is None or limit >= dataset.size() else dataset.limit(limit)


def require_arrays(dataset: Any, counts: Sequence[int], allowed: str) -> None:
    """Rejects a caller's data unless they are a tuple or list of as many arrays as allowed."""
    several = isinstance(dataset, (tuple, list))
    if not several or len(dataset) not in counts:
        size = f" of {len(dataset)}" if several else ""
        raise UsageError(f"dataset must be {allowed}. Received: {type(dataset).__name__}{size}.")


def checked_examples(images: Any, labels: Any, part: str, channels_last: bool | None = None) -> LabelledImages:
    """Returns a caller's images and labels as :func:`check_images` and :func:`check_labels` do."""
    pixels = check_images(images, f"{part} images", channels_last)
    return pixels, check_labels(labels, len(pixels), f"{part} labels")


def from_arrays(examples: LabelledImages, class_names: Sequence[str], part: str) -> Any:
    """Returns Java's ``ImageDataset`` over arrays of :func:`checked_examples`, without copying them.

    Java checks that the images are finite and the labels from 0 to ``len(class_names) - 1``.
    """
    pixels, labels = examples
    if len(class_names) > MAX_CLASSES:
        raise UsageError(f"class_names has too many names. Received: {len(class_names)}. Allowed: {MAX_CLASSES}.")
    try:
        with jvm.translated_errors():
            return jvm.bridge().array(
                jvm.to_direct_buffer(pixels), pixels.dtype.name, list(pixels.shape), labels, list(class_names)
            )
    except UsageError as error:
        raise UsageError(f"Invalid {part} data. {error}") from None


def check_images(images: Any, name: str, channels_last: bool | None = None) -> npt.NDArray[Any]:
    """Checks images as :func:`py_djl_resnet.train` takes them, and returns them as a contiguous (N, C, H, W) array.

    Java checks that they are finite.
    """
    array = require_array(images, name)
    if array.dtype.name not in ("uint8", "float32") or not array.dtype.isnative:
        raise UsageError(
            f"{name} must have dtype uint8 (0 to 255) or float32. Received: {array.dtype}. {conversion(array)}"
        )
    if array.ndim == 3:
        array = array[:, np.newaxis]
    elif array.ndim == 4 and channels_last:
        array = array.transpose(0, 3, 1, 2)
    if array.ndim != 4 or 0 in array.shape:
        form = "(N, H, W, C)" if channels_last else "(N, C, H, W)"
        raise UsageError(
            f"{name} must have shape {form}, or (N, H, W) for grey ones, with no empty axis. "
            f"Received: {np.shape(images)}."
        )
    square = array.shape[1] == array.shape[2] != array.shape[3]
    if channels_last is None and array.shape[1] > 4 and (array.shape[3] <= 4 or square):
        raise UsageError(
            f"{name} must have shape (N, C, H, W). Received: {array.shape}, which looks like (N, H, W, C). Pass "
            "channels_last=True, or channels_last=False if the channels do come first."
        )
    check_size(array, name)
    if array.dtype == np.float32 and _USUAL < (most := float(array.max())) < math.inf:
        warn(f"The {name} reach {most:g}, but float32 images are expected in [0, 1]. Divide 0-255 values by 255 first.")
    return np.ascontiguousarray(array)


def check_labels(labels: Any, count: int, name: str, classes: int = MAX_CLASSES) -> npt.NDArray[np.int32]:
    """Checks labels and returns them as (N,) int32. Java checks those of data against the number of classes."""
    try:
        array = np.asarray(labels)
    except ValueError as error:
        raise UsageError(f"{name} must have shape (N,). Received: {type(labels).__name__}: {error}.") from error
    if array.ndim != 1:
        one_hot = array.ndim == 2 and array.shape[1] > 1 and ((array == 0) | (array == 1)).all()
        advice = " For one-hot labels pass labels.argmax(1)." if one_hot else ""
        if array.shape[1:] == (1,):
            advice = " Pass labels.ravel()."
        raise UsageError(f"{name} must have shape (N,). Received: {array.shape}.{advice}")
    if not np.issubdtype(array.dtype, np.integer):
        raise UsageError(f"{name} must be whole numbers. Received: {array.dtype}. {_numbering(array)}")
    if len(array) != count:
        raise UsageError(f"{name} must match the images. Received: {len(array)} labels for {count} images.")
    outside = np.flatnonzero((array < 0) | (array >= classes))
    if outside.size:
        index = int(outside[0])
        raise UsageError(
            f"{name} must number the classes from 0. Received: {array[index]} at index {index}. "
            f"Allowed: 0 to {classes - 1}."
        )
    return array.astype(np.int32)


def _numbering(labels: npt.NDArray[Any]) -> str:
    """Returns how to turn labels of another type into class numbers, the same for training and test labels."""
    if labels.dtype.kind == "b" or (labels.dtype.kind == "f" and np.array_equal(labels, np.floor(labels))):
        return "Pass labels.astype('int64')."
    return (
        "Number them in both sets with names = np.unique(training_labels) and np.searchsorted(names, labels), "
        "and pass class_names=[str(name) for name in names]."
    )


def check_size(array: npt.NDArray[Any], name: str) -> None:
    """Raises :class:`UsageError` if an array has more bytes than one buffer in Java."""
    if array.nbytes > INT:
        advice = "Pass fewer or smaller images" + (", or uint8." if array.dtype != np.uint8 else ".")
        raise UsageError(f"Too many bytes in {name}. Received: {array.nbytes} bytes. Allowed: {INT} bytes. {advice}")


def check_finite(array: npt.NDArray[Any], name: str) -> None:
    """Raises :class:`UsageError` that names the first NaN or infinity and its index."""
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    raise UsageError(f"{name} must be finite. Received: {array[index]} at index {index}. Replace or drop such values.")


def conversion(array: npt.NDArray[Any], name: str = "x") -> str:
    """Returns advice on converting images of the wrong dtype without changing the meaning of their values."""
    kind = array.dtype.kind
    if kind not in "biuf" or not array.size:
        return "Pass uint8 (0 to 255) or float32 (0 to 1)."
    least, most = array.min(), array.max()
    if kind == "f" and not (least >= 0 and 1 < most <= 255 and np.array_equal(array, np.rint(array))):
        return f"Pass {name}.astype('float32')."
    if least >= 0 and most <= 1:
        return f"Pass {name}.astype('uint8') * 255."
    if least >= 0 and most <= 255:
        return f"Pass {name}.astype('uint8')."
    if array.dtype == np.uint16:
        return f"For values from 0 to 65535, pass ({name} // 257).astype('uint8')."
    return f"The values range from {least} to {most}. Scale them to 0 to 255 and pass uint8."


def require_array(images: Any, name: str) -> npt.NDArray[Any]:
    """Returns `images` if it is a numpy array."""
    if isinstance(images, np.ndarray):
        return images
    received = type(images).__name__
    try:
        array = np.asarray(images)
    except Exception:  # foreign objects may raise anything when numpy requests their values
        array = np.empty(0, object)
    if array.dtype.kind not in "biuf":
        raise UsageError(f"{name} must be a numpy array. Received: {received}.")
    advice = conversion(array, "numpy.asarray(x)")
    raise UsageError(f"{name} must be a numpy array. Received: {received}. {advice}")
