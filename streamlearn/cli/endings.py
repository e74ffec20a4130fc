"""How a command ends early: each ending has its message and its exit code."""

from __future__ import annotations

import signal

from streamlearn.cli.exit_codes import (
    EXIT_BUSY,
    EXIT_DIFFERENT,
    EXIT_FAILED,
    EXIT_SIGNAL,
    EXIT_STREAM,
    EXIT_WRITE,
)
from streamlearn.errors import StreamlearnError


class CommandError(StreamlearnError):
    """A command that cannot do what was asked, said in one line."""

    exit_code = EXIT_FAILED


class StreamCutError(CommandError):
    """A stream that ended early: a bad row, an unplugged port. What was learned is kept."""

    exit_code = EXIT_STREAM


class NotWrittenError(CommandError):
    """Results that could not be written."""

    exit_code = EXIT_WRITE


class BusyError(CommandError):
    """A folder that another process works in."""

    exit_code = EXIT_BUSY


class DifferentError(CommandError):
    """Two things that were to be the same and are not, such as a device and the desk."""

    exit_code = EXIT_DIFFERENT


class Interrupted(Exception):  # noqa: N818 - an ending, not an error
    """A signal, after everything that was done has been kept.

    Parameters
    ----------
    message : str
    number : int
        The signal's; Ctrl-C is SIGINT.
    """

    def __init__(self, message: str, number: int = signal.SIGINT) -> None:
        super().__init__(message)
        self.exit_code = EXIT_SIGNAL + number


def by_signal(number: int) -> str:
    """Return what happened, for people: Ctrl-C is what they pressed, others have names."""
    return "interrupted" if number == signal.SIGINT else f"stopped by {signal.Signals(number).name}"
