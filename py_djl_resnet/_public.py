"""The public names: what the package exports, for users, type checkers and editors."""

from importlib.metadata import version as _version

from ._java.jvm import start as start
from ._landscape.hessian import Hessian as Hessian
from ._landscape.hessian import loss_hessian as loss_hessian
from ._landscape.paths import interpolate_loss as interpolate_loss
from ._landscape.paths import loss_trajectory as loss_trajectory
from ._landscape.surface import loss_direction as loss_direction
from ._landscape.surface import loss_surface as loss_surface
from .autoencoder import AutoencoderEvaluation as AutoencoderEvaluation
from .autoencoder import evaluate_autoencoder as evaluate_autoencoder
from .bypass import BypassCosts as BypassCosts
from .bypass import bypass_costs as bypass_costs
from .errors import EngineError as EngineError
from .errors import Interrupted as Interrupted
from .errors import JarError as JarError
from .errors import JavaNotFoundError as JavaNotFoundError
from .errors import LandscapeInterrupted as LandscapeInterrupted
from .errors import ResnetError as ResnetError
from .errors import ResnetWarning as ResnetWarning
from .errors import RunInUseError as RunInUseError
from .errors import SettingError as SettingError
from .errors import TrainingError as TrainingError
from .errors import UsageError as UsageError
from .evaluation import Evaluation as Evaluation
from .evaluation import evaluate as evaluate
from .gradients import Gradients as Gradients
from .landscape import Landscape as Landscape
from .landscape import read_landscape as read_landscape
from .lesion import Lesions as Lesions
from .lesion import lesions as lesions
from .lr_find import LrSweep as LrSweep
from .lr_find import find_lr as find_lr
from .models import Model as Model
from .models import create_model as create_model
from .models import load as load
from .prediction import Prediction as Prediction
from .prediction import predict as predict
from .predictions import Predictions as Predictions
from .profile import Profile as Profile
from .recipe import Recipe as Recipe
from .runs import Run as Run
from .shattering import Shattering as Shattering
from .shattering import shattered_gradients as shattered_gradients
from .summary import Summary as Summary
from .summary import program as program
from .summary import summarize as summarize
from .training import resume as resume
from .training import train as train

__version__ = _version("py-djl-resnet")
