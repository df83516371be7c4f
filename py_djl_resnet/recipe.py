"""The settings of a training run, as Python sees them."""

from __future__ import annotations

import dataclasses
import json
import math
import numbers
import os
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any

from .errors import UsageError

#: Environment variables that set the default of a setting, as the chapter's properties do.
#: Each with its setting and what that allows.
ENVIRONMENT = {"MAX_EPOCH": ("epochs", range(1, 1_000_001)), "DATASET_LIMIT": ("limit", range(2, 2**31))}

#: Settings that a run may change when it goes on, for they leave its result as it is, to rounding.
RESUMABLE = ("epochs", "device", "threads", "data_dir", "checkpoint_every", "keep", "profile")


@dataclass(frozen=True)
class Recipe:
    """Every setting of a training run; the defaults are those of the d2l chapter.

    Types are checked here, at once; ranges, names and combinations are checked by Java when the
    run starts, before its first batch. Wrong values raise :class:`UsageError`.

    Args:
        model: a network's name, see ``py-djl-resnet models``; options follow after plus signs, as in
            ``resnet50+deep_stem``.
        dataset: a data set's name, see ``py-djl-resnet datasets``.
        data_dir: the folder of the data set's files; None takes the files of this package.
        epochs: passes over the training data, from 1 to 1000000.
        batch_size: examples in a step, from 2 to 65536.
        lr: the learning rate, from 0 to 1000; schedules scale it.
        momentum: of SGD, from 0 to 0.9999.
        nesterov: Nesterov's momentum; needs a momentum above 0.
        weight_decay: L2 penalty, from 0 to 1.
        decay_bias_and_norm: whether biases and BatchNorm are decayed too.
        schedule: ``constant``, ``step``, ``cosine``, ``one-cycle`` or ``plateau``.
        warmup_epochs: epochs in which the learning rate rises linearly from 0; fewer than epochs.
        step_epochs: for ``step``: epochs between two steps, from 1 to 1000000.
        step_factor: for ``step``: what a step multiplies the learning rate by, from 0 to 1.
        weights: a .safetensors file whose weights the run begins with: a checkpoint, or torchvision's or timm's,
            with the data's channels and classes (the command ``import`` makes one); None for fresh ones.
        image_size: pixels that height and width are resized to, from 1 to 4096; None keeps the
            data's size.
        limit: the most examples taken from each of the two data sets, from 2 to 2147483647; None
            takes all.
        seed: of the weights, the order of the examples and all else that is random; 64 bits, signed.
        engine: ``pytorch`` or ``mxnet``.
        device: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
        threads: the engine's threads, from 1 to 1024; None lets the engine choose.
        checkpoint_every: how often ``last`` is written within an epoch: ``"500"`` for steps,
            ``"60s"`` for seconds; None for the ends of epochs alone.
        keep: how many epochs' checkpoints are kept beside ``last`` and ``best``, from 0 to 1000000.
        patience: epochs without a better test accuracy after which the run ends, with the weights
            of its best epoch, from 1 to 1000000; None for never.
        min_delta: by how much a test accuracy must be above the best to count as better, from 0 to 1.
        plateau_epochs: for ``plateau``: epochs without a lower test loss that are waited for, from 0
            to 1000000.
        plateau_factor: for ``plateau``: what the learning rate is then multiplied by, from 0 to 1.
        stochastic_depth: the probability that a step drops the last residual block, from 0 to 0.95; 0
            for none. That of the others grows linearly to it.
        profile: whether the time of a step is put down to its parts, see :class:`Profile`; needs the engine
            ``pytorch`` on the CPU, and leaves the result as it is.
    """

    model: str = "d2l-resnet18"
    dataset: str = "fashion-mnist"
    data_dir: str | None = None
    epochs: int = 10
    batch_size: int = 256
    lr: float = 0.05
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    decay_bias_and_norm: bool = False
    schedule: str = "constant"
    warmup_epochs: int = 0
    step_epochs: int = 30
    step_factor: float = 0.1
    weights: str | None = None
    image_size: int | None = None
    limit: int | None = None
    seed: int = 0
    engine: str = "pytorch"
    device: str = "auto"
    threads: int | None = None
    checkpoint_every: str | None = None
    keep: int = 0
    patience: int | None = None
    min_delta: float = 0.0
    plateau_epochs: int = 10
    plateau_factor: float = 0.1
    stochastic_depth: float = 0.0
    profile: bool = False

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = _checked(field.name, getattr(self, field.name), str(field.type), "the recipe")
            object.__setattr__(self, field.name, value)

    def replace(self, **settings: Any) -> Recipe:
        """A copy with some settings changed; unknown names raise :class:`UsageError`."""
        return Recipe.from_settings({**dataclasses.asdict(self), **settings})

    def to_json(self) -> str:
        """The recipe as JSON text with every key."""
        return json.dumps(dataclasses.asdict(self))

    @staticmethod
    def from_settings(settings: Mapping[str, Any], source: str = "the recipe") -> Recipe:
        """A recipe of some settings and the defaults of the others.

        Raises:
            UsageError: an unknown key or a value of the wrong type; names `source`.
        """
        return Recipe(**_checked_settings(settings, source))

    @staticmethod
    def from_json(text: str, source: str = "the recipe") -> Recipe:
        """A recipe of a JSON object; keys that are not there have their defaults.

        Raises:
            UsageError: not JSON, not an object, a key that is unknown or there twice, a value of
                the wrong type; names `source`.
        """
        return Recipe(**_parse(text, source))

    @staticmethod
    def from_file(name: str | os.PathLike[str]) -> Recipe:
        """A recipe of a JSON file, or one that comes with the package, by its name.

        Raises:
            UsageError: as :meth:`from_json`, or there is no such file or name.
        """
        return Recipe(**settings_of(name))


def recipe_names() -> list[str]:
    """The names of the recipes that come with the package, sorted."""
    folder = resources.files(__package__) / "recipes"
    return sorted(Path(f.name).stem for f in folder.iterdir() if f.name.endswith(".json"))


def settings_of(name: str | os.PathLike[str]) -> dict[str, Any]:
    """The settings that a recipe file, or a recipe of the package, gives; not the defaults.

    Raises:
        UsageError: as :meth:`Recipe.from_file`.
    """
    text = os.fspath(name)
    if text in recipe_names():
        source = resources.files(__package__) / "recipes" / f"{text}.json"
        return _parse(source.read_text("utf-8"), f"recipe {text}")
    path = Path(text)
    if not path.exists() and path.suffix != ".json" and path.name == text:
        raise UsageError(
            f"no recipe is named {text!r}{nearest(text, recipe_names())}; "
            f"give a .json file or one of: {', '.join(recipe_names())}"
        )
    try:
        return _parse(path.read_text("utf-8"), f"recipe {path}")
    except OSError as error:
        raise UsageError(
            f"recipe {path} cannot be read: {error.strerror}; give the path of a JSON file "
            f"or one of: {', '.join(recipe_names())}"
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"recipe {path} is not JSON: byte {error.start} is not UTF-8 text") from error


def environment_settings(environment: Mapping[str, str] = os.environ) -> dict[str, int]:
    """The settings that ``MAX_EPOCH`` and ``DATASET_LIMIT`` give; empty ones count as not set.

    Raises:
        UsageError: a value that is no whole number, or not one that is allowed; names the variable.
    """
    settings: dict[str, int] = {}
    for variable, (key, allowed) in ENVIRONMENT.items():
        text = environment.get(variable, "").strip()
        if not text:
            continue
        if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) in allowed):
            raise UsageError(
                f"environment variable {variable}={text!r} must be a whole number from {allowed[0]} to {allowed[-1]} "
                f"(it sets the default of --{key}); correct it or unset it"
            )
        settings[key] = int(text)
    return settings


def nearest(name: str, names: list[str]) -> str:
    """``"; did you mean 'x'?"`` for a misspelt name, else nothing."""
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def _parse(text: str, source: str) -> dict[str, Any]:
    def no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise UsageError(f"{source}: key {key!r} is there twice; keep one of them")
            found[key] = value
        return found

    def no_constant(text: str) -> None:
        raise UsageError(f"{source}: {text} is not a number that JSON allows; give a finite one")

    try:
        settings = json.loads(text, object_pairs_hook=no_duplicates, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"{source} is not JSON: {error}") from error
    if not isinstance(settings, dict):
        raise UsageError(f'{source} must be a JSON object like {{"epochs": 10}}; received {_shown(settings)}')
    settings.pop("versions", None)  # a run folder's recipe.json says what it ran on, too
    return _checked_settings(settings, source)


def _checked_settings(settings: Mapping[str, Any], source: str) -> dict[str, Any]:
    types = {field.name: str(field.type) for field in dataclasses.fields(Recipe)}
    for key in settings:
        if key not in types:
            raise UsageError(f"{source}: unknown key {key!r}{nearest(key, list(types))}; allowed: {', '.join(types)}")
    return {key: _checked(key, value, types[key], source) for key, value in settings.items()}


_WORDS = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false"}


def _checked(key: str, value: Any, declared: str, source: str) -> Any:
    """`value` as the declared type (a whole number also serves as a float), or UsageError."""
    kind = declared.removesuffix(" | None")
    if value is None and kind != declared:
        return None
    if not isinstance(value, bool):
        if kind == "int" and isinstance(value, numbers.Integral):
            return int(value)
        if kind == "float" and isinstance(value, numbers.Real):
            try:
                number = float(value)
            except OverflowError:
                number = math.inf
            if math.isfinite(number):
                return number
            raise UsageError(f"{source}: {key} must be a finite number; received {value}")
    if kind == "str" and isinstance(value, os.PathLike):
        return os.fspath(value)
    if type(value).__name__ == kind:
        return value
    allowed = _WORDS[kind] + (" or null" if kind != declared else "")
    raise UsageError(f"{source}: {key} must be {allowed}; received {_shown(value)}")


def _shown(value: Any) -> str:
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
