"""Imports what the figures need of Matplotlib, even if ``MPLBACKEND`` names a backend that it does not know.

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
        del sys.modules[name]  # a half-imported module would fail again
    try:
        import matplotlib
    finally:
        os.environ["MPLBACKEND"] = named

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

__all__ = ["Axes", "Figure", "Line2D", "MaxNLocator", "matplotlib"]
