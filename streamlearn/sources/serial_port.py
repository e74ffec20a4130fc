"""Lines from a serial port."""

from __future__ import annotations

import errno
from collections.abc import Callable
from importlib import import_module
from time import monotonic
from typing import Any

from streamlearn.errors import ConfigError, SourceError
from streamlearn.sources.limits import MAX_LIVE_LINE_BYTES
from streamlearn.sources.live import LiveSource, Waiting

SCHEME = "serial:"
DEFAULT_BAUD = 115_200
#: Seconds of silence after which a line begins anew.
_SILENCE_S = 0.1
_POLL_S = 0.2


class SerialSource(LiveSource):
    """A serial port; address ``serial:PORT@BAUD``.

    A port may be opened while the other side is within a line. The first line is dropped and
    counted if it may be torn: bytes came without a pause after opening, and it is neither a whole
    JSON object nor a header row without any number. So is a line in which the port went.

    Parameters
    ----------
    address
        ``serial:/dev/ttyACM0@115200``; without ``@BAUD`` 115200.
    format, waiting, keeps, say
        See :class:`LiveSource`.

    Raises
    ------
    ConfigError
        The address is wrong, or pyserial is not installed.
    """

    def __init__(
        self,
        address: str,
        format: str | None = None,
        waiting: Waiting = Waiting(),  # noqa: B008 - frozen
        keeps: bool = False,
        say: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._port_name, self._baud = parse(address)
        self._make = _port_class()
        super().__init__(f"{SCHEME}{self._port_name}@{self._baud}", format, waiting, keeps, say)
        self._port: Any = None
        self._opened = 0.0

    def _connect(self) -> None:
        try:
            self._port = self._make(self._port_name, self._baud, timeout=_POLL_S, exclusive=True)
        except ValueError as error:
            raise SourceError(errno.EINVAL, f"the port cannot be set so: {error}") from error
        except OSError as error:
            raise SourceError(error.errno, _why(error)) from error
        self._opened = monotonic()

    def _receive(self) -> None:
        lines = _Lines(lambda: self.counts.drop("overlong"))
        begins: bool | None = None  # whether the first line has its beginning; not known yet
        while not self._stop.is_set():
            try:
                data = self._port.read(1)
                quiet = not data or monotonic() - self._opened > _SILENCE_S
                data += self._port.read(self._port.in_waiting) if data else b""
            except (OSError, TypeError) as error:  # pyserial: None.read, where a port was closed
                if lines.rest:
                    self.counts.drop("torn")
                raise OSError(errno.ENODEV, "the port is gone") from error
            if not data:
                continue
            if begins is None:
                begins = quiet
            found = lines.add(data)
            if found and not begins:
                if _may_be_torn(
                    found[0], self._sieve.encoding is not None or self._stored is not None
                ):
                    self.counts.drop("torn")
                    del found[0]
                begins = True
            if found:
                self._put(found)

    def _disconnect(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            try:
                port.close()
            except OSError:  # it is gone already
                return


class _Lines:
    """Cuts bytes into lines, and passes over a line that is too long until its end."""

    def __init__(self, overlong: Callable[[], None]) -> None:
        self.rest = b""
        self._overlong, self._passing = overlong, False

    def add(self, data: bytes) -> list[bytes]:
        """Return the lines that are whole now."""
        parts = (self.rest + data).split(b"\n")
        self.rest = parts.pop()
        found = [part + b"\n" for part in parts]
        if found and self._passing:
            self._passing = False
            del found[0]
        if len(self.rest) > MAX_LIVE_LINE_BYTES:
            if not self._passing:
                self._overlong()
            self.rest, self._passing = b"", True
        return found


def parse(address: str) -> tuple[str, int]:
    """Return port and baud rate of an address.

    Raises
    ------
    ConfigError
        It is no ``serial:PORT@BAUD``.
    """
    port, at, baud = address.removeprefix(SCHEME).rpartition("@")
    if not at:
        port, baud = baud, str(DEFAULT_BAUD)
    if not port or "://" in port or not (baud.isascii() and baud.isdigit() and int(baud)):
        raise ConfigError(
            f"{address!r}: expected serial:PORT@BAUD, such as serial:/dev/ttyACM0@115200 or "
            "serial:COM3@9600"
        )
    return port, int(baud)


def _may_be_torn(line: bytes, header_known: bool) -> bool:
    text = line.decode("utf-8", "replace").strip()
    if text.startswith("{"):
        return False
    return header_known or any(
        map(_is_number, text.replace(";", ",").replace("\t", ",").split(","))
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _why(error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return "there is no such port"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "this user may not open the port; on Linux its group is often `dialout`"
    if error.errno in (errno.EBUSY, errno.EAGAIN) or "exclusive" in str(error):
        return "another process has the port"
    return f"the port cannot be opened: {error.strerror or error}"


def _port_class() -> Any:
    """Return pyserial's class of a port, without the habit of losing what came before the open."""
    try:
        serial = import_module("serial")
    except ImportError:
        raise ConfigError(
            "a serial port needs pyserial, which is not installed: "
            'pip install "streamlearn[serial]"'
        ) from None
    return type("Port", (serial.Serial,), {"_reset_input_buffer": lambda _: None})
