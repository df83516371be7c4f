"""Java cells in a Python notebook: run ``%load_ext py_djl_resnet.notebook``, then start cells with ``%%java``.

JShell runs them in the JVM that the package uses. Later cells see their variables, methods and imports. ``%%java -i
x,model -o y`` passes ``x`` and ``model`` to Java before the cell and returns ``y`` after it:

============================================  ==========================================
Python                                        Java
============================================  ==========================================
int; float; bool; str                         int or long; double; boolean; String
numpy array                                   NDArray (a copy, in both directions)
network (``Model``)                           the same ``Network``
Java object, such as a block                  the same object
numpy array, from Java only                   array of numbers, such as ``float[][]``
============================================  ==========================================

Passing ``x`` again closes the NDArray of the earlier ``x``; ``duplicate()`` makes one that stays open. Java must close
the networks it creates. ``System.exit`` ends Python too.
"""

from __future__ import annotations

import argparse
import atexit
import json
import signal
import sys
import time
from typing import Any, NoReturn
from weakref import WeakValueDictionary

import numpy as np

from .._java import jvm
from .._process.signals import signals
from ..checks import LONG
from ..errors import JavaError, ResnetError, UsageError
from ..models import Model

_POLL_MILLISECONDS = 50
#: How long an interrupted cell may take before it is stopped.
_SECONDS_TO_END = 2.0
#: Characters shown of a line with an error.
_SOURCE_WIDTH = 200
_TYPES = ("float16", "float32", "float64", "int8", "uint8", "int32", "int64", "bool")


def load(shell: Any) -> None:
    """Adds ``%%java``. The first cell starts the JVM."""
    cells = JavaCells(shell)
    shell.register_magic_function(cells.run, "cell", "java")
    shell.events.register("post_run_cell", cells.flush)
    atexit.register(cells.flush)
    shell.user_ns_hidden["_java_cells"] = cells


def unload(shell: Any) -> None:
    """Removes ``%%java`` and restores Java's own output."""
    cells = shell.user_ns_hidden.pop("_java_cells")
    shell.events.unregister("post_run_cell", cells.flush)
    atexit.unregister(cells.flush)
    del shell.magics_manager.magics["cell"]["java"]
    cells.close()


class JavaCells:
    """Runs Java cells for an IPython shell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._java: Any = None
        self._models: WeakValueDictionary[Any, Model] = WeakValueDictionary()
        #: The networks passed to Java, which may use them after Python has dropped them.
        self._given: dict[str, Model | None] = {}

    def run(self, line: str, cell: str) -> Any:
        """Run Java code: %%java [-i NAMES] [-o NAMES], names separated by commas.

        Returns:
            The value of the last expression, unless a semicolon follows it.

        Raises:
            JavaError: the code does not compile, or it threw an exception.
            UsageError: a variable is unknown or cannot be passed, an option is wrong, or this Java cannot compile.
            KeyboardInterrupt: the cell was interrupted.
        """
        try:
            return self._run(_parse(line), cell)
        except (ResnetError, KeyboardInterrupt) as error:
            # IPython shows these lines instead of a traceback through this package
            lines = f"{type(error).__name__}: {error}".splitlines()
            setattr(error, "_render_traceback_", lambda: lines)  # noqa: B010 - a hook of IPython's
            raise

    def _run(self, options: argparse.Namespace, cell: str) -> Any:
        java = self._open()
        for name in options.i:
            if name not in self._shell.user_ns:
                raise UsageError(f"%%java -i: there is no Python variable {name!r}.")
            value = self._shell.user_ns[name]
            self._put(java, name, value)
            self._given[name] = value if isinstance(value, Model) else None
        with jvm.translated_errors():
            java.start(cell)
            self._follow(java)
            result = json.loads(str(java.result()))
        if result["state"] == "stopped":
            raise KeyboardInterrupt("The Java cell was interrupted.")
        if result["error"]:
            raise _error(result["error"])
        # all at once, so that an error changes nothing
        self._shell.user_ns.update({name: self._get(java, name) for name in options.o})
        if result["value"] is None:
            return None
        value = self._get(java, result["value"])
        # JShell called toString() on its own thread: endless recursion on Python's would end the process
        return _Shown(result["text"] or str(value.getClass())) if jvm.is_java(value) else value

    def flush(self, *_: object) -> None:
        """Prints what Java has printed since the last call, also between cells."""
        if self._java is None:
            return
        for piece in json.loads(str(self._java.output())):
            print(piece["text"], end="", file=getattr(sys, piece["stream"]), flush=True)

    def close(self) -> None:
        """Restores Java's own output."""
        self.flush()
        java, self._java = self._java, None
        if java is not None:
            java.close()
        self._given.clear()

    def _open(self) -> Any:
        if self._java is None:
            bridge = jvm.bridge()
            with jvm.translated_errors():
                self._java = bridge.javaCells(jvm.loaded_class_path())
        return self._java

    def _follow(self, java: Any) -> None:
        """Prints the cell's output until it ends. A signal interrupts the cell, then stops it."""
        interrupted = killed = False
        since = 0.0
        with signals((signal.SIGINT,), lenient=True) as received:
            while not java.await_(_POLL_MILLISECONDS):
                self.flush()
                now = time.monotonic()
                if received and not interrupted:
                    java.stop()
                    interrupted, since = True, now
                elif java.isSaving():
                    since = now
                elif interrupted and now - since > _SECONDS_TO_END:
                    if killed:
                        raise KeyboardInterrupt("The Java cell cannot be stopped. Restart the kernel.")
                    java.kill()
                    killed, since = True, now
        self.flush()

    def _put(self, java: Any, name: str, value: Any) -> None:
        with jvm.translated_errors():
            variables = java.variables()
            if isinstance(value, Model):
                network = value.handle.share()
                self._models[network] = value
                variables.put(name, network)
            elif isinstance(value, np.ma.MaskedArray):
                raise UsageError(f"{name} is a masked array, and Java has no masks. Pass {name}.filled(value).")
            elif isinstance(value, np.ndarray):
                if value.dtype.name not in _TYPES:
                    raise UsageError(
                        f"Java has no arrays of {name}'s dtype. Received: {value.dtype}. Allowed: {', '.join(_TYPES)}. "
                        f"Convert it with {name}.astype(...)."
                    )
                # a buffer needs an axis and the machine's byte order
                native = np.ascontiguousarray(np.atleast_1d(value), dtype=value.dtype.newbyteorder("="))
                buffer = jvm.to_direct_buffer(native.view(np.uint8))
                variables.putArray(name, buffer, _djl_name(value.dtype.name), [int(n) for n in value.shape])
            else:
                plain = value.item() if isinstance(value, np.generic) else value
                if not jvm.is_java(plain) and not isinstance(plain, (bool, int, float, str)):
                    raise UsageError(
                        f"{name} cannot be passed to Java. Received: {type(value).__name__}. Allowed: numbers, "
                        "strings, numpy arrays, networks and Java objects. Convert a list with np.array(...)."
                    )
                if type(plain) is int and not -LONG - 1 <= plain <= LONG:
                    raise UsageError(f"{name} does not fit into Java's long. Received: {value}.")
                variables.put(name, plain)

    def _get(self, java: Any, name: str) -> Any:
        with jvm.translated_errors():
            variable = java.variables().get(name)
            kind, value = str(variable.kind()), variable.value()
            if kind == "array":
                dtype = np.dtype(_numpy_name(str(variable.type())))
                return np.array(jvm.from_direct_buffer(value, tuple(variable.shape()), dtype))
            if kind == "network":
                # one Model per network: closing a second would close the first
                known = self._models.get(value)
                if known is None:
                    # its Java variable may outlive it
                    self._models[value] = known = Model(java.variables().handle(value), owned=False)
                return known
        if kind == "html":
            from IPython.display import HTML

            return HTML(str(value))
        return jvm.to_python(value)


class _Shown:
    """Shows a Java object as a cell's result."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%%java: {message}. Usage: %%java -i NAMES -o NAMES, with names separated by commas.")


def _parse(line: str) -> argparse.Namespace:
    parser = _Parser(prog="%%java", add_help=False, allow_abbrev=False)
    for option in ("-i", "-o"):
        parser.add_argument(option, action="extend", nargs="+", default=[], metavar="NAMES")
    options = parser.parse_args(line.split())
    for option in ("i", "o"):
        setattr(options, option, [name for name in ",".join(getattr(options, option)).split(",") if name])
    return options


def _error(error: dict[str, Any]) -> JavaError:
    head = error["kind"] if error["message"] is None else f"{error['kind']}: {error['message']}"
    lines = [head]
    if error["line"] is not None:
        source = "" if error["source"] is None else f": {error['source'].strip()[:_SOURCE_WIDTH]}"
        lines.append(f"    Java cell {error['cell']}, line {error['line']}{source}")
    lines += error["trace"][1:]
    return JavaError(error["kind"], error["message"], error["cell"], error["line"], lines)


def _djl_name(dtype: str) -> str:
    return "BOOLEAN" if dtype == "bool" else dtype.upper()


def _numpy_name(djl: str) -> str:
    return "bool" if djl == "BOOLEAN" else djl.lower()
