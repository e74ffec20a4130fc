"""The C compiler that comes as a wheel (zig), and a cache of what it built."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from quant.errors import BuildError

FLAGS = (
    "-std=c11", "-O3", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-fvisibility=hidden",
    "-fno-sanitize=all", "-ffp-contract=off", "-mprefer-vector-width=512",
    "-Wno-pass-failed", "-DSL_HOST",
)  # fmt: skip


def cache_dir() -> Path:
    """Return the folder for compiled kernels: ``$STREAMLEARN_CACHE`` or the user's cache."""
    root = os.environ.get("STREAMLEARN_CACHE")
    if root:
        return Path(root)
    base = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    return Path(base) / "streamlearn"


@functools.cache
def _machine() -> str:
    """Return what the native code depends on: the instruction set of this processor."""
    flags = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(errors="replace").splitlines()
        flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return f"{platform.system()} {platform.machine()} {platform.processor()} {flags}"


@functools.cache
def zig_version() -> str:
    """Return the version of the zig wheel."""
    from importlib.metadata import version

    return version("ziglang")


def build_shared(sources: Sequence[Path], headers: Mapping[str, str], *include: Path) -> Path:
    """Compile C sources into a shared library for this machine, or find it in the cache.

    Parameters
    ----------
    sources : sequence of Path
    headers : mapping
        Generated headers: name and text.
    include : Path
        Folders of the other headers, all of which count into the cache's key.

    Raises
    ------
    BuildError
        If the compiler fails; the message ends with what it printed.
    """
    digest = hashlib.sha256()
    files = sorted({*sources, *(file for folder in include for file in folder.glob("*.h"))})
    parts = [_machine(), zig_version(), *FLAGS, *headers.values(), *(f.read_text() for f in files)]
    for part in parts:
        digest.update(part.encode() + b"\0")
    suffix = {"Windows": ".dll", "Darwin": ".dylib"}.get(platform.system(), ".so")
    library = cache_dir() / "kernels" / f"{digest.hexdigest()[:32]}{suffix}"
    if library.exists():
        return library
    library.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        for name, text in headers.items():
            (Path(folder) / name).write_text(text)
        built = Path(folder) / library.name
        command = [
            sys.executable, "-m", "ziglang", "cc", *FLAGS, "-march=native",
            f"-I{folder}", *(f"-I{path}" for path in include), *map(str, sources), "-o", str(built),
        ]  # fmt: skip
        environment = {**os.environ}
        for name in ("GLOBAL", "LOCAL"):
            environment.setdefault(f"ZIG_{name}_CACHE_DIR", str(cache_dir() / "zig"))
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if done.returncode != 0:
            raise BuildError(
                f"the C compiler (zig {zig_version()}) failed with exit code {done.returncode}:\n"
                f"{done.stderr.strip()[-4000:]}"
            )
        built.replace(library)
    return library
