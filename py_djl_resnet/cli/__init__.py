"""The command line: parses, calls the API, prints. Nothing is computed here."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence

from ..errors import Interrupted, ResnetError
from .parser import build_parser, parse
from .report import NAME, report, reported_warnings


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        argv: the arguments after the program's name; None takes those of the process.

    Returns:
        The exit code: 0, 1 after a failure, 2 for wrong usage or input, 130 after Ctrl-C, 143
        after SIGTERM.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a stream that is not UTF-8 gets a question mark for what it lacks, rather than half of the output
        sys.stdout.reconfigure(errors="replace")
    try:
        options = parse(build_parser(program_name()), arguments)
        with reported_warnings():
            code: int = options.run(options)
        sys.stdout.flush()
        return code
    except Interrupted as interrupted:
        report(str(interrupted))
        return interrupted.exit_code
    except ResnetError as error:
        if debug:
            traceback.print_exc()
        report(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        report("interrupted")
        return 130
    except BrokenPipeError:
        # Whoever read standard output has gone; keep Python from complaining as it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except Exception as error:
        if debug:
            traceback.print_exc()
        advice = "" if debug else " (--debug shows where)"
        report(f"error: {type(error).__name__}: {error}{advice}")
        return 1


def program_name() -> str:
    """``py-djl-resnet``, or ``python -m py_djl_resnet`` where it was called so."""
    called = os.path.basename(sys.argv[0]) if sys.argv else ""
    return "python -m py_djl_resnet" if called == "__main__.py" else NAME
