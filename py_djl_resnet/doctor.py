"""Checks the installation and suggests fixes."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ._fetch import download
from ._java import jars, jvm, jvm_options
from ._java.exceptions import SEE_DOCTOR
from ._java.find import find_java
from ._java.jvm_options import engine_cache
from .errors import JavaNotFoundError, ResnetError
from .notebook import kernel

Verdict = Literal["ok", "warning", "failure"]

_ENGINE_TIMEOUT = 180
_MIN_MEMORY = 2e9
_MIN_DISK = 1e9
_EXTRAS = {"torch": "torch", "onnx": "onnx"}
# In a separate process: one process can load only one engine, and a native library may crash it
_DESCRIBE = """
import json, sys
from py_djl_resnet._java import jvm
try:
    jvm.start(sys.argv[1], offline=True, quiet=True)
    with jvm.translated_errors():
        print("described " + str(jvm.bridge().describe()))
except Exception as error:
    print("failed " + json.dumps(str(error)))
"""


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        name: what was checked.
        verdict: ok, warning or failure.
        detail: what was found.
        cure: how to fix it; empty if it is ok, or if `detail` says so.
    """

    name: str
    verdict: Verdict
    detail: str
    cure: str = ""


def examine(engine: str = "pytorch") -> list[Finding]:
    """Runs all checks of what training with `engine` needs, even if some fail. Downloads nothing.

    Training cannot work if any verdict is `failure`; a problem of the other engine only is a warning.
    """
    findings: list[Finding] = []
    checks: dict[str, Callable[[], Iterator[Finding]]] = {
        "python": _python,
        "java": _java,
        "own jar": _own_jar,
        "library jars": lambda: _library_jars(engine),
        **{f"engine {name}": functools.partial(_engine, name, name == engine) for name in jars.ENGINES},
        "threads": _threads,
        "memory": _memory,
        "jar cache": lambda: _cache("jar cache", jars.cache_folder(), "PY_DJL_RESNET_CACHE"),
        "engine cache": lambda: _cache("engine cache", engine_cache(), "DJL_CACHE_DIR"),
        "gpu": _gpu,
        "extras": _extras,
        "java kernel": _java_kernel,
    }
    for name, check in checks.items():
        try:
            findings.extend(check())
        except ResnetError as error:  # its text says how to fix it
            findings.append(Finding(name, "failure", str(error)))
        except Exception as error:
            detail = f"the check failed: {type(error).__name__}: {error}"
            findings.append(Finding(name, "warning", detail, "Please report this as a bug."))
    return findings


def _python() -> Iterator[Finding]:
    yield Finding("python", "ok", f"Python {platform.python_version()} in {sys.prefix}, {platform.platform()}")


def _java() -> Iterator[Finding]:
    java = find_java()
    yield Finding("java", "ok", f"Java {java.version} in {java.home}")


def _own_jar() -> Iterator[Finding]:
    yield Finding("own jar", "ok", str(jars.own_jar()))


def _library_jars(engine: str) -> Iterator[Finding]:
    # the engine's check reports an unsupported platform
    native = engine, jars.platform_name()
    needed = [jar for jar in jars.lock() if jar.engine is None or (jar.engine, jar.platform) == native]
    found = jars.find(needed)
    for jar in needed:
        if jar in found and download.sha256(found[jar]) != jar.sha256:
            cure = "Delete it; the next training downloads it again."
            yield Finding("library jars", "failure", f"{found[jar]} is damaged: its SHA-256 is wrong", cure)
            return
    missing = [jar for jar in needed if jar not in found]
    if not missing:
        yield Finding("library jars", "ok", f"all {len(needed)} found, with the right checksums")
        return
    size = sum(jar.size for jar in missing) / 1e6
    detail = f"{len(missing)} of {len(needed)} are not downloaded yet ({size:.0f} MB)"
    if jars.is_offline():
        cure = "Unset PY_DJL_RESNET_OFFLINE for one run, or set PY_DJL_RESNET_JARS to a folder with the jars."
        yield Finding("library jars", "failure", detail, cure)
    else:
        yield Finding("library jars", "warning", detail, "Nothing to do: the first training downloads them.")


def _engine(engine: str, wanted: bool) -> Iterator[Finding]:
    """Loads the engine in a separate process, if its jars are there."""
    name = f"engine {engine}"
    bad: Verdict = "failure" if wanted else "warning"
    try:
        needed = jars.required(engine)
        found = jars.find(needed)
    except ResnetError as error:
        yield Finding(name, bad, str(error))
        return
    if len(found) < len(needed):
        cure = f"Nothing to do: the first run with --engine {engine} downloads them."
        yield Finding(name, "warning", "not checked, because its jars are not downloaded yet", cure)
        return
    try:
        child = subprocess.run(
            [sys.executable, "-c", _DESCRIBE, engine],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ENGINE_TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        detail = f"did not load within {_ENGINE_TIMEOUT} s"
        yield Finding(name, bad, detail, "Wait until other processes have loaded it, then run doctor again.")
        return
    unpack_again = f"Delete {engine_cache()}, and the next run unpacks the library again."
    for line in child.stdout.splitlines():
        outcome, _, text = line.partition(" ")
        if outcome == "described":
            answer = json.loads(text)
            devices = ", ".join(answer["devices"])
            detail = f"{answer['engine_version']}, {_cores(answer['threads'])}, devices: {devices}"
            if engine == "pytorch":
                detail += ", fast bfloat16" if answer["bfloat16"] else ", slow bfloat16"
            yield Finding(name, "ok", detail)
            return
        if outcome == "failed":
            detail = json.loads(text)
            # other errors say how to fix them
            yield Finding(name, bad, detail.removesuffix(SEE_DOCTOR), unpack_again if SEE_DOCTOR in detail else "")
            return
    last = (child.stderr.strip().splitlines() or ["nothing"])[-1]
    detail = f"the process ended with exit code {child.returncode}. Last output: {last}"
    yield Finding(name, bad, detail, f"{unpack_again} If that does not help, try another Java.")


def _threads() -> Iterator[Finding]:
    count = jvm.processors()
    chosen = os.environ.get("OMP_NUM_THREADS")
    detail = _cores(count) + (f", OMP_NUM_THREADS is {chosen}" if chosen else "")
    if chosen and chosen.isdigit() and int(chosen) > count:
        yield Finding("threads", "warning", detail, f"Set OMP_NUM_THREADS to {count} or less.")
    else:
        yield Finding("threads", "ok", detail)


def _cores(count: int) -> str:
    return "1 CPU core" if count == 1 else f"{count} CPU cores"


def _memory() -> Iterator[Finding]:
    meminfo = Path("/proc/meminfo")
    if not meminfo.exists():
        yield Finding("memory", "ok", "unknown on this system")
        return
    lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
    free = int(lines["MemAvailable"].split()[0]) * 1024
    if free < _MIN_MEMORY:
        yield Finding("memory", "warning", f"{free / 1e9:.1f} GB free", "Train with a smaller --batch-size.")
    else:
        yield Finding("memory", "ok", f"{free / 1e9:.1f} GB free")


def _cache(name: str, folder: Path, variable: str) -> Iterator[Finding]:
    """Checks whether a cache can be written and, for native libraries, executed."""
    existing = folder
    while not os.path.exists(existing):
        existing = existing.parent
    size = 0
    for parent, _, files in os.walk(folder):
        with contextlib.suppress(OSError):
            size += sum(os.stat(os.path.join(parent, file)).st_size for file in files)
    free = shutil.disk_usage(existing).free
    detail = f"{folder}, {size / 1e6:.0f} MB, {free / 1e9:.1f} GB free on its disk"
    elsewhere = f"set {variable} to another folder"
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        cure = f"Make it writable, or {elsewhere}."
        yield Finding(name, "warning" if size else "failure", f"{detail}; cannot be written: {error.strerror}", cure)
        return
    noexec = getattr(os, "ST_NOEXEC", 0)
    if name == "engine cache" and noexec and os.statvfs(existing).f_flag & noexec:
        cure = f"Set {variable} to another folder."
        yield Finding(name, "failure", f"{detail}; mounted noexec, so libraries cannot be loaded from it", cure)
    elif free < _MIN_DISK and not size:
        yield Finding(name, "warning", detail, f"Free some space, or {elsewhere}.")
    else:
        yield Finding(name, "ok", detail)


def _gpu() -> Iterator[Finding]:
    command = shutil.which("nvidia-smi")
    answer = None
    if command:
        query = [command, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
        answer = subprocess.run(query, capture_output=True, text=True, timeout=30)
    if answer is None or answer.returncode:
        yield Finding("gpu", "ok", "none; training uses the CPU")
        return
    detail = "; ".join(answer.stdout.strip().splitlines())
    if jvm_options.gpu_libraries("pytorch", "auto"):
        yield Finding("gpu", "ok", detail)
    else:
        yield Finding("gpu", "warning", f"{detail}; not used", "Run pip install 'py-djl-resnet[gpu]'.")


def _extras() -> Iterator[Finding]:
    found = []
    for extra, package in _EXTRAS.items():
        try:
            found.append(f"[{extra}] {package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"[{extra}] not installed")
    yield Finding("extras", "ok", ", ".join(found))


def _java_kernel() -> Iterator[Finding]:
    """Checks the Java kernel of notebooks, which training does not need."""
    if lacking := kernel.missing_modules():
        yield Finding("java kernel", "ok", f"[notebook] not installed ({', '.join(lacking)})")
        return
    try:
        folder = kernel.installed()
        why = "not registered yet" if folder is None else kernel.outdated(folder)
    except JavaNotFoundError as error:
        yield Finding("java kernel", "warning", str(error), "Set JAVA_HOME to a JDK and run doctor again.")
        return
    except ResnetError as error:
        yield Finding("java kernel", "warning", str(error), kernel.CURE)
        return
    if why is None:
        yield Finding("java kernel", "ok", f"{kernel.NAME} in {folder}")
    else:
        yield Finding("java kernel", "warning", why, kernel.CURE)
