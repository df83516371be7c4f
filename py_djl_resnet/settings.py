"""The schema of the settings, which Java and Python read from one file, ``settings.json``.

Java validates recipes against it. Python derives the command line's options and docs/settings.md from it.
"""

from __future__ import annotations

import json
import numbers
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from .checks import nearest, require_utf8, shown
from .errors import SettingError

#: The prefix of a data set's name if it is a folder of images.
FOLDER = "folder:"


@dataclass(frozen=True)
class Setting:
    """A setting, as ``settings.json`` describes it.

    Attributes:
        name: the key in a recipe.
        type: boolean, integer, number, choice, "choice or numbers", text, path, model, dataset, augmentations, or
            "fraction or path".
        default: the value if a recipe has none.
        group: the heading under which the command line lists it.
        help: its meaning in one line.
        min: the smallest allowed number.
        max: the largest allowed number.
        choices: the allowed values of a choice.
        pattern: the regular expression that a text must match.
        allowed: the allowed values in words, if type and limits do not imply them.
        unset: the meaning of None in words; None if None is not allowed.
        resumable: whether a resumed run may change it, because the result stays the same up to rounding.
        metavar: the placeholder in the command line's help, except for booleans and choices.
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
        """Whether a string is the path of a file or folder."""
        return self.type in ("path", "fraction or path")

    def in_words(self) -> str:
        """Returns the allowed values, except None, worded as in Java's errors."""
        if self.type == "boolean":
            return "true or false"
        if self.type in ("integer", "number"):
            return f"a {'whole number' if self.type == 'integer' else 'number'} from {self.min} to {self.max}"
        if self.type == "choice or numbers":
            return f"{', '.join(self.choices)}, or numbers from {self.min} to {self.max}, not all 0"
        return self.allowed or ", ".join(self.choices)

    def error_for(self, value: object) -> SettingError:
        """Returns the error for a value that is not allowed."""
        null = "" if self.unset is None else ", or null"
        return SettingError(
            f'Invalid value for "{self.name}". Received: {shown(value)}. '
            f"Allowed: {self.in_words()}{null}.{nearest(value, self.choices)}"
        )


def _read() -> tuple[list[str], dict[str, Setting]]:
    schema = json.loads((resources.files(__package__) / "settings.json").read_text("utf-8"))
    settings = [Setting(**entry | {"choices": tuple(entry.get("choices", ()))}) for entry in schema["settings"]]
    return schema["groups"], {setting.name: setting for setting in settings}


#: The headings of the command line and the settings by name, both in order.
GROUPS, SETTINGS = _read()

#: The settings that a resumed run may change.
RESUMABLE = tuple(setting.name for setting in SETTINGS.values() if setting.resumable)

#: The setting of each environment variable that sets a default on the command line, like the chapter's properties.
ENVIRONMENT = {setting.environment: setting.name for setting in SETTINGS.values() if setting.environment}


def names_autoencoder(model: object) -> bool:
    """Returns whether a network's name is that of an autoencoder, before Java is running."""
    return isinstance(model, str) and model.startswith("vae-")


def check_start(engine: object, device: object, threads: object) -> None:
    """Checks the settings that are needed to start Java, because Java cannot check them itself."""
    if not (isinstance(engine, str) and engine in SETTINGS["engine"].choices):
        raise SETTINGS["engine"].error_for(engine)
    if not (isinstance(device, str) and re.fullmatch(SETTINGS["device"].pattern, device)):
        raise SETTINGS["device"].error_for(device)
    limits = SETTINGS["threads"]
    whole = isinstance(threads, numbers.Integral) and not isinstance(threads, bool)
    if threads is not None and not (whole and limits.min <= threads <= limits.max):  # type: ignore[operator]
        raise limits.error_for(threads)


def absolute_paths(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns `settings` with absolute paths, because Java's working directory may differ from Python's."""
    paths = {name for name, value in settings.items() if SETTINGS[name].is_path and isinstance(value, str) and value}
    for name in paths:
        require_utf8(settings[name], f'"{name}"')
    found = {name: os.path.abspath(value) if name in paths else value for name, value in settings.items()}
    dataset = found.get("dataset")
    if isinstance(dataset, str) and dataset.startswith(FOLDER) and dataset != FOLDER:
        require_utf8(dataset.removeprefix(FOLDER), '"dataset"')
        found["dataset"] = FOLDER + absolute(dataset.removeprefix(FOLDER))
    return found


def absolute(folder: str) -> str:
    """Returns the absolute path of a folder. A shell does not replace the ``~`` in ``folder:~/photos``."""
    return os.path.abspath(os.path.expanduser(folder))
