"""Writes docs/settings.md: every setting of a recipe, from the schema of settings.

Run from the repository's root after a change of py_djl_resnet/settings.json:

    python tools/settings_page.py
"""

from __future__ import annotations

import json
from pathlib import Path

from py_djl_resnet.settings import GROUPS, SETTINGS, Setting

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"

TEXT = """# Settings

Made by `python tools/settings_page.py` from `py_djl_resnet/settings.json`; a test holds that it is current.

A recipe holds these settings as JSON; `Recipe` has them as fields and `train` as options, with hyphens for underscores
(`--batch-size 64`, `--nesterov`, `--no-nesterov`). A resumed run may change the resumable settings, which leave its
result as it is, to rounding.

Besides the ranges: `nesterov` needs `momentum` above 0, `warmup_epochs` must be below `epochs`, and a resumed run with
the schedule cosine or one-cycle keeps its `epochs`.
"""


def row(setting: Setting) -> str:
    """A setting as a line of a table."""
    default = f"`{json.dumps(setting.default)}`" + (f": {setting.unset}" if setting.unset else "")
    help_text = setting.help + (
        f"; `{setting.environment}` sets its default for commands" if setting.environment else ""
    )
    cells = [f"`{setting.name}`", default, setting.in_words(), "yes" if setting.resumable else "", help_text]
    return f"| {' | '.join(cells)} |"


def page() -> str:
    """The page's text."""
    parts = [TEXT]
    for group in GROUPS:
        rows = [row(setting) for setting in SETTINGS.values() if setting.group == group]
        head = "| setting | default | allowed | resumable | meaning |\n|---|---|---|---|---|"
        parts.append("\n".join([f"## {group.capitalize()}\n", head, *rows, ""]))
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
