"""A figure, and how it is written to a file."""

from __future__ import annotations

import io
import os
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from ..checks import checked_path
from ..errors import UsageError

#: The kinds of file that a figure can be written to.
SUFFIXES = (".png", ".svg", ".pdf")

#: Dots per inch of a written figure.
DPI = 150


class Chart(Figure):
    """A Matplotlib figure that shows itself in a notebook without pyplot."""

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.savefig(stream, format="png", dpi=100)
        return stream.getvalue()


def finished(chart: Chart, path: str | os.PathLike[str] | None, dpi: int = DPI) -> Chart:
    """Returns the figure, after writing it to `path` unless that is None. The file's folder is created.

    Args:
        chart: the figure.
        path: a file ending in .png, .svg (whose text stays text) or .pdf; or None.
        dpi: dots per inch.

    Raises:
        UsageError: an unsupported extension, or a file that cannot be written.
    """
    if path is None:
        return chart
    check_suffix(path)
    file = Path(path)
    drawn = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        chart.savefig(drawn, format=file.suffix[1:].lower(), dpi=dpi)
    temporary = file.with_name(f"{file.name}.{os.getpid()}.tmp")  # a full disk leaves no empty figure
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(drawn.getvalue())
            os.replace(temporary, file)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"Figure {file} cannot be written: {error.strerror or error}. Choose another file.") from error
    return chart


def check_suffix(path: str | os.PathLike[str], others: tuple[str, ...] = ()) -> None:
    """Raises :class:`UsageError` unless a file of this name can hold a figure.

    Args:
        path: the file's name.
        others: extensions allowed in addition to :data:`SUFFIXES`.
    """
    suffix = Path(checked_path(path, "the figure's file")).suffix
    allowed = (*SUFFIXES, *others)
    if suffix.lower() not in allowed:
        raise UsageError(
            f"Figure {os.fspath(path)} has an unsupported extension. Received: {suffix or 'none'}. "
            f"Allowed: {', '.join(allowed)}."
        )
