"""A device's log of events, read by the desk: a stored state, and every sample learned since.

`firmware/log.h` says what an entry is, `firmware/storage.c` what a record.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .boards import UNIT_BYTES
from .errors import LinkError, RefusedError
from .link import Request, Status
from .verbs import Verbs

_WORDS = struct.Struct("<4I")
_INFO = struct.Struct("<9I")
_WHOLE = 0x5A17E57D
_CHUNK = 0x4000


class LogInfo(NamedTuple):
    """What LOG answers: where the log is, what the next entry is called, what was lost.

    Attributes
    ----------
    origin, block_bytes, blocks, entry_bytes, area_bytes : int
        Of ring and areas, in flash.
    learner : int
        The learner's number.
    base, number : int
        Sequence number of the stored state that the learner came from, and samples since.
    lost : int
        Samples since the reset that neither the log nor a stored state took.
    """

    origin: int
    block_bytes: int
    blocks: int
    entry_bytes: int
    area_bytes: int
    learner: int
    base: int
    number: int
    lost: int


@dataclass(frozen=True, eq=False)
class Logged:
    """A stored state, and what was learned from it on.

    Attributes
    ----------
    sequence : int
        The record's sequence number; 0: the state that the firmware was built with.
    state : bytes or None
        None: the state that the firmware was built with.
    xs : float32[n, n_features]
    targets : int64[n] or float32[n]
        Class indices, or numbers.
    """

    sequence: int
    state: bytes | None
    xs: npt.NDArray[np.float32]
    targets: npt.NDArray[Any]


def log_info(device: Verbs) -> LogInfo:
    """Ask a device for its log.

    Raises
    ------
    RefusedError
        If its firmware keeps none, or is locked.
    LinkError, DeviceFault
        As for `Verbs.exchange`; also if the answer is none.
    """
    reply = device.exchange(Request.LOG)
    if reply.status == Status.UNKNOWN_TYPE:
        raise RefusedError(
            f"{device.name}: its firmware keeps no log of events; build it with log_samples",
            status=reply.status,
        )
    if reply.status:
        raise RefusedError(
            f"LOG refused by {device.name}: {Status(reply.status).name}", status=reply.status
        )
    if len(reply.payload) != _INFO.size:
        raise LinkError(f"LOG: the reply has {len(reply.payload)} bytes, expected {_INFO.size}")
    info = LogInfo(*_INFO.unpack(reply.payload))
    sample = 4 * device.facts.n_features + (2 if device.facts.n_classes else 4)
    if not UNIT_BYTES + sample <= info.entry_bytes <= info.block_bytes:
        raise LinkError(f"LOG: {info} fits no samples of {sample} bytes")
    return info


def read_log(device: Verbs) -> list[Logged]:
    """Read what is in a device's log.

    Returns
    -------
    list of Logged
        Each stored state that is still there, oldest first, with the samples learned from it on;
        the last one and its samples give the state that the device has now. Empty if that state is
        not there to be read.

    Raises
    ------
    RefusedError, LinkError, DeviceFault
        As for `log_info`.
    """
    info = log_info(device)
    ring = info.blocks * info.block_bytes
    size = ring + 2 * info.area_bytes
    flash = bytearray()
    while len(flash) < size:
        asked = struct.pack("<IH", len(flash), min(_CHUNK, size - len(flash)))
        reply = device.exchange(Request.LOG, asked)
        if reply.status or not reply.payload:
            raise LinkError(f"LOG at {len(flash)}: status {reply.status}")
        flash += reply.payload
    facts = device.facts
    states: dict[int, bytes | None] = {0: None}
    states |= dict(_records(bytes(flash[ring:]), info, facts.state_bytes))
    entries = list(_entries(bytes(flash[:ring]), info, facts.n_features, facts.n_classes))
    found = [
        _chain(sequence, states[sequence], entries, facts.n_features, facts.n_classes)
        for sequence in sorted(states)
        if sequence <= info.base
    ]
    if info.base not in states:
        return []
    return [one for one in found if len(one.targets) or one.sequence == info.base]


def _records(areas: bytes, info: LogInfo, state_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Give the whole records of both areas, by their sequence number."""
    data = -(-state_bytes // UNIT_BYTES) * UNIT_BYTES
    record = data + 2 * UNIT_BYTES
    for area in range(2):
        for index in range(info.area_bytes // record):
            at = area * info.area_bytes + index * record
            head, tail = areas[at : at + UNIT_BYTES], at + UNIT_BYTES + data
            learner, sequence, length, _ = _WORDS.unpack(head)
            crc, again, _, whole = _WORDS.unpack_from(areas, tail)
            state = areas[at + UNIT_BYTES : at + UNIT_BYTES + state_bytes]
            expected = (info.learner, state_bytes, _WHOLE, sequence)
            right = crc == zlib.crc32(state, zlib.crc32(head))
            if right and (learner, length, whole, again) == expected:
                yield sequence, state


def _entries(
    ring: bytes, info: LogInfo, n_features: int, n_classes: int
) -> Iterator[tuple[int, int, bytes]]:
    """Give base, number and sample of every whole entry, slot by slot."""
    size = 4 * n_features + (2 if n_classes else 4)
    for block in range(info.blocks):
        for index in range(info.block_bytes // info.entry_bytes):
            at = block * info.block_bytes + index * info.entry_bytes
            learner, base, number, crc = _WORDS.unpack_from(ring, at)
            sample = ring[at + UNIT_BYTES : at + UNIT_BYTES + size]
            right = crc == zlib.crc32(sample, zlib.crc32(ring[at : at + 12]))
            if right and learner == info.learner:
                yield base, number, sample


def _chain(
    sequence: int,
    state: bytes | None,
    entries: list[tuple[int, int, bytes]],
    n_features: int,
    n_classes: int,
) -> Logged:
    """Return a state with the samples after it, up to the first one that is missing."""
    by_number = {number: sample for base, number, sample in entries if base == sequence}
    samples: list[bytes] = []
    while len(samples) in by_number:
        samples.append(by_number[len(samples)])
    target = "<u2" if n_classes else "<f4"
    kind = np.dtype([("x", "<f4", (n_features,)), ("y", target)])
    table = np.frombuffer(b"".join(samples), kind)
    targets = table["y"].astype(np.int64 if n_classes else np.float32)
    return Logged(sequence, state, table["x"].astype(np.float32), targets)
