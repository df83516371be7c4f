"""The kinds of sections of a study's report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...checks import nearest
from ...errors import UsageError
from ..definition import Definition
from ..folder import StudyRuns
from ..section import Section
from .curves import curves
from .gradients import gradients
from .landscapes import landscapes
from .lesions import check_lesions, lesions_section
from .shattering import check_shattering, shattering_section
from .table import table

#: For each kind a function that takes the study's runs and the section's options. Its keyword :data:`OPTIONS` are
#: allowed in a study file.
KINDS: dict[str, Callable[[StudyRuns, Mapping[str, Any]], Section]] = {
    "table": table,
    "curves": curves,
    "gradients": gradients,
    "landscapes": landscapes,
    "lesions": lesions_section,
    "shattering": shattering_section,
}

#: What checks the options of a kind before anything is trained.
CHECKS: dict[str, Callable[[Mapping[str, Any]], None]] = {"lesions": check_lesions, "shattering": check_shattering}

#: The options of each kind. Functions without one of :data:`CHECKS` check the values when they are called.
OPTIONS: dict[str, tuple[str, ...]] = {
    "table": ("at", "of", "metric"),
    "curves": ("metric",),
    "gradients": ("names", "steps"),
    "landscapes": ("pairs", "grid", "examples", "directions"),
    "lesions": ("delete", "shuffle", "draws", "seed", "limit"),
    "shattering": ("networks", "seeds", "points", "name"),
}


def check_sections(definition: Definition, source: str) -> None:
    """Raises :class:`UsageError` for an unknown kind or option of a section."""
    for section in definition.sections:
        kind = section["kind"]
        if kind not in KINDS:
            raise UsageError(
                f"{source}: Unknown kind of section. Received: {kind!r}.{nearest(kind, KINDS)} "
                f"Allowed: {', '.join(KINDS)}."
            )
        for option in section.keys() - {"kind"}:
            if option not in OPTIONS[kind]:
                raise UsageError(
                    f"{source}: Unknown option of the section {kind}. Received: {option!r}."
                    f"{nearest(option, OPTIONS[kind])} Allowed: {', '.join(OPTIONS[kind])}."
                )
        if kind in CHECKS:
            try:
                CHECKS[kind](section)
            except UsageError as error:
                raise UsageError(f"{source}, section {kind}: {error}") from None


def sections(study: StudyRuns) -> list[Section]:
    """Returns the sections of a study's report."""
    return [KINDS[options["kind"]](study, options) for options in study.definition.sections]
