"""The class path: our own jar, and the locked libraries wherever on this machine they lie, fetched at first use."""

import contextlib
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

from tqdm import tqdm

from py_djl_resnet._fetch import download
from py_djl_resnet.errors import EngineError, JarError, UsageError

ENGINES = ("pytorch", "mxnet")
"""What computes; the first is the default."""

_PACKAGE = Path(__file__).parent.parent


@dataclass(frozen=True)
class Jar:
    """One library of the lock: Maven coordinates, and what its file must be.

    `platform` and `engine` are given for native libraries only.
    """

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
        """The file's name."""
        return f"{self.artifact}-{self.version}{f'-{self.classifier}' if self.classifier else ''}.jar"

    @property
    def path(self) -> str:
        """Where a Maven repository keeps the file, relative to its root."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.name}"


@dataclass(frozen=True)
class Search:
    """Where the jars of a class path were found, what is missing, and what was passed over."""

    found: dict[Jar, Path]
    missing: list[Jar]
    damaged: list[Path]


@functools.cache
def lock() -> tuple[Jar, ...]:
    """Every jar that `jars.lock.json` names, in the order of the class path."""
    entries = json.loads(Path(__file__).with_name("jars.lock.json").read_text(encoding="utf-8"))["jars"]
    return tuple(Jar(**entry) for entry in entries)


def platform_name() -> str:
    """This machine in DJL's words, such as `linux-x86_64`."""
    system = {"linux": "linux", "darwin": "osx", "win32": "win"}.get(sys.platform, sys.platform)
    machine = platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    return f"{system}-{machine}"


def required(engine: str, *, natives: bool = True) -> list[Jar]:
    """The jars that `engine` needs on this machine.

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
            f"Engine {engine} has no native library for this machine. Received: {here}. Supported: {supported}. "
            "Use one of these, or another engine."
        )
    return common + [jar for jar in native if jar.platform == here]


def cache_folder() -> Path:
    """Where this package keeps the jars that it fetched."""
    if chosen := os.environ.get("PY_DJL_RESNET_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / "py_djl_resnet/cache"
    if chosen := os.environ.get("XDG_CACHE_HOME"):
        return Path(chosen) / "py_djl_resnet"
    return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "py_djl_resnet"


def maven_folder() -> Path:
    """Maven's local repository."""
    return Path(os.environ.get("M2_REPO") or Path.home() / ".m2/repository")


def own_jar() -> Path:
    """Our own jar: the one that was installed, or in a checkout the newest that was built.

    Raises:
        JarError: there is none.
    """
    checkout = _PACKAGE.parent
    candidates = list((_PACKAGE / "jars").glob("py-djl-resnet-*.jar"))
    if (checkout / "pom.xml").is_file():
        built = (checkout / "target").glob("py-djl-resnet-*.jar")
        candidates += [jar for jar in built if not jar.stem.endswith(("-sources", "-javadoc"))]
    if not candidates:
        raise JarError(
            f"This package's own jar is missing from {_PACKAGE / 'jars'}. Install the package again with pip; in a "
            "checkout, run mvn package."
        )
    return max(candidates, key=lambda jar: jar.stat().st_mtime_ns)


def repository() -> str:
    """The address of the Maven repository that jars are fetched from, without a slash at its end."""
    address = os.environ.get("PY_DJL_RESNET_REPOSITORY")
    if not address:
        with zipfile.ZipFile(own_jar()) as jar:
            lines = jar.read("org/djlresnet/build.properties").decode("utf-8").splitlines()
        properties = dict(line.split("=", 1) for line in lines if "=" in line)
        address = properties["repository"].replace("\\:", ":")
    return address.rstrip("/")


def is_offline() -> bool:
    """Whether PY_DJL_RESNET_OFFLINE forbids the network."""
    return os.environ.get("PY_DJL_RESNET_OFFLINE", "").lower() not in ("", "0", "false", "no")


def find(jars: Iterable[Jar]) -> Search:
    """Look for `jars` on this machine; a file that is not what the lock names is passed over, and told.

    Raises:
        JarError: a file in PY_DJL_RESNET_JARS is not the one that the lock names.
    """
    digests = _Digests()
    search = Search({}, [], [])
    override = os.environ.get("PY_DJL_RESNET_JARS")
    for jar in jars:
        places = [maven_folder() / jar.path, cache_folder() / jar.path]
        if override:
            places = [Path(override) / jar.name, Path(override) / jar.path, *places]
        for place in places:
            if not place.is_file():
                continue
            if digests.agrees(place, jar):
                search.found[jar] = place
                break
            if override and place.is_relative_to(override):
                raise JarError(
                    f"{place}, in the folder that PY_DJL_RESNET_JARS names, is not the file that this version needs "
                    f"({jar.size} bytes, SHA-256 {jar.sha256}). Replace it or take it away."
                )
            search.damaged.append(place)
        else:
            search.missing.append(jar)
    digests.keep()
    return search


def class_path(engine: str, *, natives: bool = True, offline: bool = False, quiet: bool = False) -> list[Path]:
    """The files of the class path for `engine`, our own jar first; what this machine lacks is fetched.

    Args:
        engine: `pytorch` or `mxnet`.
        natives: whether the engine's native library comes from a jar.
        offline: whether to raise JarError rather than use the network.
        quiet: whether to write nothing to standard error.

    Raises:
        JarError: a jar is missing and could not be fetched.
    """
    own, jars = own_jar(), required(engine, natives=natives)
    search = find(jars)
    if search.missing:
        if offline or is_offline():
            raise JarError(_missing_advice(search.missing))
        _fetch(search, quiet)
        search = find(jars)
        if search.missing:
            raise JarError(_missing_advice(search.missing))
    return [own, *(search.found[jar] for jar in jars)]


def _fetch(search: Search, quiet: bool) -> None:
    """Fetch the missing jars to the cache; another process that does the same is waited for."""
    cache, source = cache_folder(), repository()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with download.locked(cache / "lock"):
            missing = find(search.missing).missing  # another process may have brought them meanwhile
            if not missing:
                return
            if not quiet:
                for path in search.damaged:
                    print(f"{path} is damaged and is not used.", file=sys.stderr)
            total = sum(jar.size for jar in missing)
            title = f"Java libraries from {urllib.parse.urlsplit(source).netloc}"
            interval = 0.1 if sys.stderr.isatty() else 2.0
            with tqdm(
                total=total,
                desc=title,
                unit="B",
                unit_scale=True,
                mininterval=interval,
                file=sys.stderr,
                disable=quiet,
            ) as progress:
                for jar in missing:
                    address, target = f"{source}/{jar.path}", cache / jar.path
                    download.download(address, target, size=jar.size, digest=jar.sha256, received=progress.update)
    except OSError as error:
        raise JarError(
            f"Cannot write to the cache {cache}: {error.strerror or error}. Make it writable, or point "
            "PY_DJL_RESNET_CACHE to a folder that is."
        ) from error


def _missing_advice(missing: list[Jar]) -> str:
    folders = [str(maven_folder()), str(cache_folder())]
    if override := os.environ.get("PY_DJL_RESNET_JARS"):
        folders.insert(0, override)
    return (
        f"The network is forbidden (--offline or PY_DJL_RESNET_OFFLINE) and {len(missing)} jars are missing: "
        f"{', '.join(jar.name for jar in missing)}. Looked in: {', '.join(folders)}. Run once with the network, or "
        "copy them into a folder and name it in PY_DJL_RESNET_JARS."
    )


class _Digests:
    """The SHA-256 of files, remembered between runs for as long as size and time of change stay the same."""

    def __init__(self) -> None:
        self._file = cache_folder() / "verified.json"
        self._known: dict[str, list[int | str]] = {}
        self._changed = False
        with contextlib.suppress(OSError, ValueError, RecursionError):
            known = json.loads(self._file.read_text(encoding="utf-8"))
            if isinstance(known, dict):
                self._known = known

    def agrees(self, path: Path, jar: Jar) -> bool:
        """Whether the file at `path` is the one that the lock names."""
        try:
            state = path.stat()
            if state.st_size != jar.size:
                return False
            stamp: list[int | str] = [state.st_size, state.st_mtime_ns, jar.sha256]
            if self._known.get(str(path)) == stamp:
                return True
            if download.sha256(path) != jar.sha256:
                return False
        except OSError:
            return False
        self._known[str(path)] = stamp
        self._changed = True
        return True

    def keep(self) -> None:
        """Remember what was computed; where the cache cannot be written it is computed again next time."""
        if self._changed:
            with contextlib.suppress(OSError):
                self._file.parent.mkdir(parents=True, exist_ok=True)
                download.write_atomically(self._file, json.dumps(self._known).encode())
