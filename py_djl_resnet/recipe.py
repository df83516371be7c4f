"""The settings of a training run."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import numbers
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from .checks import json_object, named_text, nearest, shown
from .errors import SettingError, UsageError
from .settings import ENVIRONMENT, SETTINGS


@dataclass(frozen=True)
class Recipe:
    """Every setting of a training run. The defaults are those of the d2l chapter.

    docs/settings.md lists the meaning and allowed values of each setting. Java checks them in :meth:`checked` and when
    a run starts, before it writes anything. Paths may be ``Path`` objects and numbers numpy scalars.

    Raises:
        SettingError: a value that JSON cannot express, such as NaN.
    """

    model: str = "d2l-resnet18"
    dataset: str = "fashion-mnist"
    skip_bad: bool = False
    data_dir: str | None = None
    epochs: int = 10
    batch_size: int = 256
    augment: Sequence[str] = ()
    optimizer: str = "sgd"
    lr: float = 0.05
    momentum: float = 0.0
    nesterov: bool = False
    muon_momentum: float = 0.6
    beta1: float = 0.9
    beta2: float = 0.999
    lars_trust: float = 0.001
    weight_decay: float = 0.0
    decay_bias_and_norm: bool = False
    lr_scales: str | None = None
    decay_scales: str | None = None
    freeze: str | None = None
    freeze_statistics: bool = True
    clip_norm: float = 0.0
    accumulate: int = 1
    lookahead: str | None = None
    ema_decay: float = 0.0
    swa_epochs: int = 0
    label_smoothing: float = 0.0
    class_weights: str | Sequence[float] | None = None
    focal_gamma: float = 0.0
    objective: str | None = None
    sigma: str = "optimal"
    beta: float = 1.0
    beta_warmup_epochs: int = 0
    free_bits: float = 0.0
    latent_dim: int | None = None
    conditional: bool = False
    schedule: str = "constant"
    warmup_epochs: int = 0
    step_epochs: int = 30
    step_at: str | None = None
    step_factor: float = 0.1
    restart_epochs: int = 10
    restart_factor: int = 1
    triangle_start: float = 0.0
    triangle_peak: float = 0.23
    triangle_end: float = 0.0
    weights: str | None = None
    image_size: int | None = None
    normalize: bool = False
    normalize_by: str | None = None
    limit: int | None = None
    seed: int = 0
    engine: str = "pytorch"
    device: str = "auto"
    threads: int | None = None
    precision: str = "float32"
    compile: bool = True
    checkpoint_every: str | None = None
    keep: int = 0
    patience: int | None = None
    min_delta: float = 0.0
    plateau_epochs: int = 10
    plateau_factor: float = 0.1
    plateau_min: float = 0.0
    stochastic_depth: float = 0.0
    profile: bool = False
    debug_gradients: str = "none"
    validation: float | str | None = None
    drop_last: bool | None = None

    def __post_init__(self) -> None:
        for name in SETTINGS:
            object.__setattr__(self, name, _json_value(name, getattr(self, name)))

    def checked(self, *, quiet: bool = False) -> Recipe:
        """Returns this recipe after checking all values, as :func:`train` does first. Starts Java if needed.

        Args:
            quiet: whether to hide the progress of downloading Java's libraries.

        Raises:
            SettingError: a value that is not allowed, alone or in combination.
        """
        from ._java import jvm

        jvm.start(self.engine, device=self.device, threads=self.threads, quiet=quiet)
        with jvm.translated_errors():
            return Recipe(**json.loads(str(jvm.bridge().completeRecipe(self.to_json()))))

    def replace(self, **settings: Any) -> Recipe:
        """Returns a copy with some settings changed; unknown names raise :class:`UsageError`."""
        return Recipe.from_settings({**dataclasses.asdict(self), **settings})

    def to_json(self) -> str:
        """Returns every setting as JSON text."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    @staticmethod
    def from_settings(settings: Mapping[str, Any], source: str = "") -> Recipe:
        """Returns a recipe with some settings and the defaults of the others.

        Args:
            settings: values by name, not checked here.
            source: the origin of the settings, for an error.

        Raises:
            UsageError: an unknown name.
        """
        return Recipe(**_known(settings, source))

    @staticmethod
    def from_json(text: str, source: str = "the recipe") -> Recipe:
        """Returns the recipe in a JSON object. Missing settings have their defaults; values are not checked here.

        Raises:
            UsageError: not JSON, not an object, an unknown name, a value of a wrong type; begins with `source`.
        """
        try:
            return Recipe(**_parse(text, source))
        except SettingError as error:
            raise SettingError(f"{source}: {error}") from error

    @staticmethod
    def from_file(name: str | os.PathLike[str]) -> Recipe:
        """Returns the recipe in a JSON file, or one that comes with the package, by its name.

        Raises:
            UsageError: as :meth:`from_json`, or there is no such file or name.
        """
        return Recipe(**settings_of(name))


def _checking_names(create: Callable[..., None]) -> Callable[..., None]:
    """Returns ``Recipe.__init__`` with our error for an unknown name, instead of Python's TypeError."""

    @functools.wraps(create)
    def init(self: Recipe, *values: Any, **settings: Any) -> None:
        create(self, *values, **_known(settings, ""))

    return init


Recipe.__init__ = _checking_names(Recipe.__init__)  # type: ignore[method-assign]


#: Other keys of recipe files: measurements of a bundled recipe, and the notes in a run folder's recipe.json.
_NOTES = ("about", "selection", "versions")


def recipe_names() -> list[str]:
    """Returns the sorted names of the recipes that come with the package."""
    folder = resources.files(__package__) / "recipes"
    return sorted(Path(f.name).stem for f in folder.iterdir() if f.name.endswith(".json"))


def bundled_text(name: str) -> str:
    """Returns the text of a bundled recipe's file, for one of :func:`recipe_names`."""
    return (resources.files(__package__) / "recipes" / f"{name}.json").read_text("utf-8")


def bundled_recipes() -> list[dict[str, Any]]:
    """Lists the bundled recipes: ``name``, ``settings`` without the defaults, and ``about``.

    ``about`` has a ``summary``, ``task`` (what was measured; None for the recipe's network and data set), ``tta``
    (views for test-time augmentation) and these measurements, None if missing: ``accuracy`` (mean test accuracy after
    the last epoch, from 0 to 1, over ``n`` seeds), ``accuracy_with_tta``, ``minutes`` (mean), their standard deviations
    ``deviation``, ``deviation_with_tta`` and ``deviation_of_minutes`` (a file may lack the last two), and ``machine``;
    for PyTorch, ``pytorch_accuracy``, ``pytorch_minutes`` and ``pytorch_n``.
    """
    return [
        {"name": name, "settings": settings_of(name), "about": json.loads(bundled_text(name))["about"]}
        for name in recipe_names()
    ]


def settings_of(name: str | os.PathLike[str]) -> dict[str, Any]:
    """Returns the settings in a recipe file, or in a recipe of the package, without the defaults."""
    text, source, _ = named_text(name, "recipe", recipe_names(), bundled_text)
    return _parse(text, source)


def environment_settings(environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Returns the settings in ``MAX_EPOCH`` and ``DATASET_LIMIT``, unchecked; an empty variable counts as unset."""
    found = {name: environment.get(variable, "").strip() for variable, name in ENVIRONMENT.items()}
    return {name: number(text) for name, text in found.items() if text}


def number(text: str) -> int | float | str:
    """Returns the number in a text; text that is not a number is returned unchanged, for Java to reject."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        value = float(text)
    except ValueError:
        return text
    return value if math.isfinite(value) else text


def _parse(text: str, source: str) -> dict[str, Any]:
    if text.startswith("version https://git-lfs"):
        raise UsageError(f"{source} is a Git LFS pointer, not the file itself. Fetch it with: git lfs pull")
    settings = json_object(text, source, ' like {"epochs": 10}')
    for note in _NOTES:
        settings.pop(note, None)
    return _known(settings, source)


def _known(settings: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Returns `settings` if all names are known."""
    for name in settings:
        if name not in SETTINGS:
            near = nearest(name, SETTINGS).replace("'", '"')
            raise UsageError(
                f"{source}{': ' if source else ''}Unknown setting. Received: {shown(name)}. "
                f"Allowed: {', '.join(SETTINGS)}.{near}"
            )
    return dict(settings)


def _augmentations(value: Any) -> Any:
    """Returns a list or a comma-separated text as a tuple; other values unchanged, for Java to reject."""
    if isinstance(value, str):
        parts = tuple(part.strip() for part in value.split(","))
        return () if parts in (("",), ("none",)) else parts
    return tuple(value) if isinstance(value, list) else value


def _json_value(name: str, value: Any) -> Any:
    """Returns `value` in the form JSON uses."""
    try:
        if isinstance(value, os.PathLike):
            value = os.fspath(value)
        elif isinstance(value, numbers.Real) and not isinstance(value, bool):
            value = int(value) if isinstance(value, numbers.Integral) else float(value)
        elif SETTINGS[name].type == "augmentations":
            value = _augmentations(value)
        elif SETTINGS[name].type == "choice or numbers" and not isinstance(value, str) and value is not None:
            value = tuple(_json_value(name, each) for each in value)  # a recipe can be hashed
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise SETTINGS[name].error_for(value) from error
    return value
