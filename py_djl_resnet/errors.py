"""The errors of this package.

``exit_code`` is the exit code of the command line: 2 for wrong input, 1 for another failure.
"""

from __future__ import annotations

import signal
import sys
import warnings
from pathlib import Path
from typing import Any

from ._tables import counted

_PACKAGE = f"{__package__}."


class ResnetError(Exception):
    """Any failure that this package reports. The message says what happened and what to do.

    Attributes:
        run: the :class:`Run` that the failure ended, with its history and its network: as it was then or, with early
            stopping, at its best. None if no training had begun.
    """

    exit_code = 1
    run: Any = None  # a Run, whose module imports this one


class ResnetWarning(UserWarning):
    """A problem that does not stop the work."""


def warn(message: str) -> None:
    """Issues a :class:`ResnetWarning` that points to the calling line outside this package."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, ResnetWarning, stacklevel=level)


class UsageError(ResnetError, ValueError):
    """The caller's input is wrong: an argument, a setting, a file."""

    exit_code = 2


class SettingError(UsageError):
    """A setting or argument has a value that is not allowed, alone or in combination.

    The message puts the names of settings and arguments, and nothing else, in double quotes.
    """


class RunInUseError(UsageError):
    """Another process is writing to the run folder. When it ends, the same call may succeed."""


class JavaNotFoundError(ResnetError):
    """No suitable Java was found."""


class JarError(ResnetError):
    """A jar is missing or damaged, or could not be fetched."""


class DataError(ResnetError):
    """The files of a data set could not be fetched."""


class EngineError(ResnetError):
    """The deep-learning engine failed to start, or failed while running."""


class TrainingError(ResnetError):
    """A training run failed."""


class JavaError(ResnetError):
    """A notebook's Java cell did not compile, or threw an exception.

    Attributes:
        kind: the exception's class, or ``CompilationError``.
        message: Java's message.
        cell: the number of the Java cell, from 1.
        line: the line in that cell, from 1; None if it is unknown.
    """

    def __init__(self, kind: str, message: str | None, cell: int, line: int | None, lines: list[str]) -> None:
        self.kind, self.message, self.cell, self.line = kind, message, cell, line
        super().__init__("\n".join(lines))


class Interrupted(ResnetError):  # noqa: N818 - an interruption is no error
    """Ctrl-C, SIGTERM or SIGHUP ended a training run after a batch, and its state was saved.

    Attributes:
        signal: the signal.
        run: the :class:`Run`, with its history and its current network or, with patience, its best network.
        folder: the run folder, which holds ``last.safetensors``; None if nothing is kept on disk.
        history: the rows of the completed epochs.
    """

    def __init__(self, signal: signal.Signals, run: Any, how_to_resume: str) -> None:
        self.signal = signal
        self.run = run
        self.folder = run.folder
        self.history = run.history
        self.exit_code = 128 + signal.value
        epochs = counted(len(run.history), "full epoch")
        super().__init__(f"Training was interrupted by {signal.name} after {epochs}. {how_to_resume}")


class LandscapeInterrupted(Interrupted):
    """A signal ended the measurement of a landscape; its points are saved.

    Attributes:
        signal: the signal.
        folder: the landscape's folder; None if nothing is saved.
    """

    def __init__(self, signal: signal.Signals, folder: Path | None, saved: str) -> None:
        self.signal = signal
        self.run, self.folder, self.history = None, folder, []
        self.exit_code = 128 + signal.value
        ResnetError.__init__(
            self,
            f"The measurement was interrupted by {signal.name}. {saved}"
            + ("" if folder is None else " Repeat the same command to resume."),
        )
