"""A page with a loss surface to rotate. It needs no network and no library."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from string import Template

import numpy as np
from matplotlib.colors import to_hex

from .._files import write
from ..checks import checked_path
from .landscape import Surfaces, description, panel, panel_title
from .surface_panel import Panel
from .surface_scale import Scale, surface_scale

_COLOURS = 64


def write_surface(
    landscape: Surfaces,
    path: str | os.PathLike[str],
    *,
    value: str = "loss",
    direction: int = 0,
    levels: int | Sequence[float] = 12,
    log: bool | None = None,
) -> None:
    """Writes the page of one surface; the arguments are those of :func:`.landscape.plot_surfaces`."""
    shown = panel(landscape, direction, value, panel_title(landscape, direction))
    scale = surface_scale([shown.values], value, levels, log)
    page = Template((resources.files(__package__) / "surface.html").read_text("utf-8"))
    script = (resources.files(__package__) / "surface.js").read_text("utf-8")
    text = page.substitute(
        title=html.escape(shown.title),
        heading=html.escape(shown.title),
        summary=html.escape(f"{description([landscape], value)}. {_summary(shown)}"),
        notes=html.escape(_notes(shown, scale)),
        data=_data(shown, scale),
        script=script,
    )
    write(Path(checked_path(path, "the figure's file")), text.encode(), "Figure")


def _data(shown: Panel, scale: Scale) -> str:
    rounded = [
        [float(f"{number:.5g}") if np.isfinite(number) else None for number in row] for row in shown.values.tolist()
    ]
    form = {
        "x": shown.x.tolist(),
        "y": shown.y.tolist(),
        "values": rounded,
        "low": scale.low,
        "top": scale.top,
        "log": scale.log,
        "value": shown.value,
        "labels": list(shown.labels),
        "colours": [to_hex(scale.colours(number / (_COLOURS - 1))) for number in range(_COLOURS)],
    }
    # the end of a script could stand in a name
    return json.dumps(form, allow_nan=False, separators=(",", ":")).replace("</", "<\\/")


def _summary(shown: Panel) -> str:
    """Returns the values that a reader who does not see the surface needs."""
    finite = np.isfinite(shown.values)
    size = f"{len(shown.x)} x {len(shown.y)} points"
    if not finite.any():
        return f"{size}, none with a finite {shown.value}."
    at = np.unravel_index(np.argmin(np.where(finite, shown.values, np.inf)), shown.values.shape)
    return (
        f"{size}; lowest {shown.value} {shown.values[at]:.4g} at x = {shown.x[at[0]]:.4g}, y = {shown.y[at[1]]:.4g}; "
        f"highest {shown.values[finite].max():.4g}."
    )


def _notes(shown: Panel, scale: Scale) -> str:
    counts = {
        f"above {scale.top:.4g}, drawn there": scale.clipped(shown.values),
        f"below {scale.low:.4g}, drawn there": scale.flattened(shown.values),
        "without a finite value, drawn as crosses": int(shown.not_finite.sum()),
        "not measured, drawn as crosses": int(shown.missing.sum()),
    }
    return "; ".join(f"{count:,} point{'' if count == 1 else 's'} {what}" for what, count in counts.items() if count)
