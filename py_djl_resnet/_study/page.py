"""The report of a study: Markdown, CSV files, figures, and one HTML page that contains everything."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Sequence
from pathlib import Path

from .._files import write
from .._tables import counted
from ..report import STYLE
from .folder import StudyRuns
from .markdown import to_html
from .section import Section, markdown_table
from .sections import sections

_STYLE = f"{STYLE}.right {{ text-align: right; }} table {{ font-variant-numeric: tabular-nums; }}\n"


def write_report(study: StudyRuns, announce: Callable[[str], None]) -> Path:
    """Writes ``report/`` into the study's folder, and returns its ``report.html``.

    `announce` is called with a line for whatever the sections measure.

    The files depend only on the runs' results, not on times or paths, so that equal runs have equal reports.
    """
    definition = study.definition
    overview = [_overview(study)] if study.by_run else []
    parts = [*overview, *sections(study, announce)]
    return write_page(definition.title, definition.source, parts, study.folder / "report")


def write_page(title: str, source: str, parts: Sequence[Section], folder: Path) -> Path:
    """Writes sections to a folder as files, ``report.md`` and ``report.html``, and returns the last.

    Args:
        title: the heading.
        source: a paragraph below it; may be empty.
        parts: the sections.
        folder: is created if necessary.
    """
    for section in parts:
        for name, text in section.tables.items():
            write(folder / name, text.encode(), "Table")
        for name, draw in section.figures.items():
            draw(folder / name)
    text = _markdown(title, source, parts)
    write(folder / "report.md", text.encode(), "Report")
    page = folder / "report.html"
    tables = [name for section in parts for name in section.tables]
    write(page, _page(title, text, folder, tables).encode(), "Report")
    return page


def _overview(study: StudyRuns) -> Section:
    """Lists the runs, and what was not run."""
    rows = []
    missing = []
    for (network, seed), run in study.by_run.items():
        done, total = 0 if run is None else len(run.history), study.definition.epochs[network]
        rows.append([network, str(seed), f"{done} of {total}"])
        if run is None or not study.is_complete(network, run):
            missing.append(f"{network} with seed {seed} ({f'{done} of {total} epochs' if done else 'not run'})")
    complete = len(rows) - len(missing)
    seeds = ", ".join(map(str, study.definition.seeds))
    lines = [
        f"{complete} of {counted(len(rows), 'run')} complete: {counted(len(study.definition.networks), 'network')}, "
        f"{counted(len(study.definition.seeds), 'seed')} ({seeds})."
    ]
    limit = study.definition.settings.get("limit")
    if limit is not None:
        lines.append(f"Trained and tested on at most {limit:,} images each.")
    if missing:
        lines.append(f"**Not complete:** {'; '.join(missing)}. Resume with `study run`.")
    return Section("Runs", "\n\n".join([" ".join(lines), markdown_table(["network", "seed", "epochs"], rows)]))


def _markdown(title: str, source: str, parts: Sequence[Section]) -> str:
    blocks = [f"# {title}", *([source] if source else [])]
    for section in parts:
        blocks += [f"## {section.title}", section.markdown]
        if section.tables:
            blocks.append("Data: " + ", ".join(f"[{name}]({name})" for name in section.tables) + ".")
    return "\n\n".join(blocks) + "\n"


def _page(title: str, text: str, folder: Path, tables: Sequence[str]) -> str:
    """Returns the page; figures and tables are part of it."""

    def source(name: str) -> str:
        return f"data:image/png;base64,{base64.b64encode((folder / name).read_bytes()).decode()}"

    body = to_html(text, source)
    for name in tables:
        content = base64.b64encode((folder / name).read_bytes()).decode()
        link = f'<a download="{name}" href="data:text/csv;base64,{content}">'
        body = body.replace(f'<a href="{name}">', link)
    return (
        f'<!doctype html>\n<meta charset="utf-8">\n<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n'
        f"{body}\n"
    )
