"""Signals that have to wait while the process is where an exception must not come."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


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

    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    answered = [number for name in names if callable(signal.getsignal(number := getattr(signal, name)))]
    before = {number: signal.signal(number, receive) for number in answered}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if received:
            signal.raise_signal(received[0])
