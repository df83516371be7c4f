"""What a section measures: rows in a JSON file that grows row by row, so that a killed study resumes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._files import write
from ..checks import shown
from ..errors import UsageError


def require_same(path: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raises :class:`UsageError` if a file or folder was measured with other settings."""
    changed = [name for name, value in now.items() if before.get(name) != value]
    if changed:
        values = ", ".join(f"{name} {shown(before.get(name))} (now {shown(now[name])})" for name in changed)
        raise UsageError(
            f"{path} was measured with other settings: {values}. Use them again, or remove it to measure again."
        )


class Measured:
    """The rows of a section that were measured so far.

    Attributes:
        rows: the rows; empty if there is no file.
        result: what was stored after the last row; None until then.

    Raises:
        UsageError: the file cannot be read, is damaged, or has rows of other settings.
    """

    def __init__(self, file: Path, settings: Mapping[str, Any]) -> None:
        self._file = file
        self._settings = dict(settings)
        self.rows: list[dict[str, Any]] = []
        self.result: dict[str, Any] | None = None
        try:
            form = json.loads(file.read_text("utf-8"))
            before = dict(form["settings"])
            self.rows, self.result = list(form["rows"]), form["result"]
        except FileNotFoundError:
            return
        except OSError as error:
            raise UsageError(f"{file} cannot be read: {error.strerror}.") from error
        except (ValueError, RecursionError, KeyError, TypeError) as error:
            raise UsageError(f"{file} is damaged. Remove it to measure again.") from error
        require_same(file, before, settings)

    def add(self, row: dict[str, Any]) -> None:
        """Adds a row and writes the file."""
        self.rows.append(row)
        self._write()

    def finish(self, rows: list[dict[str, Any]], result: dict[str, Any]) -> None:
        """Stores a result with its rows, which become the first ones, and writes the file."""
        self.rows = [*rows, *(row for row in self.rows if row not in rows)]
        self.result = result
        self._write()

    def _write(self) -> None:
        form = {"settings": self._settings, "rows": self.rows, "result": self.result}
        write(self._file, (json.dumps(form) + "\n").encode(), "Measurement")
