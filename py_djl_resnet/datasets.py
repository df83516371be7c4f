"""Data sets: the files that come with the package, the known names, and a caller's arrays."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ._fetch.archive import ARCHIVES, fetch
from ._java import jars, jvm
from .checks import INT
from .errors import ResnetWarning, UsageError
from .recipe import nearest

#: A caller's images and labels: (N, C, H, W) or (N, H, W), uint8 or float32, and N whole numbers.
Examples = tuple[npt.NDArray[Any], npt.NDArray[Any]]

#: The data set's name in the recipe of a run on a caller's arrays.
ARRAYS = "arrays"

#: Labels that ask for more classes are refused: they are no numbers of classes, but something else.
MAX_CLASSES = 100_000

#: Float pictures that reach beyond are taken for bytes; standardized ones are far below.
_USUAL = 30


def bundled_data() -> Path:
    """The folder that holds ``fashion-mnist/``: inside an installed package, or the repository."""
    package = Path(__file__).resolve().parent
    inside = package / "data"
    return inside if inside.is_dir() else package.parent / "data"


def available(engine: str | None = None) -> list[dict[str, Any]]:
    """What data sets there are: name, description, shape (C, H, W), classes, train and test."""
    jvm.start(engine)
    with jvm.translated_errors():
        found: list[dict[str, Any]] = json.loads(str(jvm.bridge().datasets()))
    return found


def default_folder(name: str) -> Path:
    """Where a data set's files are when no folder is named: with this package, or where they are fetched to."""
    return jars.cache_folder() / "data" if name in ARCHIVES else bundled_data()


def download(name: str, data_dir: str | os.PathLike[str] | None = None, *, quiet: bool = False) -> Path:
    """Fetches a data set that does not come with this package; one that is there already is left as it is.

    It is used only if its checksum is the pinned one.

    Args:
        name: ``cifar-10``.
        data_dir: the folder to put it in; None for the one where it is looked for.
        quiet: whether to write nothing to standard error.

    Returns:
        The folder of its files.

    Raises:
        UsageError: a data set that is not fetched.
        DataError: it could not be had, or is not the published one.
    """
    if name not in ARCHIVES:
        raise UsageError(
            f"data set {name!r} is not one that is fetched{nearest(name, list(ARCHIVES))}; "
            f"allowed: {', '.join(ARCHIVES)}"
        )
    folder = default_folder(name) if data_dir is None else Path(os.path.abspath(data_dir))
    return fetch(ARCHIVES[name], folder, offline=jars.is_offline(), quiet=quiet)


def named(name: str, data_dir: str | None, *, train: bool, limit: int | None) -> Any:
    """Java's ``ImageDataset`` of a named data set; the JVM must be running.

    Raises:
        UsageError: an unknown name; files that are missing, damaged or disagree.
    """
    folder = os.path.abspath(default_folder(name) if data_dir is None else data_dir)
    with jvm.translated_errors():
        return limited(jvm.bridge().dataset(name, folder, train, None), limit)


def limited(dataset: Any, limit: int | None) -> Any:
    """The first `limit` examples of Java's ``ImageDataset``, all of them for None."""
    return dataset if limit is None or limit >= dataset.size() else dataset.limit(limit)


def from_arrays(
    pictures: npt.NDArray[Any],
    labels: npt.NDArray[Any] | Sequence[int],
    class_names: Sequence[str],
    what: str,
    *,
    channels_last: bool | None = None,
) -> Any:
    """Java's ``ImageDataset`` over a caller's arrays, without copying contiguous ones.

    Args:
        pictures: uint8 (0 to 255, scaled to [0, 1]) or float32, (N, C, H, W) or (N, H, W) for one
            channel; finite.
        labels: N whole numbers from 0 to ``len(class_names) - 1``.
        class_names: one name for each class.
        what: how errors call these arrays, as in ``"train"``.
        channels_last: as of :func:`check_pictures`.

    Raises:
        UsageError: a wrong type, rank, length, label, or a number that is not finite.
    """
    pixels = check_pictures(pictures, f"{what} pictures", channels_last)
    return from_checked(pixels, check_labels(labels, len(pixels), f"{what} labels"), class_names, what)


def from_checked(
    pixels: npt.NDArray[Any], numbers: npt.NDArray[np.int64], class_names: Sequence[str], what: str
) -> Any:
    """As :func:`from_arrays`, of what :func:`check_pictures` and :func:`check_labels` have given."""
    _check_classes(len(class_names), "class_names")
    outside = np.flatnonzero((numbers < 0) | (numbers >= len(class_names)))
    if outside.size:
        index = int(outside[0])
        raise UsageError(
            f"{what} labels must be from 0 to {len(class_names) - 1} ({len(class_names)} classes); "
            f"received {int(numbers[index])} at index {index}"
        )
    with jvm.translated_errors():
        return jvm.bridge().array(
            jvm.to_direct_buffer(pixels),
            pixels.dtype.name,
            [int(n) for n in pixels.shape],
            numbers.astype(np.int32),
            [str(name) for name in class_names],
        )


def check_pictures(pictures: Any, what: str, channels_last: bool | None = None) -> npt.NDArray[Any]:
    """Checks images and returns them as a contiguous (N, C, H, W) array.

    Args:
        pictures: uint8 or float32, (N, C, H, W), or (N, H, W) for grey ones.
        what: how errors call the array.
        channels_last: whether the channels are the last axis, (N, H, W, C), which is copied; None if not, and an
            error where it looks so; False if not in any case.

    Raises:
        UsageError: a wrong type or shape, or a number that is not finite.
    """
    array = check_numeric_array(pictures, what, ("uint8", "float32"))
    if array.ndim == 3:
        array = array[:, np.newaxis]
    elif array.ndim == 4 and channels_last:
        array = array.transpose(0, 3, 1, 2)
    if array.ndim != 4 or 0 in array.shape:
        form = "(N, H, W, C)" if channels_last else "(N, C, H, W)"
        raise UsageError(
            f"{what} must have shape {form}, or (N, H, W) for grey ones, with no empty axis; received "
            f"{np.shape(pictures)}"
        )
    square = array.shape[1] == array.shape[2] != array.shape[3]
    if channels_last is None and array.shape[1] > 4 and (array.shape[3] <= 4 or square):
        raise UsageError(
            f"{what} must have shape (N, C, H, W); received {array.shape}, which looks like (N, H, W, C). Say "
            "channels_last=True, or, if it does have the channels first, channels_last=False"
        )
    check_size(array, what)
    check_finite(array, what)
    if array.dtype.kind == "f" and (most := float(array.max())) > _USUAL:
        warnings.warn(
            f"{what} reach {most:g}, where numbers in [0, 1] are expected; of bytes as float32, give pictures / 255",
            ResnetWarning,
            stacklevel=4,
        )
    return np.ascontiguousarray(array)


def check_labels(labels: Any, count: int, what: str) -> npt.NDArray[np.int64]:
    """`labels` as (N,) int64, or a :class:`UsageError`."""
    try:
        array = np.asarray(labels)
    except ValueError as error:
        raise UsageError(f"{what} must have shape (N,); received {type(labels).__name__}: {error}") from error
    if array.ndim != 1:
        raise UsageError(f"{what} must have shape (N,); received {array.shape}")
    if not np.issubdtype(array.dtype, np.integer):
        advice = "convert them with labels.astype('int64')"
        if array.dtype.kind in "USO":
            advice = "names, labels = np.unique(labels, return_inverse=True) numbers them; names are the class_names"
        raise UsageError(f"{what} must be whole numbers; received dtype {array.dtype}: {advice}")
    if len(array) != count:
        raise UsageError(f"{what} must be as many as the pictures; received {len(array)} labels for {count} pictures")
    _check_classes(int(array.max(initial=0)) + 1, what)
    return array.astype(np.int64)


def _check_classes(count: int, what: str) -> None:
    if count > MAX_CLASSES:
        raise UsageError(
            f"{what} must be for at most {MAX_CLASSES} classes; received {count}: number the classes from 0"
        )


def check_size(array: npt.NDArray[Any], what: str) -> None:
    """Raises :class:`UsageError` when an array has more bytes than Java takes in one buffer."""
    if array.nbytes > INT:
        raise UsageError(
            f"{what} must have at most {INT} bytes (2.1 GB); received {array.nbytes}: give fewer or smaller ones"
            + (", or uint8" if array.dtype != np.uint8 else "")
        )


def check_numeric_array(array: Any, what: str, dtypes: tuple[str, ...]) -> npt.NDArray[Any]:
    """`array` if it is a numpy array of one of the dtypes, else a :class:`UsageError`."""
    allowed = " or ".join(dtypes)
    if not isinstance(array, np.ndarray):
        raise UsageError(
            f"{what} must be a numpy array of {allowed}; received {type(array).__name__}: "
            f"convert it with numpy.asarray(x, dtype='{dtypes[-1]}')"
        )
    if array.dtype.name not in dtypes or not array.dtype.isnative:
        raise UsageError(
            f"{what} must have dtype {allowed}; received {array.dtype}: convert it with x.astype('{dtypes[-1]}')"
            + (", or x.astype('uint8') if it holds 0 to 255" if "uint8" in dtypes else "")
        )
    return array


def check_finite(array: npt.NDArray[Any], what: str) -> None:
    """Raises :class:`UsageError` that names the first NaN or infinity and its index."""
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    raise UsageError(
        f"{what} must be finite numbers; received {array[index]} at index {index}: replace or leave out such values"
    )
