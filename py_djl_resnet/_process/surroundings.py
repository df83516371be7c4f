"""Where this process runs."""

from __future__ import annotations

import sys


def in_notebook() -> bool:
    """Whether this is the kernel of a notebook; to have imported its library is not enough."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")
