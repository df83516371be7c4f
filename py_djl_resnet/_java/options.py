"""What a Java virtual machine that computes is started with: its options, and the libraries for a GPU."""

import importlib.metadata
import importlib.util
import os
import re
from pathlib import Path

from py_djl_resnet._java.find import Java
from py_djl_resnet.errors import EngineError, UsageError

GPU_LIBRARIES = "2.7.1"
"""The version of the package torch whose libraries the engine's JNI part fits."""

#: The most threads that the engine may be given.
MOST_THREADS = 1024

_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}
_LEAST_HEAP = 16 * _UNITS["m"]

#: DJL's own names of the engines.
DJL_NAMES = {"pytorch": "PyTorch", "mxnet": "MXNet"}


def options(java: Java, engine: str, threads: int | None) -> list[str]:
    """The options of this process's JVM."""
    chosen = [
        # or HotSpot's guard pages on the main thread's stack end the process inside numpy's linear algebra
        "-XX:+UnlockExperimentalVMOptions",
        "-XX:+DisablePrimordialThreadGuardPages",
        # or the JVM takes SIGINT, SIGTERM and SIGHUP away from Python
        "-Xrs",
        "-Dsun.jnu.encoding=UTF-8",
        *engine_options(java, engine),
    ]
    if threads is not None:
        chosen += [f"-Dai.djl.pytorch.num_threads={threads}", "-Dai.djl.pytorch.num_interop_threads=1"]
    return chosen


def engine_options(java: Java, engine: str) -> list[str]:
    """The options of any JVM that computes with `engine`, in this process or another."""
    chosen = [
        "--enable-native-access=ALL-UNNAMED",
        "-Djava.awt.headless=true",
        # numbers in messages as in Python and everywhere else in them: some languages have digits of their own
        "-Duser.language.format=en",
        "-Duser.country.format=US",
        # Java's garbage is small wrappers of tensors, whose memory lies outside its heap
        "-XX:+UseSerialGC",
        "-Dai.djl.offline=true",
        "-DOPT_OUT_TRACKING=true",
        f"-Dai.djl.default_engine={DJL_NAMES[engine]}",
    ]
    if java.major >= 24:
        chosen.append("--sun-misc-unsafe-memory-access=allow")
    _check_threads(os.environ.get("OMP_NUM_THREADS", ""))
    if heap := os.environ.get("PY_DJL_RESNET_HEAP"):
        _check_heap(heap)
        chosen.append(f"-Xmx{heap}")
    else:
        # a young generation that is reused soon: a larger one is touched bit by bit, as if memory leaked
        chosen.append("-Xmn16m")
    return chosen


def _check_threads(text: str) -> None:
    """Refuses what an OpenMP runtime would end the process of; it may be a list, a number for each level."""
    for number in re.findall(r"\d+", text):
        if len(number) > 9 or int(number) > MOST_THREADS:
            raise UsageError(
                f"OMP_NUM_THREADS must be a whole number from 1 to {MOST_THREADS}. Received: {text[:80]!r}. Correct "
                "it or unset it."
            )


def _check_heap(text: str) -> None:
    """Refuses a heap that is no size, or of which Java would end the process."""
    size = re.fullmatch(r"([1-9]\d{0,15})([kmgKMG]?)", text)
    if size is None:
        raise UsageError(f"PY_DJL_RESNET_HEAP must be a size such as 512m or 2g. Received: {text[:80]!r}.")
    amount = int(size[1]) * _UNITS[size[2].lower()]
    if amount < _LEAST_HEAP:
        raise UsageError(f"PY_DJL_RESNET_HEAP must be at least 16m, such as 512m or 2g. Received: {text!r}.")
    # Windows tells its memory in another way
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else amount
    if amount > memory:
        raise UsageError(
            f"PY_DJL_RESNET_HEAP must be at most this machine's memory, {memory // _UNITS['m']}m. Received: {text!r}."
        )


def gpu_libraries(engine: str, device: str) -> dict[str, str] | None:
    """The variables that lead DJL to the libraries of the package torch, which is never imported; None for the CPU."""
    if engine != "pytorch" or not re.fullmatch(r"auto|gpu(:\d+)?", device):
        return None
    try:
        version = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        version = "none"
    fits = re.fullmatch(rf"{GPU_LIBRARIES}(\+cu\d+)?", version) is not None
    if device == "auto" and not (fits and Path("/dev/nvidiactl").exists()):
        return None
    spec = importlib.util.find_spec("torch") if fits else None
    if spec is None or spec.origin is None:
        raise EngineError(
            f"Device {device} needs the libraries of torch {GPU_LIBRARIES}. Found: {version}. Run "
            "pip install 'py-djl-resnet[gpu]', or use --device cpu."
        )
    folder = Path(spec.origin).parent / "lib"
    return {"PYTORCH_LIBRARY_PATH": str(folder), "PYTORCH_VERSION": GPU_LIBRARIES, "PYTORCH_FLAVOR": "cu128"}
