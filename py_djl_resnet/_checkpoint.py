"""Reads the header of a checkpoint before Java runs. Only Java checks the whole file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from .checks import require_no_pipe
from .errors import UsageError

_Part = TypeVar("_Part")

_KEY = "py_djl_resnet"
#: Java's limit for a header, in bytes.
_MOST_HEADER = 10_000_000

#: The other files of a run folder.
_RUN_FILES = (
    *("recipe.json", "metrics.csv", "predictions.csv", "profile.csv", "gradients.csv", "images.csv", "test.json"),
    *("log.txt", "run.lock"),
)


def is_checkpoint(file: Path) -> bool:
    """Returns whether a file exists and its safetensors metadata mark it as a checkpoint of this package."""
    try:
        return f'"{_KEY}"' in _header(file).decode(errors="replace")
    except OSError:
        return False


def require_no_run(target: Path) -> None:
    """Rejects a target that is a device, a pipe, a checkpoint with the state of a run, or another file of a run folder.

    Raises:
        UsageError: `target` must not be replaced.
    """
    require_no_pipe(target)
    try:
        recipe_settings(target)
    except UsageError:
        if target.name not in _RUN_FILES or not (target.parent / "run.lock").is_file():
            return
        raise UsageError(f"{target} is a file of the run in {target.parent}. Write to another file.") from None
    raise UsageError(f"{target} is a checkpoint with the state of its run. Write to another file.")


def recipe_settings(file: Path) -> dict[str, Any]:
    """Returns the settings of the run that wrote a checkpoint.

    Raises:
        UsageError: the file cannot be read, or is not a checkpoint of a run.
    """
    return _read(file, lambda header: dict(_network(header)["run"]["recipe"]))


def network_of(file: Path) -> dict[str, Any]:
    """Returns what a checkpoint records of its network and run.

    Raises:
        UsageError: the file cannot be read, or is not a checkpoint.
    """
    return _read(file, _network)


def checksum(file: Path) -> str:
    """Returns the checksum that a checkpoint records of itself.

    Raises:
        UsageError: the file cannot be read, or is not a checkpoint.
    """
    return _read(file, lambda header: str(header["__metadata__"]["checksum"]))


def tensor_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Returns the shape of each tensor of a checkpoint by its name.

    Raises:
        UsageError: the file cannot be read, or is not a checkpoint.
    """
    return _read(
        file,
        lambda header: {name: tuple(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__"},
    )


def _network(header: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(header["__metadata__"][_KEY]))


def _read(file: Path, part: Callable[[dict[str, Any]], _Part]) -> _Part:
    """Returns a part of a checkpoint's header."""
    try:
        return part(json.loads(_header(file)))
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise UsageError(f"{file} is not a checkpoint of a run, or is damaged.") from error


def _header(file: Path) -> bytes:
    """Returns the JSON text after its eight-byte length; less if the file is truncated."""
    require_no_pipe(file)
    with file.open("rb") as opened:
        return opened.read(min(int.from_bytes(opened.read(8), "little"), _MOST_HEADER))
