"""A device at the other end of a serial line: the same requests as those of a simulated one."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from importlib import import_module
from typing import Protocol

from .answers import Hello
from .errors import InputError, LinkError, SilentError
from .link import (
    CRC_BYTES,
    HEADER_BYTES,
    REPLY,
    REQUEST_NAMES,
    SYNC,
    VERSION,
    Frame,
    Request,
    Status,
    decode_frames,
    encode_frame,
)
from .locking import Lock
from .verbs import Verbs

DEFAULT_TIMEOUT_S = 5.0
ATTEMPTS = 4  # a request is sent so often in that time; the device does it once
_LONGEST = 0xFFFF


class Port(Protocol):
    """What carries bytes: a pyserial port has it."""

    def read(self, size: int, /) -> bytes:
        """Return up to so many bytes, none if none came in the port's own short timeout."""

    def write(self, data: bytes, /) -> int | None:
        """Send bytes."""


class RemoteDevice(Verbs):
    """A board on a serial port, with this project's firmware on it.

    Parameters
    ----------
    port : Port
        Open; its ``read`` must not wait for longer than a fraction of `timeout_s`.
    name : str
        What to call it in messages.
    timeout_s : float
        The most that an answer may take.
    key : bytes or None
        The 32 bytes that the firmware was built with; without them it does not give its state.

    Raises
    ------
    InputError
        If the key has another size.
    LinkError
        If it does not answer HELLO, or speaks another version.
    """

    def __init__(
        self,
        port: Port,
        name: str,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        *,
        key: bytes | None = None,
    ) -> None:
        self._lock = Lock(key, name)
        self._port, self._name, self._timeout_s = port, name, timeout_s
        self._sequence = 0
        self._received = b""
        self._hello: Hello | None = None
        try:
            self._hello = self.hello()
        except SilentError:
            # Half a frame of somebody before us may still lie in the device's buffer.
            self.resync()
            self._hello = self.hello()

    @property
    def facts(self) -> Hello:
        """The sizes of the firmware, as it says them."""
        assert self._hello is not None
        return self._hello

    @property
    def name(self) -> str:
        """What to call the device in messages."""
        return self._name

    def resync(self) -> None:
        """Flush a half-received frame with idle bytes, and drop whatever the device says to it."""
        longest = _LONGEST if self._hello is None else self._hello.max_payload_bytes
        self._port.write(bytes(min(longest, 4096) + HEADER_BYTES + CRC_BYTES))
        self._received = b""
        quiet = time.monotonic() + self._timeout_s / 5
        while time.monotonic() < quiet:
            if self._port.read(4096):
                quiet = time.monotonic() + self._timeout_s / 5

    def exchange(self, request: int, payload: bytes = b"") -> Frame:
        """Send one request and return the reply, whatever its status.

        A request without an answer is sent again: the device answers one that it did already with
        the answer that it gave. Answers to earlier requests, answers with a wrong seal, and what is
        no frame are passed over.

        Raises
        ------
        SilentError
            If no whole answer came in time: whether the request was done is not known.
        OSError
            If the port is gone.
        """
        return self._lock.exchange(request, payload, self._send)

    @property
    def seal_bytes(self) -> int:
        """Bytes of a payload that are the seal's; 0 without a key."""
        return self._lock.seal_bytes

    def _send(
        self,
        request: int,
        sealed: Callable[[int], bytes],
        opened: Callable[[Frame], Frame | None],
    ) -> Frame:
        self._sequence = (self._sequence + 1) & 0xFF
        sent = encode_frame(request, self._sequence, sealed(self._sequence))
        self._port.write(sent)
        now = time.monotonic()
        until, patience, again = now + self._timeout_s, self._timeout_s / ATTEMPTS, 1
        while True:
            frame = self._frame()
            if frame is None:
                waited = time.monotonic() - now
                if now + waited > until:
                    name = REQUEST_NAMES.get(request, f"request {request}")
                    raise SilentError(
                        f"{self._name}: no answer to {name} within {self._timeout_s:g} s; is the "
                        "firmware on it, and is the baud rate that of its UART?"
                    )
                if waited > again * patience:
                    again += 1
                    self._received = self._received[1:]  # noise may look like a long frame's head
                    if request == Request.READ_STATE:  # not kept by the device: asked anew
                        sent = encode_frame(request, self._sequence, sealed(self._sequence))
                    self._port.write(sent)
                self._received += self._port.read(4096)
            elif frame.type == Request.FAULT | REPLY or frame.type == Request.FAULT:
                raise LinkError(f"{self._name}: the processor faulted: {frame.payload.hex(' ')}")
            elif frame.status == Status.BAD_CRC:  # its other fields may be wrong: what we sent is
                continue  # sent again when its time has come
            elif frame.type == request | REPLY and frame.sequence == self._sequence:
                found = opened(frame)
                if found is not None:
                    return found

    def _frame(self) -> Frame | None:
        """Return the next whole frame of what was received, if there is one."""
        while True:
            start = self._received.find(SYNC)
            if start < 0:
                self._received = self._received[-1:] if self._received.endswith(SYNC[:1]) else b""
                return None
            self._received = self._received[start:]
            if len(self._received) < HEADER_BYTES:
                return None
            size = HEADER_BYTES + int.from_bytes(self._received[6:8], "little") + CRC_BYTES
            if self._received[2] != VERSION:
                self._received = self._received[1:]
                continue
            if len(self._received) < size:
                return None
            try:
                (frame,) = decode_frames(self._received[:size])
            except LinkError:  # damaged on the way: another may begin within it
                self._received = self._received[1:]
                continue
            self._received = self._received[size:]
            return frame


def open_port(text: str) -> Port:
    """Open what ``serial:PORT@BAUD`` names; 115200 baud if none are given.

    Raises
    ------
    InputError
        If it names something else.
    LinkError
        If the port cannot be opened, or pyserial is not installed.
    """
    found = re.fullmatch(r"serial:(?P<port>.+?)(?:@(?P<baud>\d{1,9}))?", text)
    if found is None or found["baud"] == "0":
        raise InputError(f"{text!r}: expected serial:PORT@BAUD, such as serial:/dev/ttyACM0@115200")
    try:
        serial = import_module("serial")
    except ImportError:
        raise LinkError(
            'a serial port needs pyserial, which is missing: pip install "streamlearn[serial]"'
        ) from None
    try:
        port: Port = serial.Serial(
            found["port"], int(found["baud"] or 115200), timeout=0.05, write_timeout=10
        )
    except (OSError, ValueError) as error:
        raise LinkError(f"{found['port']} cannot be opened: {error}") from error
    return port
