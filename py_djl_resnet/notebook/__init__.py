"""Java in notebooks: the ``%%java`` magic, the Java kernel, and ``LiveFigure``, a figure that grows during training."""

from typing import Any

from .live import LiveFigure

__all__ = ["LiveFigure", "load_ipython_extension", "unload_ipython_extension"]


def load_ipython_extension(shell: Any) -> None:
    """Adds ``%%java``. ``%load_ext py_djl_resnet.notebook`` calls this; the first cell starts the JVM."""
    from . import magic

    magic.load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Removes ``%%java`` and restores Java's own output. ``%unload_ext`` calls this."""
    from . import magic

    magic.unload(shell)
