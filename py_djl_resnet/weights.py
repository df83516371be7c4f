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

#: The parts of an autoencoder, each of which has its own ONNX file.
PARTS = ("encoder", "decoder")

_MOST_LISTED = 10
_COUNTER = "num_batches_tracked"


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


def load_state_dict(handle: Any, state: Mapping[str, npt.ArrayLike]) -> None:
    """See :meth:`Model.load_state_dict`; `handle` is Java's ``NetworkHandle``."""
    if not isinstance(state, Mapping):
        raise UsageError(f"state must map names to arrays. Received: {type(state).__name__}.")
    for key in NESTED:
        if isinstance(state.get(key), Mapping):
            raise UsageError(f"state is a training checkpoint, not a state dict. Pass its entry {key!r}.")
    arrays = {str(name): _array(str(name)[:120], value) for name, value in state.items()}
    description = [
        {"name": name, "dtype": "F32" if array.dtype == np.float32 else "I64", "shape": array.shape}
        for name, array in arrays.items()
    ]
    with jvm.translated_errors():
        buffers = [jvm.to_direct_buffer(array) for array in arrays.values()]
        not_finite = json.loads(str(handle.loadStateDict(json.dumps(description, ensure_ascii=False), buffers)))
    warn_of_numbers(not_finite, "the state dict")


def warn_of_numbers(names: Sequence[str], source: str) -> None:
    """Warns about tensors that contain NaN or infinity."""
    if names:
        more = len(names) - _MOST_LISTED
        listed = ", ".join(names[:_MOST_LISTED]) + (f", and {more} more" if more > 0 else "")
        warn(f"{source}: {listed} {'contains' if len(names) == 1 else 'contain'} NaN or infinite values.")


def _array(name: str, value: Any) -> npt.NDArray[Any]:
    """Returns float32, or int64 for integers."""
    try:
        array = np.asarray(value)
    except Exception as error:  # a torch tensor raises several kinds
        raise UsageError(
            f"state[{name!r}] cannot be converted to a numpy array: {error}. For a torch tensor, pass "
            "tensor.detach().cpu().float().numpy()."
        ) from error
    if array.dtype.kind in "iu":
        return array.astype(np.int64)
    # bfloat16 of the package ml_dtypes has its own kind
    if array.dtype.kind == "f" or array.dtype.name == "bfloat16":
        return np.asarray(array, np.float32)
    raise UsageError(f"state[{name!r}] must be an array of numbers. Received: dtype {array.dtype}.")


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
    if format == "djl" and info.get("autoencoder") is not None:
        others = ", ".join(other for other in FORMATS if other != format)
        raise UsageError(f"An autoencoder cannot be exported in this format. Received: {format}. Allowed: {others}.")
    prepares = format == "djl" or with_preprocessing
    if preprocessing is not None and not prepares:
        raise UsageError(f"preprocessing needs the format djl, or onnx with with_preprocessing. Received: {format}.")
    prepared = chosen(preprocessing, info["preprocessing"], info["model"]) if prepares else None
    if format != "djl":
        _require_no_slash(checked_path(path, "path"))
    target = os.path.abspath(checked_path(path, "path"))
    suffix = Path(target).suffix.lower()[1:]
    if suffix in FORMATS and suffix != format:
        raise UsageError(
            f"{path} has the suffix of another format. Received: {format}. Allowed: {suffix}. Change the format or the "
            "name."
        )
    for file in [] if format == "djl" else exported_files(info, Path(target), format):
        require_writable(file)
        require_no_run(file)
        if is_checkpoint(file):
            raise UsageError(f"{path} is a checkpoint of this package. Export to another file.")
    with jvm.translated_errors():
        if format == "djl":
            handle.exportDjl(target, prepared)
        elif format == "safetensors":
            handle.exportSafetensors(target)
        else:
            steps = json.loads(str(handle.preprocessing(prepared))) if with_preprocessing else None
            for file, content in _onnx_files(handle, info, Path(target), steps).items():
                write(file, content, "ONNX file")


def exported_files(info: Mapping[str, Any], target: Path, format: str) -> list[Path]:  # noqa: A002
    """Returns the files that an export writes: an autoencoder's parts each have their own file, ending in .onnx."""
    if format != "onnx" or info.get("autoencoder") is None:
        return [target]
    stem, suffix = (target.stem, target.suffix) if target.suffix.lower() == ".onnx" else (target.name, ".onnx")
    return [target.with_name(f"{stem}-{part}{suffix}") for part in PARTS]


def _onnx_files(
    handle: Any, info: Mapping[str, Any], target: Path, steps: Mapping[str, Any] | None
) -> dict[Path, bytes]:
    """Returns the contents of the ONNX files of a network."""
    tensors = state_dict(handle)
    own = info.get("autoencoder")
    if own is None:
        given = onnx_graph.Port("input", ["N", info["in_channels"], "H", "W"])
        logits = onnx_graph.Port("logits", ["N", info["classes"]])
        graph = json.loads(str(handle.graph()))
        return {target: onnx_graph.build(graph, tensors, info, steps, [given], [logits])}
    labels = [onnx_graph.Port("labels", ["N"], np.int32)] if own["conditional"] else []
    images, latents = (["N", *own["image"]], ["N", own["latent_dim"]])
    encoder, decoder = (json.loads(str(handle.graph(part))) for part in PARTS)
    # the graph ends before the sigmoid
    (decoded,) = decoder["outputs"]
    decoder["nodes"].append({"op": "Sigmoid", "inputs": [decoded], "output": "images", "attributes": {}})
    decoder["outputs"] = ["images"]
    ports = {
        "encoder": (
            [onnx_graph.Port("input", images), *labels],
            [onnx_graph.Port("mean", latents), onnx_graph.Port("log_variance", latents)],
        ),
        "decoder": ([onnx_graph.Port("latents", latents), *labels], [onnx_graph.Port("images", images)]),
    }
    return {
        file: onnx_graph.build(graph, tensors, info, steps if part == "encoder" else None, *ports[part])
        for part, graph, file in zip(PARTS, (encoder, decoder), exported_files(info, target, "onnx"), strict=True)
    }


def _require_no_slash(path: str) -> None:
    if path.endswith(("/", os.sep)):
        raise UsageError(f"{path} is a folder. Give a file.")


def require_writable(target: Path) -> None:
    """Raises :class:`UsageError` for a file in a missing folder, and for a folder."""
    if target.is_dir():
        raise UsageError(f"{target} is a folder. Give a file.")
    if not target.parent.is_dir():
        raise UsageError(f"{target} cannot be written: folder {target.parent} does not exist.")


def require_new(out: str) -> None:
    """Raises :class:`UsageError` if a command's ``--out`` exists or cannot be written: commands replace nothing."""
    _require_no_slash(checked_path(out, "--out"))
    target = Path(out)
    require_writable(target)
    require_no_run(target)
    if target.exists():
        raise UsageError(f"{target} already exists. Give another name, or delete the file first.")
