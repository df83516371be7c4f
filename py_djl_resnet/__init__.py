"""Residual networks on the JVM's deep-learning library DJL, driven from Python.

Importing this package starts no JVM; the first call that computes does.
"""

from importlib.metadata import version as _version

from .bypass import BypassCosts, bypass_costs
from .errors import (
    EngineError,
    Interrupted,
    JarError,
    JavaNotFoundError,
    ResnetError,
    RunInUseError,
    TrainingError,
    UsageError,
)
from .evaluation import Evaluation, Prediction, evaluate, predict
from .models import Model, create_model, load
from .profile import Profile
from .recipe import Recipe
from .runs import Run
from .summary import Summary, summarize
from .training import resume, train

__version__ = _version("py-djl-resnet")

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
    "Run",
    "RunInUseError",
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
    "summarize",
    "train",
]
