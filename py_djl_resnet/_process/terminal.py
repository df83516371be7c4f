"""The width and the colours of a terminal."""

from __future__ import annotations

import os
import shutil
import textwrap
from typing import TextIO

_CODES = {"bold": 1, "red": 31, "yellow": 33, "cyan": 36}


def is_dumb() -> bool:
    """Returns whether the terminal only prints, as the shell inside an editor does."""
    return os.environ.get("TERM") == "dumb"


def width(stream: TextIO) -> int | None:
    """Returns a terminal's columns, as ``COLUMNS`` or the system says; None for a file or a pipe."""
    if not stream.isatty():
        return None
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        columns = 0
    # A terminal of no known width says 0
    return shutil.get_terminal_size((columns, 24)).columns if "COLUMNS" in os.environ else columns or 80


def wrapped(line: str, stream: TextIO) -> str:
    """Returns a line of text, wrapped between words if `stream` is a terminal."""
    columns = width(stream)
    return textwrap.fill(line, columns, subsequent_indent="  ", break_on_hyphens=False) if columns else line


def has_colour(stream: TextIO) -> bool:
    """Returns whether to write colours: https://no-color.org, then https://force-color.org, then the terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    # Older consoles of Windows print the codes
    return stream.isatty() and not is_dumb() and (os.name != "nt" or "WT_SESSION" in os.environ)


def coloured(text: str, colour: str, stream: TextIO) -> str:
    """Returns `text` in a colour if `stream` has any."""
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if text and has_colour(stream) else text
