"""Starts the JVM and gives access to it; the other modules of the package use Java through this one.

One process has one JVM with one engine. Importing this module starts nothing.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import _jpype
import jpype

from .._process.signals import delayed_signals
from ..errors import EngineError, ResnetError, UsageError, warn
from ..settings import check_start
from . import jars, jvm_options, memory
from .arrays import from_direct_buffer, is_java, to_direct_buffer, to_python
from .exceptions import translate
from .find import Java, find_java

__all__ = [
    "bridge",
    "engine",
    "free",
    "from_direct_buffer",
    "is_java",
    "loaded_class_path",
    "processors",
    "require_no_fork",
    "set_property",
    "start",
    "to_direct_buffer",
    "to_python",
    "translated_errors",
]

_BRIDGE = "org.djlresnet.bridge.Bridge"

_lock = threading.Lock()
#: Held while the JVM starts or loads our class; Python's exit would then wait forever.
_exit_lock = threading.Lock()


@dataclass(frozen=True)
class _Started:
    """The choices made when the JVM started."""

    engine: str
    threads: int | None


_started: _Started | None = None
#: The process that has begun to start the JVM; a forked child of it cannot use Java.
_process: int | None = None
_exiting = False
#: Why the JVM did not start; JPype cannot try a second time.
_failed: EngineError | None = None


def start(
    engine: str | None = None,
    *,
    device: str = "auto",
    threads: int | None = None,
    offline: bool = False,
    quiet: bool = False,
) -> None:
    """Starts Java with an engine. Does nothing if the same engine is running with the same number of threads.

    Every function that computes starts Java itself, with the defaults below or those of its recipe. Call this first to
    choose the threads, the device or offline mode for all of them.

    Args:
        engine: `pytorch` or `mxnet`; None for the running one, else `pytorch`.
        device: `auto`, `cpu`, `gpu` or `gpu:N`; decides which native library is loaded.
        threads: CPU threads; None to keep those of the running engine, else OMP_NUM_THREADS or all cores.
        offline: whether to fail instead of downloading missing jars.
        quiet: whether to hide the progress of downloads.

    Raises:
        UsageError: an invalid argument, or another engine or number of threads than the running one.
        JavaNotFoundError: no suitable Java was found.
        JarError: a jar is missing.
        EngineError: the JVM or the GPU libraries cannot be used, another version of torch is imported in this process,
            or the process was forked from one with a JVM.
    """
    global _failed, _process, _started
    require_no_fork()
    check_start(jars.ENGINES[0] if engine is None else engine, device, threads)
    with _lock:
        if _started is not None:
            _check_running(_started, engine, threads)
            return
        engine = jars.ENGINES[0] if engine is None else engine
        if _failed is not None:
            raise _failed
        if jpype.isJVMStarted():
            raise EngineError(
                "Another library has started a JVM in this process, without this package's jars. Import and start "
                "py_djl_resnet first, or use a separate process."
            )
        try:
            os.getcwd()
        except OSError as error:  # Java would end the process
            raise EngineError(
                f"The working directory is gone or cannot be read ({error.strerror}), and Java needs one. Change to "
                "another directory."
            ) from error
        if engine == "pytorch":
            jvm_options.require_no_other_torch()
        if threads is not None and threads > processors():
            message = f"More threads than CPU cores slow training down. Received: {threads}. Cores: {processors()}."
            warn(message)
        java = find_java()
        gpu = jvm_options.gpu_libraries(engine, device)
        class_path = jars.class_path(engine, natives=gpu is None, offline=offline, quiet=quiet)
        os.environ.update(gpu or {})
        if engine == "mxnet" and (threads is not None or "OMP_NUM_THREADS" not in os.environ):
            # MXNet reads this when it is loaded; without it, it uses half of the cores
            os.environ["OMP_NUM_THREADS"] = str(threads or processors())
        memory.bound_spinning()
        memory.keep()
        options = jvm_options.process_options(java, engine, threads)
        # Ctrl-C during the start would leave a running JVM without an owner
        with delayed_signals(), _not_exiting(), jvm_options.utf8_locale():
            _process = os.getpid()
            try:
                _start_jvm(java, options, class_path)
            except EngineError as error:
                _failed = error
                raise
            _started = _Started(engine, threads)


def bridge() -> Any:
    """Returns the Java class `org.djlresnet.bridge.Bridge`; starts the JVM with the default engine if none runs."""
    if _started is None:
        start()
    else:
        _check_running(_started)
    try:
        with _not_exiting():
            return jpype.JClass(_BRIDGE)
    except TypeError as error:
        raise ResnetError(
            f"{jars.own_jar()} does not contain {_BRIDGE}. Reinstall the package with pip; in a checkout, run mvn "
            "package."
        ) from error


def engine() -> str | None:
    """Returns the engine of this process; None before the start."""
    return _started.engine if _started else None


def require_no_fork() -> None:
    """Raises :class:`EngineError` in a forked child of a process with a JVM, where any call to Java would hang."""
    if _process not in (None, os.getpid()):
        raise EngineError(
            "The JVM does not survive a fork. Start the process with the method spawn: "
            "multiprocessing.get_context('spawn')."
        )


def free(handle: Any) -> None:
    """Closes a Java object that Python has dropped; for finalizers.

    Finalizers run on any thread at any moment, so this takes no lock. In a forked child and when Python exits it does
    nothing; the memory is freed with the process.
    """
    if _exiting or not jpype.isJVMStarted():
        return
    with contextlib.suppress(RuntimeError):  # Java has ended in the meantime
        handle.close()


def set_property(name: str, value: str) -> None:
    """Sets a system property of the running JVM."""
    jpype.JClass("java.lang.System").setProperty(name, value)


def loaded_class_path() -> list[str]:
    """Returns the jars of the running JVM."""
    return str(jpype.JClass("java.lang.System").getProperty("java.class.path")).split(os.pathsep)


def processors() -> int:
    """Returns the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """Raises one of our errors for each Java exception; also a decorator.

    The Java exception is the cause of ours, or only its context if the input is wrong: its traceback helps no user.

    Raises:
        EngineError: this is a forked child.
        UsageError: text that Java cannot express. Python represents bytes that are not UTF-8 as surrogates.
    """
    require_no_fork()
    try:
        try:
            yield
        except jpype.JException as error:
            translated = translate(error)
            raise translated from (None if isinstance(translated, UsageError) else error)
    except UnicodeError as error:
        text = error.object[max(error.start - 40, 0) : error.end] if isinstance(error, UnicodeEncodeError) else ""
        received = f" Received: {text!r}." if text else ""
        raise UsageError(f"Names and paths must be valid UTF-8.{received} Correct or rename it.") from None


def _check_running(started: _Started, engine: str | None = None, threads: int | None = None) -> None:
    require_no_fork()
    if engine not in (None, started.engine):
        raise UsageError(
            f"One process can use only one engine. Received: {engine!r}, while {started.engine!r} is running. Use a "
            "separate process."
        )
    if threads not in (None, started.threads):
        raise UsageError(
            f"The number of threads is fixed when the engine starts. Received: threads={threads}, while the engine is "
            f"running with {started.threads or 'its default'}. Omit it, or use a separate process."
        )


def _start_jvm(java: Java, options: list[str], class_path: list[Path]) -> None:
    try:
        jpype.startJVM(
            *options, jvmpath=str(java.library), classpath=[str(path) for path in class_path], interrupt=False
        )
        logging = jpype.JPackage("java").util.logging
        logging.Logger.getLogger("").setLevel(logging.Level.WARNING)
    except Exception as error:
        raise EngineError(
            f"The JVM of {java.home} (Java {java.version}) failed to start: {error}. Check PY_DJL_RESNET_HEAP and "
            "JAVA_TOOL_OPTIONS, or set JAVA_HOME to another Java with the module jdk.zipfs."
        ) from error
    if threading.current_thread() is not threading.main_thread():
        # otherwise the JVM waits for this thread at exit; its next call attaches it again, as a daemon
        jpype.JClass("java.lang.Thread").detach()


@contextlib.contextmanager
def _not_exiting() -> Iterator[None]:
    """Keeps Python from exiting inside the block; raises :class:`EngineError` on other threads once it exits."""
    with _exit_lock:
        if _exiting and threading.current_thread() is not threading.main_thread():
            raise EngineError("Python is exiting, so Java can no longer be used.")
        yield


def _begin_exit() -> None:
    global _exiting
    with _exit_lock:
        _exiting = True


# registered after JPype's own handler, so that it runs before Java ends
atexit.register(_begin_exit)


def _after_fork() -> None:
    """Lets a forked child collect garbage and end. JPype would call Java, whose threads exist only in the parent."""
    global _lock, _exit_lock
    _lock, _exit_lock = threading.Lock(), threading.Lock()  # a thread of the parent may hold them
    with contextlib.suppress(RuntimeError):  # no JVM
        _jpype.shutdown(False, True)  # only detaches the child; the JVM keeps running in the parent


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
