"""What a measurement was made on: it stands beside the figures and in the logs."""

from __future__ import annotations

import hashlib
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

import quant


def machine() -> str:
    """Return cores and processor."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(errors="replace").splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{os.cpu_count()} cores of an {name} ({platform.machine()})"


def kernel_sha() -> str:
    """Return the beginning of a SHA-256 over the C sources: which kernel a log is of."""
    digest = hashlib.sha256()
    for path in sorted(Path(quant.__file__).parent.rglob("*.[ch]")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def version_of(package: str) -> str:
    """Return the version of an optional package, or that it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def origin(command: str) -> dict[str, str]:
    """Return what a result says about where it comes from.

    Parameters
    ----------
    command : str
        What was typed.
    """
    return {
        "command": command,
        "machine": machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "kernel": kernel_sha(),
    }
