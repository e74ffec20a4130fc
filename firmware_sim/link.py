"""The link protocol, host side: frames of bytes (docs/device.md gives every byte)."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum

from .errors import LinkError

SYNC = b"\xa5\x5a"
VERSION = 1
REPLY = 0x80
HEADER_BYTES = 8
CRC_BYTES = 4

_HEADER = struct.Struct("<2sBBBBH")
_CRC = struct.Struct("<I")


class Request(IntEnum):
    """Frame types; a reply has `REPLY` or-ed in."""

    HELLO = 1
    PREDICT = 2
    LEARN = 3
    READ_STATE = 4
    WRITE_STATE = 5
    HEALTH = 6
    RECALL = 7
    PREDICT_MEAN = 8
    ADVANCE = 9
    RESET = 0x0A
    ASK = 0x0B
    COMMIT = 0x10
    STORED = 0x11
    ADOPT = 0x12
    IDENTITY = 0x13
    SESSION = 0x14
    LOG = 0x15
    FAULT = 0x7F


REQUEST_NAMES = {int(request): request.name for request in Request}


class Status(IntEnum):
    """Outcome of a request, as the device says it."""

    OK = 0
    BAD_CRC = 1
    BAD_VERSION = 2
    UNKNOWN_TYPE = 3
    WRONG_LENGTH = 4
    TOO_LONG = 5
    NOT_FINITE = 6
    UNKNOWN_LABEL = 7
    OUT_OF_RANGE = 8
    LEARNER_ERROR = 9
    NOT_STORED = 10
    OUT_OF_ORDER = 11
    STATE_DAMAGED = 12
    STATE_REFUSED = 13
    LOCKED = 14
    NO_FEATURES = 15
    FAULT = 255


STATUS_TEXT = {
    Status.OK: "done",
    Status.BAD_CRC: "the frame was damaged on the way",
    Status.BAD_VERSION: "the device speaks another version of the protocol",
    Status.UNKNOWN_TYPE: "the device does not know this request",
    Status.WRONG_LENGTH: "the payload has the wrong size for this request",
    Status.TOO_LONG: "the payload does not fit the device's buffer",
    Status.NOT_FINITE: "a feature is NaN or infinite",
    Status.UNKNOWN_LABEL: "the learner does not know this label",
    Status.OUT_OF_RANGE: "offset and length exceed the state",
    Status.LEARNER_ERROR: "the learner returned an error of its own",
    Status.NOT_STORED: "the flash did not take it",
    Status.OUT_OF_ORDER: "a part of a state does not follow the one before",
    Status.STATE_DAMAGED: "the state that came has another CRC than was sent",
    Status.STATE_REFUSED: "no learner reaches such a state",
    Status.LOCKED: "the device is locked, and the request had no seal or a wrong one; open the "
    "link with the key that the firmware was built with",
    Status.NO_FEATURES: "the sample was taken, and no features come with it",
    Status.FAULT: "the processor faulted",
}


@dataclass(frozen=True)
class Frame:
    """One frame: type byte, sequence number, status (0 in a request) and payload."""

    type: int
    sequence: int
    status: int
    payload: bytes


def encode_frame(type_: int, sequence: int, payload: bytes = b"", status: int = 0) -> bytes:
    """Return the bytes of a frame.

    Raises
    ------
    LinkError
        If the payload exceeds 65535 bytes.
    """
    if len(payload) > 0xFFFF:
        raise LinkError(f"payload of {len(payload)} bytes: a frame holds at most 65535")
    header = _HEADER.pack(SYNC, VERSION, type_, sequence, status, len(payload))
    crc = zlib.crc32(payload, zlib.crc32(header[2:]))
    return header + payload + _CRC.pack(crc)


def decode_frames(data: bytes) -> list[Frame]:
    """Split what a device sent into frames; anything else in between is an error.

    Raises
    ------
    LinkError
        If the bytes are not exactly a sequence of whole, undamaged frames.
    """
    frames = []
    at = 0
    while at < len(data):
        if len(data) - at < HEADER_BYTES + CRC_BYTES:
            raise LinkError(f"the device sent half a frame: {data[at:].hex(' ')}")
        sync, version, type_, sequence, status, length = _HEADER.unpack_from(data, at)
        end = at + HEADER_BYTES + length
        if sync != SYNC or version != VERSION:
            raise LinkError(
                f"the device sent {data[at : at + HEADER_BYTES].hex(' ')}: expected sync "
                f"{SYNC.hex(' ')} and version {VERSION}"
            )
        if end + CRC_BYTES > len(data):
            raise LinkError(f"the device sent half a frame: {len(data) - at} bytes of {end - at}")
        if zlib.crc32(data[at + 2 : end]) != _CRC.unpack_from(data, end)[0]:
            raise LinkError("the device sent a frame with a wrong CRC")
        frames.append(Frame(type_, sequence, status, data[at + HEADER_BYTES : end]))
        at = end + CRC_BYTES
    return frames


def status_text(status: int) -> str:
    """Return what a status byte means, in words."""
    try:
        return f"{Status(status).name}: {STATUS_TEXT[Status(status)]}"
    except ValueError:
        return f"unknown status {status}"
