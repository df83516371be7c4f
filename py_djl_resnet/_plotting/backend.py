"""What the figures take of Matplotlib, also where MPLBACKEND names a backend that it does not know.

Figures that are written to files need no backend.
"""

import os
import sys

try:
    import matplotlib
except ValueError:  # raised for an unknown backend
    named = os.environ.pop("MPLBACKEND", None)
    if named is None:
        raise
    for name in [name for name in sys.modules if name.startswith("matplotlib.")]:
        del sys.modules[name]  # parts of the failed import, which cannot be gone on with
    try:
        import matplotlib  # noqa: F401 - of the second try
    finally:
        os.environ["MPLBACKEND"] = named

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

__all__ = ["Figure", "MaxNLocator"]
