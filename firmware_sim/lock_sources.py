"""What a key adds to a build: the lock in C, and the seal out of zig's standard library."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from .errors import InputError
from .locking import check_key
from .zig import run_zig


def check_lock(key: bytes | None, commit: object) -> None:
    """Refuse a key that cannot be built in.

    Raises
    ------
    InputError
        If it has another size, or `commit` is ``"never"``.
    """
    if key is None:
        return
    check_key(key)
    if commit == "never":
        raise InputError(
            "a key needs a firmware that commits: the records in flash are what makes the sessions "
            "of one boot differ from those of the next; leave out the key, or commit='never'"
        )


def copy_lock(key: bytes, core_flags: Sequence[str], sources: Path, src: Path) -> list[str]:
    """Copy and write the lock's `sources` to `src`; return what is compiled or linked from them.

    The seal is compiled here, to an object for this core: GCC links it as it is.

    Raises
    ------
    BuildError
        If it cannot be compiled.
    """
    folder = src / "firmware"
    for name in ("lock.c", "seal.zig"):
        shutil.copyfile(sources / name, folder / name)
    numbers = ",".join(str(byte) for byte in key)
    (folder / "lock_key.c").write_text(
        "#include <stdint.h>\n\n/* Secret: who has it reads and writes the state. */\n"
        f"extern const uint8_t sl_lock_key[{len(key)}];\n"
        f"const uint8_t sl_lock_key[{len(key)}] = {{{numbers}}};\n",
        "utf-8",
    )
    flags = [flag for flag in core_flags if not flag.startswith("-D")]
    run_zig(
        ["build-obj", "seal.zig", *flags, "-O", "ReleaseSmall", "-fstrip", "-ffunction-sections",
         "-fdata-sections", "-fno-unwind-tables", "-femit-bin=seal.o"],
        cwd=folder,
    )  # fmt: skip
    return ["firmware/lock.c", "firmware/lock_key.c", "firmware/seal.o"]
