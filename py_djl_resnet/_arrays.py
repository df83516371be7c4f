"""Advice on converting arrays without changing the meaning of their values."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import UsageError


def conversion(array: npt.NDArray[Any], name: str = "x") -> str:
    """Returns advice on converting images of the wrong dtype, based on their values.

    Args:
        array: the images.
        name: the array in the advice.
    """
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
    """Returns `images` if it is a numpy array.

    Raises:
        UsageError: it is something else, such as a list.
    """
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
