"""Moves values between numpy and the running JVM."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jpype
import numpy as np
import numpy.typing as npt

#: numpy's type for each numeric type of Java.
_ELEMENTS = {
    "boolean": np.bool_,
    "byte": np.int8,
    "short": np.int16,
    "int": np.int32,
    "long": np.int64,
    "float": np.float32,
    "double": np.float64,
}

_PLAIN: dict[str, Any] = {
    "java.lang.Boolean": bool,
    **{f"java.lang.{name}": int for name in ("Byte", "Short", "Integer", "Long")},
    **{f"java.lang.{name}": float for name in ("Float", "Double")},
    **{f"java.lang.{name}": str for name in ("Character", "String")},
}


def to_direct_buffer(array: npt.NDArray[Any]) -> Any:
    """Returns the memory of `array` as a direct `ByteBuffer` in native byte order.

    Args:
        array: any shape and numeric type; copied if it is not contiguous or not in native byte order.

    Returns:
        The buffer, which keeps the array alive. Later changes to the array are visible in Java.
    """
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    return jpype.nio.convertToDirectBuffer(native).order(_native_order())


@functools.cache
def _native_order() -> Any:
    return jpype.JClass("java.nio.ByteOrder").nativeOrder()


def from_direct_buffer(buffer: Any, shape: Sequence[int], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Returns a direct `ByteBuffer` in native byte order as an array that shares its memory.

    Args:
        buffer: the buffer. The array keeps it alive, but not memory that a native library may free.
        shape: the shape of the array, in C order.
        dtype: the type of its elements.
    """
    return np.asarray(buffer).view(dtype).reshape(tuple(shape))


def to_python(value: Any) -> object:
    """Returns a Java number, boolean or text as Python's, and an array of numbers as a numpy copy.

    Anything else, including a ragged array, is returned unchanged.
    """
    if value is None:
        return None
    name = str(value.getClass().getTypeName())
    if name in _PLAIN:
        return _PLAIN[name](value)
    element, *axes = name.split("[]")
    if not axes or element not in _ELEMENTS:
        return value
    try:
        array: npt.NDArray[Any] = np.array(value, dtype=_ELEMENTS[element])
    except (TypeError, ValueError):
        return value
    # an empty Java array does not know the length of its rows
    return array if array.ndim == len(axes) else array.reshape(array.shape + (0,) * (len(axes) - array.ndim))


def is_java(value: object) -> bool:
    """Returns whether `value` is a Java object."""
    return isinstance(value, (jpype.JObject, jpype.JString))
