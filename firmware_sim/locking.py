"""The lock on a device's state, the desk's side: sessions, seals and files of keys.

`firmware/lock.h` says what a seal is. A key of a link is secret on both sides, and is no key that
exports are signed by.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

from .errors import InputError, LinkError, RefusedError
from .link import VERSION, Frame, Request, Status

KEY_BYTES = 32
SEAL_BYTES = 20
#: Requests that a build with a key does only if they carry a seal.
LOCKED = frozenset(
    {Request.READ_STATE, Request.WRITE_STATE, Request.COMMIT, Request.ADOPT, Request.LOG}
)  # fmt: skip
_NONCE_BYTES = TAG_BYTES = 16
_COUNTER = struct.Struct("<I")
_HEADER = struct.Struct("<BBBBH")

#: Sends a request and returns its reply; the second argument seals, the third takes a seal off.
Send = Callable[[int, Callable[[int], bytes], Callable[[Frame], Frame | None]], Frame]


def check_key(key: bytes) -> bytes:
    """Return the key.

    Raises
    ------
    InputError
        If it is not 32 bytes.
    """
    if not isinstance(key, bytes) or len(key) != KEY_BYTES:
        what = f"{len(key)} bytes" if isinstance(key, bytes) else f"a {type(key).__name__}"
        raise InputError(
            f"the key of a link is {what}: expected {KEY_BYTES} bytes, such as secrets."
            f"token_bytes({KEY_BYTES})"
        )
    return key


def read_key(path: str | Path) -> bytes:
    """Read the key of a link from its file: 64 hexadecimal digits.

    Raises
    ------
    InputError
        If the file holds something else.
    OSError
        If it cannot be read.
    """
    with Path(path).open("rb") as file:
        text = file.read(200).decode("utf-8", "replace").strip()
    if not re.fullmatch(f"[0-9a-fA-F]{{{2 * KEY_BYTES}}}", text):
        raise InputError(
            f"{path}: no key of a link: expected {2 * KEY_BYTES} hexadecimal digits, as "
            "`streamlearn link-key` writes them"
        )
    return bytes.fromhex(text)


def new_key(path: str | Path) -> bytes:
    """Draw a key and write it to a new file that only its owner can read.

    Raises
    ------
    InputError
        If there is a file already.
    OSError
        If it cannot be written.
    """
    key = os.urandom(KEY_BYTES)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InputError(
            f"{path} is there already: a key that is overwritten is lost, and the devices that "
            "have it stay locked; give another name"
        ) from None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(key.hex() + "\n")
    return key


class Lock:
    """Seals what a device does for its key only, and takes the seals off the replies.

    Parameters
    ----------
    key : bytes or None
        32 bytes; None: nothing is sealed.
    name : str
        What to call the device in messages.

    Raises
    ------
    InputError
        If the key has another size.
    """

    def __init__(self, key: bytes | None, name: str) -> None:
        self._key = None if key is None else check_key(key)
        self._name = name
        self._session: bytes | None = None
        self._counter = 0

    @property
    def seal_bytes(self) -> int:
        """Bytes that a seal takes of a payload; 0 without a key."""
        return 0 if self._key is None else SEAL_BYTES

    def exchange(self, request: int, payload: bytes, send: Send) -> Frame:
        """Send a request, sealed if it must be, and return the reply without its seal.

        A device that was reset has forgotten the session: another one is begun, once.

        Raises
        ------
        RefusedError
            If the firmware was built without a key.
        LinkError
            If a session cannot be begun; and as `send`.
        """
        if self._key is None or request not in LOCKED:
            return send(request, lambda _: payload, lambda frame: frame)
        for again in (True, False):
            if self._session is None:
                self._begin(send)
            sent: set[int] = set()
            sealed = partial(self._seal, request, payload, sent)
            reply = send(request, sealed, partial(self._open, sent))
            if reply.status != Status.LOCKED:
                break
            self._session = None
            if not again:
                break
        return reply

    def _begin(self, send: Send) -> None:
        assert self._key is not None
        drawn = os.urandom(_NONCE_BYTES)
        reply = send(Request.SESSION, lambda _: drawn, lambda frame: frame)
        if reply.status == Status.UNKNOWN_TYPE:
            raise RefusedError(
                f"{self._name}: its firmware was built without a key; leave the key out",
                status=reply.status,
            )
        if reply.status or len(reply.payload) != _NONCE_BYTES:
            raise LinkError(
                f"{self._name}: SESSION answered with status {reply.status} and "
                f"{len(reply.payload)} bytes: expected 0 and {_NONCE_BYTES}"
            )
        told = b"streamlearn link" + drawn + reply.payload
        self._session = hmac.digest(self._key, told, hashlib.sha256)
        self._counter = 0

    def _tag(self, counter: bytes, type_: int, sequence: int, status: int, payload: bytes) -> bytes:
        assert self._session is not None
        size = len(payload) + SEAL_BYTES
        header = _HEADER.pack(VERSION, type_, sequence, status, size)
        return hmac.digest(self._session, counter + header + payload, hashlib.sha256)[:TAG_BYTES]

    def _seal(self, request: int, payload: bytes, sent: set[int], sequence: int) -> bytes:
        self._counter += 1
        sent.add(self._counter)
        counter = _COUNTER.pack(self._counter)
        return payload + counter + self._tag(counter, request, sequence, 0, payload)

    def _open(self, sent: set[int], frame: Frame) -> Frame | None:
        """Return the reply without its seal; None if the device did not write it for us."""
        if frame.status == Status.LOCKED:
            return frame
        payload, seal = frame.payload[:-SEAL_BYTES], frame.payload[-SEAL_BYTES:]
        if len(seal) != SEAL_BYTES or _COUNTER.unpack(seal[:4])[0] not in sent:
            return None
        tag = self._tag(seal[:4], frame.type, frame.sequence, frame.status, payload)
        if not hmac.compare_digest(tag, seal[4:]):
            return None
        return Frame(frame.type, frame.sequence, frame.status, payload)
