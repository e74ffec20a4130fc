"""The bytes of a record: a header with the learner's start, then blocks, each with its checksums.

``SLRC`` | version u16 | 0 u16 | text bytes u32 | image bytes u32 | CRC-32 u32 | text | image, and
per block ``SLRB`` or ``SLRS`` | payload bytes u32 | samples u32 | those learned u32 | raw bytes u32
| samples before it u64 | CRC-32 of the payload u32 | CRC-32 of this header u32 | payload. All
little-endian.

The CRC-32 of a payload goes on from that of the block before, and the first from the file's header:
a block of another record, or in another place, does not fit. A payload is compressed (zlib).
``SLRB`` holds samples (:func:`encode_samples`), ``SLRS`` the state image after ``first`` samples.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamlearn.errors import StateFormatError
from streamlearn.recorder import columns

MAGIC, SAMPLES, SNAPSHOT = b"SLRC", b"SLRB", b"SLRS"
FORMAT_VERSION = 1
HEADER = struct.Struct("<4sHHIII")
BLOCK = struct.Struct("<4sIIIIQII")
_TEXT = struct.Struct("<I")
#: The most that is believed of a file: bytes of a header, of a block, samples of a block.
MAX_HEADER_BYTES, MAX_BLOCK_BYTES, MAX_BLOCK_SAMPLES = 1 << 30, 1 << 28, 1 << 20
#: A sample that was predicted only.
NO_LABEL = -1
_LEVEL = 4


@dataclass(frozen=True, eq=False)
class Samples:
    """Consecutive samples of a record.

    Parameters
    ----------
    first
        Samples of the record before them.
    x
        float32 ``[n, n_features]``, in the learner's order of features.
    targets
        int64 ``[n]``, class indices, -1 where the sample was predicted only; of a learner of
        numbers float32 ``[n]``, NaN there.
    times
        int64 ``[n]``, microseconds since 1970 UTC.
    lines
        int64 ``[n]``, numbers of their lines in the stream; 0 if there were none.
    """

    first: int
    x: NDArray[np.float32]
    targets: NDArray[Any]
    times: NDArray[np.int64]
    lines: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.targets)

    def part(self, chosen: Any) -> Samples:
        """Return the samples that a slice or a mask chooses."""
        first = self.first + (chosen.start or 0 if isinstance(chosen, slice) else 0)
        return Samples(
            first, self.x[chosen], self.targets[chosen], self.times[chosen], self.lines[chosen]
        )

    @property
    def learned(self) -> NDArray[np.bool_]:
        """Which were learned, ``bool[n]``; the others were predicted only."""
        if self.targets.dtype == np.float32:
            found: NDArray[np.bool_] = ~np.isnan(self.targets)
        else:
            found = self.targets >= 0
        return found


def targets_of(values: Any, numbers: bool) -> NDArray[Any]:
    """Return targets as a record holds them: class indices, or float32."""
    return np.asarray(values, np.float32 if numbers else np.int64)


@dataclass(frozen=True)
class BlockHeader:
    """Where a block stands in its file, and what its header says."""

    number: int
    at: int
    kind: bytes
    payload_bytes: int
    samples: int
    learned: int
    raw_bytes: int
    first: int
    crc32: int
    crc32_before: int

    @property
    def end(self) -> int:
        """The offset behind its payload."""
        return self.at + BLOCK.size + self.payload_bytes

    @property
    def where(self) -> str:
        """What to call it in messages."""
        if self.kind == SNAPSHOT:
            return f"block {self.number} (the state after {self.first} samples)"
        return f"block {self.number} (samples {self.first + 1} to {self.first + self.samples})"


def encode_header(description: dict[str, Any], image: bytes) -> bytes:
    """Return the bytes of a record without samples."""
    text = json.dumps(description, sort_keys=True, separators=(",", ":")).encode()
    crc = zlib.crc32(image, zlib.crc32(text))
    return HEADER.pack(MAGIC, FORMAT_VERSION, 0, len(text), len(image), crc) + text + image


def decode_header(data: bytes, source: str) -> tuple[dict[str, Any], bytes, int]:
    """Return description, image and CRC-32 of the header that begins a record.

    Raises
    ------
    StateFormatError
        If the bytes are foreign, truncated, damaged or of another version.
    """
    text_bytes, image_bytes, crc = header_sizes(data, source)
    body = data[HEADER.size : HEADER.size + text_bytes + image_bytes]
    if len(body) != text_bytes + image_bytes:
        raise StateFormatError(f"{source}: cut within the header of the record; nothing is left")
    if zlib.crc32(body) != crc:
        raise StateFormatError(
            f"{source}: the header of the record is damaged (CRC-32 {zlib.crc32(body):08x}, "
            f"expected {crc:08x}); without its start nothing can be replayed; take a backup"
        )
    try:
        description = json.loads(body[:text_bytes])
        if description["target"] not in ("class", "number"):
            raise ValueError(f"target is {description['target']!r}")
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise StateFormatError(
            f"{source}: the record's description does not fit: {error}"
        ) from error
    return description, body[text_bytes:], crc


def header_sizes(data: bytes, source: str) -> tuple[int, int, int]:
    """Return bytes of text and image, and the CRC-32, that a record's first bytes announce.

    Raises
    ------
    StateFormatError
        If they do not begin a record.
    """
    if MAGIC.startswith(data[:4]) and len(data) < HEADER.size:
        raise StateFormatError(f"{source}: cut within the header of the record; nothing is left")
    if data[:4] != MAGIC:
        raise StateFormatError(
            f"{source}: begins with {data[:4]!r}, a record begins with {MAGIC!r}; this is another "
            "kind of file. `streamlearn run --record FILE` writes records"
        )
    _, version, _, text_bytes, image_bytes, crc = HEADER.unpack_from(data)
    if version != FORMAT_VERSION:
        raise StateFormatError(
            f"{source}: record format version {version}, this streamlearn reads version "
            f"{FORMAT_VERSION}; use the streamlearn that wrote it"
        )
    if text_bytes + image_bytes > MAX_HEADER_BYTES:
        raise StateFormatError(
            f"{source}: the header of the record is damaged: its sizes are wrong"
        )
    return text_bytes, image_bytes, crc


def encode_block(
    kind: bytes, first: int, samples: int, learned: int, raw: bytes, crc_before: int
) -> tuple[bytes, int]:
    """Return the bytes of a block, and the CRC-32 that the next one goes on from."""
    payload = zlib.compress(raw, _LEVEL)
    crc = zlib.crc32(payload, crc_before)
    head = BLOCK.pack(kind, len(payload), samples, learned, len(raw), first, crc, 0)[:-4]
    return head + zlib.crc32(head).to_bytes(4, "little") + payload, crc


def decode_block_header(data: bytes, number: int, at: int, crc_before: int) -> BlockHeader | None:
    """Return what a block's header says, or None if the bytes are none."""
    if len(data) < BLOCK.size or data[:4] not in (SAMPLES, SNAPSHOT):
        return None
    kind, payload, samples, learned, raw, first, crc, own = BLOCK.unpack_from(data)
    if zlib.crc32(data[: BLOCK.size - 4]) != own:
        return None
    if learned > samples or samples > MAX_BLOCK_SAMPLES or max(payload, raw) > MAX_BLOCK_BYTES:
        return None
    return BlockHeader(number, at, kind, payload, samples, learned, raw, first, crc, crc_before)


def raw_of(header: BlockHeader, payload: bytes, source: str) -> bytes:
    """Return the bytes that a block's payload was made from.

    Raises
    ------
    StateFormatError
        If they are damaged.
    """
    if len(payload) != header.payload_bytes or zlib.crc32(payload, header.crc32_before) != (
        header.crc32
    ):
        raise damaged(header, source, "its checksum is wrong")
    try:
        unpacking = zlib.decompressobj()
        raw = unpacking.decompress(payload, header.raw_bytes + 1)
    except zlib.error as error:
        raise damaged(header, source, str(error)) from error
    if len(raw) != header.raw_bytes:
        raise damaged(header, source, "its size is wrong")
    return raw


def damaged(header: BlockHeader, source: str, why: str) -> StateFormatError:
    """Return the error of a damaged block."""
    return StateFormatError(
        f"{source}: {header.where} is damaged: {why}. The {header.first} samples before it are "
        f"whole: `streamlearn replay {source} --to {header.first}` learns them"
    )


def encode_samples(samples: Samples, told: dict[str, Any]) -> bytes:
    """Return samples as bytes, with what they bring beside numbers: new labels, or names."""
    text = json.dumps(told, sort_keys=True, separators=(",", ":")).encode() if told else b""
    floats = list(samples.x.T)
    integers = [samples.times, samples.lines]
    if samples.targets.dtype == np.float32:
        floats.append(samples.targets)
    else:
        integers.append(samples.targets)
    return _TEXT.pack(len(text)) + text + columns.encode(floats, integers)


def whole(header: BlockHeader, data: Any) -> bool:
    """Tell whether a block's payload, in all the bytes of its file, is what was written."""
    payload = data[header.at + BLOCK.size : header.end]
    return zlib.crc32(payload, header.crc32_before) == header.crc32


def told_of(header: BlockHeader, raw: bytes, source: str) -> dict[str, Any]:
    """Return what samples bring beside numbers.

    Raises
    ------
    StateFormatError
        If the bytes hold something else.
    """
    try:
        (size,) = _TEXT.unpack_from(raw)
        told = json.loads(raw[_TEXT.size : _TEXT.size + size]) if size else {}
        lists = isinstance(told, dict) and all(isinstance(v, list) for v in told.values())
        if not lists:
            raise ValueError("its text is no JSON object of lists")
    except (ValueError, struct.error, RecursionError) as error:
        raise damaged(header, source, str(error)) from error
    return dict(told)


def decode_samples(
    header: BlockHeader, raw: bytes, n_features: int, numbers: bool, source: str
) -> Samples:
    """Invert :func:`encode_samples`.

    Raises
    ------
    StateFormatError
        If the bytes hold something else.
    """
    try:
        (size,) = _TEXT.unpack_from(raw)
        rest = raw[_TEXT.size + size :]
        n_floats = n_features + numbers
        floats, integers = columns.decode(rest, header.samples, n_floats, 3 - numbers)
    except (ValueError, struct.error) as error:
        raise damaged(header, source, str(error)) from error
    targets = floats[:, n_features] if numbers else integers[2]
    x = np.ascontiguousarray(floats[:, :n_features])
    return Samples(header.first, x, targets, integers[0], integers[1])


def sound(samples: Samples, n_classes: int) -> bool:
    """Tell whether samples can have been learned: finite values, known classes."""
    if not np.isfinite(samples.x).all():
        return False
    if samples.targets.dtype == np.float32:
        return not np.isinf(samples.targets).any()
    return bool(samples.targets.max(initial=-1) < n_classes)
