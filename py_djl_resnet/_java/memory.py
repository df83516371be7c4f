"""What this process does with cores and memory that the engine does not need at the moment."""

from __future__ import annotations

import ctypes
import os
import sys

#: Parameters of glibc's mallopt.
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8


def bound_spinning() -> None:
    """Lets idle OpenMP threads give their core to other programs soon, unless the user has chosen.

    By default libgomp's threads spin at each barrier; on a machine with other work a training then slows down many
    times over. docs/performance.md has the figures.
    """
    if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
        os.environ["GOMP_SPINCOUNT"] = "1000"


def keep() -> None:
    """Lets glibc keep the memory that a training step frees for the next step, unless the user has chosen.

    By default it returns large blocks to the system, which then clears their pages again at each step; blocks above
    32 MB even with the largest threshold, unless it may map none. With one arena the blocks that different threads have
    freed can be used by all.
    """
    libc = _glibc()
    if libc is None or any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ):
        return
    for parameter, value in ((_ARENA_MAX, 1), (_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1)):
        libc.mallopt(parameter, value)


def give_back() -> None:
    """Returns the memory that :func:`keep` kept to the system, at the end of a run."""
    if libc := _glibc():
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") else None
