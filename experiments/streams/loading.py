"""The rows of a stream, by its name: the same arguments, the same rows."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from experiments.streams.sources import NAMES, SOURCES, Floats, HeldOut, Integers, Rows, Source
from quant.compiler import cache_dir
from streamlearn.errors import ConfigError

#: Counted up when a made stream gets other rows, so that none of before is read.
VERSION = 2


def load(name: str, seed: int, n: int | None = None) -> Rows:
    """Return a stream's rows in learning order.

    Parameters
    ----------
    name : str
        One of :data:`NAMES`.
    seed : int
        0 or above; of the order, or of the generator.
    n : int, optional
        Only the first so many rows.

    Returns
    -------
    tuple
        ``X`` float32 ``[n, d]`` in the stream's own units, finite; ``y`` int64 ``[n]``, classes
        from 0.

    Raises
    ------
    ConfigError
        Another name, a negative seed, or `n` below 1.
    """
    source = _source(name, seed)
    if n is not None and n < 1:
        raise ConfigError(f"n={n}: expected 1 row or more, or None for all")
    x, y = _kept(source, seed) if source.slow else source.rows(seed)
    return x[:n], y[:n]


def load_held_out(name: str, seed: int) -> HeldOut:
    """Return rows that a stream does not have: to ask at the end what is still known.

    Returns
    -------
    tuple
        ``X`` float32 ``[m, d]``; ``y`` int64 ``[m]``; the number of the regime (batch, task or
        class) of each, int64 ``[m]``.

    Raises
    ------
    ConfigError
        If the stream has none, or the arguments are not those of :func:`load`.
    """
    source = _source(name, seed)
    if source.held_out is None:
        have = ", ".join(one.name for one in SOURCES.values() if one.held_out is not None)
        raise ConfigError(f"stream {name!r} has no held-out rows; these have: {have}")
    return source.held_out(seed)


def _source(name: str, seed: int) -> Source:
    if name not in SOURCES:
        raise ConfigError(f"stream {name!r}: expected one of {', '.join(NAMES)}")
    if seed < 0:
        raise ConfigError(f"seed={seed}: expected 0 or more")
    return SOURCES[name]


def _kept(source: Source, seed: int) -> Rows:
    folder = cache_dir() / "streams"
    path = folder / f"{source.name}-{seed}-v{VERSION}.npz"
    if path.is_file():
        with np.load(path) as arrays:
            return arrays["x"], arrays["y"]
    x, y = source.rows(seed)
    folder.mkdir(parents=True, exist_ok=True)
    _write(path, x, y)
    return x, y


def _write(path: Path, x: Floats, y: Integers) -> None:
    """Write a stream whole or not at all: two processes may make the same one."""
    temporary = path.with_name(f"{path.stem}.{os.getpid()}.new.npz")
    np.savez(temporary, x=x, y=y)
    temporary.replace(path)
