"""What a device can be asked of its state: to give it, to take one, to keep it."""

from __future__ import annotations

import struct
import zlib

from .answers import SOURCES, Facts, Stored
from .errors import InputError, RefusedError
from .link import Frame, Request, status_text

_STORED = struct.Struct("<6I")


class StateVerbs:
    """The requests of the state; a subclass has `exchange`, `facts` and `name`."""

    @property
    def facts(self) -> Facts:
        """The sizes of the firmware."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        """What to call the device in messages."""
        raise NotImplementedError

    def exchange(self, request: int, payload: bytes = b"") -> Frame:
        """Send one request and return the reply, whatever its status."""
        raise NotImplementedError

    @property
    def seal_bytes(self) -> int:
        """Bytes of a payload that are the seal's; 0 without a key."""
        return 0

    def resync(self) -> None:
        """Drop what is half sent or half received, on both ends."""
        raise NotImplementedError

    def _ask(self, request: Request, payload: bytes = b"") -> bytes:
        reply = self.exchange(request, payload)
        if reply.status:
            raise RefusedError(
                f"{request.name} refused by {self.name}: {status_text(reply.status)}",
                status=reply.status,
            )
        return reply.payload

    def read_state(self, first: int = 0, size: int | None = None) -> bytes:
        """Read the learner's state over the link.

        Parameters
        ----------
        first : int
            Offset of the part to read.
        size : int or None
            Its bytes; None: all to the end.

        Raises
        ------
        LinkError, DeviceFault
            As for `exchange`.
        """
        end, chunk, parts = self.facts.state_bytes if size is None else first + size, 0x8000, []
        for offset in range(first, end, chunk):
            payload = struct.pack("<IH", offset, min(chunk, end - offset))
            parts.append(self._ask(Request.READ_STATE, payload))
        return b"".join(parts)

    def write_state(self, state: bytes) -> None:
        """Replace the learner's whole state over the link, all of it or nothing.

        The parts go to flash; the device takes them over when the last one is there, the CRC is
        right and a learner can reach such a state. It survives a reset from then on.

        Parameters
        ----------
        state : bytes
            `state_bytes` bytes, as `read_state` returns them.

        Raises
        ------
        InputError
            If the size differs.
        RefusedError
            If the device does not take it; its state is as before.
        LinkError, DeviceFault
            As for `exchange`.
        """
        if len(state) != self.facts.state_bytes:
            raise InputError(
                f"state of {len(state)} bytes: this firmware's has {self.facts.state_bytes}"
            )
        chunk = (self.facts.max_payload_bytes - self.seal_bytes - 4) // 16 * 16
        for offset in range(0, len(state), chunk):
            payload = struct.pack("<I", offset) + state[offset : offset + chunk]
            self._ask(Request.WRITE_STATE, payload)
        self._ask(Request.ADOPT, struct.pack("<I", zlib.crc32(state)))

    def commit(self) -> None:
        """Let the device write its state to flash: it then survives a reset.

        Raises
        ------
        RefusedError
            If the flash did not take it; what was stored before is still there.
        LinkError, DeviceFault
            As for `exchange`.
        """
        self._ask(Request.COMMIT)

    def identity(self) -> str:
        """Return the chip's own number, 64 bits in hexadecimal.

        Raises
        ------
        LinkError, DeviceFault
            As for `exchange`.
        """
        return self._ask(Request.IDENTITY).hex()

    def stored(self) -> Stored:
        """Ask where the device's state came from, and what is in its flash.

        Raises
        ------
        LinkError, DeviceFault
            As for `exchange`.
        """
        source, *numbers, _ = _STORED.unpack(self._ask(Request.STORED))
        return Stored(SOURCES[source] if source < len(SOURCES) else f"source {source}", *numbers)
