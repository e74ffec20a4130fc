"""The device: a booted firmware that is talked to by the requests of its link."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from .answers import COUNTERS, Health, Hello, Stored, TargetPrediction
from .errors import LinkError
from .image import Firmware
from .link import (
    CRC_BYTES,
    HEADER_BYTES,
    REPLY,
    REQUEST_NAMES,
    Frame,
    decode_frames,
    encode_frame,
)
from .locking import Lock
from .machine import DEFAULT_INSTRUCTION_LIMIT, Machine
from .stream import run_stream
from .verbs import Verbs

__all__ = ["COUNTERS", "Device", "Health", "Hello", "Stored", "TargetPrediction"]


class Device(Verbs, Machine):
    """A booted firmware, asked over its link to predict, to learn, to return its state.

    Attributes, errors and the other parameters are those of `firmware_sim.machine.Machine`.

    Parameters
    ----------
    key : bytes or None
        The 32 bytes that the firmware was built with; without them it does not give its state.
    """

    def __init__(
        self,
        firmware: Firmware,
        *,
        key: bytes | None = None,
        counting: Literal["auto", "native", "python"] = "auto",
        instruction_limit: int = DEFAULT_INSTRUCTION_LIMIT,
    ) -> None:
        self._lock = Lock(key, firmware.board.name)
        self._sequence = 0  # of the latest request
        super().__init__(firmware, counting=counting, instruction_limit=instruction_limit)

    @property
    def facts(self) -> Firmware:
        """The sizes of the firmware."""
        return self.firmware

    @property
    def name(self) -> str:
        """The board's name."""
        return self.firmware.board.name

    def exchange(self, request: int, payload: bytes = b"") -> Frame:
        """Send one request and return the reply, whatever its status.

        Raises
        ------
        LinkError
            If not exactly one reply to this request came back, or its seal is wrong.
        DeviceFault
            If the firmware faults or hangs.
        """
        return self._lock.exchange(request, payload, self._send)

    def _send(
        self,
        request: int,
        sealed: Callable[[int], bytes],
        opened: Callable[[Frame], Frame | None],
    ) -> Frame:
        self._sequence = (self._sequence + 1) & 0xFF
        name = REQUEST_NAMES.get(request, f"request {request}")
        data = encode_frame(request, self._sequence, sealed(self._sequence))
        frames = decode_frames(self.send_bytes(data, f"answering {name}"))
        if len(frames) != 1:
            raise LinkError(f"{name}: expected one reply, got {len(frames)}; call resync()")
        reply = frames[0]
        if reply.type != request | REPLY or reply.sequence != self._sequence:
            raise LinkError(
                f"{name} number {self._sequence}: the reply is of type {reply.type:#x} and number "
                f"{reply.sequence}; call resync()"
            )
        found = opened(reply)
        if found is None:
            raise LinkError(
                f"{name} number {self._sequence}: the reply of status {reply.status} has not the "
                "seal of this session"
            )
        return found

    @property
    def seal_bytes(self) -> int:
        """Bytes of a payload that are the seal's; 0 without a key."""
        return self._lock.seal_bytes

    def resync(self) -> None:
        """Flush a half-received frame with idle bytes, and drop whatever the device says to it."""
        longest = self.firmware.max_payload_bytes + HEADER_BYTES + CRC_BYTES
        self.send_bytes(bytes(longest), "resynchronising")

    #: Learn a whole stream: `firmware_sim.stream.run_stream`, as a method.
    run_stream = run_stream
