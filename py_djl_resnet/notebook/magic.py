"""Java cells in Python's notebook: ``%load_ext py_djl_resnet.notebook``, then cells that begin with ``%%java``.

They run in the very JVM that the package uses, through JShell, and keep their variables, methods and imports for later
cells. ``%%java -i x,model -o y`` gives Java the variables ``x`` and ``model`` first and takes ``y`` afterwards:

============================================  ==========================================
Python                                        Java
============================================  ==========================================
int; float; bool; str                         int or long; double; boolean; String
numpy array                                   NDArray (a copy, in both directions)
network (``Model``)                           ``Network``, the same one
Java object, such as a block                  the same object, of its own class
numpy array of one or more axes, from Java    array of numbers, such as ``float[][]``
============================================  ==========================================

An NDArray that was given by ``-i x`` is closed when ``x`` is given again; ``duplicate()`` makes one that stays. A
network is freed then if Python has dropped it; one made in Java is Java's to close.
"""

from __future__ import annotations

import argparse
import atexit
import json
import keyword
import shlex
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
#: How long a cell that was asked to end may take to do so.
_SECONDS_TO_END = 2.0
_NOT_ENDED = "the Java cell cannot be ended; restart the kernel"
_TYPES = ("float16", "float32", "float64", "int8", "uint8", "int32", "int64", "bool")


def load(shell: Any) -> None:
    """Adds ``%%java``; the JVM starts with the first cell."""
    cells = JavaCells(shell)
    shell.register_magic_function(cells.run, "cell", "java")
    shell.events.register("post_run_cell", cells.flush)
    atexit.register(cells.flush)
    shell.user_ns_hidden["_java_cells"] = cells


def unload(shell: Any) -> None:
    """Removes ``%%java``, and restores Java's own output."""
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
        #: The networks that Java's variables were declared with: Java may use them after Python has dropped them.
        self._given: dict[str, Model | None] = {}

    def run(self, line: str, cell: str) -> Any:
        """Run Java code: %%java [-i NAMES] [-o NAMES], names separated by commas.

        Returns:
            The value of the last expression, if no semicolon follows it.

        Raises:
            JavaError: the code cannot be compiled, or throws.
            UsageError: a variable that is not there or cannot cross, a wrong option, a Java without a compiler.
            KeyboardInterrupt: the cell was interrupted.
        """
        try:
            return self._run(_parse(line), cell)
        except (ResnetError, KeyboardInterrupt) as error:
            # what IPython shows: the way through this package would only hide what is wrong
            lines = f"{type(error).__name__}: {error}".splitlines()
            setattr(error, "_render_traceback_", lambda: lines)  # noqa: B010 - a hook of IPython's
            raise

    def _run(self, options: argparse.Namespace, cell: str) -> Any:
        java = self._open()
        for name in options.i:
            if name not in self._shell.user_ns:
                raise UsageError(f"there is no variable {name!r} to give to Java")
            value = self._shell.user_ns[name]
            self._put(java, name, value)
            self._given[name] = value if isinstance(value, Model) else None
        with jvm.translated_errors():
            java.start(_whole(cell, "the cell"))
            self._follow(java)
            result = json.loads(str(java.result()))
        if result["state"] == "stopped":
            raise KeyboardInterrupt("the Java cell was interrupted")
        if result["error"]:
            raise _error(result["error"])
        # all or, after an error, none
        self._shell.user_ns.update({name: self._get(java, name) for name in options.o})
        if result["value"] is None:
            return None
        value = self._get(java, result["value"])
        return _Shown(str(java.text(value))) if jvm.is_java(value) else value

    def flush(self, *_: object) -> None:
        """Prints what Java has printed meanwhile, also between cells."""
        if self._java is None:
            return
        if not jvm.is_running():
            self._java = None
            return
        for piece in json.loads(str(self._java.output())):
            print(piece["text"], end="", file=getattr(sys, piece["stream"]), flush=True)

    def close(self) -> None:
        """Gives Java its own output back."""
        self.flush()  # which takes note of a JVM that is gone
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
        """Prints what the cell prints until it ends; a signal asks it to end, and then makes it."""
        asked = killed = False
        since = 0.0
        with signals((signal.SIGINT,), lenient=True) as received:
            while not java.await_(_POLL_MILLISECONDS):
                self.flush()
                now = time.monotonic()
                if received and not asked:
                    java.stop()
                    asked, since = True, now
                elif java.isSaving():
                    since = now
                elif asked and now - since > _SECONDS_TO_END:
                    if killed:
                        raise KeyboardInterrupt(_NOT_ENDED)
                    java.kill()
                    killed, since = True, now
        self.flush()

    def _put(self, java: Any, name: str, value: Any) -> None:
        with jvm.translated_errors():
            variables = java.variables()
            if isinstance(value, Model):
                variables.putNetwork(name, value.handle)
                self._models[value.handle] = value
            elif jvm.is_java(value):
                variables.putObject(name, value)
            elif isinstance(value, (bool, np.bool_)):
                variables.putTruth(name, bool(value))
            elif isinstance(value, (int, np.integer)):
                if not -LONG - 1 <= value <= LONG:
                    raise UsageError(f"{name} does not fit into a long of Java; received {value}")
                variables.putWhole(name, int(value))
            elif isinstance(value, (float, np.floating)):
                variables.putReal(name, float(value))
            elif isinstance(value, str):
                variables.putObject(name, jvm.to_java_string(_whole(value, name)))
            elif isinstance(value, np.ma.MaskedArray):
                raise UsageError(f"{name} is a masked array, whose mask cannot cross; give {name}.filled(value)")
            elif isinstance(value, np.ndarray):
                if value.dtype.name not in _TYPES:
                    raise UsageError(
                        f"an array for Java must have a dtype of {', '.join(_TYPES)}; {name} has dtype {value.dtype}. "
                        f"Convert it with {name}.astype"
                    )
                # a buffer has at least one axis; bytes tell nothing of their order
                native = np.ascontiguousarray(np.atleast_1d(value), dtype=value.dtype.newbyteorder("="))
                buffer = jvm.to_direct_buffer(native.view(np.uint8))
                variables.putArray(name, buffer, _djl_name(value.dtype.name), [int(n) for n in value.shape])
            else:
                raise UsageError(
                    f"{name} is of type {type(value).__name__}, which cannot cross to Java; numbers, strings, numpy "
                    "arrays, networks and objects of Java can. Make an array of a list, as np.array(...) does"
                )

    def _get(self, java: Any, name: str) -> Any:
        with jvm.translated_errors():
            variable = java.variables().get(name)
            kind, value = str(variable.kind()), variable.value()
            if kind == "array":
                dtype = np.dtype(_numpy_name(str(variable.type())))
                return np.array(jvm.from_direct_buffer(value, tuple(variable.shape()), dtype))
            if kind == "network":
                # one Model for a network, or closing one would close the other
                known = self._models.get(value)
                if known is None:
                    self._models[value] = known = Model(value, owned=False)  # its Java variable may outlive this
                return known
        if kind == "html":
            from IPython.display import HTML

            return HTML(str(value))
        plain: dict[str, Any] = {"whole": int, "real": float, "truth": bool, "text": str}
        if kind in plain:
            return plain[kind](value)
        return None if kind == "null" else jvm.from_java_array(value)


class _Shown:
    """A Java object as the result of a cell."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%%java: {message}; write %%java -i NAMES -o NAMES, names separated by commas")


def _parse(line: str) -> argparse.Namespace:
    parser = _Parser(prog="%%java", add_help=False, allow_abbrev=False)
    for option in ("-i", "-o"):
        parser.add_argument(option, action="extend", nargs="+", default=[], metavar="NAMES")
    try:
        words = shlex.split(line)
    except ValueError as error:
        parser.error(f"{str(error).lower()} in {line!r}")
    options = parser.parse_args(words)
    for option in ("i", "o"):
        names = [name for name in ",".join(getattr(options, option)).split(",") if name]
        if not all(name.isidentifier() and not keyword.iskeyword(name) for name in names):
            parser.error(f"-{option} takes names of variables, received {', '.join(map(repr, names))}")
        setattr(options, option, names)
    return options


def _whole(text: str, name: str) -> str:
    """The text itself, if it consists of characters."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"{name} has half a character, {text[error.start]!a} at index {error.start}, which cannot cross to Java"
        ) from None
    return text


def _error(error: dict[str, Any]) -> JavaError:
    head = error["kind"] if error["message"] is None else f"{error['kind']}: {error['message']}"
    lines = [head]
    if error["line"] is not None:
        source = "" if error["source"] is None else f": {error['source'].strip()}"
        lines.append(f"    Java cell {error['cell']}, line {error['line']}{source}")
    lines += error["trace"][1:]
    return JavaError(error["kind"], error["message"], error["cell"], error["line"], lines)


def _djl_name(dtype: str) -> str:
    return "BOOLEAN" if dtype == "bool" else dtype.upper()


def _numpy_name(djl: str) -> str:
    return "bool" if djl == "BOOLEAN" else djl.lower()
