"""What a section measures: rows in a JSON file that grows row by row, so that a killed study resumes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._files import write


class Measured:
    """The rows of a section that were measured so far.

    Attributes:
        rows: the rows; empty if the file is missing, damaged, or has other settings.
        result: what was stored with the last row; None until then.
    """

    def __init__(self, file: Path, settings: Mapping[str, Any]) -> None:
        self._file = file
        self._settings = dict(settings)
        self.rows: list[dict[str, Any]] = []
        self.result: dict[str, Any] | None = None
        try:
            form = json.loads(file.read_text("utf-8"))
            if form["settings"] == json.loads(json.dumps(self._settings)):
                self.rows, self.result = list(form["rows"]), form["result"]
        except (OSError, ValueError, KeyError, TypeError):
            pass  # measured again

    def add(self, row: dict[str, Any]) -> None:
        """Adds a row and writes the file."""
        self.rows.append(row)
        self._write()

    def finish(self, rows: list[dict[str, Any]], result: dict[str, Any]) -> None:
        """Sets all rows in their final order, and what belongs to them, and writes the file."""
        self.rows, self.result = rows, result
        self._write()

    def _write(self) -> None:
        form = {"settings": self._settings, "rows": self.rows, "result": self.result}
        write(self._file, (json.dumps(form) + "\n").encode(), "Measurement")
