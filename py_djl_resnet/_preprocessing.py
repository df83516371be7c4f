"""How an image becomes a network's input: what a caller may say of it, and how it is shown. Java does it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from .checks import require_no_pipe, shown
from .errors import UsageError

#: A preset's name (``torchvision``, ``plain:32``), a JSON file, or what one holds; None for the network's own.
Preprocessing: TypeAlias = str | os.PathLike[str] | Mapping[str, Any] | None

ALLOWED = "torchvision, plain:N as in plain:32, a .json file, or in Python a dict"


def text(preprocessing: Preprocessing) -> str | None:
    """Java's form: a preset's name or a JSON text; None for None.

    Raises:
        UsageError: neither, or a file that cannot be read. What the text says is Java's to check.
    """
    given: Any = preprocessing
    if given is None:
        return None
    if isinstance(given, Mapping):
        try:
            return json.dumps(dict(given), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise UsageError(f"preprocessing must hold what JSON can; received {shown(given)}: {error}") from error
    if isinstance(given, os.PathLike) or (isinstance(given, str) and given.endswith(".json")):
        file = Path(given)
        require_no_pipe(file)
        try:
            return file.read_text("utf-8")
        except (OSError, ValueError) as error:
            raise UsageError(f"preprocessing {file} cannot be read: {error}; allowed: {ALLOWED}") from error
    if isinstance(given, str):
        return given
    raise UsageError(f"preprocessing must be {ALLOWED}; received {shown(given)}")


def chosen(preprocessing: Preprocessing, own: Mapping[str, Any] | None, network: str) -> str | None:
    """As :func:`text`, for a network that needs one.

    Args:
        preprocessing: what the caller says, or None.
        own: the network's own, or None where it is not known.
        network: the network's name.

    Raises:
        UsageError: as :func:`text`, or neither is known.
    """
    found = text(preprocessing)
    if found is None and own is None:
        raise UsageError(
            f"this {network} does not record how its images are prepared; give preprocessing (on the command line "
            f"--preprocessing): {ALLOWED}"
        )
    return found


def described(own: Mapping[str, Any]) -> str:
    """A preprocessing in a line, such as ``short side 256 bilinear, crop 224x224, mean (...), deviation (...)``."""
    steps = []
    if resize := own["resize"]:
        size = resize.get("size")
        size = f"stretched to {resize['height']}x{resize['width']}" if size is None else f"short side {size}"
        steps.append(f"{size} {resize['interpolation']}{'' if resize['rounded'] else ' in float32'}")
    if crop := own["crop"]:
        steps.append(f"crop {crop['height']}x{crop['width']}")
    for key in ("mean", "deviation"):
        if own[key]:
            steps.append(f"{key} ({', '.join(f'{number:g}' for number in own[key])})")
    return ", ".join(steps) or "images as they are"
