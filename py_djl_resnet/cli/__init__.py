"""The command line: parses, calls the API, prints. Nothing is computed here."""

from __future__ import annotations

import io
import os
import re
import sys
import traceback
from collections.abc import Sequence
from typing import Any, TextIO, cast

from .._process.streams import Lenient, flushed, lenient, open_closed
from ..errors import Interrupted, ResnetError
from .output import NAME, fail, report, reported_warnings
from .parser import build_parser, parse

#: The exit code of a process killed by SIGPIPE, for when the reader of standard output is gone.
_READER_GONE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        argv: the arguments after the program's name; None for those of the process.

    Returns:
        The exit code: 0, 1 after a failure, 2 after a usage or input error, 130 after Ctrl-C. Commands that save
        their state, such as train, landscape and study run, return 143 after SIGTERM and 129 after SIGHUP.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    open_closed()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # If the encoding lacks a character, print a question mark instead of failing
        sys.stdout.reconfigure(errors="replace")
    streams = sys.stdout, sys.stderr
    # A full disk must not stop a command, least of all a training run; it is reported at the end
    sys.stdout = cast(TextIO, Lenient(sys.stdout, raised=(BrokenPipeError,)))
    sys.stderr = lenient(sys.stderr)
    try:
        return _written(_code(arguments), streams[0])
    except SystemExit:  # after --help
        if failure := _written(0, streams[0]):
            return failure
        raise
    finally:
        sys.stdout, sys.stderr = streams
        flushed(sys.stderr)


def _code(arguments: Sequence[str]) -> int:
    """Runs a command, reports its failure in one line, and returns the exit code."""
    debug = "--debug" in arguments
    options: Any = None
    try:
        options = parse(build_parser(program_name()), arguments)
        with reported_warnings():
            code: int = options.run(options)
        return code
    except Interrupted as interrupted:
        report(str(interrupted))
        return interrupted.exit_code
    except ResnetError as error:
        if debug:
            link: BaseException | None = error
            while link is not None:  # shows the Java exception
                link.__suppress_context__, link = False, link.__context__
            traceback.print_exc()
        fail(_as_typed(str(error), options))
        return error.exit_code
    except KeyboardInterrupt:
        report("interrupted")
        return 130
    except BrokenPipeError:
        return _READER_GONE
    except Exception as error:
        if debug:
            traceback.print_exc()
        advice = "" if debug else " (use --debug for the traceback)"
        fail(f"{type(error).__name__}: {error}{advice}")
        return 1


def _as_typed(message: str, options: Any) -> str:
    """Returns an error about an argument of the API with the name that it has on the command line."""
    found = re.match(r"(\w+) (?=must|needs|has|is unknown|cannot)", message)
    if found is None or options is None:
        return message
    option = "--" + found[1].replace("_", "-")
    if option in options.parser._option_string_actions:
        return f"{option} {message[found.end() :]}"
    for action in options.parser._positionals._group_actions:
        if action.dest == found[1]:
            return f"{action.metavar or action.dest} {message[found.end() :]}"
    return message


def _written(code: int, output: TextIO) -> int:
    """Flushes standard output and returns `code`, or that of the failure to do so if `code` is 0."""
    failure = flushed(output) or getattr(sys.stdout, "failure", None)
    if isinstance(failure, BrokenPipeError):
        return code or _READER_GONE
    if failure is not None:
        fail(f"Standard output cannot be written: {failure.strerror}.")
        return code or 1
    return code


def program_name() -> str:
    """Returns ``py-djl-resnet``, or ``python -m py_djl_resnet`` if called that way."""
    called = os.path.basename(sys.argv[0]) if sys.argv else ""
    return "python -m py_djl_resnet" if called == "__main__.py" else NAME
