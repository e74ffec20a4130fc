"""Run folders: claimed before anything is computed, described by a manifest when it is done.

A manifest that lists files is written last, and they are then those of one sample. While a command
works in a folder its manifest lists none, and what a run has learned is in its checkpoints.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from export import versions
from quant.durable import is_temporary, remove_temporaries, sync_folder, write_durably
from streamlearn.cli import checkpoints
from streamlearn.cli.checkpoints import CHECKPOINT_DIR
from streamlearn.cli.endings import CommandError
from streamlearn.cli.lock import LOCK_FILE, held
from streamlearn.cli.stream_paths import stream_at
from streamlearn.watching.log import LOG_FILE

STATE_FILE = "state.sls"
METRICS_FILE = "metrics.json"
MANIFEST_FILE = "manifest.json"
REPORT_FILE = "report.html"
FORMAT = "streamlearn-run"
FORMAT_VERSION = 1
#: What a run leaves at its end, beside its manifest, its checkpoints and its log.
RESULTS = (STATE_FILE, METRICS_FILE, REPORT_FILE)


@contextmanager
def claimed(
    out: Path | None,
    json_file: Path | None,
    source: Mapping[str, Any],
    *,
    force: bool = False,
    locked: bool = False,
) -> Iterator[None]:
    """Make sure that results can be written, before hours of learning, and hold the folder.

    Parameters
    ----------
    out, json_file
        As given to the command.
    source
        What the results are made from: ``command`` and, for a run, ``stream`` and ``label``.
    force
        Whether what another stream left in ``out`` may be lost.
    locked
        Whether the folder's lock is held already (:func:`looked_at`).

    Raises
    ------
    CommandError
        If a folder cannot be made, ``out`` holds something that no run wrote or that another
        stream has taught, or ``json_file`` is a folder, would overwrite something else, or is
        another file in ``out``.
    BusyError
        If another process works in ``out``.
    """
    check_json(out, json_file)
    if out is None:
        yield
        return
    refuse_foreign(out, FORMAT)
    _make(out)
    with nullcontext() if locked else held(out):
        if not force:
            _refuse_other(out, source)
        before = (read_manifest(out) or {}).get("files")
        write_manifest(out, (), source)
        _clear(out, before if isinstance(before, dict) else {})
        yield


@contextmanager
def looked_at(
    out: Path | None, json_file: Path | None, source: Mapping[str, Any], *, force: bool
) -> Iterator[bool]:
    """Hold a folder that is there, and refuse what :func:`claimed` refuses, before a broker knows.

    A topic that is opened for a folder throws away what the broker kept for an earlier run there,
    and takes its connection from a process that works there.

    Yields
    ------
    bool
        Whether the lock is held; there is nothing to hold if there is no folder yet.

    Raises
    ------
    CommandError, BusyError
        As :func:`claimed`.
    """
    check_json(out, json_file)
    if out is None or not out.exists():
        yield False
        return
    refuse_foreign(out, FORMAT)
    with held(out):
        if not force:
            _refuse_other(out, source)
        yield True


@contextmanager
def reopened(run_dir: Path, json_file: Path | None) -> Iterator[None]:
    """Hold the folder of a run that goes on.

    Raises
    ------
    CommandError
        If it is no run folder, or ``json_file`` is refused as by :func:`claimed`.
    BusyError
        If another process works in it.
    """
    check_json(run_dir, json_file)
    if not run_dir.is_dir():
        raise CommandError(f"{run_dir} is no folder: --resume takes one that `run --out` made")
    refuse_foreign(run_dir, FORMAT)
    with held(run_dir):
        remove_temporaries(run_dir)
        yield


def begin_again(run_dir: Path, source: Mapping[str, Any]) -> None:
    """Take back the results of a run that goes on: its checkpoints are what it is now."""
    write_manifest(run_dir, (), source)
    for name in RESULTS:
        (run_dir / name).unlink(missing_ok=True)


def check_json(out: Path | None, json_file: Path | None) -> None:
    """Refuse a file for the figures that is something else.

    Raises
    ------
    CommandError
        See :func:`claimed`.
    """
    if json_file is None:
        return
    _make(json_file.parent)
    if json_file.is_dir():
        raise CommandError(f"{json_file} is a folder: --json takes a file")
    if json_file.is_file() and not _is_json_object(json_file):
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


def _is_json_object(file: Path) -> bool:
    """Tell whether a file is empty or one JSON object, as figures are; JSON lines are several."""
    data = file.read_bytes()
    if not data[:1]:
        return True
    try:
        return data[:1] == b"{" and isinstance(json.loads(data), dict)
    except (ValueError, RecursionError):
        return False


def _refuse_other(out: Path, source: Mapping[str, Any]) -> None:
    """Refuse a folder in which something would be lost that cannot simply be learned again."""
    found = checkpoints.newest(out)
    if found is not None and found.n_samples:
        same = (
            not found.earlier
            and found.place.stream == source.get("stream")
            and Path(stream_at(found.place.stream, out)).is_file()  # what can be read again
            and found.place.label == source["label"]
        )
        if not same:
            streams = ", ".join(stream_at(s, out) for s in (*found.earlier, found.place.stream))
            raise CommandError(
                f"{out} holds a learner of {found.n_samples} samples of {streams}. To go on with "
                f"it: streamlearn run --resume {out}. To lose it: --force. Or give another --out"
            )
        return
    before = (read_manifest(out) or {}).get("source")
    wrote = before.get("command") if isinstance(before, dict) else None
    if wrote not in (None, source["command"]) and (out / STATE_FILE).exists():
        raise CommandError(
            f"{out} holds the results of `streamlearn {wrote}`; give another --out, or delete it"
        )


def _clear(out: Path, before: Mapping[str, Any]) -> None:
    """Remove the results of an earlier run: those of every run, and those that its manifest has."""
    remove_temporaries(out)
    for name in {*RESULTS, *(name for name in before if Path(name).name == name)}:
        (out / name).unlink(missing_ok=True)
    checkpoints.remove_all(out)


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
    if (read_manifest(folder) or {}).get("format") != wanted and not _cut_short(folder):
        raise CommandError(
            f"{folder} is not empty and no {wanted} folder: files in it could be overwritten; "
            "give a new folder"
        )


def _cut_short(folder: Path) -> bool:
    """Tell whether a folder is empty but for what a command leaves that was killed at its start."""
    names = {f.name for f in folder.iterdir() if f.name != LOCK_FILE and not is_temporary(f.name)}
    if MANIFEST_FILE not in names:
        return not names
    empty = not (folder / MANIFEST_FILE).read_bytes().strip(b"\0\n ")
    return empty and names <= {MANIFEST_FILE, CHECKPOINT_DIR, LOG_FILE, *RESULTS}


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of a folder, or None if there is none that can be read."""
    try:
        found = json.loads((folder / MANIFEST_FILE).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    return found if isinstance(found.get("files", {}), dict) else {**found, "files": {}}


def _make(folder: Path) -> None:
    try:
        made = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        if made:
            sync_folder(folder.parent)
    except OSError as error:
        raise CommandError(f"cannot make the folder {folder}: {error.strerror}") from error


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write JSON with a newline at its end."""
    write_durably(path, json.dumps(values, indent=2, allow_nan=False) + "\n")


def write_manifest(folder: Path, parts: Sequence[str], source: Mapping[str, Any]) -> None:
    """Write the manifest: what it was made from, and size and SHA-256 of every file.

    Parameters
    ----------
    folder
    parts
        Names of files and sub-folders; none while a command is at work.
    source
        As of :func:`claimed`.
    """
    files = [
        file
        for part in parts
        for file in [folder / part, *(folder / part).rglob("*")]
        if file.is_file()
    ]
    values = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "versions": versions(),
        "source": dict(source),
        "files": {
            file.relative_to(folder).as_posix(): entry(file.read_bytes()) for file in sorted(files)
        },
    }
    write_json(folder / MANIFEST_FILE, values)


def entry(data: bytes) -> dict[str, Any]:
    """Return what a manifest says of a file."""
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
