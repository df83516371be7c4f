"""Residual networks on the JVM's deep-learning library DJL, driven from Python.

Importing this package starts no JVM; the first call that computes does. Its parts are imported with
the first name that is asked for, so that a command can prepare for Ctrl-C before them.
"""

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from ._java.jvm import start
    from .bypass import BypassCosts, bypass_costs
    from .errors import (
        EngineError,
        Interrupted,
        JarError,
        JavaNotFoundError,
        ResnetError,
        ResnetWarning,
        RunInUseError,
        SettingError,
        TrainingError,
        UsageError,
    )
    from .evaluation import Evaluation, evaluate
    from .models import Model, create_model, load
    from .prediction import Prediction, predict
    from .profile import Profile
    from .recipe import Recipe
    from .runs import Run
    from .summary import Summary, summarize
    from .training import resume, train

    __version__: str

__all__ = [
    "BypassCosts",
    "EngineError",
    "Evaluation",
    "Interrupted",
    "JarError",
    "JavaNotFoundError",
    "Model",
    "Prediction",
    "Profile",
    "Recipe",
    "ResnetError",
    "ResnetWarning",
    "Run",
    "RunInUseError",
    "SettingError",
    "Summary",
    "TrainingError",
    "UsageError",
    "__version__",
    "bypass_costs",
    "create_model",
    "evaluate",
    "load",
    "predict",
    "resume",
    "start",
    "summarize",
    "train",
]

#: The module of each name.
_HOMES = {
    "_java.jvm": ("start",),
    "bypass": ("BypassCosts", "bypass_costs"),
    "errors": (
        "EngineError",
        "Interrupted",
        "JarError",
        "JavaNotFoundError",
        "ResnetError",
        "ResnetWarning",
        "RunInUseError",
        "SettingError",
        "TrainingError",
        "UsageError",
    ),
    "evaluation": ("Evaluation", "evaluate"),
    "models": ("Model", "create_model", "load"),
    "prediction": ("Prediction", "predict"),
    "profile": ("Profile",),
    "recipe": ("Recipe",),
    "runs": ("Run",),
    "summary": ("Summary", "summarize"),
    "training": ("resume", "train"),
}


def __getattr__(name: str) -> object:
    value: object
    if name == "__version__":
        from importlib.metadata import version

        value = version("py-djl-resnet")
    else:
        from importlib import import_module

        home = next((home for home, names in _HOMES.items() if name in names), None)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
