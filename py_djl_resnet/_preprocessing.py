"""Reads and prints a preprocessing, which turns an image into a network's input. Java applies it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from .checks import require_no_pipe, shown
from .errors import UsageError

#: A preset's name (``torchvision``, ``plain:32``), a JSON file or its content; None for the network's own.
Preprocessing: TypeAlias = str | os.PathLike[str] | Mapping[str, Any] | None

ALLOWED = "torchvision, plain:N such as plain:32, a .json file, or in Python a dict"


def text(preprocessing: Preprocessing) -> str | None:
    """Returns a preset's name or a JSON text, which Java checks; None for None."""
    given: Any = preprocessing
    if given is None:
        return None
    if isinstance(given, Mapping):
        try:
            return json.dumps(dict(given), allow_nan=False, ensure_ascii=False)
        except (TypeError, ValueError) as error:
            raise UsageError(f"preprocessing must be valid JSON. Received: {shown(given)}. {error}.") from error
    if isinstance(given, os.PathLike) or (isinstance(given, str) and given.endswith(".json")):
        file = Path(given)
        require_no_pipe(file)
        try:
            return file.read_text("utf-8")
        except (OSError, ValueError) as error:
            raise UsageError(f"preprocessing {file} cannot be read: {error}. Allowed: {ALLOWED}.") from error
    if isinstance(given, str):
        return given
    raise UsageError(f"preprocessing has the wrong type. Received: {shown(given)}. Allowed: {ALLOWED}.")


def chosen(preprocessing: Preprocessing, own: Mapping[str, Any] | None, network: str) -> str | None:
    """As :func:`text`; rejects None unless the network has its `own` preprocessing."""
    found = text(preprocessing)
    if found is None and own is None:
        raise UsageError(
            f"This {network} does not record how its images are preprocessed. Set the preprocessing (on the "
            f"command line --preprocessing). Allowed: {ALLOWED}."
        )
    return found


def described(own: Mapping[str, Any]) -> str:
    """Describes a preprocessing, such as ``short side 256 bilinear, crop 224x224, mean (...), deviation (...)``."""
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
    return ", ".join(steps) or "images unchanged"
