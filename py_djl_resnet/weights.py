"""Weights from and for other programs: torchvision and timm, DJL's own model folders, ONNX."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._checkpoint import is_checkpoint, require_no_run
from ._java import jvm
from ._preprocessing import Preprocessing, chosen
from .checks import checked_path
from .errors import ResnetWarning, UsageError

if TYPE_CHECKING:
    from .models import Model

#: What :func:`export` writes.
FORMATS = ("safetensors", "djl", "onnx")

_MOST_LISTED = 10
_SECONDS_FOR_A_PICKLE = 600
_COUNTER = "num_batches_tracked"
_TORCH = "pip install 'py-djl-resnet[torch]'"


def open_weights(file: str | os.PathLike[str], options: Mapping[str, Any]) -> Any:
    """Java's ``NetworkHandle`` of a file of weights; the JVM must be running.

    Args:
        file: safetensors, or what ``torch.save`` wrote (read by torch, in another process).
        options: the keys of ``Bridge.importWeights`` but ``source``.

    Raises:
        UsageError: no such file, a damaged one, or tensors that are not the network's.
    """
    path = Path(checked_path(file, "weights"))
    if path.is_dir():
        raise UsageError(f"weights {path} are a folder; give a file in it, such as best.safetensors of a run")
    if not path.is_file():
        raise UsageError(f"weights {path} do not exist; give a .safetensors, .pth or .pt file")
    given = json.dumps({**options, "source": os.path.abspath(path)})
    with _as_safetensors(path) as readable:
        try:
            with jvm.translated_errors():
                return jvm.bridge().importWeights(os.path.abspath(readable), given)
        except UsageError as error:
            if readable == path:
                raise
            raise UsageError(str(error).replace(os.path.abspath(readable), str(path))) from error


def warn_of_numbers(names: Sequence[str], source: str) -> None:
    """Warns of tensors that hold a NaN or an infinity."""
    if names:
        warnings.warn(
            f"{source}: {_listed(names)} {'holds' if len(names) == 1 else 'hold'} NaN or infinite numbers",
            ResnetWarning,
            stacklevel=3,
        )


@contextlib.contextmanager
def _as_safetensors(file: Path) -> Iterator[Path]:
    """`file`, or where it is a pickle, a safetensors file of its tensors for as long as the context lasts."""
    with file.open("rb") as opened:
        start = opened.read(9)
    # the length of a safetensors header may begin like a pickle, but its JSON begins at the ninth byte
    pickled = start[8:] != b"{" and start.startswith((b"PK\x03\x04", b"\x80"))
    if not pickled:
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="py-djl-resnet-") as folder:
        converted = Path(folder) / "converted.safetensors"
        _unpickle(file, converted)
        yield converted


def _unpickle(file: Path, target: Path) -> None:
    program = Path(__file__).with_name("_unpickle.py")
    try:
        child = subprocess.run(
            [sys.executable, str(program), os.path.abspath(file), str(target)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS_FOR_A_PICKLE,
        )
    except subprocess.TimeoutExpired:
        raise UsageError(f"{file}: torch did not read it within {_SECONDS_FOR_A_PICKLE} s") from None
    lines = child.stdout.strip().splitlines()
    try:
        answer = json.loads(lines[-1])
    except (IndexError, ValueError):
        last = (child.stderr.strip().splitlines() or ["nothing"])[-1]
        raise UsageError(
            f"{file}: torch ended with {child.returncode} while reading it; it said: {last[:300]}"
        ) from None
    if not answer:
        return
    text = f"{answer['error'][:300]}"
    if answer["kind"] == "torch":
        raise UsageError(
            f"{file} is a pickled file, which only torch reads, and torch cannot be imported ({text}): {_TORCH}, "
            "or ask for a .safetensors file"
        )
    if answer["kind"] == "unreadable":
        raise UsageError(
            f"{file} cannot be read weights-only, without running what a pickle may bring: {text}; "
            "ask for a .safetensors file"
        )
    raise UsageError(f"{file} holds no state dict: {text}")


def state_dict(model: Model) -> dict[str, npt.NDArray[Any]]:
    """See :meth:`Model.state_dict`."""
    with jvm.translated_errors():
        handle = model.handle
        told = json.loads(str(handle.tensors()))
        counts: dict[str, int] = told["batches_tracked"]
        state: dict[str, npt.NDArray[Any]] = {}
        for tensor in told["tensors"]:
            name = tensor["name"]
            state[name] = jvm.from_direct_buffer(handle.tensor(name), tensor["shape"], np.dtype(np.float32))
            prefix, _, last = name.rpartition(".")
            if last == "running_var":
                counter = f"{prefix}.{_COUNTER}"
                state[counter] = np.array(counts[counter], np.int64)
    return state


def load_state_dict(model: Model, state: Mapping[str, npt.ArrayLike]) -> None:
    """See :meth:`Model.load_state_dict`."""
    if not isinstance(state, Mapping):
        raise UsageError(f"a state dict maps names to arrays; received {type(state).__name__}")
    with jvm.translated_errors():
        told = json.loads(str(model.handle.tensors()))
    shapes = {tensor["name"]: tuple(tensor["shape"]) for tensor in told["tensors"]}
    received = {name: np.asarray(value) for name, value in state.items()}
    counts = told["batches_tracked"]
    problems = {
        "missing": [name for name in shapes if name not in received],
        "superfluous": [str(name)[:120] for name in received if name not in shapes and name not in counts],
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
        raise UsageError(f"these are not the tensors of this {model.name}: {text}")
    tensors = {name: np.ascontiguousarray(received[name], np.float32) for name in shapes}
    warn_of_numbers([name for name, array in tensors.items() if not np.isfinite(array).all()], "the state dict")
    description = {
        "tensors": told["tensors"],
        "batches_tracked": {name: int(received[name]) for name in counts if name in received},
    }
    with jvm.translated_errors():
        buffers = [jvm.to_direct_buffer(array) for array in tensors.values()]
        model.handle.loadStateDict(json.dumps(description), buffers)


def _is_float(array: npt.NDArray[Any]) -> bool:
    # bfloat16 of the package ml_dtypes is no kind of numpy's own
    return array.dtype.kind == "f" or array.dtype.name == "bfloat16"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_LISTED
    return ", ".join(names[:_MOST_LISTED]) + (f", and {more} more" if more > 0 else "")


def export(
    model: Model,
    path: str | os.PathLike[str],
    format: str = "safetensors",  # noqa: A002 - what it is called everywhere
    *,
    fold: bool = False,
    with_preprocessing: bool = False,
    preprocessing: Preprocessing = None,
) -> None:
    """Writes a network for other programs.

    Args:
        model: the network.
        path: a file, which is replaced if it is there, unless it is a checkpoint of this package; for ``djl`` a
            folder that is not there yet.
        format: ``safetensors``, which torchvision's ``load_state_dict`` takes, strictly; ``djl``, a folder that
            DJL's ``Criteria`` and ``Predictor`` serve; ``onnx``, from (N, C, H, W) to logits with N, H and W open.
        fold: for ``onnx``: whether a BatchNorm that follows a convolution becomes part of it.
        with_preprocessing: for ``onnx``: whether the file begins with the preprocessing: its input is then ``image``,
            uint8 (N, H, W, C) of any size, with 1 or 3 channels.
        preprocessing: for ``djl``, and for ``onnx`` with `with_preprocessing`: as of :func:`evaluate`.

    Raises:
        UsageError: an unknown format, an argument that the format has no use for, a path that cannot be written, a
            preprocessing that is needed and not known, or the extra that the format needs is not installed.
    """
    if format not in FORMATS:
        raise UsageError(f"format must be one of {', '.join(FORMATS)}; received {format!r}")
    if (fold or with_preprocessing) and format != "onnx":
        raise UsageError(
            f"{'fold' if fold else 'with_preprocessing'} is for the format onnx; received the format {format}"
        )
    prepares = format == "djl" or with_preprocessing
    if preprocessing is not None and not prepares:
        raise UsageError(
            f"preprocessing is for the format djl, and for onnx with with_preprocessing; received the format {format}"
        )
    prepared = chosen(preprocessing, model.preprocessing, model.name) if prepares else None
    target = os.path.abspath(checked_path(path, "path"))
    if format != "djl":
        require_writable(Path(target))
        require_no_run(Path(target))
        if is_checkpoint(Path(target)):
            raise UsageError(f"{path} is a checkpoint of this package; export to another file")
    with jvm.translated_errors():
        if format == "djl":
            model.handle.exportDjl(target, prepared)
        elif format == "safetensors":
            model.handle.exportSafetensors(target)
        else:
            from ._onnx.graph import write

            steps = json.loads(str(model.handle.preprocessing(prepared))) if with_preprocessing else None
            write(model, Path(target), fold=fold, preprocessing=steps)


def require_writable(target: Path) -> None:
    """Refuses a file whose folder is not there, or that is a folder itself."""
    if target.is_dir():
        raise UsageError(f"{target} is a folder; give a file")
    if not target.parent.is_dir():
        raise UsageError(f"{target} cannot be written: there is no folder {target.parent}")
