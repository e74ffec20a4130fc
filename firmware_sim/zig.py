"""The compiler: zig cc out of the `ziglang` wheel, with one cache shared by all builds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .cache import cache_dir
from .errors import BuildError


def zig_version() -> str:
    """Return the version of the installed ``ziglang`` package.

    Raises
    ------
    BuildError
        If it is not installed.
    """
    try:
        return version("ziglang")
    except PackageNotFoundError:
        raise BuildError("the compiler is missing: pip install ziglang") from None


def run_cc(arguments: Sequence[str], cwd: Path) -> str:
    """Run ``zig cc`` and return what it printed (warnings).

    Parameters
    ----------
    arguments : sequence of str
        Everything after ``zig cc``.
    cwd : Path
        Folder to run in, so that sources can be named without their absolute path.

    Raises
    ------
    BuildError
        If the compiler is missing or refuses; the message holds its output.
    """
    return run_zig(["cc", *arguments], cwd)


def run_zig(arguments: Sequence[str], cwd: Path) -> str:
    """Run any command of zig's, as `run_cc` does.

    Raises
    ------
    BuildError
        As `run_cc`.
    """
    zig_version()
    cache = cache_dir() / "zig"
    cache.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ, ZIG_GLOBAL_CACHE_DIR=str(cache), ZIG_LOCAL_CACHE_DIR=str(cache))
    command = [sys.executable, "-m", "ziglang", *arguments]
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BuildError(
            f"zig {arguments[0]} failed ({done.returncode}):\n{done.stderr.strip()}\n"
            f"in {cwd}: zig {' '.join(arguments)}"
        )
    return done.stderr.strip()
