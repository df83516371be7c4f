"""The class path: our own jar and the locked libraries, found on this machine or downloaded on first use."""

from __future__ import annotations

import functools
import json
import os
import platform
import sys
import urllib.parse
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .._fetch import download
from ..errors import EngineError, JarError, UsageError
from ..settings import SETTINGS

ENGINES = SETTINGS["engine"].choices
"""The engines; the first is the default."""

_PACKAGE = Path(__file__).parent.parent
_ADVICE = (
    "Check the network, HTTPS_PROXY and PY_DJL_RESNET_REPOSITORY, or copy the jars into a folder and set "
    "PY_DJL_RESNET_JARS to it."
)


@dataclass(frozen=True)
class Jar:
    """A locked library. Only native libraries have a `platform` and an `engine`."""

    group: str
    artifact: str
    version: str
    sha256: str
    size: int
    classifier: str | None = None
    platform: str | None = None
    engine: str | None = None

    @property
    def name(self) -> str:
        """The file name."""
        return f"{self.artifact}-{self.version}{f'-{self.classifier}' if self.classifier else ''}.jar"

    @property
    def path(self) -> str:
        """The path of the file in a Maven repository."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.name}"


@functools.cache
def lock() -> tuple[Jar, ...]:
    """Returns the jars of `jars.lock.json`, in the order of the class path."""
    entries = json.loads(Path(__file__).with_name("jars.lock.json").read_text(encoding="utf-8"))["jars"]
    return tuple(Jar(**entry) for entry in entries)


def platform_name() -> str:
    """Returns DJL's name of this platform, such as `linux-x86_64`."""
    system = {"linux": "linux", "darwin": "osx", "win32": "win"}.get(sys.platform, sys.platform)
    machine = platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    return f"{system}-{machine}"


def required(engine: str, *, natives: bool = True) -> list[Jar]:
    """Returns the jars that `engine` needs on this machine.

    Args:
        engine: `pytorch` or `mxnet`.
        natives: whether the engine's native library comes from a jar (it does not for a GPU).

    Raises:
        UsageError: an unknown engine.
        EngineError: the engine has no native library for this machine.
    """
    if engine not in ENGINES:
        raise UsageError(f"Unknown engine. Received: {engine!r}. Allowed: {', '.join(ENGINES)}.")
    here = platform_name()
    common = [jar for jar in lock() if jar.engine is None]
    if not natives:
        return common
    native = [jar for jar in lock() if jar.engine == engine]
    if not any(jar.platform == here for jar in native):
        supported = ", ".join(sorted(str(jar.platform) for jar in native))
        raise EngineError(
            f"The engine {engine} does not support this platform. Received: {here}. Allowed: {supported}. Use another "
            "engine or platform."
        )
    return common + [jar for jar in native if jar.platform == here]


def cache_folder() -> Path:
    """Returns the folder for downloaded jars and data sets."""
    if chosen := os.environ.get("PY_DJL_RESNET_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home_folder() / "AppData/Local") / "py_djl_resnet/cache"
    if chosen := os.environ.get("XDG_CACHE_HOME"):
        return Path(chosen) / "py_djl_resnet"
    return home_folder() / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "py_djl_resnet"


def home_folder() -> Path:
    """Returns the user's home folder.

    Raises:
        JarError: there is none, as for a user without an entry in the password file and without HOME.
    """
    try:
        return Path.home()
    except RuntimeError as error:
        raise JarError(
            "This user has no home folder for the cache. Set HOME, or set PY_DJL_RESNET_CACHE to a writable folder."
        ) from error


def maven_folder() -> Path:
    """Returns Maven's local repository."""
    return Path(os.environ.get("M2_REPO") or os.path.expanduser("~/.m2/repository"))


def own_jar() -> Path:
    """Returns our own jar: the installed one, or in a checkout the newest build.

    Raises:
        JarError: it is missing.
    """
    checkout = _PACKAGE.parent
    candidates = list((_PACKAGE / "jars").glob("py-djl-resnet-*.jar"))
    if (checkout / "pom.xml").is_file():
        built = (checkout / "target").glob("py-djl-resnet-*.jar")
        candidates += [jar for jar in built if not jar.stem.endswith(("-sources", "-javadoc"))]
    if not candidates:
        raise JarError(
            f"This package's own jar is missing from {_PACKAGE / 'jars'}. Reinstall the package with pip; in a "
            "checkout, run mvn package."
        )
    return max(candidates, key=lambda jar: jar.stat().st_mtime_ns)


def repository() -> str:
    """Returns the address of the Maven repository to download jars from, without a trailing slash."""
    address = os.environ.get("PY_DJL_RESNET_REPOSITORY")
    if not address:
        with zipfile.ZipFile(own_jar()) as jar:
            lines = jar.read("org/djlresnet/build.properties").decode("utf-8").splitlines()
        properties = dict(line.split("=", 1) for line in lines if "=" in line)
        address = properties["repository"].replace("\\:", ":")
    return address.rstrip("/")


def is_offline() -> bool:
    """Returns whether PY_DJL_RESNET_OFFLINE disables the network."""
    return os.environ.get("PY_DJL_RESNET_OFFLINE", "").lower() not in ("", "0", "false", "no")


def find(jars: Iterable[Jar]) -> dict[Jar, Path]:
    """Returns the files of those `jars` that this machine has, each with the locked size.

    Raises:
        JarError: a file in PY_DJL_RESNET_JARS has another size.
    """
    found = {}
    override = os.environ.get("PY_DJL_RESNET_JARS")
    for jar in jars:
        places = [maven_folder() / jar.path, cache_folder() / jar.path]
        if override:
            places = [Path(override) / jar.name, Path(override) / jar.path, *places]
        for place in places:
            if not os.path.isfile(place):  # also False in an unreadable folder
                continue
            if place.stat().st_size == jar.size:
                found[jar] = place
                break
            if override and place.is_relative_to(override):
                raise JarError(
                    f"{place}, in the folder PY_DJL_RESNET_JARS, is not the file that this version needs ({jar.size} "
                    f"bytes, SHA-256 {jar.sha256}). Replace or remove it."
                )
    return found


def class_path(engine: str, *, natives: bool = True, offline: bool = False, quiet: bool = False) -> list[Path]:
    """Returns the class path for `engine`, our own jar first; downloads what is missing on this machine.

    Args:
        engine: `pytorch` or `mxnet`.
        natives: whether the engine's native library comes from a jar.
        offline: whether to raise JarError instead of using the network.
        quiet: whether to hide the progress.

    Raises:
        JarError: a jar is missing and could not be downloaded.
    """
    own, jars = own_jar(), required(engine, natives=natives)
    found = find(jars)
    missing = [jar for jar in jars if jar not in found]
    if missing:
        if offline or is_offline():
            raise JarError(_missing_advice(missing))
        found |= _download(missing, quiet)
    return [own, *(found[jar] for jar in jars)]


def _download(missing: list[Jar], quiet: bool) -> dict[Jar, Path]:
    """Downloads the missing jars to the cache."""
    cache, source = cache_folder(), repository()
    title = f"Java libraries from {urllib.parse.urlsplit(source).netloc}"
    try:
        with download.progress_bar(title, sum(jar.size for jar in missing), quiet=quiet) as progress:
            for jar in missing:
                download.download(
                    f"{source}/{jar.path}",
                    cache / jar.path,
                    size=jar.size,
                    digest=jar.sha256,
                    progress=progress,
                    error=JarError,
                    advice=_ADVICE,
                )
    except OSError as error:
        raise JarError(
            f"Cannot write to the cache {cache}: {error.strerror or error}. Make it writable, free some space, or set "
            "PY_DJL_RESNET_CACHE to another folder."
        ) from error
    return {jar: cache / jar.path for jar in missing}


def _missing_advice(missing: list[Jar]) -> str:
    folders = [str(maven_folder()), str(cache_folder())]
    if override := os.environ.get("PY_DJL_RESNET_JARS"):
        folders.insert(0, override)
    return (
        f"Jars are missing or incomplete, and --offline or PY_DJL_RESNET_OFFLINE disables downloads. Missing: "
        f"{', '.join(jar.name for jar in missing)}. Searched: {', '.join(folders)}. Run once with network access, or "
        "copy the jars into a folder and set PY_DJL_RESNET_JARS to it."
    )
