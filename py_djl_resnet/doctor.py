"""Examines whether training can work on this machine; each finding comes with a cure."""

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

from py_djl_resnet._java import jars, jvm, options
from py_djl_resnet._java.find import find_java
from py_djl_resnet.datasets import bundled_data
from py_djl_resnet.errors import JavaNotFoundError, ResnetError
from py_djl_resnet.notebook import kernel

Verdict = Literal["ok", "warning", "failure"]

_SECONDS_FOR_AN_ENGINE = 180
_NEEDED_MEMORY = 2e9
_NEEDED_DISK = 1e9
_DATA_FILES = tuple(f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))
_EXTRAS = {"torch": "torch", "onnx": "onnx"}
# A child of its own, because a process can load one engine only, and because a native library may end it
_DESCRIBE = """
import json, sys
from py_djl_resnet import JavaNotFoundError
from py_djl_resnet._java import jvm
try:
    jvm.start(sys.argv[1], offline=True, quiet=True)
    with jvm.translated_errors():
        print("described " + str(jvm.bridge().describe()))
except JavaNotFoundError as error:
    print("without-java " + json.dumps(str(error)))
except Exception as error:
    print("failed " + json.dumps(str(error)))
"""


@dataclass(frozen=True)
class Finding:
    """What was found about one thing: `verdict` is ok, warning or failure; `cure` is empty where it is ok."""

    name: str
    verdict: Verdict
    detail: str
    cure: str = ""


def examine(engine: str = "pytorch") -> list[Finding]:
    """Examine everything that training with `engine` needs; one failure hides no other.

    Nothing is fetched. The findings are in a fixed order: Python, Java, our jar, library jars, native library, one for
    each engine, threads, memory, the caches, GPU, data, extras, the Java kernel of notebooks. Training cannot work if
    any verdict is `failure`; what only the other engine lacks is a warning.
    """
    findings: list[Finding] = []
    again = "Install the package again with pip; in a checkout, run mvn package."
    checks: list[tuple[str, Callable[[], Iterator[Finding]], str]] = [
        ("python", _python, ""),
        ("java", _java, "Install Java 17 or later, or pip install 'py-djl-resnet[jre]'."),
        ("own jar", _own_jar, again),
        ("library jars", lambda: _library_jars(engine), "Put the file right that the text names."),
        ("native library", lambda: _native_library(engine), "Use the other engine, or another platform."),
        *((f"engine {name}", lambda name=name: _engine(name, name == engine), again) for name in jars.ENGINES),
        ("threads", _threads, ""),
        ("memory", _memory, ""),
        ("jar cache", lambda: _folder("jar cache", jars.cache_folder()), ""),
        ("engine cache", lambda: _folder("engine cache", engine_cache()), ""),
        ("gpu", _gpu, ""),
        ("data", _data, again),
        ("extras", _extras, ""),
        ("java kernel", _java_kernel, ""),
    ]
    for name, check, cure in checks:
        try:
            findings.extend(check())
        except ResnetError as error:
            findings.append(Finding(name, "failure", str(error), cure))
        except Exception as error:
            detail = f"cannot be examined: {type(error).__name__}: {error}"
            findings.append(Finding(name, "warning", detail, "Report this as a bug."))
    return findings


def engine_cache() -> Path:
    """Where DJL unpacks the native libraries."""
    chosen = os.environ.get("ENGINE_CACHE_DIR") or os.environ.get("DJL_CACHE_DIR")
    return Path(chosen) if chosen else Path.home() / ".djl.ai"


def _python() -> Iterator[Finding]:
    yield Finding("python", "ok", f"Python {platform.python_version()} in {sys.prefix}, {platform.platform()}")


def _java() -> Iterator[Finding]:
    java = find_java()
    yield Finding("java", "ok", f"Java {java.version} in {java.home}")


def _own_jar() -> Iterator[Finding]:
    yield Finding("own jar", "ok", str(jars.own_jar()))


def _library_jars(engine: str) -> Iterator[Finding]:
    # those of an unsupported platform are the next finding's
    needed = [jar for jar in jars.lock() if jar.engine is None or (jar.engine, jar.platform) == _here(engine)]
    search = jars.find(needed)
    for path in search.damaged:
        yield Finding("library jars", "warning", f"{path} is damaged and is not used", "Delete it.")
    if not search.missing:
        yield Finding("library jars", "ok", f"all {len(needed)} are there, with the right checksums")
        return
    size = sum(jar.size for jar in search.missing) / 1e6
    detail = f"{len(search.missing)} of {len(needed)} are not there yet ({size:.0f} MB)"
    if jars.is_offline():
        cure = "Unset PY_DJL_RESNET_OFFLINE for one run, or name a folder with the jars in PY_DJL_RESNET_JARS."
        yield Finding("library jars", "failure", detail, cure)
    else:
        yield Finding("library jars", "warning", detail, "Nothing: the first training fetches them.")


def _native_library(engine: str) -> Iterator[Finding]:
    native = [jar for jar in jars.required(engine) if jar.engine]
    yield Finding("native library", "ok", f"{native[0].name} for {jars.platform_name()}")


def _here(engine: str) -> tuple[str, str]:
    return engine, jars.platform_name()


def _engine(engine: str, wanted: bool) -> Iterator[Finding]:
    """Load the engine in a process of its own; without its jars there is nothing to load yet."""
    name = f"engine {engine}"
    bad: Verdict = "failure" if wanted else "warning"
    try:
        missing = jars.find(jars.required(engine)).missing
    except ResnetError as error:
        yield Finding(name, bad, str(error), "Use the other engine.")
        return
    if missing:
        detail = "not tried, because its jars are not there yet"
        yield Finding(name, "warning", detail, f"Nothing: the first run with --engine {engine} fetches them.")
        return
    try:
        child = subprocess.run(
            [sys.executable, "-c", _DESCRIBE, engine],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS_FOR_AN_ENGINE,
        )
    except subprocess.TimeoutExpired:
        detail = f"gave no answer within {_SECONDS_FOR_AN_ENGINE} s"
        yield Finding(name, bad, detail, "Look for another process that loads it, and run doctor again.")
        return
    for line in child.stdout.splitlines():
        outcome, _, text = line.partition(" ")
        if outcome == "described":
            told = json.loads(text)
            devices = ", ".join(told["devices"])
            yield Finding(name, "ok", f"{told['engine_version']}, {told['threads']} processors, devices: {devices}")
            return
        if outcome == "without-java":
            yield Finding(name, bad, json.loads(text), "Put Java right first.")
            return
        if outcome == "failed":
            yield Finding(name, bad, json.loads(text), f"Delete {engine_cache()} to unpack the library again.")
            return
    last = (child.stderr.strip().splitlines() or ["nothing"])[-1]
    detail = f"ended the process with {child.returncode}; it said: {last}"
    yield Finding(name, bad, detail, f"Delete {engine_cache()} to unpack the library again, or try another Java.")


def _threads() -> Iterator[Finding]:
    count = jvm.processors()
    chosen = os.environ.get("OMP_NUM_THREADS")
    detail = f"{count} processors may be used" + (f", OMP_NUM_THREADS is {chosen}" if chosen else "")
    if chosen and chosen.isdigit() and int(chosen) > count:
        yield Finding("threads", "warning", detail, "Set OMP_NUM_THREADS to no more than the processors.")
    else:
        yield Finding("threads", "ok", detail)


def _memory() -> Iterator[Finding]:
    meminfo = Path("/proc/meminfo")
    if not meminfo.exists():
        yield Finding("memory", "ok", "its size is not known on this system")
        return
    lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
    free = int(lines["MemAvailable"].split()[0]) * 1024
    if free < _NEEDED_MEMORY:
        yield Finding("memory", "warning", f"{free / 1e9:.1f} GB free", "Train with a smaller --batch-size.")
    else:
        yield Finding("memory", "ok", f"{free / 1e9:.1f} GB free")


def _folder(name: str, folder: Path) -> Iterator[Finding]:
    """Whether a cache can be written, its size, and what is free on its disk."""
    existing = folder
    while not existing.exists():
        existing = existing.parent
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    free = shutil.disk_usage(existing).free
    detail = f"{folder}, {size / 1e6:.0f} MB, {free / 1e9:.1f} GB free on its disk"
    variable = "PY_DJL_RESNET_CACHE" if name == "jar cache" else "DJL_CACHE_DIR"
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        cure = f"Make it writable, or point {variable} to a folder that is."
        yield Finding(name, "warning" if size else "failure", f"{detail}; cannot be written: {error.strerror}", cure)
        return
    if free < _NEEDED_DISK and not size:
        yield Finding(name, "warning", detail, f"Free some space, or point {variable} to another disk.")
    else:
        yield Finding(name, "ok", detail)


def _gpu() -> Iterator[Finding]:
    command = shutil.which("nvidia-smi")
    told = None
    if command:
        query = [command, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
        told = subprocess.run(query, capture_output=True, text=True, timeout=30)
    if told is None or told.returncode:
        yield Finding("gpu", "ok", "none; training uses the processor")
        return
    detail = "; ".join(told.stdout.strip().splitlines())
    if options.gpu_libraries("pytorch", "auto"):
        yield Finding("gpu", "ok", detail)
    else:
        yield Finding("gpu", "warning", f"{detail}; not used", "pip install 'py-djl-resnet[gpu]'")


def _extras() -> Iterator[Finding]:
    found = []
    for extra, package in _EXTRAS.items():
        try:
            found.append(f"[{extra}] {package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"[{extra}] not installed")
    yield Finding("extras", "ok", ", ".join(found))


def _java_kernel() -> Iterator[Finding]:
    """Whether notebooks with Java cells can be run; training needs none of it."""
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
        yield Finding("java kernel", "warning", str(error), kernel.cure())
        return
    if why is None:
        yield Finding("java kernel", "ok", f"{kernel.NAME} in {folder}")
    elif folder is None:
        yield Finding("java kernel", "warning", why, kernel.cure())
    else:
        yield Finding("java kernel", "warning", f"{folder} is outdated: {why}", kernel.cure())


def _data() -> Iterator[Finding]:
    folder = bundled_data()
    missing = [name for name in _DATA_FILES if not (folder / "fashion-mnist" / name).is_file()]
    if missing:
        detail = f"{folder / 'fashion-mnist'} lacks {', '.join(missing)}"
        yield Finding("data", "failure", detail, "Install the package again, or name another folder with --data-dir.")
    else:
        yield Finding("data", "ok", f"Fashion-MNIST in {folder / 'fashion-mnist'}")
