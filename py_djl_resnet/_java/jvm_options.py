"""Prepares the start of the JVM: its options, its locale, the engine's cache and the libraries for a GPU."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import locale
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from ..errors import EngineError, JarError, UsageError
from ..settings import SETTINGS
from .find import Java
from .jars import cache_folder, home_folder

TORCH = "2.7.1"
"""The version of torch that the engine is built for."""

DJL_NAMES = {"pytorch": "PyTorch", "mxnet": "MXNet"}
"""DJL's names of the engines."""

_UNITS = {"k": 2**10, "m": 2**20, "g": 2**30}


def process_options(java: Java, engine: str, threads: int | None) -> list[str]:
    """Returns the options of the JVM inside this process."""
    chosen = [
        # otherwise HotSpot's guard pages on the main thread's stack crash numpy's linear algebra
        "-XX:+UnlockExperimentalVMOptions",
        "-XX:+DisablePrimordialThreadGuardPages",
        # otherwise the JVM takes SIGINT, SIGTERM and SIGHUP away from Python
        "-Xrs",
        # Java takes the home folder from the password file, which may lack a container's user
        f"-Duser.home={_user_home()}",
        f"-DDJL_CACHE_DIR={engine_cache()}",
        *engine_options(java, engine),
    ]
    if threads is not None:
        chosen += [f"-Dai.djl.pytorch.num_threads={threads}", "-Dai.djl.pytorch.num_interop_threads=1"]
    return chosen


def engine_options(java: Java, engine: str) -> list[str]:
    """Returns the options of any JVM that computes with `engine`, in this process or another."""
    chosen = [
        "--enable-native-access=ALL-UNNAMED",
        "-Djava.awt.headless=true",
        # some languages write numbers with digits of their own
        *(f"-Duser.language{part}=en" for part in ("", ".format")),
        *(f"-Duser.country{part}=US" for part in ("", ".format")),
        # the heap holds only small wrappers of tensors
        "-XX:+UseSerialGC",
        "-Dai.djl.offline=true",
        "-DOPT_OUT_TRACKING=true",
        f"-Dai.djl.default_engine={DJL_NAMES[engine]}",
    ]
    if java.major >= 24:
        chosen.append("--sun-misc-unsafe-memory-access=allow")
    _require_omp_threads(os.environ.get("OMP_NUM_THREADS", ""))
    if heap := os.environ.get("PY_DJL_RESNET_HEAP"):
        if not re.fullmatch(r"[1-9]\d*[kmgKMG]", heap):  # Java would end the process
            raise UsageError(
                f"Invalid heap size in PY_DJL_RESNET_HEAP. Received: {heap[:80]!r}. Allowed: such as 512m or 2g."
            )
        _require_heap_in_range(heap)
        chosen.append(f"-Xmx{heap}")
    else:
        # a large young generation is touched bit by bit, which looks like a memory leak
        chosen.append("-Xmn16m")
    return chosen


def engine_cache() -> Path:
    """Returns the folder where DJL unpacks the engine's native libraries."""
    if chosen := os.environ.get("ENGINE_CACHE_DIR") or os.environ.get("DJL_CACHE_DIR"):
        return Path(chosen)
    if chosen := os.environ.get("PY_DJL_RESNET_CACHE"):
        return Path(os.path.abspath(chosen)) / "djl.ai"
    return home_folder() / ".djl.ai"


def _user_home() -> Path:
    """Returns the home folder, else the cache: Java libraries write to it."""
    try:
        return home_folder()
    except JarError:
        return cache_folder()


@contextlib.contextmanager
def utf8_locale() -> Iterator[None]:
    """Lets a JVM that starts inside the block open any path that Python can.

    Java reads the encoding of paths from the locale, and in the C locale knows only ASCII; Python uses UTF-8 there.
    """
    if not hasattr(locale, "nl_langinfo") or sys.getfilesystemencoding() != "utf-8":
        yield
        return
    if locale.nl_langinfo(locale.CODESET).upper() in ("UTF-8", "UTF8"):
        yield
        return
    before = os.environ.get("LC_ALL")
    os.environ["LC_ALL"] = "C.UTF-8"
    try:
        yield
    finally:
        if before is None:
            del os.environ["LC_ALL"]
        else:
            os.environ["LC_ALL"] = before


def gpu_libraries(engine: str, device: str) -> dict[str, str] | None:
    """Returns the environment that points DJL to the libraries in the package torch; None for the CPU.

    torch itself is never imported.
    """
    if engine != "pytorch" or not re.fullmatch(r"auto|gpu(:\d+)?", device):
        return None
    try:
        version = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        version = "none"
    fits = re.fullmatch(rf"{TORCH}(\+cu\d+)?", version) is not None
    if device == "auto" and not (fits and Path("/dev/nvidiactl").exists()):
        return None
    spec = importlib.util.find_spec("torch") if fits else None
    if spec is None or spec.origin is None:
        raise EngineError(
            f"Device {device} needs the libraries of torch {TORCH}. Found: {version}. Run "
            "pip install 'py-djl-resnet[gpu]', or use --device cpu."
        )
    folder = Path(spec.origin).parent / "lib"
    return {"PYTORCH_LIBRARY_PATH": str(folder), "PYTORCH_VERSION": TORCH, "PYTORCH_FLAVOR": "cu128"}


def require_no_other_torch() -> None:
    """Raises :class:`EngineError` if a torch whose libraries clash with the PyTorch engine's is imported."""
    torch = sys.modules.get("torch")
    version = str(getattr(torch, "__version__", "of unknown version"))
    if torch is not None and version.partition("+")[0] != TORCH:
        raise EngineError(
            f"torch {version} is imported in this process, and its libraries clash with those of the PyTorch engine. "
            "Use a separate process for it, or engine='mxnet'."
        )


def _require_heap_in_range(heap: str) -> None:
    """Rejects a heap at which Java would end the process, such as one larger than the memory."""
    # Windows has no sysconf
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 2**63
    if not 16 * _UNITS["m"] <= int(heap[:-1][:18]) * _UNITS[heap[-1].lower()] <= memory:
        raise UsageError(
            f"PY_DJL_RESNET_HEAP is out of range. Received: {heap[:80]!r}. Allowed: 16m to {memory // _UNITS['m']}m, "
            "this machine's memory."
        )


def _require_omp_threads(text: str) -> None:
    """Rejects a number that OpenMP ignores or at which it ends the process; there may be one for each nested level."""
    most = int(SETTINGS["threads"].max)
    numbers = [number.strip() for number in text.split(",")] if text.strip() else []
    if not all(re.fullmatch(r"\d{1,9}", number) and 1 <= int(number) <= most for number in numbers):
        raise UsageError(
            f"OMP_NUM_THREADS must be a whole number. Received: {text[:80]!r}. Allowed: 1 to {most}. Correct or unset "
            "it."
        )
