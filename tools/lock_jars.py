"""Write `py_djl_resnet/_java/jars.lock.json` from pom.xml: the runtime class path and all platforms' native libraries.

Run it on Linux x86-64 after changing a dependency. It needs Maven and downloads about 400 MB:

    python tools/lock_jars.py
"""

import hashlib
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "py_djl_resnet/_java/jars.lock.json"
NATIVES = {
    "pytorch": ("ai.djl.pytorch", "pytorch-native-cpu", ["linux-x86_64", "linux-aarch64", "osx-aarch64", "win-x86_64"]),
    "mxnet": ("ai.djl.mxnet", "mxnet-native-mkl", ["linux-x86_64", "osx-x86_64", "win-x86_64"]),
}
DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"


def maven(*arguments: str) -> str:
    """Run Maven in the checkout and return its output without colour codes."""
    command = ["mvn", "-B", *arguments]
    printed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return re.sub(r"\x1b\[[0-9;]*m", "", printed)


def pom_property(name: str) -> str:
    """Return a property of pom.xml, such as `pytorch.version`."""
    text = ElementTree.parse(ROOT / "pom.xml").findtext(f"{{*}}properties/{{*}}{name}")
    if text is None:
        sys.exit(f"pom.xml has no property {name}.")
    return text


def entry(group: str, artifact: str, version: str, file: Path, **native: str) -> dict[str, str | int]:
    """Return an entry of the lock."""
    content = file.read_bytes()
    coordinates = {"group": group, "artifact": artifact, "version": version, **native}
    return {**coordinates, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def common() -> list[dict[str, str | int]]:
    """Return the runtime jars that all platforms share, optional ones included, in Maven's order."""
    listing = maven(f"{DEPENDENCY_PLUGIN}:list", "-DincludeScope=runtime", "-DoutputAbsoluteArtifactFilename=true")
    line = re.compile(r"^\[INFO\] +([\w.-]+):([\w.-]+):jar:([\w.-]+):(?:compile|runtime):(\S+?\.jar)(?: |$)", re.M)
    found = line.findall(listing)
    if not found:
        sys.exit(f"Maven listed no jar:\n{listing}")
    return [entry(group, artifact, version, Path(file)) for group, artifact, version, file in found]


def natives() -> list[dict[str, str | int]]:
    """Return the jars of the engines' native libraries."""
    local = Path(maven("-q", "help:evaluate", "-Dexpression=settings.localRepository", "-DforceStdout").strip())
    entries = []
    for engine, (group, artifact, platforms) in NATIVES.items():
        version = pom_property(f"{engine}.version")
        for platform in platforms:
            coordinates = f"{group}:{artifact}:{version}:jar:{platform}"
            maven("-q", f"{DEPENDENCY_PLUGIN}:get", "-Dtransitive=false", f"-Dartifact={coordinates}")
            file = local / group.replace(".", "/") / artifact / version / f"{artifact}-{version}-{platform}.jar"
            entries.append(entry(group, artifact, version, file, classifier=platform, platform=platform, engine=engine))
    return entries


if __name__ == "__main__":
    jars = common() + natives()
    LOCK.write_text(json.dumps({"jars": jars}, indent=1) + "\n", encoding="utf-8")
    print(f"{LOCK.relative_to(ROOT)}: {len(jars)} jars")
