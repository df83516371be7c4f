"""Detects notebooks."""

from __future__ import annotations

import sys


def in_notebook() -> bool:
    """Returns whether this process is a notebook kernel, not merely one that imported IPython."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")
