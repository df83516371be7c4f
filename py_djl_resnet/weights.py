"""A network's weights in memory and for other programs: state dicts, safetensors, DJL folders, ONNX."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ._checkpoint import is_checkpoint, require_no_run
from ._files import write
from ._java import jvm
from ._onnx import graph as onnx_graph
from ._preprocessing import Preprocessing, chosen
from ._unpickle import NESTED
from .checks import checked_path
from .errors import UsageError, warn

#: The formats of :func:`export`.
FORMATS = ("safetensors", "djl", "onnx")

_MOST_LISTED = 10
_COUNTER = "num_batches_tracked"
#: The counter of torch's AveragedModel, which is not part of the network.
_AVERAGED = "n_averaged"


def state_dict(handle: Any) -> dict[str, npt.NDArray[Any]]:
    """See :meth:`Model.state_dict`; `handle` is Java's ``NetworkHandle``."""
    with jvm.translated_errors():
        described = json.loads(str(handle.tensors()))
        counts: dict[str, int] = described["batches_tracked"]
        state: dict[str, npt.NDArray[Any]] = {}
        for tensor in described["tensors"]:
            name = tensor["name"]
            state[name] = jvm.from_direct_buffer(handle.tensor(name), tensor["shape"], np.dtype(np.float32))
            prefix, _, last = name.rpartition(".")
            if last == "running_var":
                counter = f"{prefix}.{_COUNTER}"
                state[counter] = np.array(counts[counter], np.int64)
    return state


def load_state_dict(handle: Any, network: str, state: Mapping[str, npt.ArrayLike]) -> None:
    """See :meth:`Model.load_state_dict`; `handle` is Java's ``NetworkHandle``, `network` the network's name."""
    if not isinstance(state, Mapping):
        raise UsageError(f"state must map names to arrays. Received: {type(state).__name__}.")
    for key in NESTED:
        if isinstance(state.get(key), Mapping):
            raise UsageError(f"state is a training checkpoint, not a state dict. Pass its entry {key!r}.")
    with jvm.translated_errors():
        described = json.loads(str(handle.tensors()))
    shapes = {tensor["name"]: tuple(tensor["shape"]) for tensor in described["tensors"]}
    counts = described["batches_tracked"]
    received = _without_prefix({str(name): _array(name, value) for name, value in state.items()}, shapes)
    problems = {
        "missing": [name for name in shapes if name not in received],
        "unexpected": [name[:120] for name in received if name not in shapes and name not in counts],
        "of another type or shape": [
            f"{name} is {array.dtype.name} {array.shape}, not float32 {shapes.get(name, ())}"
            if name in shapes
            else f"{name} is {array.dtype.name} {array.shape}, not one whole number"
            for name, array in received.items()
            if (name in shapes and not (_is_float(array) and array.shape == shapes[name]))
            or (name in counts and not (array.dtype.kind in "iu" and array.shape == ()))
        ],
    }
    if any(problems.values()):
        text = "; ".join(f"{len(names)} {kind}: {_listed(names)}" for kind, names in problems.items() if names)
        raise UsageError(f"The state dict does not fit this {network}: {text}.")
    tensors = {name: np.ascontiguousarray(received[name], np.float32) for name in shapes}
    not_finite = [name for name, array in tensors.items() if not np.isfinite(array).all()]
    warn_of_numbers(not_finite, "the state dict")
    description = {
        "tensors": described["tensors"],
        "batches_tracked": {name: int(received[name]) for name in counts if name in received},
    }
    with jvm.translated_errors():
        buffers = [jvm.to_direct_buffer(array) for array in tensors.values()]
        handle.loadStateDict(json.dumps(description), buffers)


def warn_of_numbers(names: Sequence[str], source: str) -> None:
    """Warns about tensors that contain NaN or infinity."""
    if names:
        warn(f"{source}: {_listed(names)} {'contains' if len(names) == 1 else 'contain'} NaN or infinite values.")


def _array(name: Any, value: Any) -> npt.NDArray[Any]:
    try:
        return np.asarray(value)
    except Exception as error:  # a torch tensor raises several kinds
        raise UsageError(
            f"state[{str(name)[:120]!r}] cannot be converted to a numpy array: {error}. For a torch tensor, pass "
            "tensor.detach().cpu().float().numpy()."
        ) from error


def _without_prefix(state: dict[str, npt.NDArray[Any]], names: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
    """Removes name prefixes added by DistributedDataParallel, torch.compile, AveragedModel and others."""
    state = {name: array for name, array in state.items() if name.rpartition(".")[2] != _AVERAGED}
    if any(name in names for name in state):
        return state
    prefix = "".join(os.path.commonprefix(list(state)).rpartition(".")[:2])  # noqa: RUF071 - of texts, not of paths
    return {name.removeprefix(prefix): array for name, array in state.items()}


def _is_float(array: npt.NDArray[Any]) -> bool:
    # bfloat16 of the package ml_dtypes has its own kind
    return array.dtype.kind == "f" or array.dtype.name == "bfloat16"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_LISTED
    return ", ".join(names[:_MOST_LISTED]) + (f", and {more} more" if more > 0 else "")


def export(
    handle: Any,
    info: Mapping[str, Any],
    path: str | os.PathLike[str],
    format: str,  # noqa: A002 - the usual word
    *,
    with_preprocessing: bool,
    preprocessing: Preprocessing,
) -> None:
    """See :meth:`Model.export`; `handle` is Java's ``NetworkHandle``, `info` its description."""
    if format not in FORMATS:
        raise UsageError(f"Unknown format. Received: {format!r}. Allowed: {', '.join(FORMATS)}.")
    if with_preprocessing and format != "onnx":
        raise UsageError(f"with_preprocessing needs the format onnx. Received: {format}.")
    prepares = format == "djl" or with_preprocessing
    if preprocessing is not None and not prepares:
        raise UsageError(f"preprocessing needs the format djl, or onnx with with_preprocessing. Received: {format}.")
    prepared = chosen(preprocessing, info["preprocessing"], info["model"]) if prepares else None
    target = os.path.abspath(checked_path(path, "path"))
    if format != "djl":
        require_writable(Path(target))
        require_no_run(Path(target))
        if is_checkpoint(Path(target)):
            raise UsageError(f"{path} is a checkpoint of this package. Export to another file.")
    with jvm.translated_errors():
        if format == "djl":
            handle.exportDjl(target, prepared)
        elif format == "safetensors":
            handle.exportSafetensors(target)
        else:
            steps = json.loads(str(handle.preprocessing(prepared))) if with_preprocessing else None
            graph = json.loads(str(handle.graph()))
            write(Path(target), onnx_graph.build(graph, state_dict(handle), info, steps), "ONNX file")


def require_writable(target: Path) -> None:
    """Raises :class:`UsageError` for a file in a missing folder, and for a folder."""
    if target.is_dir():
        raise UsageError(f"{target} is a folder. Give a file.")
    if not target.parent.is_dir():
        raise UsageError(f"{target} cannot be written: folder {target.parent} does not exist.")
