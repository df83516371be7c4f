"""The part of Markdown that reports use, as HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

_IMAGE = re.compile(r"!\[(.*)\]\((.*)\)")
#: Patterns in escaped text and what replaces them.
_INLINE = (
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*([^*]+)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"\[([^\]]+)\]\(([^)]+)\)"), r'<a href="\2">\1</a>'),
)


def to_html(text: str, source: Callable[[str], str]) -> str:
    """Returns paragraphs, headings, lists, tables and images on lines of their own as HTML.

    Args:
        text: the Markdown; blank lines separate its blocks.
        source: returns the URL of an image for its file name.
    """
    return "\n".join(_block(block.splitlines(), source) for block in re.split(r"\n\s*\n", text.strip()))


def _block(lines: list[str], source: Callable[[str], str]) -> str:
    first = lines[0]
    if first.startswith("#"):
        level = len(first) - len(first.lstrip("#"))
        return f"<h{level}>{inline(first.lstrip('# '))}</h{level}>"
    if first.startswith("|"):
        return _table(lines)
    if first.startswith("- "):
        return "<ul>" + "".join(f"<li>{inline(item)}</li>" for item in _items(lines)) + "</ul>"
    if _IMAGE.fullmatch(first):
        return "\n".join(_figure(line, source) for line in lines)
    return f"<p>{inline(' '.join(lines))}</p>"


def _items(lines: list[str]) -> list[str]:
    items: list[str] = []
    for line in lines:
        if line.startswith("- "):
            items.append(line[2:])
        else:
            items[-1] += " " + line.strip()
    return items


def _figure(line: str, source: Callable[[str], str]) -> str:
    found = _IMAGE.fullmatch(line)
    assert found is not None
    caption = html.escape(found[1])
    return f'<figure><img src="{source(found[2])}" alt="{caption}"><figcaption>{inline(found[1])}</figcaption></figure>'


def _table(lines: list[str]) -> str:
    head, rule, *rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    right = [' class="right"' if cell.endswith(":") else "" for cell in rule]
    body = [("th", head), *(("td", row) for row in rows)]
    parts = []
    for tag, row in body:
        cells = zip(row, right, strict=True)
        parts.append("<tr>" + "".join(f"<{tag}{side}>{inline(cell)}</{tag}>" for cell, side in cells) + "</tr>")
    return "<table>" + "".join(parts) + "</table>"


def inline(text: str) -> str:
    """Returns a line's text with code, bold words and links as HTML."""
    result = html.escape(text, quote=False)
    for pattern, replacement in _INLINE:
        result = pattern.sub(replacement, result)
    return result
