"""What comes over the topics of a fleet, and how an image is known to come from who has the key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass

from streamlearn.errors import StreamlearnError

#: Topics below PREFIX/DEVICE/; those of each kind that are kept for who subscribes later.
SAMPLE, PUSH = "sample", "push"
RETAINED = ("ack", "status", "pushed")
MAX_NAME = 64
#: Of a message; an image of the largest board fits.
MAX_BYTES = 4 << 20


class MessageError(StreamlearnError, ValueError):
    """A message that is none of a fleet's."""


def number_of(payload: bytes) -> int:
    """Return a sample's number.

    Raises
    ------
    MessageError
        If it has none.
    """
    body = _object(payload, '{"n": 1, "x": [0.5, 2], "y": "worn"}')
    number = body.get("n")
    if type(number) is not int or not 0 < number < 1 << 62:
        raise MessageError(f'a sample with "n": {number!r}: expected its number, from 1 on')
    return number


@dataclass(frozen=True)
class PushMessage:
    """An image for a device.

    Parameters
    ----------
    number
        Each later push of a device has a larger one: none can be sent again by somebody else.
    image
    mac
        HMAC-SHA256, by the device's key.
    """

    number: int
    image: bytes
    mac: bytes

    def signed_by(self, key: bytes, device: str) -> bool:
        """Tell whether who made it has the key."""
        return hmac.compare_digest(self.mac, mac_of(key, device, self.number, self.image))

    def encode(self) -> bytes:
        """Return the message's bytes."""
        image = base64.b64encode(self.image).decode()
        return json.dumps({"n": self.number, "image": image, "mac": self.mac.hex()}).encode()

    @classmethod
    def decode(cls, payload: bytes) -> PushMessage:
        """Return what a message says.

        Raises
        ------
        MessageError
            If it is none.
        """
        body = _object(payload, '{"n": 1, "image": BASE64, "mac": HEX}')
        try:
            number, image = number_of(payload), base64.b64decode(str(body["image"]), validate=True)
            return cls(number, image, bytes.fromhex(str(body["mac"])))
        except (LookupError, TypeError, ValueError, binascii.Error) as error:
            raise MessageError(f"a push that cannot be read: {error}") from error


def push_message(key: bytes, device: str, number: int, image: bytes) -> PushMessage:
    """Return the message that pushes an image to a device."""
    return PushMessage(number, image, mac_of(key, device, number, image))


def mac_of(key: bytes, device: str, number: int, image: bytes) -> bytes:
    """Return the code that only who has the key can make."""
    head = b"streamlearn push\0" + device.encode() + b"\0" + number.to_bytes(8, "little")
    return hmac.new(key, head + image, hashlib.sha256).digest()


def _object(payload: bytes, expected: str) -> dict[str, object]:
    if len(payload) > MAX_BYTES:
        raise MessageError(f"a message of {len(payload):,} bytes: {MAX_BYTES:,} are the most")
    try:
        body = json.loads(payload.decode())
    except (ValueError, RecursionError) as error:
        raise MessageError(f"a message that is no JSON: {error}; expected {expected}") from error
    if not isinstance(body, dict):
        raise MessageError(f"a message that is no object; expected {expected}")
    return body
