"""The parser: every command with its options, and errors in this package's own form."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NoReturn

from .. import __version__
from ..checks import nearest
from ..errors import UsageError
from . import bypass, datasets, doctor, evaluate, export, import_, models, notebook, plot, predict, summary, train

_COMMANDS = (train, summary, evaluate, bypass, predict, import_, export, plot, models, datasets, notebook, doctor)


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are :class:`UsageError`."""

    def error(self, message: str) -> NoReturn:
        """Raises instead of printing the usage and leaving."""
        raise UsageError(f"{message.removeprefix('argument ')}; see {self.prog} --help")


class _Help(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30)


def build_parser(prog: str) -> Parser:
    """The parser of all commands; parsed options have ``run``, which takes them."""
    parser = Parser(
        prog=prog,
        description="Residual networks on the JVM with DJL: train, evaluate, predict.",
        epilog=f"example:\n  {prog} train --epochs 10\n\n{prog} COMMAND --help explains a command.",
        formatter_class=_Help,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"py-djl-resnet {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for command in _COMMANDS:
        name = _name(command)
        text = (command.__doc__ or "").strip()
        sub = commands.add_parser(
            name,
            help=text.splitlines()[0],
            description=text,
            epilog=_examples(prog, command.EXAMPLES),
            formatter_class=_Help,
            allow_abbrev=False,
        )
        command.add_arguments(sub)
        sub.add_argument("--debug", action="store_true", help="show the whole traceback of an error")
        sub.set_defaults(run=command.run, parser=sub)
    return parser


def parse(parser: Parser, arguments: Sequence[str]) -> Any:
    """The options of `arguments`.

    Raises:
        UsageError: no command, an unknown command or option (with the nearest name), a bad value.
    """
    names = [_name(command) for command in _COMMANDS]
    command = arguments[0] if arguments else ""
    if not command:
        raise UsageError(f"give a command: {', '.join(names)}; see {parser.prog} --help")
    if not command.startswith("-") and command not in names:
        raise UsageError(f"Unknown command {command!r}.{nearest(command, names)} Allowed: {', '.join(names)}.")
    options, rest = parser.parse_known_args(arguments)
    if rest:
        known = list(getattr(options, "parser", parser)._option_string_actions)
        option = rest[0].partition("=")[0]
        kind = "option" if option.startswith("-") else "argument"
        raise UsageError(f"Unknown {kind} {option!r}.{nearest(option, known)} See {parser.prog} {command} --help.")
    if "run" not in options:
        raise UsageError(f"give a command: {', '.join(names)}; see {parser.prog} --help")
    return options


def _name(command: ModuleType) -> str:
    # import is a word of the language, and its module therefore import_
    return command.__name__.rpartition(".")[2].rstrip("_")


def _examples(prog: str, examples: Sequence[str]) -> str:
    return "\n".join(
        ["examples:" if len(examples) > 1 else "example:"] + [f"  {prog} {example}" for example in examples]
    )
