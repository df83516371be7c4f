"""The kinds of sections of a study's report."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ...checks import checked_text, nearest
from ...errors import UsageError
from ..definition import Definition
from ..folder import StudyRuns
from ..section import Section
from .autoencoders import autoencoders, check_autoencoders
from .curves import check_curves, curves
from .gradients import check_gradients, fit_gradients, gradients
from .landscapes import check_landscapes, landscapes
from .lesions import check_lesions, fit_lesions, lesions_section
from .shattering import check_shattering, shattering_section
from .table import check_table, table


class Kind(NamedTuple):
    """A kind of section.

    Attributes:
        write: returns the section for the study's runs and the section's options; calls its third argument with a line
            for whatever it measures.
        check: raises :class:`UsageError` for a wrong value of an option, before anything is trained.
        options: the names of the options, except ``name``, which every kind has.
        fit: if given, raises :class:`UsageError` for options that the trained networks do not allow; it creates them.
    """

    write: Callable[[StudyRuns, Mapping[str, Any], Callable[[str], None]], Section]
    check: Callable[[Definition, Mapping[str, Any]], object]
    options: tuple[str, ...]
    fit: Callable[[Sequence[str], Mapping[str, Any]], object] | None = None


KINDS = {
    "table": Kind(table, check_table, ("at", "of", "metric")),
    "curves": Kind(curves, check_curves, ("metric",)),
    "gradients": Kind(gradients, check_gradients, ("names", "steps"), fit_gradients),
    "landscapes": Kind(landscapes, check_landscapes, ("pairs", "grid", "range", "examples", "directions")),
    "lesions": Kind(lesions_section, check_lesions, ("delete", "shuffle", "draws", "seed", "limit"), fit_lesions),
    "shattering": Kind(shattering_section, check_shattering, ("networks", "seeds", "points")),
    "autoencoders": Kind(autoencoders, check_autoencoders, ()),
}


def check_sections(definition: Definition, source: str) -> None:
    """Raises :class:`UsageError` for a wrong section: its kind, an option, or files that another one writes too."""
    seen = set()
    for section in definition.sections:
        kind = section["kind"]
        if kind not in KINDS:
            raise UsageError(
                f"{source}: Unknown kind of section. Received: {kind!r}.{nearest(kind, KINDS)} "
                f"Allowed: {', '.join(KINDS)}."
            )
        options = (*KINDS[kind].options, "name")
        for option in section.keys() - {"kind"}:
            if option not in options:
                raise UsageError(
                    f"{source}: Unknown option of the section {kind}. Received: {option!r}."
                    f"{nearest(option, options)} Allowed: {', '.join(options)}."
                )
        try:
            name = _name(section)
            KINDS[kind].check(definition, section)
        except UsageError as error:
            raise UsageError(f"{source}, section {kind}: {error}") from None
        if (kind, name) in seen:
            raise UsageError(
                f"{source}: Two sections of the kind {kind} would write the same files. Received: "
                f'{"no name" if name is None else repr(name)} twice. Give one of them another "name".'
            )
        seen.add((kind, name))


def fit_sections(definition: Definition) -> None:
    """Raises :class:`UsageError` for options of a section that the networks do not allow. Starts Java if needed."""
    trained = [network for network in definition.networks if definition.epochs[network] > 0]
    for section in definition.sections:
        kind = section["kind"]
        if (fit := KINDS[kind].fit) is not None:
            try:
                fit(trained, section)
            except UsageError as error:
                raise UsageError(f"study {definition.name}, section {kind}: {error}") from None


def _name(options: Mapping[str, Any]) -> str | None:
    """Returns the section's name, which begins the names of its files, if it has one."""
    if "name" not in options:
        return None
    name = checked_text(options["name"], "name")
    if not re.fullmatch(r"[A-Za-z0-9-]+", name):
        raise UsageError(f"name must be letters, digits and hyphens. Received: {name!r}. Allowed: such as 'by-depth'.")
    return name


def sections(study: StudyRuns, announce: Callable[[str], None]) -> list[Section]:
    """Returns the sections of a study's report; `announce` is called with a line for whatever they measure."""
    return [
        _renamed(KINDS[options["kind"]].write(study, options, announce), _name(options))
        for options in study.definition.sections
    ]


def _renamed(section: Section, name: str | None) -> Section:
    """Returns a section with a name at the end of its title and at the beginning of its files' names."""
    if name is None:
        return section
    text = section.markdown
    for file in section.figures:
        text = text.replace(f"]({file})", f"]({name}-{file})")
    tables = {f"{name}-{file}": table for file, table in section.tables.items()}
    figures = {f"{name}-{file}": draw for file, draw in section.figures.items()}
    return Section(f"{section.title}: {name.replace('-', ' ')}", text, tables, figures)
