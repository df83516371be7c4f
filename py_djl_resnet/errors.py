"""The errors of this package.

Each carries the exit code with which the command line ends: 2 when the caller gave something wrong,
1 otherwise.
"""

from __future__ import annotations

import shlex
import signal
from typing import TYPE_CHECKING

from ._process.surroundings import in_notebook

if TYPE_CHECKING:
    from .runs import Run


class ResnetError(Exception):
    """Any failure that this package reports; its text says what happened and what to do.

    Attributes:
        run: what the training came to that the failure ended: its history, and its network as it was then, or, with a
            patience, at its best. None where no training had begun.
    """

    exit_code = 1
    run: Run | None = None


class ResnetWarning(UserWarning):
    """What the caller should know of, though the work goes on."""


class UsageError(ResnetError, ValueError):
    """The caller gave something wrong: an argument, a setting, a file."""

    exit_code = 2


class SettingError(UsageError):
    """A setting or argument has a value that is not allowed, alone or together with others.

    The text writes the names of settings and arguments, and nothing else, in double quotes.
    """


class RunInUseError(UsageError):
    """Another run has the run folder at the moment; when it ends, the same call may do."""


class JavaNotFoundError(ResnetError):
    """No Java that fits could be found."""


class JarError(ResnetError):
    """A jar is missing, damaged, or could not be fetched."""


class DataError(ResnetError):
    """The files of a data set could not be fetched."""


class EngineError(ResnetError):
    """The deep-learning engine could not be started, or failed while running."""


class TrainingError(ResnetError):
    """A training run could not go on."""


class JavaError(ResnetError):
    """Java code of a notebook's cell could not be compiled, or threw an exception.

    Attributes:
        kind: the exception's class, or ``CompilationError``.
        message: what Java says.
        cell: the number of the Java cell, from 1.
        line: the line in that cell, from 1; None where it is not known.
    """

    def __init__(self, kind: str, message: str | None, cell: int, line: int | None, lines: list[str]) -> None:
        self.kind, self.message, self.cell, self.line = kind, message, cell, line
        super().__init__("\n".join(lines))


class Interrupted(ResnetError):  # noqa: N818 - an interruption is no error
    """A training run was ended by Ctrl-C, SIGTERM or SIGHUP, after a batch, with its state saved.

    Attributes:
        signal: what ended it.
        run: what it came to: its history, and its network as it is now, or, with a patience, as it was at its best.
        folder: the run folder, which holds ``last.safetensors``; None when nothing is kept on disk.
        history: the rows of the epochs that were completed.
    """

    def __init__(self, signal: signal.Signals, run: Run) -> None:
        self.signal = signal
        self.run = run
        self.folder = folder = run.folder
        self.history = run.history
        self.exit_code = 128 + signal.value
        on_arrays = run.recipe.dataset == "arrays"
        if in_notebook() or on_arrays:
            again = f"py_djl_resnet.resume({str(folder)!r}{', dataset=the same arrays' if on_arrays else ''})"
        else:
            again = f"py-djl-resnet train --resume {shlex.quote(str(folder))}"
        kept = (
            "nothing is kept on disk; its network is run.model of this exception"
            if folder is None
            else f"its state is saved in {folder / 'last.safetensors'}; go on with: {again}"
        )
        super().__init__(f"training was interrupted by {signal.name} after {len(run.history)} full epochs; {kept}")
