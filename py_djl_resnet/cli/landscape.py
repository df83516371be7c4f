"""The command ``landscape`` and its subcommands."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from . import landscape_hessian, landscape_interpolate, landscape_plot, landscape_surface, landscape_trajectory

HELP = """Measure the loss of a network around its weights, and draw it.

landscape CHECKPOINT is short for landscape surface CHECKPOINT. Each subcommand has its own --help."""
USAGE = "%(prog)s [SUBCOMMAND] [OPTION ...] CHECKPOINT"
EXAMPLES = landscape_surface.EXAMPLES

_SUBCOMMANDS = (
    *(landscape_surface, landscape_interpolate, landscape_trajectory),
    *(landscape_hessian, landscape_plot),
)


def name(subcommand: ModuleType) -> str:
    """Returns the name on the command line."""
    return subcommand.__name__.rpartition("_")[2]


def add_subcommands(parser: argparse.ArgumentParser, add: Callable[[Any, ModuleType, str], None]) -> None:
    """Adds each subcommand with `add`, as the program's parser adds commands."""
    commands = parser.add_subparsers(
        dest="subcommand", metavar="SUBCOMMAND", title="subcommands", required=True, prog=parser.prog
    )
    for subcommand in _SUBCOMMANDS:
        add(commands, subcommand, name(subcommand))


def completed(arguments: Sequence[str]) -> list[str]:
    """Returns the command's arguments with the subcommand, and with ranges that argparse takes for values."""
    names = [name(subcommand) for subcommand in _SUBCOMMANDS]
    given = list(arguments)
    if not given or given[0] not in (*names, "-h", "--help"):
        given.insert(0, "surface")
    whole: list[str] = []
    for argument in given:
        if whole and whole[-1] == "--range":
            # argparse takes -1,1 for an option
            whole[-1] = f"--range={argument}"
        else:
            whole.append(argument)
    return whole
