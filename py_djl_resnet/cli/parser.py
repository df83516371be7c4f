"""The parser: every command with its options, and errors in this package's own form."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import Any, NoReturn

from .. import __version__
from ..checks import nearest
from ..errors import UsageError
from . import (
    bypass,
    datasets,
    doctor,
    evaluate,
    export,
    import_,
    landscape,
    lesion,
    lr_find,
    models,
    notebook,
    plot,
    predict,
    recipes,
    shattering,
    study,
    summary,
    train,
    vae,
)
from .options import add_debug

_COMMANDS = (
    *(train, lr_find, summary, evaluate, bypass, lesion, shattering, landscape, vae, study, predict, import_),
    *(export, plot, models, datasets, recipes, notebook, doctor),
)

#: What other programs call our options.
_ALIASES = {
    "--arch": "--model",
    "--gpu": "--device",
    "--learning-rate": "--lr",
    "--lr-scheduler": "--schedule",
    "--output": "--out",
    "--pretrained": "--weights",
    "--wd": "--weight-decay",
    "--workers": "--threads",
}

#: argparse's errors, and ours.
_MESSAGES: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"argument (\S+): expected (?:one|at least one) argument", r"\1 needs a value."),
    (
        r"argument (\S+): invalid choice: (.+) \(choose from (.*)\)",
        lambda found: f"{found[1]} is unknown. Received: {found[2]}. Allowed: {found[3].replace(chr(39), '')}.",
    ),
    (r"the following arguments are required: (.*)", r"Arguments are missing: \1."),
    (r"argument (\S+): not allowed with argument (\S+)", r"\1 cannot be combined with \2."),
    (r"argument (\S+): ignored explicit argument (.*)", r"\1 takes no value. Received: \2."),
    (r"argument (\S+): (.*)", r"\1 \2"),
)


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are :class:`UsageError`."""

    def error(self, message: str) -> NoReturn:
        """Raises instead of printing the usage and exiting."""
        for pattern, ours in _MESSAGES:
            message, found = re.subn(f"^{pattern}$", ours, message, flags=re.DOTALL)
            if found:
                break
        raise UsageError(f"{message.rstrip('.')}. See {self.prog} --help.")


class _Help(argparse.HelpFormatter):
    """Wraps each paragraph of a description; keeps the lines of examples."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = text.split("\n\n")
        return "\n\n".join(part if "\n  " in part else "\n".join(_wrapped(part, width)) for part in paragraphs)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return _wrapped(text, width)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False)


def build_parser(prog: str) -> Parser:
    """Returns the parser of all commands; parsed options have ``run``, which takes them."""
    parser = Parser(
        prog=prog,
        description="Train, evaluate and use residual networks on DJL, the deep-learning library of the JVM.",
        epilog=f"example:\n  {prog} train --epochs 10\n\nHelp on a command: {prog} COMMAND --help",
        formatter_class=_Help,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"py-djl-resnet {__version__}", help="show the version")
    add_debug(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for command in _COMMANDS:
        _add(commands, command, _name(command), prog)
    return parser


def _add(commands: Any, command: ModuleType, name: str, prog: str) -> None:
    text = command.HELP.strip()
    sub = commands.add_parser(
        name,
        usage=getattr(command, "USAGE", None),
        help=text.splitlines()[0],
        description=text,
        epilog=_examples(prog, command.EXAMPLES),
        formatter_class=_Help,
        allow_abbrev=False,
    )
    if command is landscape:
        landscape.add_subcommands(sub, lambda group, one, name: _add(group, one, name, prog))
        return
    command.add_arguments(sub)
    add_debug(sub)
    sub.set_defaults(run=command.run, parser=sub)


def parse(parser: Parser, arguments: Sequence[str]) -> Any:
    """Parses `arguments`."""
    names = [_name(command) for command in _COMMANDS]
    given = [argument for argument in arguments if argument != "--debug"]
    command = given[0] if given else ""
    if not command:
        raise UsageError(f"No command given. Allowed: {', '.join(names)}. See {parser.prog} --help.")
    if command.startswith("-") and command not in ("-h", "--help", "--version"):
        later = next((name for name in given if name in names), "COMMAND")
        raise UsageError(
            f"Unknown option before the command. Received: {command!r}. Options follow it: {parser.prog} {later} "
            f"{command}"
        )
    if not command.startswith("-") and command not in names:
        raise UsageError(
            f"Unknown command. Received: {command!r}.{nearest(command, names)} Allowed: {', '.join(names)}. "
            f"See {parser.prog} --help."
        )
    if command == "landscape":
        at = list(arguments).index(command) + 1
        arguments = [*arguments[:at], *landscape.completed(arguments[at:])]
    options, rest = parser.parse_known_args(arguments)
    if rest:
        option = rest[0].partition("=")[0]
        if option.startswith("-"):
            what = f"Unknown option. Received: {option!r}.{_known(option, options.parser._option_string_actions)}"
        else:
            what = f"Unexpected argument {rest[0]!r}."
        raise UsageError(f"{what} See {options.parser.prog} --help.")
    return options


def _known(option: str, known: Iterable[str]) -> str:
    """Returns advice for an unknown option: another program's name, the start of a name, or a near miss."""
    known = [name for name in known if name.startswith("--")]
    longer = [name for name in known if name.startswith(option)]
    alias = _ALIASES.get(option.replace("_", "-"))
    if alias in known:
        return f" Did you mean {alias!r}?"
    if len(longer) == 1:
        return f" Did you mean {longer[0]!r}?"
    # Short names share letters by chance: --optimizer is no --engine
    return nearest(option, known, cutoff=0.8)


def _name(command: ModuleType) -> str:
    # "import" is a keyword, so its module is import_
    return command.__name__.rpartition(".")[2].rstrip("_").replace("_", "-")


def _examples(prog: str, examples: Sequence[str]) -> str:
    return "\n".join(
        ["examples:" if len(examples) > 1 else "example:"] + [f"  {prog} {example}" for example in examples]
    )
