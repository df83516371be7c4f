"""Signals that are collected, or have to wait, while the process is where an exception must not come."""

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

#: A terminal that has closed; None where the system knows no such signal.
_HANG_UP = getattr(signal, "SIGHUP", None)
#: What ends a run with its state saved.
_ENDING = (signal.SIGINT, signal.SIGTERM, *([] if _HANG_UP is None else [_HANG_UP]))


@contextmanager
def signals(numbers: Sequence[int] = _ENDING, *, lenient: bool = False) -> Iterator[list[int]]:
    """Collects signals while a run lasts; unless `lenient`, the second one ends the process at once.

    SIGHUP stays ignored where it is, and a second one is nobody's impatience: a terminal that closes sends it from
    its shell and from the system.
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
def held_back() -> Iterator[None]:
    """Delivers the signals that Python code answers, such as Ctrl-C, only after the block, the first of them.

    Signals that end the process, or are ignored, are left as they are. On another thread than the main one no signal
    is answered anyway.
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
