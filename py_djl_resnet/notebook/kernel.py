"""The Java kernel of notebooks: a kernelspec with the class path of this package, and whether it still fits."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from .._java import jars, jvm_options
from .._java.find import Java, find_java
from ..datasets import bundled_data
from ..errors import JavaNotFoundError, ResnetError, UsageError

#: The kernelspec's name, as notebooks have it in their metadata.
NAME = "py-djl-resnet-java"

#: The command that installs what the kernel and the notebooks need.
EXTRA = "pip install 'py-djl-resnet[notebook]'"

_COMMAND = "python -m py_djl_resnet notebook --kernel-only"
_STARTER = "org/djlresnet/notebook/Kernel.class"
# Output and interruption are ours; a figure of Tablesaw, as the last expression of a cell, is drawn
_STARTUP = (
    "org.djlresnet.notebook.KernelSetup.install(org.dflib.jjava.jupyter.kernel.BaseKernel.notebookKernel());"
    "org.dflib.jjava.jupyter.kernel.BaseKernel.notebookKernel().getRenderer()"
    ".createRegistration(tech.tablesaw.plotly.components.Figure.class)"
    '.preferring("text/html").register((figure, context) -> context.renderIfRequested('
    "org.dflib.jjava.jupyter.kernel.display.mime.MIMEType.TEXT_HTML, "
    "() -> org.djlresnet.figure.NotebookFigure.html(figure)));"
)


def register(engine: str = "pytorch", *, offline: bool = False, quiet: bool = False) -> Path:
    """Registers the Java kernel for this Python's environment, in place of an earlier one.

    Args:
        engine: what its cells compute with, ``pytorch`` or ``mxnet``.
        offline: whether to fail rather than fetch missing jars.
        quiet: whether to show no progress of fetching.

    Returns:
        The kernelspec's folder.

    Raises:
        UsageError: the extra ``[notebook]`` is not installed, or an unknown engine.
        JavaNotFoundError: there is no JDK of version 17 or later.
        JarError: a jar is missing.
    """
    specs = _specs()
    spec = expected(engine, offline=offline, quiet=quiet)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "kernel.json").write_text(json.dumps(spec, indent=1), encoding="utf-8")
        for name, content in _own_jars().items():
            (path / name).write_bytes(content)
        # an environment of its own has its own kernels; the system's Python may not be written to
        own_environment = sys.prefix != sys.base_prefix
        where: dict[str, Any] = {"prefix": sys.prefix} if own_environment else {"user": True}
        try:
            return Path(specs.install_kernel_spec(folder, NAME, **where))
        except OSError as error:
            raise ResnetError(f"the kernelspec {NAME} cannot be written: {error}") from error


def expected(engine: str, *, offline: bool = False, quiet: bool = False) -> dict[str, Any]:
    """The kernelspec as :func:`register` would write it now."""
    java = _find_jdk()
    _jjava()
    class_path = [str(path) for path in jars.class_path(engine, offline=offline, quiet=quiet)]
    # jars of the kernel first, by the variable that Jupyter fills in
    path = os.pathsep.join(["{resource_dir}/starter.jar", "{resource_dir}/jjava.jar", *class_path])
    return {
        "argv": [
            str(java.home / "bin" / ("java.exe" if sys.platform == "win32" else "java")),
            "--add-opens=jdk.jshell/jdk.jshell=ALL-UNNAMED",
            *jvm_options.engine_options(java, engine),
            f"-Dpy_djl_resnet.data={bundled_data()}",
            "-cp",
            path,
            "org.djlresnet.notebook.Kernel",
            "{connection_file}",
        ],
        "display_name": f"Java, py_djl_resnet ({jvm_options.DJL_NAMES[engine]})",
        "language": "java",
        "interrupt_mode": "message",
        "env": {
            "JJAVA_CLASSPATH": os.pathsep.join(class_path),
            "JJAVA_STARTUP_SCRIPT": _STARTUP,
            # DJL's native code uses a guard that libtorch calls deprecated
            "TORCH_CPP_LOG_LEVEL": "ERROR",
        },
        "metadata": {"py_djl_resnet": {"engine": engine, "version": importlib.metadata.version("py-djl-resnet")}},
    }


def installed() -> Path | None:
    """The folder of the registered kernelspec, None if there is none.

    Raises:
        UsageError: the extra ``[notebook]`` is not installed.
    """
    found = _specs().find_kernel_specs().get(NAME)
    return None if found is None else Path(found)


def outdated(folder: Path) -> str | None:
    """Why a registered kernelspec does not fit this installation any more, None if it does.

    Raises:
        ResnetError: what it would need cannot be found.
    """
    try:
        spec = json.loads((folder / "kernel.json").read_text(encoding="utf-8"))
        engine = spec["metadata"]["py_djl_resnet"]["engine"]
        version = spec["metadata"]["py_djl_resnet"]["version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"its kernel.json cannot be read ({error})"
    now = expected(engine, offline=True, quiet=True)
    here = now["metadata"]["py_djl_resnet"]["version"]
    if version != here:
        return f"it is of version {version}, and this is {here}"
    if spec != now:
        changed = [key for key in now if spec.get(key) != now[key]]
        return f"Java or the jars have moved (other {', '.join(changed)})"
    for name, content in _own_jars().items():
        try:
            if (folder / name).read_bytes() != content:
                return f"its {name} is not the one of this installation"
        except OSError as error:
            return f"its {name} cannot be read ({error.strerror})"
    return None


def cure() -> str:
    """What to do about a kernelspec that is missing or outdated."""
    return f"Run {_COMMAND}."


def missing_modules() -> list[str]:
    """The modules of the extra ``[notebook]`` that are not installed."""
    lacking = [name for name in ("ipykernel", "nbclient", "nbconvert") if importlib.util.find_spec(name) is None]
    try:
        importlib.metadata.distribution("jjava")
    except importlib.metadata.PackageNotFoundError:
        lacking.insert(0, "jjava")
    return lacking


def _specs() -> Any:
    """Jupyter's register of kernels."""
    if lacking := missing_modules():
        raise UsageError(f"notebooks need {', '.join(lacking)}, which is not installed; run {EXTRA}")
    from jupyter_client.kernelspec import KernelSpecManager

    return KernelSpecManager()


def _own_jars() -> dict[str, bytes]:
    """The jars that lie in the kernelspec's folder, by name; always the same bytes for one installation."""
    starter = io.BytesIO()
    with zipfile.ZipFile(jars.own_jar()) as own, zipfile.ZipFile(starter, "w") as jar:
        jar.writestr(zipfile.ZipInfo(_STARTER), own.read(_STARTER))
    return {"starter.jar": starter.getvalue(), "jjava.jar": _jjava().read_bytes()}


def _jjava() -> Path:
    """The kernel's jar in the package jjava."""
    for file in importlib.metadata.files("jjava") or ():
        if file.name == "jjava.jar":
            return Path(file.locate()).resolve()
    raise ResnetError(f"the package jjava holds no jjava.jar; run {EXTRA} --force-reinstall")


def _find_jdk() -> Java:
    """The Java that :func:`find_java` finds, if it can compile cells."""
    java = find_java()
    command = [str(java.home / "bin/java"), "--describe-module", "jdk.jshell"]
    try:
        told = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        works = told.returncode == 0
    except (OSError, subprocess.SubprocessError):
        works = False
    if not works:
        raise JavaNotFoundError(
            f"Java cells need a JDK, for they are compiled. Found: Java {java.version} in {java.home}, a runtime "
            "alone. Install a JDK of version 17 or later, such as Debian's package openjdk-17-jdk-headless, or set "
            "JAVA_HOME to one."
        )
    return java
