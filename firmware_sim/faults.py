"""Faults of storage: what goes wrong, when, and for how long.

A fault is given to `firmware_sim.machine.Machine.add_faults`. It changes what the firmware reads
and never what the flash should hold, which `firmware_sim.overlay` keeps beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from .errors import InputError

Kind = Literal["bit-rot", "misdirected", "lying-erase", "stuck-bit", "worn-page"]
Event = Literal["read", "program", "erase"]

KINDS: tuple[Kind, ...] = get_args(Kind)
#: What each kind waits for.
EVENT_OF: dict[str, Event] = {
    "bit-rot": "read",
    "misdirected": "program",
    "lying-erase": "erase",
    "stuck-bit": "program",
    "worn-page": "erase",
}


@dataclass(frozen=True)
class Fault:
    """One fault of the storage.

    Attributes
    ----------
    kind : Kind
        ``bit-rot``: a bit that is read has flipped. ``misdirected``: what is programmed lands
        elsewhere. ``lying-erase``: a page is not erased, and the controller says it was.
        ``stuck-bit``: a bit anywhere in the areas stays as it is. ``worn-page``: some bits of an
        erased page are not erased.
    at : int
        It comes at the so many-th read, programming or erasure from now on, 1 the first.
    permanent : bool
        Whether it stays: the flipped bit until its page is erased; a line of the address; the
        page; the bit. Else it happens once (a stuck bit is freed when its page is erased).
    seed : int
        For the places and the bits.
    """

    kind: Kind
    at: int
    permanent: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.at < 1 or self.seed < 0:
            raise InputError(
                f"fault {self}: expected a kind of {', '.join(KINDS)}, and the number of an event "
                "from 1 on"
            )

    def __str__(self) -> str:
        """As `read_fault` takes it."""
        lasts = "permanent" if self.permanent else "transient"
        return f"{self.kind}:{self.at}:{lasts}:{self.seed}"


def read_fault(text: str) -> Fault:
    """Return the fault that ``KIND:AT:permanent:SEED`` or ``KIND:AT:transient:SEED`` says.

    Raises
    ------
    InputError
        If it says none.
    """
    kind, *rest = text.split(":")
    try:
        at, lasts, seed = rest
        if lasts not in ("permanent", "transient"):
            raise ValueError(lasts)
        return Fault(kind, int(at), lasts == "permanent", int(seed))  # type: ignore[arg-type]
    except ValueError:
        raise InputError(
            f"fault {text!r}: expected a kind, {', '.join(KINDS)}, or all of them, swarm; or one "
            "fault, KIND:AT:permanent:SEED or KIND:AT:transient:SEED, such as "
            "bit-rot:17:permanent:1"
        ) from None


def swarm(events: dict[Event, int], kinds: tuple[Kind, ...], seed: int) -> tuple[Fault, ...]:
    """Draw a world's faults: a random half of the kinds is fully off, the others come once each.

    Parameters
    ----------
    events : dict of Event to int
        How many of each a run without faults has.
    kinds : tuple of Kind
        Those that may come.
    seed : int
        The same seed draws the same faults.

    Returns
    -------
    tuple of Fault
        At least one, if any of the kinds can come at all.
    """
    draw = np.random.default_rng([seed, len("swarm")])
    possible = [kind for kind in kinds if events[EVENT_OF[kind]] > 0]
    on = [kind for kind in possible if draw.integers(2)]
    if possible and not on:
        on = [possible[int(draw.integers(len(possible)))]]
    return tuple(
        Fault(
            kind,
            int(draw.integers(1, events[EVENT_OF[kind]] + 1)),
            bool(draw.integers(2)),
            int(draw.integers(2**31)),
        )
        for kind in on
    )
