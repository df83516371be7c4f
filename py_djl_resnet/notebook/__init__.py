"""Java in notebooks: the magic ``%%java``, the Java kernel, and a figure that grows while a network trains."""

from typing import Any


def load_ipython_extension(shell: Any) -> None:
    """Adds ``%%java``; called by ``%load_ext py_djl_resnet.notebook``. The JVM starts with the first cell."""
    from . import magic

    magic.load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Removes ``%%java``, and restores Java's own output; called by ``%unload_ext``."""
    from . import magic

    magic.unload(shell)
