"""The C compiler that comes as a wheel (zig), and a cache of what it built.

In the cache a library has its own SHA-256 in its name, and a small file named after what it was
built from says which library that is. Both are written whole (:mod:`quant.durable`) and none is
ever changed: processes may build the same kernel at once, and a library that was cut or damaged is
seen and built again.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

from quant.durable import write_durably
from quant.errors import BuildError, WriteError

FLAGS = (
    "-std=c11", "-O3", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-fvisibility=hidden",
    "-fno-sanitize=all", "-ffp-contract=off", "-fno-math-errno", "-mprefer-vector-width=512",
    "-Wno-pass-failed", "-DSL_HOST",
)  # fmt: skip


class CacheWarning(UserWarning):
    """The cache of compiled kernels cannot be used, and every process compiles for itself."""


def cache_dir() -> Path:
    """Return the folder for compiled kernels: ``$STREAMLEARN_CACHE`` or the user's cache.

    A user without a home has a folder among the temporary files.
    """
    root = os.environ.get("STREAMLEARN_CACHE")
    if root:
        return Path(root)
    base = os.environ.get("XDG_CACHE_HOME")
    if base:
        return Path(base) / "streamlearn"
    try:
        return Path("~/.cache").expanduser() / "streamlearn"
    except RuntimeError:  # neither HOME nor an entry in the list of users
        return _own_temporary()


def _own_temporary() -> Path:
    """Return a folder that nobody else can write to: what lies in it is run as code."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"streamlearn-{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:  # a file of that name, or a folder that cannot be written
        return _of_this_process()
    mine = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    if folder.is_symlink() or not mine or found.st_mode & 0o022:
        return _of_this_process()
    return folder


@functools.cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="streamlearn-")


def _of_this_process() -> Path:
    return Path(_temporary().name)  # removed when the process ends


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
    key = digest.hexdigest()[:32]
    cache = cache_dir()
    found = _found(cache / "kernels", key)
    if found is not None:
        return found
    try:
        return _build(cache, key, sources, headers, include)
    except WriteError as error:
        spare = _own_temporary()
        if spare == cache:
            raise
        warnings.warn(
            f"the cache of compiled kernels cannot be used ({error}); kernels go to {spare} "
            "instead. Set STREAMLEARN_CACHE to a folder that can be written",
            CacheWarning,
            stacklevel=2,
        )
    return _found(spare / "kernels", key) or _build(spare, key, sources, headers, include)


def _found(kernels: Path, key: str) -> Path | None:
    """Return the library that was built from ``key``, if it is there, and whole."""
    try:
        sha256 = (kernels / f"{key}.sha256").read_text("ascii").strip()
        library = kernels / _name(key, sha256)
        now = library.stat()
        seen = (now.st_ino, now.st_size, now.st_mtime_ns)
        if _WHOLE.get(library) != seen:
            if hashlib.sha256(library.read_bytes()).hexdigest() != sha256:
                return None
            _WHOLE[library] = seen
        return library
    except (OSError, ValueError):  # not there, or no text: built again
        return None


#: Libraries that this process found whole: inode, size and time of the last change.
_WHOLE: dict[Path, tuple[int, int, int]] = {}


def _name(key: str, sha256: str) -> str:
    suffix = {"Windows": ".dll", "Darwin": ".dylib"}.get(platform.system(), ".so")
    return f"{key}-{sha256[:16]}{suffix}"


def _build(
    cache: Path,
    key: str,
    sources: Sequence[Path],
    headers: Mapping[str, str],
    include: Sequence[Path],
) -> Path:
    """Compile into a cache.

    Raises
    ------
    WriteError
        If nothing can be written there.
    """
    kernels = cache / "kernels"
    with _room(kernels) as folder:
        for name, text in headers.items():
            write_durably(Path(folder) / name, text)
        whole, built = Path(folder) / "whole.c", Path(folder) / _name(key, "")
        # As one file: the headers are read once, which halves the time.
        write_durably(whole, "".join(f"#include {json.dumps(str(file))}\n" for file in sources))
        command = [
            sys.executable, "-m", "ziglang", "cc", *FLAGS, "-march=native",
            f"-I{folder}", *(f"-I{path}" for path in include), str(whole), "-o", str(built),
        ]  # fmt: skip
        environment = {**os.environ}
        for name in ("GLOBAL", "LOCAL"):
            environment.setdefault(f"ZIG_{name}_CACHE_DIR", str(cache / "zig"))
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if done.returncode != 0:
            raise BuildError(
                f"the C compiler (zig {zig_version()}) failed with exit code {done.returncode}:\n"
                f"{done.stderr.strip()[-4000:]}"
            )
        code = built.read_bytes()
    sha256 = hashlib.sha256(code).hexdigest()
    library = kernels / _name(key, sha256)
    write_durably(library, code)
    write_durably(kernels / f"{key}.sha256", sha256 + "\n")
    return library


def _room(kernels: Path) -> tempfile.TemporaryDirectory[str]:
    """Return a folder to compile in."""
    try:
        kernels.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=kernels)
    except OSError as error:
        raise WriteError(
            error.errno, f"cannot be written: {error.strerror}", str(kernels)
        ) from error
