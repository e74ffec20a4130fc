"""A coverage-guided fuzzer of :func:`quant.image.decode_image`: what atheris runs.

    python fuzz_image.py FOLDER_OF_IMAGES -runs=N -seed=K

Every second mutation gets a header that fits it, CRC-32 included. After every thousand inputs it
prints how many were looked at, had a good CRC, and were accepted, as libFuzzer's end is sudden.
"""

from __future__ import annotations

import struct
import sys
import zlib
from random import Random

import atheris  # type: ignore[import-untyped]

with atheris.instrument_imports(include=["quant"]):
    from quant.errors import StateFormatError
    from quant.image import FORMAT_VERSION, decode_image, encode_image

import numpy as np

HEADER = struct.Struct("<4sHHIIII")
seen = {"inputs": 0, "whole": 0, "accepted": 0}


def sealed(text: bytes, payload: bytes) -> bytes:
    """An image with a header that fits any contents."""
    size, crc = HEADER.size, zlib.crc32(text + payload)
    return HEADER.pack(b"SLST", FORMAT_VERSION, size, len(text), len(payload), crc, 0) + (
        text + payload
    )


def mutated(data: bytes, max_size: int, seed: int) -> bytes:
    """Let libFuzzer change an image: its bytes, its description, or its state."""
    random = Random(seed)
    if len(data) < HEADER.size or not random.randint(0, 7):
        return bytes(atheris.Mutate(data, max_size))
    cut = HEADER.size + HEADER.unpack_from(data)[3]
    text, payload = data[HEADER.size : cut], data[cut:]
    room = max(max_size - len(data), 0)
    if random.randint(0, 1):
        text = atheris.Mutate(text, len(text) + min(room, 64)) if text else text
    else:
        payload = atheris.Mutate(payload, len(payload)) if payload else payload
        payload = payload[: len(data) - cut].ljust(len(data) - cut, b"\0")
    if random.randint(0, 1):
        return sealed(bytes(text), bytes(payload))
    return data[: HEADER.size] + bytes(text) + bytes(payload)


def look(data: bytes) -> None:
    """Read an image: StateFormatError, or a learner of numbers that is its own image."""
    seen["inputs"] += 1
    if seen["inputs"] % 1000 == 0:
        print("seen", *seen.values(), flush=True)
    if len(data) >= HEADER.size:
        seen["whole"] += zlib.crc32(data[HEADER.size :]) == HEADER.unpack_from(data)[5]
    try:
        found = decode_image(data)
    except StateFormatError:
        return
    seen["accepted"] += 1
    assert encode_image(decode_image(encode_image(found))) == encode_image(found)
    for name in found.state.dtype.names or ():
        assert found.state.dtype[name].base.kind != "f" or np.isfinite(found.state[name]).all()


if __name__ == "__main__":
    atheris.Setup(sys.argv, look, custom_mutator=mutated)
    atheris.Fuzz()
