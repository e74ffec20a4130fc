"""Run folders: claimed before anything is computed, described by a manifest when it is done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from export import versions
from quant.durable import write_durably
from streamlearn.errors import StreamlearnError

STATE_FILE = "state.sls"
METRICS_FILE = "metrics.json"
MANIFEST_FILE = "manifest.json"
REPORT_FILE = "report.html"
FORMAT = "streamlearn-run"


class CommandError(StreamlearnError):
    """A command that cannot do what was asked, said in one line."""


def claim(out: Path | None, json_file: Path | None) -> None:
    """Make sure that results can be written, before hours of learning.

    Raises
    ------
    CommandError
        If a folder cannot be made, ``out`` holds something that no run wrote, or ``json_file``
        is a folder, would overwrite something else, or is another file in ``out``.
    """
    if json_file is not None:
        _make(json_file.parent)
        if json_file.is_dir():
            raise CommandError(f"{json_file} is a folder: --json takes a file")
        if json_file.is_file() and json_file.read_bytes()[:1] not in (b"", b"{"):
            raise CommandError(
                f"{json_file} exists and holds no figures of an earlier command: --json would "
                "overwrite it; give a new file"
            )
        inside = out is not None and json_file.resolve().parent == out.resolve()
        if inside and json_file.name != METRICS_FILE:
            raise CommandError(
                f"{json_file} is in the run folder, whose {METRICS_FILE} has the same figures; "
                "leave --json out, or give a file elsewhere"
            )
    if out is not None:
        refuse_foreign(out, FORMAT)
        _make(out)
        write_json(out / MANIFEST_FILE, manifest(out, ()))


def refuse_foreign(folder: Path, wanted: str) -> None:
    """Refuse a folder with contents that no earlier command wrote: files would be replaced.

    Raises
    ------
    CommandError
        If it is not empty and holds no manifest of the format ``wanted``, or is a file.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise CommandError(f"{folder} is a file; give a folder")
    try:
        found = json.loads((folder / MANIFEST_FILE).read_text("utf-8"))["format"]
    except (OSError, ValueError, LookupError, TypeError):
        found = None
    if found != wanted and any(folder.iterdir()):
        raise CommandError(
            f"{folder} is not empty and no {wanted} folder: files in it could be overwritten; "
            "give a new folder"
        )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"cannot make the folder {folder}: {error.strerror}") from error


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write JSON with a newline at its end."""
    write_durably(path, json.dumps(values, indent=2, allow_nan=False) + "\n")


def manifest(folder: Path, parts: Sequence[str]) -> dict[str, Any]:
    """Return size and SHA-256 of every file among ``parts``: names of files and sub-folders."""
    files = [
        file
        for part in parts
        for file in [folder / part, *(folder / part).rglob("*")]
        if file.is_file()
    ]
    return {
        "format": FORMAT,
        "format_version": 1,
        "versions": versions(),
        "files": {
            file.relative_to(folder).as_posix(): {
                "bytes": file.stat().st_size,
                "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            }
            for file in sorted(files)
        },
    }
