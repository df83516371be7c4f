"""The definition of a study: a JSON file with networks, settings, seeds, epochs and the sections of its report."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from ..checks import json_object, named_text, nearest, shown
from ..errors import UsageError
from ..recipe import Recipe, settings_of
from ..settings import names_autoencoder

#: The name of the file in a study's folder, which is a study file itself.
FILE = "study.json"

_KEYS = ("title", "source", "recipe", "settings", "networks", "seeds", "epochs", "sections", "published")
#: The sections unless a study names others.
_CLASSIFIERS = [{"kind": "table"}, {"kind": "curves"}]
_AUTOENCODERS = [{"kind": "autoencoders"}, {"kind": "curves", "metric": "validation_loss"}]
#: Settings that each run takes from the study, and the study's keys.
_OF_THE_STUDY = {"model": "networks", "seed": "seeds", "epochs": "epochs"}


@dataclass(frozen=True)
class Definition:
    """A study.

    Attributes:
        name: the file's name without its ending.
        title: the report's title.
        source: where the study was published, for its readers.
        settings: those of every run, except its network, seed and epochs.
        networks: the names of the networks.
        seeds: a run of each network for each of them.
        epochs: how many epochs each network is trained; 0 for a network that is only measured at initialization.
        sections: for each section of the report its ``kind`` and its options.
        published: for each source, the numbers to compare each network's with.
    """

    name: str
    title: str
    source: str
    settings: Mapping[str, Any]
    networks: tuple[str, ...]
    seeds: tuple[int, ...]
    epochs: Mapping[str, int]
    sections: tuple[Mapping[str, Any], ...]
    published: Mapping[str, Mapping[str, Any]]

    def recipe(self, network: str, seed: int) -> Recipe:
        """Returns the recipe of a run."""
        return Recipe.from_settings(
            {**self.settings, "model": network, "seed": seed, "epochs": self.epochs[network]}, f"study {self.name}"
        )

    def to_json(self) -> str:
        """Returns the definition as the text of a study file."""
        form = {
            "title": self.title,
            "source": self.source,
            "settings": dict(self.settings),
            "networks": list(self.networks),
            "seeds": list(self.seeds),
            "epochs": dict(self.epochs),
            "sections": list(self.sections),
            "published": dict(self.published),
        }
        return json.dumps(form, indent=2, ensure_ascii=False) + "\n"


def study_names() -> list[str]:
    """Returns the sorted names of the studies that come with the package."""
    folder = resources.files(__package__.rpartition(".")[0]) / "studies"
    return sorted(Path(file.name).stem for file in folder.iterdir() if file.name.endswith(".json"))


def read_definition(name: str | os.PathLike[str]) -> Definition:
    """Returns the study in a JSON file, or one that comes with the package, by its name.

    Raises:
        UsageError: there is no such file or name, or the file is no study.
    """
    folder = resources.files(__package__.rpartition(".")[0]) / "studies"
    text, source, path = named_text(name, "study", study_names(), lambda of: (folder / f"{of}.json").read_text("utf-8"))
    return definition_of(text, path.stem, source, path.parent)


def definition_of(text: str, name: str, source: str, folder: Path) -> Definition:
    """Returns the study in a JSON text.

    Args:
        text: the text.
        name: the study's name.
        source: begins an error's message.
        folder: where a recipe file is looked up.
    """
    form = json_object(text, source, ' like {"networks": ["cifar-resnet20"], "epochs": 10}')
    for key in form:
        if key not in _KEYS:
            near = nearest(key, _KEYS).replace("'", '"')
            raise UsageError(f"{source}: Unknown key. Received: {shown(key)}. Allowed: {', '.join(_KEYS)}.{near}")
    networks = _list(
        form,
        "networks",
        source,
        lambda value: isinstance(value, str) and value != "",
        "names",
        '["plain20", "cifar-resnet20"]',
    )
    seeds = _list({"seeds": [0], **form}, "seeds", source, _is_whole, "whole numbers of at least 0", "[0, 1, 2]")
    sections = _list(
        {"sections": _AUTOENCODERS if all(map(names_autoencoder, networks)) else _CLASSIFIERS, **form},
        "sections",
        source,
        lambda value: isinstance(value, dict) and isinstance(value.get("kind"), str),
        'objects with a "kind"',
        '[{"kind": "table"}]',
    )
    settings = _settings(form, source, folder)
    title = form.get("title", name)
    about = form.get("source", "")
    for key, value in (("title", title), ("source", about)):
        if not isinstance(value, str):
            raise UsageError(f'{source}: "{key}" must be a string. Received: {shown(value)}.')
    published = form.get("published", {})
    if not (isinstance(published, dict) and all(isinstance(values, dict) for values in published.values())):
        raise UsageError(
            f'{source}: "published" must be an object of objects, such as {{"He et al.": {{"cifar-resnet20": '
            f"[0.9125]}}}}. Received: {shown(published)}."
        )
    for network in (network for values in published.values() for network in values):
        if network not in networks:
            raise UsageError(
                f'{source}: "published" has another network. Received: {shown(network)}.{nearest(network, networks)} '
                f"Allowed: {', '.join(networks)}."
            )
    return Definition(
        name, title, about, settings, networks, seeds, _epochs(form, networks, settings, source), sections, published
    )


def _settings(form: Mapping[str, Any], source: str, folder: Path) -> dict[str, Any]:
    """Returns the settings of the recipe, changed by those of the study."""
    recipe, own = form.get("recipe"), form.get("settings", {})
    if not isinstance(own, dict):
        raise UsageError(f'{source}: "settings" must be an object like {{"lr": 0.1}}. Received: {shown(own)}.')
    if recipe is not None and not isinstance(recipe, str):
        raise UsageError(f'{source}: "recipe" must be a name or a file. Received: {shown(recipe)}.')
    beside = None if recipe is None else folder / recipe
    settings = {} if recipe is None else settings_of(beside if beside is not None and beside.is_file() else recipe)
    for key, instead in _OF_THE_STUDY.items():
        if key in own:
            raise UsageError(f'{source}: "settings" must not have "{key}". Use "{instead}" of the study.')
    Recipe.from_settings(own, f"{source}, settings")  # checks the names
    return {**settings, **own}


def _epochs(
    form: Mapping[str, Any], networks: tuple[str, ...], settings: dict[str, Any], source: str
) -> dict[str, int]:
    """Returns the epochs of each network, and removes from `settings` what the study decides."""
    of_recipe = settings.pop("epochs", Recipe().epochs)
    for key in _OF_THE_STUDY:
        settings.pop(key, None)
    epochs = form.get("epochs", of_recipe)
    by_network: dict[str, Any] = epochs if isinstance(epochs, dict) else dict.fromkeys(networks, epochs)
    for network in by_network:
        if network not in networks:
            raise UsageError(
                f'{source}: "epochs" has another network. Received: {shown(network)}. Allowed: {", ".join(networks)}.'
            )
    for network in networks:
        value: Any = by_network.get(network)
        if not _is_whole(value):
            raise UsageError(
                f'{source}: "epochs" of {network} must be a whole number of at least 0. Received: {shown(value)}.'
            )
    return {network: by_network[network] for network in networks}


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _list(
    form: Mapping[str, Any], key: str, source: str, allowed: Callable[[Any], bool], words: str, example: str
) -> tuple[Any, ...]:
    """Returns a list of the file that is not empty and has no value twice."""
    values = form.get(key)
    if not isinstance(values, list) or not values or not all(map(allowed, values)):
        raise UsageError(
            f'{source}: "{key}" must be a list of {words}, at least 1. Received: {shown(values)}. Allowed: such as '
            f"{example}."
        )
    if key != "sections" and len(set(values)) < len(values):
        raise UsageError(f'{source}: "{key}" must not repeat. Received: {shown(values)}.')
    return tuple(values)
