"""A figure, and how it is written to a file."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .._files import write
from ..checks import checked_path, whole_number
from ..errors import UsageError

#: The kinds of file that a figure can be written to.
SUFFIXES = (".png", ".svg", ".pdf")

#: Dots per inch of a written figure.
DPI = 150

#: Matplotlib draws no longer sides, and four bytes for each pixel.
_MOST_SIDE = 65_000
_MOST_PIXELS = 100_000_000


class Chart(Figure):
    """A Matplotlib figure that shows itself in a notebook without pyplot."""

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.savefig(stream, format="png", dpi=100)
        return stream.getvalue()


def finished(chart: Chart, path: str | os.PathLike[str] | None, dpi: int = DPI) -> Chart:
    """Returns the figure, after writing it to `path` unless that is None: .png, .svg (as editable text) or .pdf."""
    if path is None:
        return chart
    check_suffix(path)
    width, height = chart.get_size_inches()
    if Path(path).suffix.lower() == ".png":
        most = min(_MOST_SIDE / max(width, height), (_MOST_PIXELS / (width * height)) ** 0.5)
        dpi = whole_number(dpi, f"dpi of a figure of {width:g}x{height:g} inches", 10, int(most))
    drawn = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}), warnings.catch_warnings():
        # a name in a script that the font lacks is drawn as boxes
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        chart.savefig(drawn, format=Path(path).suffix[1:].lower(), dpi=dpi)
    write(Path(path), drawn.getvalue(), "Figure")
    return chart


def check_suffix(path: str | os.PathLike[str], others: tuple[str, ...] = ()) -> None:
    """Raises :class:`UsageError` unless the file's extension is one of :data:`SUFFIXES` or of the others."""
    suffix = Path(checked_path(path, "the figure's file")).suffix
    allowed = (*SUFFIXES, *others)
    if suffix.lower() not in allowed:
        raise UsageError(
            f"Figure {os.fspath(path)} has an unsupported extension. Received: {suffix or 'none'}. "
            f"Allowed: {', '.join(allowed)}."
        )


def near(axes: Axes) -> tuple[float, float]:
    """Returns limits for the values of a panel's curves, without those of a few epochs far from all others."""
    values = np.concatenate([np.asarray(curve.get_ydata(), float) for curve in axes.lines])
    values = values[np.isfinite(values)]
    if not len(values):
        return 0, 1
    low, high = np.quantile(values, (0.25, 0.75))
    kept = values[(values >= low - 10 * (high - low)) & (values <= high + 10 * (high - low))]
    margin = 0.06 * float(np.ptp(kept)) or 1.0
    return float(kept.min()) - margin, float(kept.max()) + margin
