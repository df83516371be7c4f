"""Starts the Java virtual machine, and carries data and errors across. The only module with JPype code.

One process has one JVM with one engine. Importing this module starts nothing.
"""

import atexit
import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import _jpype
import jpype
import numpy as np
import numpy.typing as npt

from py_djl_resnet._java import jars, options
from py_djl_resnet._java.find import Java, find_java
from py_djl_resnet._process.signals import held_back
from py_djl_resnet.errors import EngineError, ResnetError, RunInUseError, SettingError, TrainingError, UsageError
from py_djl_resnet.settings import check_start

_BRIDGE = "org.djlresnet.bridge.Bridge"
#: Java's types of an array's elements that are numbers
_ELEMENTS = {
    "boolean": np.bool_,
    "byte": np.int8,
    "short": np.int16,
    "int": np.int32,
    "long": np.int64,
    "float": np.float32,
    "double": np.float64,
}
_ENDED = "Java has ended in this process, and cannot start again. Restart the kernel or the process."

_lock = threading.Lock()


@dataclass(frozen=True)
class _Started:
    """What was chosen when the JVM started."""

    engine: str
    threads: int | None


_started: _Started | None = None
#: The process that has begun to start the JVM; a forked child of it cannot use Java.
_process: int | None = None
_exiting = False
#: Why a JVM that began to start cannot be used, which a second try would not change.
_failed: EngineError | None = None


def start(
    engine: str | None = None,
    *,
    device: str = "auto",
    threads: int | None = None,
    offline: bool = False,
    quiet: bool = False,
) -> None:
    """Starts Java with an engine; once it runs, a call for the same engine and threads does nothing.

    Every function that computes starts Java by itself, with the defaults below or as its recipe says. Call this before
    to choose the threads, the device or the use of the network for all of them.

    Args:
        engine: `pytorch` or `mxnet`; None for the one that runs, else `pytorch`.
        device: `auto`, `cpu`, `gpu` or `gpu:N`; decides which native library is loaded.
        threads: the engine's CPU threads; None for those that it runs with, at the start OMP_NUM_THREADS, else all
            cores.
        offline: whether to fail rather than fetch missing jars.
        quiet: whether to hide the progress of fetching.

    Raises:
        UsageError: an argument that is not allowed, or another engine or number of threads than those of this process.
        JavaNotFoundError: no Java fits.
        JarError: a jar is missing.
        EngineError: the JVM or the libraries for a GPU cannot be used; this is a forked child of a process with a JVM.
    """
    global _failed, _process, _started
    require_no_fork()
    check_start(jars.ENGINES[0] if engine is None else engine, device, threads)
    with _lock:
        if _started is not None:
            _check_running(_started, engine, threads)
            return
        engine = jars.ENGINES[0] if engine is None else engine
        jars.required(engine, natives=False)
        if _failed is not None:
            raise _failed
        if jpype.isJVMStarted():
            raise EngineError(
                "Another library has started a JVM in this process, without the jars of this package. Import and start "
                "py_djl_resnet first, or use a process of its own."
            )
        try:
            os.getcwd()
        except OSError as error:  # Java would end the process
            raise EngineError(
                f"The working folder is gone or cannot be read ({error.strerror}), and Java needs one. Go to another."
            ) from error
        java = find_java()
        gpu = options.gpu_libraries(engine, device)
        class_path = jars.class_path(engine, natives=gpu is None, offline=offline, quiet=quiet)
        os.environ.update(gpu or {})
        if engine == "mxnet" and (threads is not None or "OMP_NUM_THREADS" not in os.environ):
            # read when MXNet's library is loaded; left alone it computed on one of two processors
            os.environ["OMP_NUM_THREADS"] = str(threads or processors())
        jvm_options = options.options(java, engine, threads)
        with held_back():  # an interruption would leave a JVM that runs and that nobody knows of
            _process = os.getpid()
            try:
                _start(java, jvm_options, class_path)
            except EngineError as error:
                _failed = error
                raise
            _started = _Started(engine, threads)


def bridge() -> Any:
    """The Java class `org.djlresnet.bridge.Bridge`; starts the JVM with the default engine if none runs."""
    if _started is None:
        start()
    else:
        _check_running(_started)
    try:
        return jpype.JClass(_BRIDGE)
    except TypeError as error:
        raise ResnetError(
            f"{jars.own_jar()} holds no {_BRIDGE}. Install the package again with pip; in a checkout, run mvn package."
        ) from error


def engine() -> str | None:
    """The engine of this process, None before the start."""
    return _started.engine if _started else None


def is_running() -> bool:
    """Whether Java runs in this process: not before the start, not after its end, not in a forked child."""
    return bool(jpype.isJVMStarted())


def require_no_fork() -> None:
    """Raises :class:`EngineError` in a forked child of a process with a JVM, where any call of Java would hang."""
    if _process not in (None, os.getpid()):
        raise EngineError(
            "The JVM does not survive a fork. Start the process with the method spawn: "
            "multiprocessing.get_context('spawn')."
        )


def free(handle: Any) -> None:
    """Closes an object of Java that Python has dropped; for finalizers.

    Runs on any thread and amid any code, so it takes no lock. It does nothing in a forked child and once Python ends,
    when the memory goes with the process.
    """
    if _exiting or not is_running():
        return
    with contextlib.suppress(RuntimeError):  # Java has ended in between
        handle.close()


def set_property(name: str, value: str) -> None:
    """Set a system property of the running JVM."""
    jpype.JClass("java.lang.System").setProperty(name, value)


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """Turn a Java exception into one of ours, with the Java one as its cause; a context manager and a decorator.

    Raises:
        EngineError: this is a forked child.
    """
    require_no_fork()
    try:
        yield
    except jpype.JException as error:
        try:
            translated = _translated(error)
        except jpype.JException as again:
            if not isinstance(again, jpype.JClass("java.lang.OutOfMemoryError")):
                raise
            # no heap is left even to ask what is wrong
            translated = _heap_is_full("java.lang.OutOfMemoryError")
        raise translated from error
    except RuntimeError as error:
        if is_running():
            raise
        raise EngineError(_ENDED) from error


def to_direct_buffer(array: npt.NDArray[Any]) -> Any:
    """The memory of `array` as a direct `ByteBuffer` in native byte order.

    Args:
        array: any shape and numeric type; one that is not contiguous, or not in native byte order, is copied.

    Returns:
        The buffer, which keeps the array alive; Java sees later changes of the array.
    """
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    buffer = jpype.nio.convertToDirectBuffer(native)
    return buffer.order(jpype.JClass("java.nio.ByteOrder").nativeOrder())


def from_direct_buffer(buffer: Any, shape: Sequence[int], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """A direct `ByteBuffer` in native byte order as an array on the same memory.

    Args:
        buffer: the buffer; it is kept alive by the array, but not what a native library may free behind it.
        shape: the shape of the array, C order.
        dtype: the type of its elements.
    """
    return np.asarray(buffer).view(dtype).reshape(tuple(shape))


def loaded_class_path() -> list[str]:
    """The jars of the running JVM."""
    return str(jpype.JClass("java.lang.System").getProperty("java.class.path")).split(os.pathsep)


def is_java(value: object) -> bool:
    """Whether this is an object of Java."""
    return isinstance(value, (jpype.JObject, jpype.JString))


def to_java_string(text: str) -> object:
    """A `String` of Java."""
    return jpype.JString(text)


def from_java_array(value: object) -> object:
    """An array of Java's numbers as one of numpy, copied; anything else, such as a ragged array, as it is."""
    if not isinstance(value, jpype.JArray):
        return value
    element, *axes = str(value.getClass().getTypeName()).split("[]")
    if element not in _ELEMENTS:
        return value
    try:
        array: npt.NDArray[Any] = np.array(value, dtype=_ELEMENTS[element])
    except (TypeError, ValueError):
        return value
    # Java does not say how long the rows are that are not there
    return array if array.ndim == len(axes) else array.reshape(array.shape + (0,) * (len(axes) - array.ndim))


def _check_running(started: _Started, engine: str | None = None, threads: int | None = None) -> None:
    require_no_fork()
    if not is_running():
        raise EngineError(_ENDED)
    if engine not in (None, started.engine):
        raise UsageError(
            f"One process has one engine. Received: {engine!r}, while {started.engine!r} runs. Use another process "
            "for it."
        )
    if threads not in (None, started.threads):
        raise UsageError(
            f"The number of threads is set when the engine starts. Received: threads={threads}, while the engine runs "
            f"with {started.threads or 'as many as it chose'}. Leave it out, or use another process for it."
        )


def _start(java: Java, options: list[str], class_path: list[Path]) -> None:
    try:
        jpype.startJVM(
            *options, jvmpath=str(java.library), classpath=[str(path) for path in class_path], interrupt=False
        )
        logging = jpype.JPackage("java").util.logging
        logging.Logger.getLogger("").setLevel(logging.Level.WARNING)
    except Exception as error:
        raise EngineError(
            f"The JVM of {java.home} (Java {java.version}) does not start: {error}. Check PY_DJL_RESNET_HEAP and "
            "JAVA_TOOL_OPTIONS, or set JAVA_HOME to another Java, with the module jdk.zipfs."
        ) from error
    if threading.current_thread() is not threading.main_thread():
        # the JVM would wait for this thread at exit; it is attached again, as a daemon, when it next calls Java
        jpype.JClass("java.lang.Thread").detach()


def _translated(error: Any) -> ResnetError:
    """Our error for a Java exception, by the first class of its chain that says what went wrong."""
    chain = [error]
    while (cause := chain[-1].getCause()) is not None and len(chain) < 20:
        chain.append(cause)
    messages = [str(link.getMessage() or "") for link in chain]
    kinds = [_classes(link) for link in chain]
    for classes, message in zip(kinds, messages, strict=True):
        if "org.djlresnet.training.RunInUseException" in classes:
            return RunInUseError(message)
        if "org.djlresnet.recipe.SettingException" in classes:
            return SettingError(message)
        if "org.djlresnet.UserException" in classes:
            return UsageError(message)
        if "org.djlresnet.TrainingException" in classes:
            return TrainingError(message)
        if "java.lang.InterruptedException" in classes:  # nobody interrupts our threads but Java's end
            return EngineError(_ENDED)
    for classes, message in zip(kinds, messages, strict=True):
        if "java.lang.OutOfMemoryError" in classes:
            return _heap_is_full(message)
        if not {"java.lang.UnsatisfiedLinkError", "java.lang.NoClassDefFoundError"}.isdisjoint(classes):
            return EngineError(
                f"The engine's native library cannot be loaded: {message}. Run py-djl-resnet doctor to see why."
            )
        if "ai.djl.engine.EngineException" in classes:
            return EngineError(
                f"The engine failed: {message or messages[-1]}. If memory ran out, use smaller batches; else run "
                "py-djl-resnet doctor."
            )
    return ResnetError(messages[0] or kinds[0][0])


def _heap_is_full(message: str) -> EngineError:
    return EngineError(
        f"Java's heap is full: {message}. Give it more with PY_DJL_RESNET_HEAP, such as 4g, or use smaller batches."
    )


def _classes(thrown: Any) -> list[str]:
    """The names of a Java object's class and of those that it extends, its own first."""
    names = []
    java_class = thrown.getClass()
    while java_class is not None:
        names.append(str(java_class.getName()))
        java_class = java_class.getSuperclass()
    return names


def _begin_exit() -> None:
    global _exiting
    _exiting = True


# registered after JPype's own, so that it runs before Java ends
atexit.register(_begin_exit)


def _after_fork() -> None:
    """Lets a child collect garbage and end, for which JPype would call Java, whose threads stayed behind."""
    global _lock
    _lock = threading.Lock()  # a thread of the parent may hold it
    with contextlib.suppress(RuntimeError):  # no JVM
        _jpype.shutdown(False, True)  # forgets the JVM, which goes on in the parent


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
