"""Every stream of the bench: what it is, what it needs, and what makes its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from experiments.needs import missing_files
from experiments.streams import bundled, drifting, images, recorded
from streamlearn.streams.locate import DataNotFoundError, data_files

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Rows = tuple[Floats, Integers]
HeldOut = tuple[Floats, Integers, Integers]
#: ``ordinary``: one concept, or a slow one. ``drifting``: the concept changes. ``blocks``: labels
#: stay the same for long, as a deployed sensor sees them. ``memory``: what matters is what is known
#: at the end.
Kind = Literal["ordinary", "drifting", "blocks", "memory"]


@dataclass(frozen=True)
class Source:
    """A stream of the bench.

    Attributes
    ----------
    name, title : str
    kind : {"ordinary", "drifting", "blocks", "memory"}
    size : tuple of int
        Rows, features and classes.
    rows : callable
        From a seed to all rows. A seed is that of an order, or of the generator.
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
        Makes no sense if it is cut short; three seeds are enough.
    """

    name: str
    title: str
    kind: Kind
    size: tuple[int, int, int]
    rows: Callable[[int], Rows]
    held_out: Callable[[int], HeldOut] | None = None
    packages: tuple[str, ...] = ()
    data_sets: tuple[str, ...] = ()
    slow: bool = False
    front_end: str = "standardise"
    hidden: int = 32
    long: bool = False

    def missing(self) -> str:
        """Return what is missing of its data and where to get it, or nothing."""
        found = missing_files(name for name in self.data_sets if name not in recorded.DATA)
        try:
            for name in self.data_sets:
                if name in recorded.DATA:
                    data_files(*recorded.DATA[name])
        except DataNotFoundError as error:
            found.append(str(error))
        return "; ".join(found)


def _gas(name: str, title: str, kind: Kind, n: int, rows: Callable[[int], Rows]) -> Source:
    held_out = recorded.gas_classes_held_out if name == "gas-classes" else recorded.gas_held_out
    return Source(name, title, kind, (n, 128, 6), rows, None if name == "gas" else held_out)


def _bundled(
    name: str, title: str, size: tuple[int, int, int], rows: Callable[[int], Rows]
) -> Source:
    return Source(name, title, "ordinary", size, rows, packages=("river",), slow=name == "shuttle")


def _made(name: str, title: str, size: tuple[int, int], rows: Callable[[int], Rows]) -> Source:
    kind: Kind = "ordinary" if name in ("waveform", "tree") else "drifting"
    return Source(name, title, kind, (drifting.ROWS, *size), rows, packages=("river",), slow=True)


def _digits(
    name: str, title: str, n: int, rows: Callable[[int], Rows], held_out: Callable[[int], HeldOut]
) -> Source:
    return Source(
        name,
        title,
        "memory",
        (n, 784, 10),
        rows,
        held_out,
        data_sets=("mnist",),
        front_end="none",
        hidden=50,
        long=name == "permuted-digits",
    )


_ALL = (
    _gas("gas", "gas sensors, shuffled in each batch", "ordinary", 6697, recorded.gas),
    _gas(
        "gas-returning",
        "gas sensors, all batches three times, a third of each at a time",
        "ordinary",
        5025,
        recorded.gas_returning,
    ),
    Source(
        "machine",
        "machine temperature: will the next hour's mean be higher than this hour's",
        "ordinary",
        (1885, 19, 2),
        recorded.machine,
        data_sets=("machine",),
    ),
    Source(
        "spoken-digits",
        "spoken digits, speaker after speaker",
        "ordinary",
        (3000, 64, 10),
        recorded.spoken_digits,
        data_sets=("spoken_digits",),
        slow=True,
    ),
    _bundled("phishing", "web sites: a trap or not", (1250, 9, 2), bundled.phishing),
    _bundled("bananas", "two bananas in the plane", (5300, 2, 2), bundled.bananas),
    _bundled("segments", "image segments", (2310, 18, 7), bundled.segments),
    _bundled(
        "shuttle",
        "space shuttle: 7 % of the readings are abnormal",
        (bundled.MOST, 9, 2),
        bundled.shuttle,
    ),
    _made("waveform", "three waves, 19 of 40 features noise", (40, 3), drifting.waveform),
    _made("tree", "a random decision tree", (10, 3), drifting.tree),
    _made("rbf", "moving clouds of points", (10, 5), drifting.rbf),
    _made("rbf-fast", "clouds of points that move fast", (10, 5), drifting.rbf_fast),
    _made("mixture", "clouds of points, gradually others", (10, 5), drifting.mixture),
    _made("sea", "a threshold that jumps", (3, 2), drifting.sea),
    _made("led", "a noisy display whose segments are swapped", (24, 10), drifting.led),
    _made("hyperplane", "a plane that turns", (10, 2), drifting.hyperplane),
    _made("agrawal", "loan applications whose rule changes", (9, 2), drifting.agrawal),
    _made("tree-switch", "random trees, one after another", (10, 3), drifting.tree_switch),
    _made("sine", "a border that flips", (4, 2), drifting.sine),
    _gas(
        "gas-recorded",
        "gas sensors in recorded order: 96 % of labels repeat",
        "blocks",
        5025,
        recorded.gas_recorded,
    ),
    Source(
        "motion",
        "wrist accelerometer, windows of 1 s: which exercise, recording after recording",
        "blocks",
        (2275, 40, 4),
        recorded.exercises,
        recorded.exercises_held_out,
        data_sets=("motion",),
    ),
    Source(
        "gestures",
        "wrist accelerometer, windows of 1 s: which gesture, recording after recording",
        "blocks",
        (915, 40, 4),
        recorded.gestures,
        recorded.gestures_held_out,
        data_sets=("motion",),
    ),
    _gas(
        "gas-memory",
        "gas sensors, shuffled in each batch; all batches at the end",
        "memory",
        5025,
        recorded.gas_memory,
    ),
    _gas("gas-classes", "gas by gas; all gases at the end", "memory", 2457, recorded.gas_classes),
    _digits(
        "permuted-digits-short",
        "ten tasks of 1,000 permuted digits; all tasks at the end",
        10 * images.PER_SHORT_TASK,
        images.permuted_short,
        images.permuted_held_out,
    ),
    _digits(
        "permuted-digits",
        "ten tasks of 10,000 permuted digits; all tasks at the end",
        10 * images.PER_TASK,
        images.permuted,
        images.permuted_held_out,
    ),
    _digits(
        "split-digits",
        "1,000 images of each digit, digit by digit; all digits at the end",
        10 * images.PER_DIGIT,
        images.split,
        images.split_held_out,
    ),
)
SOURCES = {source.name: source for source in _ALL}
NAMES = tuple(SOURCES)
