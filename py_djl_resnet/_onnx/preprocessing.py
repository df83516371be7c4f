"""Preprocessing as ONNX operations at the start of a network's file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import UsageError

#: The first with antialiased resizing.
OPSET = 18

Operation = tuple[str, list[str], list[str], dict[str, Any]]

_MODES = {"bilinear": "linear", "bicubic": "cubic"}
#: Pillow's weights of red, green and blue, in units of 1 / 65536.
_GREY = (19595, 38470, 7471)


def operations(steps: Mapping[str, Any], output: str, initializers: dict[str, npt.NDArray[Any]]) -> list[Operation]:
    """Returns the operations from ``image``, uint8 (N, H, W, C) with 1 or 3 channels, to a network's input.

    Args:
        steps: Java's JSON of a preprocessing.
        output: the name of the network's input.
        initializers: receives the constants.

    Returns:
        Kind, inputs, outputs and attributes of each.

    Raises:
        UsageError: the network's input has neither 1 nor 3 channels.
    """
    channels = steps["channels"]
    if channels not in (1, 3):
        raise UsageError(f"with_preprocessing needs a network of 1 or 3 channels. Received: {channels}.")
    graph = _Graph(initializers)
    image = graph.add("Transpose", "image", perm=[0, 3, 1, 2])
    if channels == 1:
        image = graph.grey(image)
    resize = steps["resize"]
    scaled = resize is not None and not resize["rounded"]
    if scaled:
        image = graph.scaled(image)
    if resize is not None:
        image = graph.resized(image, resize)
    if steps["crop"] is not None:
        image = graph.cropped(image, steps["crop"]["height"], steps["crop"]["width"])
    if not scaled:
        image = graph.scaled(image)
    if channels == 3:
        image = graph.add("Expand", image, graph.whole(1, 3, 1, 1))
    if steps["mean"] is not None:
        image = graph.add("Sub", image, graph.each(steps["mean"]))
    if steps["deviation"] is not None:
        image = graph.add("Div", image, graph.each(steps["deviation"]))
    graph.found.append(("Identity", [image], [output], {}))
    return graph.found


class _Graph:
    """A list of operations that grows."""

    def __init__(self, initializers: dict[str, npt.NDArray[Any]]) -> None:
        self.found: list[Operation] = []
        self._initializers = initializers

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Appends an operation and returns its output."""
        output = f"preprocessing/{len(self.found)}_{kind.lower()}"
        self.found.append((kind, list(inputs), [output], attributes))
        return output

    def _constant(self, array: npt.NDArray[Any]) -> str:
        name = f"preprocessing/constant_{len(self._initializers)}"
        self._initializers[name] = array
        return name

    def whole(self, *numbers: int) -> str:
        """Adds a constant of integers."""
        return self._constant(np.array(numbers, np.int64))

    def each(self, numbers: list[float]) -> str:
        """Adds a constant of one number per channel."""
        return self._constant(np.array(numbers, np.float32).reshape(1, -1, 1, 1))

    def _cast(self, value: str, dtype: npt.DTypeLike) -> str:
        from onnx.helper import np_dtype_to_tensor_dtype

        return self.add("Cast", value, to=np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def _size(self, image: str) -> str:
        """Returns height and width."""
        return self.add("Shape", image, start=2, end=4)

    def grey(self, image: str) -> str:
        """Reduces three channels to one; one channel stays unchanged."""
        weights = self._constant(np.array(_GREY, np.int32).reshape(1, 3, 1, 1))
        colours = self.add("Expand", self._cast(image, np.int32), self.whole(1, 3, 1, 1))
        total = self.add("ReduceSum", self.add("Mul", colours, weights), self.whole(1), keepdims=1)
        rounded = self.add("Add", total, self._constant(np.array(1 << 15, np.int32)))
        return self._cast(self.add("Div", rounded, self._constant(np.array(1 << 16, np.int32))), np.uint8)

    def scaled(self, image: str) -> str:
        """Scales bytes to floats in [0, 1]."""
        return self.add("Div", self._cast(image, np.float32), self._constant(np.array(255, np.float32)))

    def resized(self, image: str, resize: Mapping[str, Any]) -> str:
        """Resizes with Pillow's antialiasing."""
        given = self._size(image)
        if resize["to"] == "exact":
            size = self.whole(resize["height"], resize["width"])
        else:
            short = self.add("ReduceMin", given, keepdims=1)
            size = self.add("Div", self.add("Mul", given, self.whole(resize["size"])), short)
        mode = _MODES[resize["interpolation"]]
        if resize["rounded"]:
            # bytes are rounded after each axis; Pillow 13 starts with the height if it shrinks more than twice as much
            lost = self.add("Sub", given, size)
            height, width = (self.add("Gather", lost, self.whole(axis)) for axis in (0, 1))
            least = self.add("Max", self.add("Mul", width, self.whole(2)), self.whole(0))
            row_first = self.add("Greater", height, least)
            both = self.add("Concat", row_first, self._constant(np.array([False])), axis=0)
            image = self._resized(image, self.add("Where", both, size, given), mode)
        return self._resized(image, size, mode)

    def _resized(self, image: str, size: str, mode: str) -> str:
        # sizes of all axes: with the attribute axes, onnxruntime 1.32 fails to move the transposition past this
        sizes = self.add("Concat", self.add("Shape", image, end=2), size, axis=0)
        more = {"cubic_coeff_a": -0.5} if mode == "cubic" else {}
        return self.add("Resize", image, "", "", sizes, antialias=1, exclude_outside=1, mode=mode, **more)

    def cropped(self, image: str, height: int, width: int) -> str:
        """Crops the centre, padded with 0 if the image is smaller; offsets are rounded as in torchvision."""
        wanted, axes, given = self.whole(height, width), self.whole(2, 3), self._size(image)
        lacking = self.add("Max", self.add("Sub", wanted, given), self.whole(0))
        before = self.add("Div", lacking, self.whole(2))
        sides = self.add("Concat", before, self.add("Sub", lacking, before), axis=0)
        padded = self.add("Pad", image, sides, "", axes)
        excess = self._cast(self.add("Sub", self._size(padded), wanted), np.float32)
        half = self.add("Round", self.add("Div", excess, self._constant(np.array(2, np.float32))))
        start = self._cast(half, np.int64)
        return self.add("Slice", padded, start, self.add("Add", start, wanted), axes)
