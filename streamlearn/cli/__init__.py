"""The command line: the application on top of all packages."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Any

EXIT_OK, EXIT_FAILED, EXIT_USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 failed or interrupted, 2 wrong usage."""
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run a command and return its exit code; errors are one line on standard error."""
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    from typer import Exit
    from typer.main import get_command

    import firmware_sim
    from streamlearn.cli.app import app
    from streamlearn.cli.common import Interrupted
    from streamlearn.errors import StreamlearnError

    warnings.showwarning = _show_warning
    click_errors = _click_errors()
    try:
        result = get_command(app).main(arguments, prog_name="streamlearn", standalone_mode=False)
    except click_errors as error:
        error.show()
        return int(error.exit_code)
    except Exit as ending:
        return int(ending.exit_code)
    except Interrupted as ending:
        return _failed(str(ending))
    except (KeyboardInterrupt, BrokenPipeError, Exception) as error:
        if debug:
            raise
        known = (StreamlearnError, firmware_sim.FirmwareSimError, OSError)
        if isinstance(error, known):
            return _failed(str(error))
        if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
            return _failed("interrupted")
        return _failed(f"{type(error).__name__}: {error} (a bug: run again with --debug)")
    return result if isinstance(result, int) else EXIT_OK


def _click_errors() -> tuple[type[Any], ...]:
    """Typer carries its own copy of click in newer versions, and uses click in older ones."""
    found: list[type[Any]] = []
    for module in ("typer._click.exceptions", "click.exceptions"):
        try:
            found.append(__import__(module, fromlist=["ClickException"]).ClickException)
        except ImportError:
            continue
    return tuple(found)


def _failed(message: str) -> int:
    print(f"streamlearn: {' '.join(message.split())}", file=sys.stderr)
    return EXIT_FAILED


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
