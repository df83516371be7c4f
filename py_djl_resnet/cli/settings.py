"""Command-line options for a recipe, generated from the settings schema."""

from __future__ import annotations

import argparse
import re
from collections.abc import Collection, Mapping
from typing import Any

from ..errors import UsageError
from ..recipe import environment_settings, number, settings_of
from ..settings import GROUPS, SETTINGS, Setting, names_autoencoder

#: Arguments of the API that errors may name, and their options.
_ARGUMENTS = {"out": "--out", "resume": "--resume", "wait": "--wait-for-lock"}


def add_settings(parser: argparse.ArgumentParser, without: Collection[str] = ()) -> dict[str, Any]:
    """Adds ``--recipe`` and an option for each setting, which is absent from the parsed options unless given.

    Args:
        parser: the command's parser.
        without: settings that get no option.

    Returns:
        The groups of options by their headings.
    """
    groups = {heading: parser.add_argument_group(heading) for heading in GROUPS}
    environment = environment_settings()
    for setting in sorted(SETTINGS.values(), key=lambda setting: GROUPS.index(setting.group)):
        if setting.name in without:
            continue
        more: dict[str, Any] = {"type": number} if setting.type in ("integer", "number", "fraction or path") else {}
        if setting.type == "choice or numbers":
            more["type"] = _choice_or_numbers
        if setting.type == "boolean":
            more["action"] = argparse.BooleanOptionalAction
        else:
            more["metavar"] = setting.metavar or "|".join(setting.choices)
        text = f"{setting.help} (default: {_default(setting, environment.get(setting.name))})"
        groups[setting.group].add_argument(setting.flag, default=argparse.SUPPRESS, help=text, **more)
    groups[GROUPS[0]].add_argument(
        "--recipe", metavar="FILE.json|NAME", help="settings from a file, or a bundled recipe; see the recipes command"
    )
    return groups


def usual_settings(options: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what the given settings override: the environment's and, for an autoencoder, its usual ones.

    A recipe means the same here as in Python: what it leaves out has its default.
    """
    usual = options.recipe is None and names_autoencoder(given.get("model"))
    return {**(settings_of("autoencoder") if usual else {}), **environment_settings()}


def _choice_or_numbers(text: str) -> Any:
    """Returns values separated by commas as a list, converting numbers; Java rejects other values."""
    values = [number(part.strip()) for part in text.split(",")]
    return values if len(values) > 1 or not isinstance(values[0], str) else text


def _default(setting: Setting, from_environment: Any) -> str:
    if isinstance(from_environment, (int, float)):
        return f"{from_environment}, from {setting.environment}"
    if setting.default is None:
        return str(setting.unset)
    if setting.type == "augmentations":
        return "none"
    return ("no", "yes")[setting.default] if isinstance(setting.default, bool) else f"{setting.default}"


def given_settings(options: Any) -> dict[str, Any]:
    """Returns the settings from the recipe file and the command line, which takes precedence."""
    settings = {} if options.recipe is None else settings_of(options.recipe)
    return {**settings, **{name: getattr(options, name) for name in SETTINGS if name in options}}


def _flag(quoted: re.Match[str]) -> str:
    key = quoted[1]
    return _ARGUMENTS.get(key) or SETTINGS[key].flag


def by_source(error: UsageError, options: Any) -> UsageError:
    """Returns an error of the API with its settings named as they were given: options, variables or keys."""
    in_file = {} if options.recipe is None else settings_of(options.recipe)
    environment = environment_settings() if options.resume in (None, "auto") else {}

    def name(quoted: re.Match[str]) -> str:
        key = quoted[1]
        if key in _ARGUMENTS:
            return _ARGUMENTS[key]
        if key in in_file and key not in options:
            return quoted[0]
        return str(SETTINGS[key].environment if key in environment and key not in options else SETTINGS[key].flag)

    keys = f'"({"|".join([*SETTINGS, *_ARGUMENTS])})"'
    fault, *advice = re.split(r"(?<=\. )(?=Set )", str(error), maxsplit=1)
    # an option overrides a recipe and a variable
    message = re.sub(keys, name, fault) + re.sub(keys, _flag, "".join(advice))
    if '"' in re.split(" (?:Received|Allowed)", message)[0]:
        return UsageError(f"recipe {options.recipe}: {message}")
    # Drop values that only the API accepts
    return UsageError(re.sub(r", (or null|arrays)(?=\.)", "", message))
