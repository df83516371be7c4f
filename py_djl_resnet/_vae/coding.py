"""Encoding, decoding and sampling of an autoencoder, on arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .._java import jvm
from .._preprocessing import chosen
from ..checks import LONG, listed, nearest, shown, whole_number
from ..datasets import check_finite, check_labels, check_size, conversion, require_array
from ..errors import UsageError

Array = npt.NDArray[np.float32]
#: Classes by number or name: one for all examples, or one for each.
Labels = int | str | Sequence[int] | Sequence[str] | npt.NDArray[Any]

#: The largest batch, which Java computes at once.
BATCH = 64

#: The tolerance for floats outside [0, 1].
_ROUNDING = 1e-6


def autoencoder_of(info: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the part ``autoencoder`` of a network's description.

    Raises:
        UsageError: the network is a classifier.
    """
    found = info.get("autoencoder")
    if found is None:
        raise UsageError(
            f"This network is a classifier. Received: {info['model']}. Allowed: an autoencoder such as vae-small."
        )
    return dict(found)


def require_classifier(info: Mapping[str, Any]) -> None:
    """Raises :class:`UsageError` for an autoencoder."""
    if info.get("autoencoder") is not None:
        raise UsageError(
            f"This network is an autoencoder. Received: {info['model']}. Allowed: a classifier. Use the command vae, "
            "or in Python encode, decode, reconstruct and sample."
        )


def encode(handle: Any, info: Mapping[str, Any], x: Any, labels: Labels | None) -> tuple[Array, Array]:
    """See :meth:`Model.encode`; `handle` is Java's ``NetworkHandle``, `info` its description."""
    own = autoencoder_of(info)
    images = _images(x, own, info)
    classes = _classes(labels, len(images), own, info)
    shape = (len(images), own["latent_dim"])
    means, log_variances = np.empty(shape, np.float32), np.empty(shape, np.float32)
    height, width = images.shape[2:]
    for part in _parts(len(images)):
        pixels = np.ascontiguousarray(images[part])
        with jvm.translated_errors():
            handle.encode(
                jvm.to_direct_buffer(pixels),
                pixels.dtype.name,
                len(pixels),
                height,
                width,
                None if classes is None else classes[part],
                jvm.to_direct_buffer(means[part]),
                jvm.to_direct_buffer(log_variances[part]),
            )
    return means, log_variances


def decode(handle: Any, info: Mapping[str, Any], z: Any, labels: Labels | None) -> Array:
    """See :meth:`Model.decode`; `handle` is Java's ``NetworkHandle``, `info` its description."""
    own = autoencoder_of(info)
    latents = _latents(z, own["latent_dim"])
    classes = _classes(labels, len(latents), own, info)
    images = np.empty((len(latents), *own["image"]), np.float32)
    for part in _parts(len(latents)):
        with jvm.translated_errors():
            handle.decode(
                jvm.to_direct_buffer(latents[part]),
                len(latents[part]),
                None if classes is None else classes[part],
                jvm.to_direct_buffer(images[part]),
            )
    return images


def sample(handle: Any, info: Mapping[str, Any], n: int, seed: int, labels: Labels | None) -> Array:
    """See :meth:`Model.sample`; `handle` is Java's ``NetworkHandle``, `info` its description."""
    own = autoencoder_of(info)
    n, seed = whole_number(n, "n"), whole_number(seed, "seed", 0, LONG)
    z = np.random.Generator(np.random.PCG64(seed)).standard_normal((n, own["latent_dim"]))
    if labels is None and own["conditional"]:
        labels = np.arange(n) % len(info["class_names"])
    return decode(handle, info, z.astype(np.float32), labels)


def _parts(count: int) -> list[slice]:
    return [slice(start, start + BATCH) for start in range(0, count, BATCH)]


def _images(x: Any, own: Mapping[str, Any], info: Mapping[str, Any]) -> npt.NDArray[Any]:
    """Returns (N, C, H, W): uint8 of any size, which is prepared as in training, or float32 in [0, 1]."""
    array = require_array(x, "input")
    if array.dtype not in (np.uint8, np.float32) or not array.dtype.isnative:
        raise UsageError(
            f"input must have dtype uint8 (0 to 255) or float32 (0 to 1). Received: {array.dtype}. {conversion(array)}"
        )
    channels, height, width = own["image"]
    fits = array.ndim == 4 and array.shape[1] == channels and 0 not in array.shape
    if array.dtype == np.float32 and not (fits and array.shape[2:] == (height, width)):
        raise UsageError(
            f"input of dtype float32 must have shape (N, {channels}, {height}, {width}) with no empty axis. "
            f"Received: {array.shape}."
        )
    if not fits:
        raise UsageError(f"input must have shape (N, {channels}, H, W) with no empty axis. Received: {array.shape}.")
    check_size(array, "input")
    if array.dtype == np.uint8:
        chosen(None, info["preprocessing"], info["model"])
        return array
    check_finite(array, "input")
    if array.min() < -_ROUNDING or array.max() > 1 + _ROUNDING:
        raise UsageError(
            f"input of dtype float32 must have values from 0 to 1. Received: {array.min():g} to {array.max():g}. "
            "Pass 0 to 255 as uint8. Autoencoders take images that are not normalized."
        )
    return array


def _latents(z: Any, size: int) -> npt.NDArray[np.float32]:
    array = require_array(z, "z")
    if array.dtype.kind != "f":
        raise UsageError(f"z must have a float dtype. Received: {array.dtype}. Pass z.astype('float32').")
    if array.ndim != 2 or array.shape[1] != size or not len(array):
        raise UsageError(f"z must have shape (N, {size}) with N of at least 1. Received: {array.shape}.")
    with np.errstate(over="ignore"):
        latents = np.ascontiguousarray(array, np.float32)
    check_finite(latents, "z")
    return latents


def _classes(
    labels: Labels | None, count: int, own: Mapping[str, Any], info: Mapping[str, Any]
) -> npt.NDArray[np.int32] | None:
    """Returns the class number of each example, int32 (N); None for a network that is not conditional."""
    if not own["conditional"]:
        if labels is not None:
            raise UsageError(f"This {info['model']} is not conditional on the class. Omit labels.")
        return None
    names = [str(name) for name in info["class_names"]]
    if labels is None:
        raise UsageError(f"This {info['model']} is conditional on the class. Give labels. Allowed: {listed(names)}.")
    one = isinstance(labels, str) or not isinstance(labels, (Sequence, np.ndarray)) or np.shape(labels) == ()
    every: Any = [labels] * count if one else labels
    return check_labels([_number(label, names) for label in every], count, "labels", len(names))


def _number(label: Any, names: Sequence[str]) -> Any:
    """Returns the number of a class's name; whole numbers and arrays are returned unchanged."""
    if isinstance(label, (bool, np.bool_, float)):
        raise UsageError(
            f"labels must be class numbers or names. Received: {shown(label)}. Allowed: 0 to {len(names) - 1}, "
            f"{listed(names)}."
        )
    if not isinstance(label, str):
        return label
    if label not in names:
        raise UsageError(
            f"Unknown class. Received: {label!r}.{nearest(label, names)} Allowed: 0 to {len(names) - 1}, "
            f"{listed(names)}."
        )
    return names.index(label)
