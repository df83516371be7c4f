"""The errors of this package.

Each carries the exit code with which the command line ends: 2 when the caller gave something wrong, 1 otherwise.
"""


class ResnetError(Exception):
    """Any failure that this package reports; its text says what happened and what to do."""

    exit_code = 1


class UsageError(ResnetError, ValueError):
    """The caller gave something wrong: an argument, a setting, a file."""

    exit_code = 2


class JavaNotFoundError(ResnetError):
    """No Java that fits could be found."""


class JarError(ResnetError):
    """A jar is missing, damaged, or could not be fetched."""


class EngineError(ResnetError):
    """The deep-learning engine could not be started, or failed while running."""


class TrainingError(ResnetError):
    """A training run could not go on."""
