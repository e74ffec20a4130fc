"""The IDX format of the MNIST files: big-endian magic and sizes, then unsigned bytes."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamlearn.errors import StreamFormatError

UNSIGNED_BYTE = 0x08


def read_idx(path: Path, n_dims: int) -> NDArray[np.uint8]:
    """Read a gzip-compressed IDX file of unsigned bytes.

    Parameters
    ----------
    path
        The ``.gz`` file.
    n_dims
        Number of dimensions that the file must have (3 for images, 1 for labels).

    Returns
    -------
    numpy.ndarray
        uint8, shaped as the file's header says.

    Raises
    ------
    StreamFormatError
        Not gzip, damaged, not IDX, another type or number of dimensions, or the wrong length.
    """
    try:
        raw = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise StreamFormatError(
            f"{str(path)!r} is not a readable gzip file ({error}); fetch it again"
        ) from None
    head = bytes([0, 0, UNSIGNED_BYTE, n_dims])
    if raw[:4] != head or len(raw) < 4 + 4 * n_dims:
        raise StreamFormatError(
            f"{str(path)!r} is not IDX with {n_dims} dimension(s) of unsigned bytes: expected "
            f"it to begin with {head.hex()}, got {raw[:4].hex() or 'nothing'}"
        )
    shape = tuple(int(size) for size in np.frombuffer(raw, ">u4", n_dims, offset=4))
    body = len(raw) - 4 - 4 * n_dims
    if body != math.prod(shape):
        raise StreamFormatError(
            f"{str(path)!r} says {list(shape)} = {math.prod(shape)} bytes but holds {body}; "
            "fetch it again"
        )
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * n_dims).reshape(shape)
