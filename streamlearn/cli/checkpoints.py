"""Checkpoints of a run: each file is one moment, whole, and can be gone on from.

``RUN/checkpoints`` holds the latest two, named by their number of rows. Their size does not
depend on the length of the stream.

Layout of a checkpoint: a header of 24 bytes, a JSON description, the state image, and the latest
predictions (:class:`streamlearn.evaluation.Fingerprint`); CRC-32 over all that follows the header.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from quant.durable import sync_folder, write_durably
from streamlearn.errors import StateFormatError

CHECKPOINT_DIR = "checkpoints"
SUFFIX = ".slc"
MAGIC = b"SLCP"
FORMAT_VERSION = 2
N_KEPT = 2
_HEADER = struct.Struct("<4sHHIIII")


@dataclass(frozen=True)
class Place:
    """Where a run is in its stream.

    Parameters
    ----------
    stream
        Path of the file from the run folder (:mod:`streamlearn.cli.stream_paths`); ``-``; or the
        address of a port or topic.
    label
        Name of the label's column.
    on_bad
        What a bad row does.
    line
        Number of the line that was learned last; 0 before the first.
    crc32
        CRC-32 of the bytes of all lines until then, the header included.
    reading
        How the columns are read (:class:`streamlearn.cli.columns.Columns`).
    """

    stream: str
    label: str
    on_bad: str
    line: int = 0
    crc32: int = 0
    reading: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Checkpoint:
    """One moment of a run.

    Parameters
    ----------
    n_samples
        Samples that the run has learned.
    n_rows
        Those, and the rows without a label, which it has predicted only.
    seconds
        Time spent inside the learner.
    place
        Where it is in the stream.
    earlier
        The streams before this one.
    skipped, skipped_messages
        How many rows were left out, and what was wrong with the first ten.
    saturations
        How often values met the end of their format, by the name of the place.
    weights
        How the weights went so far (:class:`streamlearn.cli.weights.WeightWatch`).
    metrics
        The figures so far (:class:`streamlearn.evaluation.ClassificationMetrics`).
    curves
        How accuracy went so far (:class:`streamlearn.evaluation.Curve`), by name.
    record
        Where the run's record ends (:meth:`streamlearn.cli.recording.RunRecorder.position`).
    chain
        In hexadecimal, the hash of the predictions before the latest part.
    source
        What the source dropped, by the reason (:class:`streamlearn.sources.Counts`).
    columns
        What later rows depend on (:meth:`streamlearn.streams.csv_rows.CsvRows.memory`).
    waiting
        Rows that wait for their label (:class:`streamlearn.cli.waiting.Waiting`).
    asking
        What a learner goes by that asks for labels (:class:`streamlearn.cli.asking.AskedSamples`).
    image
        The state image.
    part
        The latest predictions.
    """

    n_samples: int
    n_rows: int
    seconds: float
    place: Place
    earlier: tuple[str, ...] = ()
    skipped: int = 0
    skipped_messages: tuple[str, ...] = ()
    saturations: dict[str, int] = field(default_factory=dict)
    weights: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    curves: dict[str, Any] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)
    chain: str = ""
    source: dict[str, int] = field(default_factory=dict)
    columns: dict[str, Any] = field(default_factory=dict)
    waiting: dict[str, Any] = field(default_factory=dict)
    asking: dict[str, Any] = field(default_factory=dict)
    image: bytes = b""
    part: bytes = b""


def encode(checkpoint: Checkpoint) -> bytes:
    """Return the bytes of a checkpoint."""
    description = {**vars(checkpoint), "place": asdict(checkpoint.place)}  # the rest is not copied
    image: bytes = description.pop("image")
    part: bytes = description.pop("part")
    text = json.dumps(description, sort_keys=True, separators=(",", ":")).encode()
    body = text + image + part
    sizes = len(text), len(image), len(part)
    return _HEADER.pack(MAGIC, FORMAT_VERSION, 0, *sizes, zlib.crc32(body)) + body


def decode(data: bytes, source: str) -> Checkpoint:
    """Invert :func:`encode`.

    Raises
    ------
    StateFormatError
        If the bytes are foreign, truncated, damaged or of another version.
    """
    if len(data) < _HEADER.size or data[:4] != MAGIC:
        raise StateFormatError(f"{source}: no checkpoint of a run, or cut in its first bytes")
    version = int.from_bytes(data[4:6], "little")
    if version != FORMAT_VERSION:
        raise StateFormatError(
            f"{source}: checkpoint format version {version}, this streamlearn reads version "
            f"{FORMAT_VERSION}; use the streamlearn that wrote it"
        )
    *_, text_size, image_size, part_size, crc = _HEADER.unpack_from(data)
    body = data[_HEADER.size :]
    if len(body) != text_size + image_size + part_size or zlib.crc32(body) != crc:
        raise StateFormatError(f"{source}: the checkpoint was cut or is damaged")
    try:
        description = json.loads(body[:text_size])
        place = Place(**description.pop("place"))
        for name in ("earlier", "skipped_messages"):
            description[name] = tuple(description[name])
        image, part = body[text_size : text_size + image_size], body[text_size + image_size :]
        return Checkpoint(**description, place=place, image=image, part=part)
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise StateFormatError(f"{source}: its description does not fit: {error}") from error


def write(run_dir: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint to the disk, and then remove all but the latest two.

    Raises
    ------
    WriteError
        If it cannot be written; the earlier ones are untouched.
    """
    folder = run_dir / CHECKPOINT_DIR
    write_durably(folder / f"{checkpoint.n_rows:012d}{SUFFIX}", encode(checkpoint))
    for old in _files(run_dir)[N_KEPT:]:
        old.unlink(missing_ok=True)


def all_whole(run_dir: Path) -> Iterator[Checkpoint]:
    """Yield the checkpoints of a folder, the latest first; what is damaged is passed over."""
    for file in _files(run_dir):
        try:
            yield decode(file.read_bytes(), str(file))
        except (FileNotFoundError, StateFormatError):  # replaced meanwhile, or damaged
            continue


def newest(run_dir: Path) -> Checkpoint | None:
    """Return the latest checkpoint that is whole, or None."""
    return next(all_whole(run_dir), None)


def remove_all(run_dir: Path) -> None:
    """Remove the checkpoints of a folder, the latest last: until then there is one."""
    folder = run_dir / CHECKPOINT_DIR
    if not folder.is_dir():
        return
    latest = _files(run_dir)
    for file in [f for f in folder.iterdir() if f not in latest] + latest[::-1]:
        file.unlink(missing_ok=True)
    sync_folder(folder)


def _files(run_dir: Path) -> list[Path]:
    return sorted((run_dir / CHECKPOINT_DIR).glob(f"*{SUFFIX}"), reverse=True)
