"""Networks as ONNX files, from the description that Java gives of them."""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .._java import jvm
from ..errors import UsageError
from ..weights import state_dict
from . import preprocessing as steps

if TYPE_CHECKING:
    from ..models import Model

#: Of 2022: old enough for programs in use, new enough for all operations here.
_OPSET = 17
_IR_VERSION = 8
_END = 2**31 - 1

Node = dict[str, Any]
Tensors = dict[str, npt.NDArray[Any]]


def write(model: Model, file: Path, *, fold: bool, preprocessing: Mapping[str, Any] | None) -> None:
    """Writes an ONNX file with the input ``input``, (N, C, H, W), and the output ``logits``, (N, classes).

    With a preprocessing the input is ``image``, uint8 (N, H, W, C).

    Args:
        model: the network; ONNX has what it computes in evaluation mode.
        file: where to; an existing file is replaced, at once.
        fold: whether a BatchNorm that follows a convolution becomes part of it.
        preprocessing: Java's JSON of the preprocessing that the file begins with, or None.

    Raises:
        UsageError: the package onnx is not installed, or the file cannot be written.
    """
    try:
        import onnx
    except ImportError as error:
        raise UsageError(
            f"ONNX files need the package onnx, which cannot be imported ({error}): pip install 'py-djl-resnet[onnx]'"
        ) from error
    with jvm.translated_errors():
        graph = json.loads(str(model.handle.graph()))
    tensors = state_dict(model)
    nodes = _folded(graph["nodes"], tensors) if fold else graph["nodes"]
    names = {graph["input"]: "input", graph["output"]: "logits"}
    initializers: Tensors = {}
    float32, uint8 = onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8
    given = onnx.helper.make_tensor_value_info("input", float32, ["N", model.in_channels, "H", "W"])
    opset, translated, properties = _OPSET, [], {"class_names": json.dumps(model.class_names)}
    if preprocessing is not None:
        given = onnx.helper.make_tensor_value_info("image", uint8, ["N", "H", "W", "C"])
        opset, properties["preprocessing"] = steps.OPSET, json.dumps(preprocessing)
        translated = [
            onnx.helper.make_node(kind, inputs, outputs, name=outputs[0], **attributes)
            for kind, inputs, outputs, attributes in steps.operations(preprocessing, "input", initializers)
        ]
    translated += [
        onnx.helper.make_node(
            kind,
            [names.get(value, value) for value in inputs],
            [names.get(value, value) for value in outputs],
            name=inputs[1].rpartition(".")[0] if len(inputs) > 1 and inputs[1] in tensors else outputs[0],
            **attributes,
        )
        for node in nodes
        for kind, inputs, outputs, attributes in _translated(node, tensors, initializers)
    ]
    built = onnx.helper.make_model(
        onnx.helper.make_graph(
            translated,
            model.name,
            [given],
            [onnx.helper.make_tensor_value_info("logits", float32, ["N", model.classes])],
            [onnx.numpy_helper.from_array(array, name) for name, array in initializers.items()],
        ),
        opset_imports=[onnx.helper.make_opsetid("", opset)],
        ir_version=_IR_VERSION,
        producer_name="py-djl-resnet",
    )
    onnx.helper.set_model_props(built, properties)
    onnx.checker.check_model(built, full_check=True)
    _replace(file, built.SerializeToString())


def _translated(
    node: Node, tensors: Tensors, initializers: Tensors
) -> Iterator[tuple[str, list[str], list[str], dict[str, Any]]]:
    """ONNX's operations for one of ours: kind, inputs, outputs, attributes; the tensors it uses are added."""
    given, output, roles = node["attributes"], [node["output"]], node["tensors"]
    inputs = list(node["inputs"])

    def constant(name: str, array: npt.NDArray[Any]) -> str:
        initializers[name] = np.ascontiguousarray(array)
        return name

    def parameters(*wanted: str) -> list[str]:
        return [constant(roles[role], tensors[roles[role]]) for role in wanted if role in roles]

    def window() -> dict[str, Any]:
        return {"kernel_shape": given["kernel"], "strides": given["stride"], "pads": given["padding"] * 2}

    def numbers(*values: int) -> npt.NDArray[np.int64]:
        return np.array(values, np.int64)

    match node["op"]:
        case "convolution":
            kernel = list(tensors[roles["weight"]].shape[2:])
            attributes = {"strides": given["stride"], "pads": given["padding"] * 2, "group": given["groups"]}
            yield "Conv", inputs + parameters("weight", "bias"), output, {"kernel_shape": kernel, **attributes}
        case "batch_norm":
            statistics = parameters("weight", "bias", "running_mean", "running_var")
            yield "BatchNormalization", inputs + statistics, output, {"epsilon": given["epsilon"]}
        case "relu":
            yield "Relu", inputs, output, {}
        case "add":
            yield "Add", inputs, output, {}
        case "max_pool":
            yield "MaxPool", inputs, output, window()
        case "average_pool":
            yield "AveragePool", inputs, output, {**window(), "ceil_mode": 1, "count_include_pad": 0}
        case "global_average_pool":
            pooled = output[0] + "_map"
            yield "GlobalAveragePool", inputs, [pooled], {}
            yield "Flatten", [pooled], output, {"axis": 1}
        case "linear":
            yield "Gemm", inputs + parameters("weight", "bias"), output, {"transB": 1}
        case "subsample":
            bounds = [
                constant("from_start", numbers(0, 0)),
                constant("to_end", numbers(_END, _END)),
                constant("height_and_width", numbers(2, 3)),
                constant(f"every_{given['step']}", numbers(given["step"], given["step"])),
            ]
            yield "Slice", inputs + bounds, output, {}
        case "pad_channels":
            sides = numbers(0, given["before"], 0, 0, 0, given["after"], 0, 0)
            yield "Pad", [*inputs, constant(output[0] + "_sides", sides)], output, {}
        case other:
            raise UsageError(f"the operation {other} has no form in ONNX")


def _folded(nodes: list[Node], tensors: Tensors) -> list[Node]:
    """The operations with each BatchNorm that alone takes a convolution's output made part of the convolution.

    With s = weight / sqrt(running_var + epsilon) the convolution's filters are multiplied by s and its bias b becomes
    bias + (b - running_mean) * s, in float64. `tensors` gets the new values.
    """
    uses = Counter(value for node in nodes for value in node["inputs"])
    producers: dict[str, Node] = {}
    kept: list[Node] = []
    for node in nodes:
        before = producers.get(node["inputs"][0])
        if node["op"] == "batch_norm" and before is not None and uses[node["inputs"][0]] == 1:
            before["tensors"] = _fold(before, node, tensors)
            before["output"] = node["output"]
            producers[node["output"]] = before
            continue
        node = dict(node)
        kept.append(node)
        if node["op"] == "convolution":
            producers[node["output"]] = node
    return kept


def _fold(convolution: Node, norm: Node, tensors: Tensors) -> dict[str, str]:
    roles = convolution["tensors"]
    values = {role: tensors[name].astype(np.float64) for role, name in norm["tensors"].items()}
    filters = tensors[roles["weight"]].astype(np.float64)
    bias = tensors[roles["bias"]].astype(np.float64) if "bias" in roles else 0.0
    scale = values["weight"] / np.sqrt(values["running_var"] + norm["attributes"]["epsilon"])
    names = {role: f"{roles['weight'].rpartition('.')[0]}.{role}" for role in ("weight", "bias")}
    tensors[names["weight"]] = (filters * scale[:, None, None, None]).astype(np.float32)
    tensors[names["bias"]] = (values["bias"] + (bias - values["running_mean"]) * scale).astype(np.float32)
    return names


def _replace(file: Path, content: bytes) -> None:
    """Writes a file beside its place and moves it there, so that it is whole or not there."""
    temporary = file.with_name(f".{file.name}-{os.getpid()}")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, file)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error
