"""Build our jar with Maven for a wheel or an editable install, and add it and the data to the wheel."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MAVEN_ARGUMENTS = ["-B", "-q", "package", "-DskipTests", "-Dmaven.javadoc.skip", "-Dmaven.source.skip"]
TAIL = 40


class JarBuildHook(BuildHookInterface):
    """Runs Maven. The wheel fits all platforms: native libraries are downloaded on first use."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Require jgo if Maven is missing, for the address of Maven's central repository."""
        return [] if shutil.which("mvn") else ["jgo"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the jar; `version` is `standard` or `editable`."""
        root = Path(self.root)
        own = f"py-djl-resnet-{self.metadata.version}.jar"
        run_maven(root)
        jars = root / "py_djl_resnet/jars"
        shutil.rmtree(jars, ignore_errors=True)
        jars.mkdir()
        shutil.copyfile(root / "target" / own, jars / own)
        if version == "standard":  # an editable install reads the data in place
            build_data["force_include"][str(root / "data")] = "py_djl_resnet/data"


def run_maven(root: Path) -> None:
    """Run Maven or its wrapper in `root`; exit with advice if it fails."""
    if not find_compiler():
        raise SystemExit(
            "py-djl-resnet: The build needs a JDK 17 or later (javac), and found none in JAVA_HOME "
            f"({os.environ.get('JAVA_HOME') or 'not set'}) or on PATH. Install one, such as Debian's "
            "openjdk-17-jdk-headless, or set JAVA_HOME to it."
        )
    environment = dict(os.environ)
    maven = shutil.which("mvn")
    if maven:
        command = [maven]
    else:
        command = [str(root / "mvnw.cmd")] if os.name == "nt" else ["sh", str(root / "mvnw")]
        environment.setdefault("MVNW_REPOURL", central_repository())
    done = subprocess.run(
        [*command, *MAVEN_ARGUMENTS],
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-TAIL:])
        raise SystemExit(
            f"py-djl-resnet: Maven failed with exit code {done.returncode}: {' '.join([*command, *MAVEN_ARGUMENTS])}\n"
            f"{tail}\nMaven needs a JDK 17 or later, and the network or a complete local repository."
        )


def find_compiler() -> str | None:
    """Return the Java compiler that Maven will use."""
    home = os.environ.get("JAVA_HOME")
    return shutil.which("javac", path=str(Path(home) / "bin") if home else None)


def central_repository() -> str:
    """Return the address of Maven's central repository from jgo."""
    from jgo.constants import MAVEN_CENTRAL_URL

    return str(MAVEN_CENTRAL_URL).rstrip("/")
