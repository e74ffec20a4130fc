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
                f"{self}: expected flash_operation or instruction, from 1 on, and a tear of {TEARS}"
            )


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
