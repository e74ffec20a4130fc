"""When the power of a simulated board goes, and what that does to the flash.

A cut is drawn from a schedule and given to `firmware_sim.machine.Machine.cut_power`. What is being
written when it comes is torn: nothing of it is done, part of it, or garbage lies there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .errors import InputError

Tear = Literal["nothing", "part", "garbage"]
TEARS: tuple[Tear, ...] = ("nothing", "part", "garbage")


@dataclass(frozen=True)
class Cut:
    """One power cut.

    Attributes
    ----------
    flash_operation : int or None
        It comes during the so many-th erasure or programming from now on, 1 the first.
    instruction : int or None
        Or before the so many-th instruction from now on.
    tear : Tear
        What becomes of the flash operation that it hits.
    seed : int
        For the bits of "part" and "garbage".
    """

    flash_operation: int | None = None
    instruction: int | None = None
    tear: Tear = "part"
    seed: int = 0

    def __post_init__(self) -> None:
        given = [at for at in (self.flash_operation, self.instruction) if at is not None]
        if len(given) != 1 or given[0] < 1 or self.tear not in TEARS:
            raise InputError(
                f"{self!r}: expected flash_operation or instruction, from 1 on, and a tear of "
                f"{', '.join(TEARS)}"
            )

    def __str__(self) -> str:
        """As `schedule` takes it."""
        if self.instruction is not None:
            return f"instruction:{self.instruction}:{self.tear}:{self.seed}"
        return f"operation:{self.flash_operation}:{self.tear}:{self.seed}"


def linear(n_operations: int, seed: int = 0) -> Iterator[Cut]:
    """Yield a cut at every flash operation, with every tear.

    Parameters
    ----------
    n_operations : int
        How many there are in a run without cuts: `Machine.flash_operations` counts them.
    seed : int
    """
    for at in range(1, n_operations + 1):
        for tear in TEARS:
            yield Cut(flash_operation=at, tear=tear, seed=seed + at)


def random(n: int, n_operations: int, n_instructions: int, seed: int = 0) -> Iterator[Cut]:
    """Yield cuts at drawn places: half of them at flash operations, half at any instruction.

    Parameters
    ----------
    n : int
        How many.
    n_operations, n_instructions : int
        Of a run without cuts.
    seed : int
        The same seed yields the same cuts.
    """
    draw = np.random.default_rng(seed)
    for index in range(n):
        tear = TEARS[int(draw.integers(len(TEARS)))]
        own = int(draw.integers(2**31))
        if index % 2:
            yield Cut(instruction=int(draw.integers(1, n_instructions + 1)), tear=tear, seed=own)
        else:
            yield Cut(flash_operation=int(draw.integers(1, n_operations + 1)), tear=tear, seed=own)


def exhaustive(n_operations: int, seed: int = 0) -> Iterator[tuple[Cut, Cut]]:
    """Yield pairs: a cut at every flash operation, then one at every operation of what follows.

    Parameters
    ----------
    n_operations : int
        Of a run without cuts.
    seed : int
    """
    for first in range(1, n_operations + 1):
        for second in range(1, n_operations + 1):
            tear = TEARS[(first + second) % len(TEARS)]
            yield (
                Cut(flash_operation=first, tear=tear, seed=seed + first),
                Cut(flash_operation=second, tear=tear, seed=seed + second),
            )


def schedule(
    text: str, n_operations: int, n_instructions: int, seed: int = 0
) -> Iterator[tuple[Cut, ...]]:
    """Return the series of cuts that a schedule names, one for each world.

    Parameters
    ----------
    text : str
        ``none``, ``none(N)`` (N worlds without a cut), ``linear``, ``random(N)``,
        ``exhaustive(2)``, or one series, as `Cut` prints itself, joined by ``+``.
    n_operations, n_instructions : int
        Of a run without cuts.
    seed : int

    Raises
    ------
    InputError
        If the text is none of these.
    """
    name, _, rest = text.partition("(")
    count = int(rest[:-1]) if rest.endswith(")") and rest[:-1].isdigit() else 0
    if name == "none" and (not rest or count):
        return iter([()] * max(1, count))
    if name == "random" and count:
        return ((cut,) for cut in random(count, n_operations, n_instructions, seed))
    if text == "linear":
        return ((cut,) for cut in linear(n_operations, seed))
    if text == "exhaustive(2)":
        return exhaustive(n_operations, seed)
    try:
        return iter([tuple(_read_cut(part) for part in text.split("+"))])
    except ValueError:
        raise InputError(
            f"power cuts {text!r}: expected none, none(N), linear, random(N), exhaustive(2) or "
            "operation:AT:TEAR:SEED, instruction:AT:TEAR:SEED, several joined by +, with TEAR of "
            f"{', '.join(TEARS)}"
        ) from None


def _read_cut(text: str) -> Cut:
    what, at, tear, seed = text.split(":")
    if tear not in TEARS or what not in ("operation", "instruction"):
        raise ValueError(text)
    if what == "operation":
        return Cut(flash_operation=int(at), tear=tear, seed=int(seed))
    return Cut(instruction=int(at), tear=tear, seed=int(seed))
