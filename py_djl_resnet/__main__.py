"""``python -m py_djl_resnet``, and the command ``py-djl-resnet``."""

import os
import signal
import sys


def main() -> int:
    """Runs the command line. From here on, Ctrl-C prints one line, even during imports.

    Returns:
        The exit code of :func:`py_djl_resnet.cli.main`.
    """
    usual = signal.getsignal(signal.SIGINT)
    ours = usual is signal.default_int_handler  # unless SIGINT is ignored
    if ours:
        signal.signal(signal.SIGINT, _end)
    from .cli import main as run

    try:
        if ours:
            signal.signal(signal.SIGINT, usual)
        return run()
    except KeyboardInterrupt:  # before or after the command handles it
        _end(signal.SIGINT, None)
        raise


def _end(number: int, frame: object) -> None:
    """Ends the process, because an import might swallow an exception or print a traceback."""
    os.write(2, b"py-djl-resnet: interrupted\n")
    os._exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
