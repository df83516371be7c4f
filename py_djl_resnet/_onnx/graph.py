"""Networks as ONNX, from Java's description of their graph."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import UsageError
from . import preprocessing as steps

#: Of 2022: old enough for programs in use, new enough for all operations here.
_OPSET = 17
_IR_VERSION = 8
_END = 2**31 - 1

Node = dict[str, Any]
Tensors = Mapping[str, npt.NDArray[Any]]
Initializers = dict[str, npt.NDArray[Any]]


class Port(NamedTuple):
    """An input or output of a file.

    Attributes:
        name: its name.
        shape: its sizes; a text for a size that is open.
        dtype: numpy's type of its elements.
    """

    name: str
    shape: Sequence[int | str]
    dtype: type[np.generic] = np.float32


def build(
    graph: Mapping[str, Any],
    tensors: Tensors,
    info: Mapping[str, Any],
    preprocessing: Mapping[str, Any] | None,
    inputs: Sequence[Port],
    outputs: Sequence[Port],
) -> bytes:
    """Returns an ONNX file.

    With a preprocessing the first input is ``image``, uint8 (N, H, W, C).

    Args:
        graph: Java's JSON of the operations in evaluation mode.
        tensors: the state dict.
        info: the network's ``model`` and ``class_names``.
        preprocessing: Java's JSON of the preprocessing that the file starts with, or None.
        inputs: those of the file, in the order of the graph's.
        outputs: those of the file, in the order of the graph's.

    Raises:
        UsageError: the package onnx is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise UsageError(
            f"ONNX files need the package onnx, which cannot be imported: {error}. Run pip install "
            "'py-djl-resnet[onnx]'."
        ) from error
    given, returned = [*inputs], [*outputs]
    names = {value: port.name for value, port in zip(graph["inputs"], given, strict=True)}
    names |= {value: port.name for value, port in zip(graph["outputs"], returned, strict=True)}
    initializers: Initializers = {}
    opset, translated, properties = _OPSET, [], {"class_names": json.dumps(info["class_names"])}
    if preprocessing is not None:
        given[0] = Port("image", ["N", "H", "W", "C"], np.uint8)
        opset, properties["preprocessing"] = steps.OPSET, json.dumps(preprocessing)
        translated = [
            onnx.helper.make_node(kind, read, written, name=written[0], **attributes)
            for kind, read, written, attributes in steps.operations(preprocessing, inputs[0].name, initializers)
        ]
    translated += [
        onnx.helper.make_node(
            kind,
            [names.get(value, value) for value in read],
            [names.get(value, value) for value in written],
            name=read[1].rpartition(".")[0] if len(read) > 1 and read[1] in tensors else written[0],
            **attributes,
        )
        for node in graph["nodes"]
        for kind, read, written, attributes in _translated(node, tensors, initializers)
    ]

    def described(port: Port) -> Any:
        element = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(port.dtype))
        return onnx.helper.make_tensor_value_info(port.name, element, list(port.shape))

    built = onnx.helper.make_model(
        onnx.helper.make_graph(
            translated,
            info["model"],
            [described(port) for port in given],
            [described(port) for port in returned],
            [onnx.numpy_helper.from_array(array, name) for name, array in initializers.items()],
        ),
        opset_imports=[onnx.helper.make_opsetid("", opset)],
        ir_version=_IR_VERSION,
        producer_name="py-djl-resnet",
    )
    onnx.helper.set_model_props(built, properties)
    onnx.checker.check_model(built, full_check=True)
    content: bytes = built.SerializeToString()
    return content


def _translated(
    node: Node, tensors: Tensors, initializers: Initializers
) -> Iterator[tuple[str, list[str], list[str], dict[str, Any]]]:
    """Yields the ONNX operations of a node: kind, inputs, outputs, attributes. Adds the tensors that they use."""
    given, output = node["attributes"], [node["output"]]
    inputs = [name for name in node["inputs"] if name not in tensors]

    def constant(name: str, array: npt.NDArray[Any]) -> str:
        initializers[name] = np.ascontiguousarray(array)
        return name

    def parameters() -> list[str]:
        return [constant(name, tensors[name]) for name in node["inputs"] if name in tensors]

    def window() -> dict[str, Any]:
        return {"kernel_shape": given["kernel"], "strides": given["stride"], "pads": given["padding"] * 2}

    def numbers(*values: int) -> npt.NDArray[np.int64]:
        return np.array(values, np.int64)

    match node["op"]:
        case "Convolution":
            yield "Conv", inputs + parameters(), output, {**window(), "group": given["groups"]}
        case "TransposedConvolution":
            kernel, stride = given["kernel"], given["stride"]
            attributes = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [kernel // 2] * 4}
            yield "ConvTranspose", inputs + parameters(), output, attributes | {"output_padding": [stride - 1] * 2}
        case "BatchNorm":
            yield "BatchNormalization", inputs + parameters(), output, {"epsilon": given["epsilon"]}
        case "Relu" | "Sigmoid" | "Add" as kind:
            yield kind, inputs, output, {}
        case "Gelu":
            # Opset 20 has Gelu; this is its definition
            scaled, erf, shifted, half = (f"{output[0]}_{part}" for part in ("scaled", "erf", "shifted", "half"))
            yield "Mul", [*inputs, constant("root_of_half", np.float32(0.5**0.5))], [scaled], {}
            yield "Erf", [scaled], [erf], {}
            yield "Add", [erf, constant("one", np.float32(1))], [shifted], {}
            yield "Mul", [*inputs, constant("one_half", np.float32(0.5))], [half], {}
            yield "Mul", [half, shifted], output, {}
        case "Scale":
            yield "Mul", [*inputs, constant(output[0] + "_factor", np.float32(given["factor"]))], output, {}
        case "MaxPool":
            yield "MaxPool", inputs, output, window()
        case "AveragePool":
            yield "AveragePool", inputs, output, {**window(), "ceil_mode": 1, "count_include_pad": 0}
        case "GlobalAveragePool" | "GlobalMaxPool" as kind:
            pooled = output[0] + "_map"
            yield kind, inputs, [pooled], {}
            yield "Flatten", [pooled], output, {"axis": 1}
        case "Flatten":
            yield "Flatten", inputs, output, {"axis": 1}
        case "Unflatten":
            shape = constant(output[0] + "_shape", numbers(0, given["channels"], *given["size"]))  # 0 keeps N
            yield "Reshape", [*inputs, shape], output, {}
        case "Concatenate":
            yield "Concat", inputs, output, {"axis": 1}
        case "OneHot":
            # onnxruntime wants int32, as the labels are
            depth = constant(output[0] + "_depth", np.array([given["classes"]], np.int32))
            values = constant("off_and_on", np.array([0, 1], np.float32))
            yield "OneHot", [*inputs, depth, values], output, {"axis": 1}
        case "Linear":
            yield "Gemm", inputs + parameters(), output, {"transB": 1}
        case "Subsample":
            bounds = [
                constant("from_start", numbers(0, 0)),
                constant("to_end", numbers(_END, _END)),
                constant("height_and_width", numbers(2, 3)),
                constant(f"every_{given['step']}", numbers(given["step"], given["step"])),
            ]
            yield "Slice", inputs + bounds, output, {}
        case "PadChannels":
            sides = numbers(0, given["before"], 0, 0, 0, given["after"], 0, 0)
            yield "Pad", [*inputs, constant(output[0] + "_sides", sides)], output, {}
        case other:
            raise UsageError(f"The operation {other} cannot be exported to ONNX.")
