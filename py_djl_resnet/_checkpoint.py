"""What the header of a checkpoint says, read before Java runs. Java alone checks a checkpoint as a whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .checks import require_no_pipe
from .errors import UsageError

_KEY = "py_djl_resnet"
#: The bytes of a header that Java reads at the most.
_MOST_HEADER = 10_000_000

#: The other files of a run's folder.
_OF_A_RUN = ("recipe.json", "metrics.csv", "profile.csv", "log.txt", "run.lock")


def is_checkpoint(file: Path) -> bool:
    """Whether a file is there and says in its safetensors metadata that it is a checkpoint of this package."""
    try:
        return f'"{_KEY}"' in _header(file).decode(errors="replace")
    except OSError:
        return False


def require_no_run(target: Path) -> None:
    """Refuses to replace a device or a pipe, a checkpoint with the state of a run, or another file of a run's folder.

    Raises:
        UsageError: it is one.
    """
    require_no_pipe(target)
    try:
        recipe_settings(target)
    except UsageError:
        if target.name not in _OF_A_RUN or not (target.parent / "run.lock").is_file():
            return
        raise UsageError(f"{target} is a file of the run in {target.parent}; write to another file") from None
    raise UsageError(f"{target} is a checkpoint, with the state of its run; write to another file")


def recipe_settings(file: Path) -> dict[str, Any]:
    """The settings of the run that wrote a checkpoint, by their names in its recipe.

    Raises:
        UsageError: a file that cannot be read, or is no checkpoint of a run.
    """
    try:
        settings = json.loads(json.loads(_header(file))["__metadata__"][_KEY])["run"]["recipe"]
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError, KeyError, TypeError, IndexError) as error:
        raise UsageError(f"{file} is no checkpoint of a run, or damaged") from error
    if not isinstance(settings, dict):
        raise UsageError(f"{file} is no checkpoint of a run, or damaged")
    return settings


def _header(file: Path) -> bytes:
    """The JSON text after the eight bytes of its length; less of a file that ends before."""
    require_no_pipe(file)
    with file.open("rb") as opened:
        return opened.read(min(int.from_bytes(opened.read(8), "little"), _MOST_HEADER))
