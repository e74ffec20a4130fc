"""A hash of all predictions of a stream that can be continued where another process stopped."""

from __future__ import annotations

import hashlib
from typing import Any

from numpy.typing import NDArray

#: Bytes that are hashed at a time: 16,384 class indices.
PART_BYTES = 1 << 15


class Fingerprint:
    """SHA-256 of predictions, as little-endian uint16 (classes) or float32 (numbers).

    More than 32 KiB are hashed part by part. The hash of each part begins with the 32 bytes of the
    hash until there. So a checkpoint needs only the latest part to go on, however long the stream.

    Parameters
    ----------
    chain
        The hash of all full parts; empty if there are none.
    part
        The bytes after them.
    """

    def __init__(self, chain: bytes = b"", part: bytes = b"") -> None:
        self._chain, self._part = chain, bytearray(part)
        self._hash = hashlib.sha256(chain + part)

    def add(self, predictions: NDArray[Any]) -> None:
        """Hash more predictions: class indices, or floats."""
        dtype = "<f4" if predictions.dtype.kind == "f" else "<u2"
        rest = memoryview(predictions.astype(dtype).tobytes())
        while rest:
            if len(self._part) == PART_BYTES:
                self._chain, self._part = self._hash.digest(), bytearray()
                self._hash = hashlib.sha256(self._chain)
            some = rest[: PART_BYTES - len(self._part)]
            self._part += some
            self._hash.update(some)
            rest = rest[len(some) :]

    @property
    def chain(self) -> bytes:
        """The hash of all full parts before the latest; empty if there are none."""
        return self._chain

    @property
    def part(self) -> bytes:
        """The bytes of the latest part, 32 KiB at most."""
        return bytes(self._part)

    def hexdigest(self) -> str:
        """Return the hash in hexadecimal."""
        return self._hash.hexdigest()
