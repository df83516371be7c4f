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
