"""Collects or delays signals where an exception must not interrupt the code."""

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

#: Sent when the terminal closes; None on systems without it.
_HANG_UP = getattr(signal, "SIGHUP", None)
#: The signals that stop a run, with its state saved.
_ENDING = (signal.SIGINT, signal.SIGTERM, *([] if _HANG_UP is None else [_HANG_UP]))
#: The environment variable of a process that :func:`stop_at_end_of_input` concerns.
STOP_AT_END_OF_INPUT = "PY_DJL_RESNET_STOP_AT_END_OF_INPUT"


@contextmanager
def signals(numbers: Sequence[int] = _ENDING, *, lenient: bool = False) -> Iterator[list[int]]:
    """Collects signals inside the block; the second one ends the process at once, unless `lenient`.

    SIGHUP stays ignored if it is. A second SIGHUP does not end the process: when a terminal closes, both its shell and
    the system send one.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def receive(number: int, frame: FrameType | None) -> None:
        if received and not lenient and number != _HANG_UP:
            os._exit(128 + received[0])
        received.append(number)

    ignored = {number for number in numbers if number == _HANG_UP and signal.getsignal(number) is signal.SIG_IGN}
    before = {number: signal.signal(number, receive) for number in numbers if number not in ignored}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def stop_at_end_of_input() -> None:
    """Sends this process a signal as soon as its standard input ends, if the environment asks for it.

    The input is a pipe from the process that started this one, and ends with it. The signal is SIGHUP, because
    :func:`signals` accepts it even after SIGTERM; where there is none, it is SIGTERM.
    """
    if os.environ.pop(STOP_AT_END_OF_INPUT, None) is None:
        return
    number = signal.SIGTERM if _HANG_UP is None else _HANG_UP
    signal.signal(number, signal.SIG_DFL)  # nohup ignores SIGHUP

    def wait() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), number)

    threading.Thread(target=wait, daemon=True).start()


@contextmanager
def delayed_signals() -> Iterator[None]:
    """Delays signals that Python code handles, such as Ctrl-C, until the end of the block; delivers the first one.

    Signals that are ignored or end the process keep their effect. Outside the main thread this does nothing, because
    Python handles signals there only.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []

    def receive(number: int, frame: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.signal(number, receive) for number in _ENDING if callable(signal.getsignal(number))}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if received:
            signal.raise_signal(received[0])
