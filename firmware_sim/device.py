"""The device: a booted firmware that is talked to by the requests of its link."""

from __future__ import annotations

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
from .machine import Machine
from .stream import run_stream
from .verbs import Verbs

__all__ = ["COUNTERS", "Device", "Health", "Hello", "Stored", "TargetPrediction"]


class Device(Verbs, Machine):
    """A booted firmware, asked over its link to predict, to learn, to return its state.

    Parameters, attributes and errors are those of `firmware_sim.machine.Machine`.
    """

    _sequence = 0  # of the latest request

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
            If not exactly one reply to this request came back.
        DeviceFault
            If the firmware faults or hangs.
        """
        self._sequence = (self._sequence + 1) & 0xFF
        name = REQUEST_NAMES.get(request, f"request {request}")
        sent = self.send_bytes(encode_frame(request, self._sequence, payload), f"answering {name}")
        frames = decode_frames(sent)
        if len(frames) != 1:
            raise LinkError(f"{name}: expected one reply, got {len(frames)}; call resync()")
        reply = frames[0]
        if reply.type != request | REPLY or reply.sequence != self._sequence:
            raise LinkError(
                f"{name} number {self._sequence}: the reply is of type {reply.type:#x} and number "
                f"{reply.sequence}; call resync()"
            )
        return reply

    def resync(self) -> None:
        """Flush a half-received frame with idle bytes, and drop whatever the device says to it."""
        longest = self.firmware.max_payload_bytes + HEADER_BYTES + CRC_BYTES
        self.send_bytes(bytes(longest), "resynchronising")

    #: Learn a whole stream: `firmware_sim.stream.run_stream`, as a method.
    run_stream = run_stream
