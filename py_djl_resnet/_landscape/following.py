"""Follows the measurement of a loss surface to its end."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .._measuring import PointProgress, follow
from ..errors import LandscapeInterrupted
from ..landscape import Landscape, read_landscape


def follow_points(begin: Callable[[], Any], folder: Path, progress: bool) -> Landscape:
    """Starts Java's ``MeasurementHandle`` and returns what it has measured.

    Raises:
        LandscapeInterrupted: a signal stopped it; the points so far are saved.
    """
    _, state, received = follow(begin, PointProgress() if progress else None)
    if received and state["done"] < state["total"]:
        saved = f"{state['done']} of {state['total']} points are saved in {folder}."
        raise LandscapeInterrupted(signal.Signals(received[0]), folder, saved)
    return read_landscape(folder)
