"""The command ``notebook``."""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
from typing import Any

from .._java.jars import ENGINES
from ..notebook import kernel
from .options import add_engine

HELP = """Register the Java kernel for notebooks and open JupyterLab if it is installed."""
EXAMPLES = ("notebook", "notebook --kernel-only --engine mxnet")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("--kernel-only", action="store_true", help="register the kernel without opening JupyterLab")
    add_engine(parser, device=False)


def run(options: Any) -> int:
    """Registers the kernel, then returns JupyterLab's exit code."""
    engine = options.engine or ENGINES[0]
    folder = kernel.register(engine, offline=options.offline)
    print(f"kernel: {kernel.NAME} ({engine}) in {folder}", file=sys.stderr)
    if options.kernel_only:
        return 0
    if importlib.util.find_spec("jupyterlab") is None:
        print("JupyterLab is not installed. Run: pip install 'py-djl-resnet[lab]'", file=sys.stderr)
        return 0
    command = [sys.executable, "-m", "jupyterlab"]
    if os.name == "posix":
        # replace this process, so that signals reach JupyterLab
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(command[0], command)
    return subprocess.run(command).returncode
