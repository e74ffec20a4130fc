"""Every stream of the bench by name: what it is, what it needs, and its rows."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from experiments.streams import bundled, drifting, images, recorded
from quant.compiler import cache_dir
from streamlearn.errors import ConfigError

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Rows = tuple[Floats, Integers]
HeldOut = tuple[Floats, Integers, Integers]
#: ``ordinary``: one concept, or a slow one. ``drifting``: the concept changes. ``blocks``: labels
#: stay the same for long, as a deployed sensor sees them. ``memory``: what matters is what is known
#: at the end.
Kind = Literal["ordinary", "drifting", "blocks", "memory"]
#: Counted up when a made stream gets other rows, so that none of before is read.
VERSION = 1


@dataclass(frozen=True)
class Source:
    """A stream of the bench.

    Attributes
    ----------
    name, title : str
    kind : {"ordinary", "drifting", "blocks", "memory"}
    rows : callable
        From a seed to all rows. A seed is that of an order, or of the generator.
    n_classes : int
    held_out : callable, optional
        From a seed to rows that the stream does not have, their labels, and the number of the
        regime (batch, task, class) of each.
    packages, data_sets : tuple of str
        What it needs.
    slow : bool
        Making the rows takes seconds, so they are kept in the user's cache.
    front_end : {"standardise", "none"}
        What every network has in front of it.
    hidden : int
        Hidden units of MESU and of SGD.
    long : bool
        Makes no sense if it is cut short.
    """

    name: str
    title: str
    kind: Kind
    rows: Callable[[int], Rows]
    n_classes: int
    held_out: Callable[[int], HeldOut] | None = None
    packages: tuple[str, ...] = ()
    data_sets: tuple[str, ...] = ()
    slow: bool = False
    front_end: str = "standardise"
    hidden: int = 32
    long: bool = False


def _made(
    name: str,
    title: str,
    kind: Kind,
    rows: Callable[[int], Rows],
    n_classes: int,
    slow: bool = True,
) -> Source:
    return Source(name, title, kind, rows, n_classes, packages=("river",), slow=slow)


#: Pixels are standardised already; 784-50-10 is the network of the other studies of digits.
DIGITS: dict[str, Any] = {"front_end": "none", "hidden": 50}

_ALL = (
    Source("gas", "gas sensors, shuffled in each batch", "ordinary", recorded.gas, 6),
    Source(
        "gas-recorded",
        "gas sensors in recorded order: 96 % of labels repeat",
        "blocks",
        recorded.gas_recorded,
        6,
        recorded.gas_held_out,
    ),
    Source(
        "gas-returning",
        "gas sensors, all batches three times, a third of each at a time",
        "ordinary",
        recorded.gas_returning,
        6,
        recorded.gas_held_out,
    ),
    Source(
        "gas-memory",
        "gas sensors, shuffled in each batch, a quarter held out",
        "memory",
        recorded.gas_memory,
        6,
        recorded.gas_held_out,
    ),
    Source(
        "gas-classes",
        "gas by gas (batches 1 to 3), a quarter held out",
        "memory",
        recorded.gas_classes,
        6,
        recorded.gas_classes_held_out,
    ),
    Source(
        "motion",
        "wrist accelerometer: which exercise, windows of 1 s",
        "blocks",
        recorded.exercises,
        4,
        recorded.exercises_held_out,
        data_sets=("motion",),
    ),
    Source(
        "gestures",
        "wrist accelerometer: which gesture, windows of 1 s",
        "blocks",
        recorded.gestures,
        4,
        recorded.gestures_held_out,
        data_sets=("motion",),
    ),
    Source(
        "machine",
        "machine temperature: will the next hour's mean be higher than this hour's",
        "ordinary",
        recorded.machine,
        2,
        data_sets=("machine",),
    ),
    Source(
        "spoken-digits",
        "spoken digits, speaker after speaker",
        "ordinary",
        recorded.spoken_digits,
        10,
        data_sets=("spoken-digits",),
        slow=True,
    ),
    Source("phishing", "web sites", "ordinary", bundled.phishing, 2, packages=("river",)),
    Source("bananas", "two bananas", "ordinary", bundled.bananas, 2, packages=("river",)),
    Source("segments", "image segments", "ordinary", bundled.segments, 7, packages=("river",)),
    Source(
        "shuttle",
        "space shuttle: 7 % of samples are abnormal",
        "ordinary",
        bundled.shuttle,
        2,
        packages=("river",),
        slow=True,
    ),
    _made("waveform", "three waves, 19 of 40 features noise", "ordinary", drifting.waveform, 3),
    _made("tree", "a random decision tree", "ordinary", drifting.tree, 3),
    _made("rbf", "moving clouds of points", "drifting", drifting.rbf, 5),
    _made("rbf-fast", "clouds of points that move fast", "drifting", drifting.rbf_fast, 5),
    _made("sea", "a threshold that jumps (SEA)", "drifting", drifting.sea, 2),
    _made("led", "a noisy display whose segments are swapped", "drifting", drifting.led, 10),
    _made("hyperplane", "a plane that turns", "drifting", drifting.hyperplane, 2),
    _made("agrawal", "loan applications whose rule changes", "drifting", drifting.agrawal, 2),
    _made("tree-switch", "random trees, one after another", "drifting", drifting.tree_switch, 3),
    _made("sine", "a border that flips", "drifting", drifting.sine, 2),
    _made(
        "mixture",
        "clouds of points, gradually others",
        "drifting",
        drifting.mixture,
        5,
    ),
    Source(
        "permuted-digits",
        "ten tasks of 10,000 permuted digits",
        "memory",
        images.permuted,
        10,
        images.permuted_held_out,
        data_sets=("mnist",),
        long=True,
        **DIGITS,
    ),
    Source(
        "permuted-digits-short",
        "ten tasks of 1,000 permuted digits",
        "memory",
        images.permuted_short,
        10,
        images.permuted_short_held_out,
        data_sets=("mnist",),
        **DIGITS,
    ),
    Source(
        "split-digits",
        "1,000 images of each digit, digit after digit",
        "memory",
        images.split,
        10,
        images.split_held_out,
        data_sets=("mnist",),
        **DIGITS,
    ),
)
SOURCES = {source.name: source for source in _ALL}
NAMES = tuple(SOURCES)


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
        have = ", ".join(one.name for one in _ALL if one.held_out is not None)
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
