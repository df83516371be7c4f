"""Studies: train several networks with several seeds, and report the results."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ._study.definition import Definition, read_definition, study_names
from ._study.folder import StudyRuns, open_study
from ._study.page import write_report
from ._study.sections import check_sections

__all__ = ["Definition", "StudyRuns", "available", "open_study", "read_study", "report"]


def available() -> list[dict[str, Any]]:
    """Lists the studies that come with the package: ``name``, ``title``, ``networks``, ``seeds`` and ``epochs``."""
    return [
        {
            "name": name,
            "title": study.title,
            "networks": list(study.networks),
            "seeds": list(study.seeds),
            "epochs": dict(study.epochs),
        }
        for name in study_names()
        for study in [read_study(name)]
    ]


def read_study(name: str | os.PathLike[str]) -> Definition:
    """Returns the study in a JSON file, or one that comes with the package, by its name.

    Raises:
        UsageError: there is no such file or name, or the file is no study.
    """
    definition = read_definition(name)
    check_sections(definition, f"study {name}")
    return definition


def report(folder: str | os.PathLike[str]) -> Path:
    """Writes the report of a study's folder, which may be incomplete, and returns its ``report.html``.

    Raises:
        UsageError: there is no such folder, or a file in it is malformed.
    """
    study = open_study(folder)
    check_sections(study.definition, f"study {study.folder}")
    return write_report(study)
