"""The Java kernel: registers a kernelspec with this package's class path and checks a registered one."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from .._java import jars, jvm_options
from .._java.find import Java, find_java
from ..datasets import bundled_data
from ..errors import JavaNotFoundError, ResnetError, UsageError

#: The kernelspec's name, which notebooks have in their metadata.
NAME = "py-djl-resnet-java"

#: The command that installs everything notebooks need.
EXTRA = "pip install 'py-djl-resnet[notebook]'"

#: How to fix a missing or outdated kernelspec.
CURE = "Run: python -m py_djl_resnet notebook --kernel-only"

# Adapts JJava and draws a Tablesaw figure that is the last expression of a cell
_STARTUP = (
    "{ var kernel = (org.dflib.jjava.kernel.JavaKernel) org.dflib.jjava.jupyter.kernel.BaseKernel.notebookKernel();"
    "org.djlresnet.notebook.KernelSetup.install(kernel.getJShell(), kernel.getIO(), kernel.getIO()::isAttached);"
    "kernel.getRenderer().createRegistration(tech.tablesaw.plotly.components.Figure.class)"
    '.preferring("text/html").register((figure, context) -> context.renderIfRequested('
    "org.dflib.jjava.jupyter.kernel.display.mime.MIMEType.TEXT_HTML, "
    "() -> org.djlresnet.figure.NotebookFigure.html(figure))); }"
)


def register(engine: str = "pytorch", *, offline: bool = False, quiet: bool = False) -> Path:
    """Registers the Java kernel in this Python environment, replacing an earlier one.

    Args:
        engine: the engine of its cells, ``pytorch`` or ``mxnet``.
        offline: whether to fail instead of downloading missing jars.
        quiet: whether to hide the progress of downloads.

    Returns:
        The kernelspec's folder.

    Raises:
        UsageError: the extra ``[notebook]`` is not installed, or the engine is unknown.
        JavaNotFoundError: there is no JDK of version 17 or later.
        JarError: a jar is missing.
    """
    specs = _specs()
    spec = expected(engine, offline=offline, quiet=quiet)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "kernel.json").write_text(json.dumps(spec, indent=1), encoding="utf-8")
        # a virtual environment has its own kernels; the system's Python may be read-only
        in_environment = sys.prefix != sys.base_prefix
        where: dict[str, Any] = {"prefix": sys.prefix} if in_environment else {"user": True}
        try:
            return Path(specs.install_kernel_spec(folder, NAME, **where))
        except OSError as error:
            raise ResnetError(f"The kernelspec {NAME} cannot be written: {error}.") from error


def expected(engine: str, *, offline: bool = False, quiet: bool = False) -> dict[str, Any]:
    """Returns the kernelspec that :func:`register` would write now."""
    java = _find_jdk()
    class_path = [str(path) for path in jars.class_path(engine, offline=offline, quiet=quiet)]
    return {
        "argv": [
            str(java.home / "bin" / ("java.exe" if sys.platform == "win32" else "java")),
            "--add-opens=jdk.jshell/jdk.jshell=ALL-UNNAMED",
            *jvm_options.engine_options(java, engine),
            f"-Dpy_djl_resnet.data={bundled_data()}",
            "-cp",
            os.pathsep.join([str(_jjava()), *class_path]),
            "org.djlresnet.notebook.Kernel",
            "{connection_file}",
        ],
        "display_name": f"Java, py_djl_resnet ({jvm_options.DJL_NAMES[engine]})",
        "language": "java",
        "interrupt_mode": "message",
        "env": {
            "JJAVA_CLASSPATH": os.pathsep.join(class_path),
            "JJAVA_STARTUP_SCRIPT": _STARTUP,
            # hides libtorch's warning about a guard that DJL uses
            "TORCH_CPP_LOG_LEVEL": "ERROR",
        },
        "metadata": {"py_djl_resnet": {"engine": engine, "version": importlib.metadata.version("py-djl-resnet")}},
    }


def installed() -> Path | None:
    """Returns the folder of the registered kernelspec, or None.

    Raises:
        UsageError: the extra ``[notebook]`` is not installed.
    """
    found = _specs().find_kernel_specs().get(NAME)
    return None if found is None else Path(found)


def outdated(folder: Path) -> str | None:
    """Returns why a registered kernelspec no longer fits this installation, or None if it does.

    Raises:
        ResnetError: Java, a jar or JJava is missing.
    """
    try:
        spec = json.loads((folder / "kernel.json").read_text(encoding="utf-8"))
        engine = spec["metadata"]["py_djl_resnet"]["engine"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{folder} is damaged: its kernel.json cannot be read ({error})"
    now = expected(engine, offline=True, quiet=True)
    changed = [key for key in now if spec.get(key) != now[key]]
    return f"{folder} is outdated: Java or the package has changed ({', '.join(changed)})" if changed else None


def missing_modules() -> list[str]:
    """Returns the modules of the extra ``[notebook]`` that are not installed."""
    missing = [name for name in ("ipykernel", "nbclient", "nbconvert") if importlib.util.find_spec(name) is None]
    try:
        importlib.metadata.distribution("jjava")
    except importlib.metadata.PackageNotFoundError:
        missing.insert(0, "jjava")
    return missing


def _specs() -> Any:
    """Returns Jupyter's kernelspec manager."""
    if missing := missing_modules():
        raise UsageError(f"Notebooks need packages that are not installed: {', '.join(missing)}. Run: {EXTRA}")
    from jupyter_client.kernelspec import KernelSpecManager

    return KernelSpecManager()


def _jjava() -> Path:
    """Returns the path of the kernel's jar in the package jjava."""
    for file in importlib.metadata.files("jjava") or ():
        if file.name == "jjava.jar":
            return Path(file.locate()).resolve()
    raise ResnetError(f"The package jjava has no jjava.jar. Run: {EXTRA} --force-reinstall")


def _find_jdk() -> Java:
    """Returns the Java that :func:`find_java` finds, which must be a JDK."""
    java = find_java()
    if shutil.which("jshell", path=str(java.home / "bin")) is None:
        raise JavaNotFoundError(
            f"Java cells need a JDK to compile them. Received: Java {java.version} in {java.home}, a runtime without "
            "a compiler. Install a JDK 17 or later, such as Debian's openjdk-17-jdk-headless, or set JAVA_HOME to one."
        )
    return java
