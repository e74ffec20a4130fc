"""The command line: the application on top of all packages."""

from __future__ import annotations

import signal
import sys
import warnings
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Any

from streamlearn.cli.exit_codes import EXIT_FAILED, EXIT_OK, EXIT_SIGNAL, EXIT_WRITE


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code (:mod:`streamlearn.cli.exit_codes`)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without "µ" is no reason to fail
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run a command and return its exit code; errors are one line on standard error."""
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"] or ["--help"]
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            return _run(arguments)
    except (KeyboardInterrupt, Exception) as error:
        if debug:
            raise
        return _failed(_in_one_line(error), _exit_code(error))


def _exit_code(error: BaseException) -> int:
    from streamlearn.errors import WriteError

    if isinstance(error, WriteError):
        return EXIT_WRITE
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        return EXIT_SIGNAL + signal.SIGINT
    return int(getattr(error, "exit_code", EXIT_FAILED))


def _run(arguments: list[str]) -> int:
    from typer.main import get_command

    from streamlearn.cli.app import app

    try:
        result = get_command(app).main(arguments, prog_name="streamlearn", standalone_mode=False)
    except _click_errors() as error:
        context = getattr(error, "ctx", None)
        where = f" (see `{context.command_path} --help`)" if context is not None else ""
        return _failed(error.format_message().rstrip(".") + where, int(error.exit_code))
    return result if isinstance(result, int) else EXIT_OK


def _in_one_line(error: BaseException) -> str:
    import firmware_sim
    from streamlearn.cli.endings import Interrupted
    from streamlearn.errors import StreamlearnError

    if isinstance(error, (StreamlearnError, firmware_sim.FirmwareSimError, Interrupted)):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        return "interrupted"
    if isinstance(error, MemoryError):
        return f"not enough memory: {error or 'use a smaller network'}"
    return f"{type(error).__name__}: {error} (a bug: run again with --debug)"


def _click_errors() -> tuple[type[Any], ...]:
    """Typer carries its own copy of click in newer versions, and uses click in older ones."""
    found: list[type[Any]] = []
    for module in ("typer._click.exceptions", "click.exceptions"):
        try:
            found.append(__import__(module, fromlist=["ClickException"]).ClickException)
        except ImportError:
            continue
    return tuple(found)


def _failed(message: str, code: int = EXIT_FAILED) -> int:
    print(f"streamlearn: {' '.join(message.split())}", file=sys.stderr)
    return code


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: str | None = None,
) -> None:
    del filename, lineno, file, line
    print(f"streamlearn: {category.__name__}: {message}", file=sys.stderr)
