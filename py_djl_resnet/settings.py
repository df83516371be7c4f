"""The schema of a training's settings, which Java and Python read from one file, ``settings.json``.

Java checks values by it. Here it gives the fields of :class:`Recipe` their meaning, the command line its options and
docs/settings.md its table.
"""

from __future__ import annotations

import json
import numbers
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import resources
from typing import Any

from .checks import shown
from .errors import SettingError


@dataclass(frozen=True)
class Setting:
    """A setting, as ``settings.json`` describes it; what a type does not need is None.

    Attributes:
        name: the key in a recipe.
        type: boolean, integer, number, choice, text, path, model, dataset, or "fraction or path".
        default: the value where a recipe has none.
        group: the heading under which the command line lists it.
        help: its meaning, in one line.
        min: the least number.
        max: the greatest number.
        choices: the texts of a choice.
        pattern: the regular expression of a text.
        allowed: what is allowed, in words, where the type and its limits do not say it.
        unset: what None stands for, in words; None where None is not allowed.
        resumable: whether a resumed run may change it, for it leaves the result as it is, to rounding.
        metavar: how the command line writes the value, where it is no boolean or choice.
        environment: the variable that sets the default on the command line.
    """

    name: str
    type: str
    default: Any
    group: str
    help: str
    min: float = 0
    max: float = 0
    choices: tuple[str, ...] = ()
    pattern: str = ""
    allowed: str | None = None
    unset: str | None = None
    resumable: bool = False
    metavar: str | None = None
    environment: str | None = None

    @property
    def flag(self) -> str:
        """The option of the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def is_path(self) -> bool:
        """Whether a text is the path of a file or folder."""
        return self.type in ("path", "fraction or path")

    def in_words(self) -> str:
        """What is allowed besides None, as Java's errors say it."""
        if self.type == "boolean":
            return "true or false"
        if self.type in ("integer", "number"):
            return f"a {'whole number' if self.type == 'integer' else 'number'} from {self.min} to {self.max}"
        return self.allowed or ", ".join(self.choices)

    def wrong(self, value: object) -> SettingError:
        """The error for a value that is not allowed."""
        null = "" if self.unset is None else ", or null"
        near = get_close_matches(value, self.choices, n=1) if isinstance(value, str) else []
        advice = f" Did you mean {near[0]!r}?" if near else ""
        return SettingError(
            f'Wrong value for "{self.name}". Received: {shown(value)}. Allowed: {self.in_words()}{null}.{advice}'
        )


def _read() -> tuple[list[str], dict[str, Setting]]:
    schema = json.loads((resources.files(__package__) / "settings.json").read_text("utf-8"))
    settings = [Setting(**entry | {"choices": tuple(entry.get("choices", ()))}) for entry in schema["settings"]]
    return schema["groups"], {setting.name: setting for setting in settings}


#: The headings of the command line, and the settings by name, both in order.
GROUPS, SETTINGS = _read()

#: The settings that a resumed run may change.
RESUMABLE = tuple(setting.name for setting in SETTINGS.values() if setting.resumable)

#: The setting of each environment variable that sets a default on the command line, as the chapter's properties do.
ENVIRONMENT = {setting.environment: setting.name for setting in SETTINGS.values() if setting.environment}


def check_start(engine: object, device: object, threads: object) -> None:
    """Checks the settings that Java starts with and therefore cannot check before.

    Raises:
        SettingError: a value that is not allowed.
    """
    if not (isinstance(engine, str) and engine in SETTINGS["engine"].choices):
        raise SETTINGS["engine"].wrong(engine)
    if not (isinstance(device, str) and re.fullmatch(SETTINGS["device"].pattern, device)):
        raise SETTINGS["device"].wrong(device)
    if threads is not None and not _is_within(threads, SETTINGS["threads"]):
        raise SETTINGS["threads"].wrong(threads)


def _is_within(value: object, setting: Setting) -> bool:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        return False
    return setting.min <= int(value) <= setting.max


def absolute_paths(settings: Mapping[str, Any]) -> dict[str, Any]:
    """`settings` with absolute paths: Java may look for a relative one elsewhere than Python."""
    return {
        name: os.path.abspath(value) if SETTINGS[name].is_path and isinstance(value, str) and value else value
        for name, value in settings.items()
    }
