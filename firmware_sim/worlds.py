"""Worlds: a board that commits often, what goes wrong with its power and its flash, and promises.

A world is a run of samples with a commit after every few of them, power cuts, and faults of the
storage. It has two phases. *Safety*: after each cut the board boots with a state that it had, and
with one as new as is promised for what went wrong. *Liveness*: then nothing fails any more; the
next commit is confirmed, and the board ends with the bits of a run in which nothing went wrong.
A board with a log of events has a state after each sample, not only after each commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .device import Device
from .errors import FirmwareSimError, PowerLost, RefusedError
from .faults import Event, Fault, Kind, swarm
from .image import Firmware
from .link import Status
from .power import Cut

#: Faults that can touch only what is being written: the newest confirmed state is safe from them.
SPARING: tuple[Kind, ...] = ("lying-erase", "worn-page")
#: Samples within which a board learns and commits again, once nothing fails.
ALIVE_WITHIN = 100


class PromiseBroken(FirmwareSimError, AssertionError):  # noqa: N818 - what it is
    """A world in which a promise did not hold.

    Attributes
    ----------
    world : World
    """

    def __init__(self, message: str, world: World) -> None:
        super().__init__(f"{message}; again: --power-cuts {world.power} {world.options}".rstrip())
        self.world = world


@dataclass(frozen=True)
class World:
    """What goes wrong: power cuts one after another, and faults of the storage.

    Attributes
    ----------
    cuts : tuple of Cut
        Each counts from the boot after the one before.
    faults : tuple of Fault
        Each counts from the first sample on.
    """

    cuts: tuple[Cut, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def power(self) -> str:
        """The cuts, as ``--power-cuts`` takes them."""
        return "+".join(str(cut) for cut in self.cuts) or "none"

    @property
    def options(self) -> str:
        """The faults, as ``--fault`` takes them."""
        return " ".join(f"--fault {fault}" for fault in self.faults)


@dataclass(frozen=True)
class Outcome:
    """What came of a world in which all promises held.

    Attributes
    ----------
    cuts : int
        That came.
    happened : tuple of Fault
        Those whose moment came.
    refused : int
        Commits that the board said it could not do.
    older : int
        Boots with an older state than the newest that was confirmed.
    damaged : int
        Bytes of the areas that were wrong when nothing failed any more.
    """

    cuts: int
    happened: tuple[Fault, ...]
    refused: int
    older: int
    damaged: int


class Trial:
    """One firmware and one stream, to be run in many worlds.

    Parameters
    ----------
    firmware : Firmware
        Built to commit by request.
    xs : float32[n, n_features]
    ys : int[n], or float[n] for a firmware that predicts a number
        The samples that every world learns.
    every : int
        Samples between two commits.

    Attributes
    ----------
    states : list of bytes
        Of a run in which nothing went wrong: the first, and that of each step. A step is a commit
        and the samples before it; with a log it is a sample.
    operations, instructions : int
        Of that run: flash operations and instructions from the first sample on.
    events : dict of Event to int
        Of that run, with a boot at its end.
    """

    def __init__(
        self,
        firmware: Firmware,
        xs: npt.NDArray[np.float32],
        ys: npt.NDArray[Any],
        every: int = 2,
    ) -> None:
        self.device = device = Device(firmware)
        self._samples = list(zip(xs, ys.tolist(), strict=True))
        self._logs, self._every = firmware.log is not None, every
        self._what = "samples" if self._logs else "commits"
        self._per = 1 if self._logs else every  # samples in a step
        self._steps = len(self._samples) // every * every // self._per
        self.states = [device.read_state()]
        operations, instructions = device.flash_operations, device.instructions_total
        device.add_faults(())
        for _ in self._go_on(0):
            self.states.append(device.read_state())
        self.operations = device.flash_operations - operations
        self.instructions = device.instructions_total - instructions
        device.power_on()
        overlay = device.hardware.cells.overlay
        assert overlay is not None
        self.events: dict[Event, int] = dict(overlay.events)
        device.heal()

    @property
    def samples(self) -> int:
        """How many samples each world learns."""
        return self._per * self._steps

    def _go_on(self, steps: int) -> Iterator[bool]:
        """Learn on from a step; yield after each whether the board confirmed it."""
        for number in range(steps, self._steps):
            for x, y in self._samples[number * self._per : (number + 1) * self._per]:
                if self.device.firmware.n_classes:
                    self.device.learn(x, y)
                else:
                    self.device.learn_target(x, y)
            self._reached, self._answered = number, number + self._logs
            confirmed = (number + 1) * self._per % self._every != 0 or self._commit()
            self._reached = number + 1
            yield confirmed

    def _commit(self) -> bool:
        """Commit; return whether the board confirmed it."""
        try:
            self.device.commit()
        except RefusedError as refused:
            if refused.status != Status.NOT_STORED:
                raise
            return False
        return True

    def drawn(
        self, cuts: Iterable[tuple[Cut, ...]], kinds: tuple[Kind, ...], seed: int
    ) -> Iterator[World]:
        """Yield a world for each of many series of cuts, its faults drawn.

        Parameters
        ----------
        cuts : iterable of tuple of Cut
        kinds : tuple of Kind
            Faults that may come; in each world a random half of them is off.
        seed : int
            Of the first world; the next has the next one.
        """
        for index, some in enumerate(cuts):
            yield World(some, swarm(self.events, kinds, seed + index) if kinds else ())

    def run(self, world: World) -> Outcome:
        """Run one world.

        Raises
        ------
        PromiseBroken
            If a promise did not hold, or the firmware faulted; the message has the options of
            ``streamlearn simulate`` that run this world again.
        """
        try:
            return self._run(world)
        except PromiseBroken:
            raise
        except FirmwareSimError as error:
            raise PromiseBroken(f"{type(error).__name__}: {error}", world) from error

    def _run(self, world: World) -> Outcome:
        device = self.device
        device._sequence = 0  # a world is the same whatever was asked before
        device.reflash()
        if world.faults:
            device.add_faults(world.faults)
        confirmed = refused = older = cuts = at = 0
        for cut in (*world.cuts, None):
            self._reached = self._answered = at
            if cut is not None:
                device.cut_power(cut)
            try:
                for good in self._go_on(at):
                    refused += not good
                    confirmed = self._reached if good else confirmed
            except PowerLost:
                cuts += 1
            if self._logs:  # a sample is kept from its answer on
                confirmed = max(confirmed, self._answered)
            begun = self._reached
            device.power_on()
            at = self._check(world, confirmed, begun)
            older += at < confirmed
            confirmed = at
        cells = device.hardware.cells
        happened = () if cells.overlay is None else tuple(cells.overlay.happened)
        damaged = cells.damaged_bytes()
        self._live(world, at)
        return Outcome(cuts, happened, refused, older, damaged)

    def _check(self, world: World, confirmed: int, begun: int) -> int:
        """Safety: return which state the board has, if it may."""
        state, stored = self.device.read_state(), self.device.stored()
        if state not in self.states:
            raise PromiseBroken("a state that the board never had", world)
        found = self.states.index(state)
        if found > begun + 1:
            raise PromiseBroken(f"{begun} {self._what} were begun, found {found}", world)
        floor = self._floor(world, confirmed)
        if found < floor:
            raise PromiseBroken(f"{confirmed} {self._what} were confirmed, found {found}", world)
        if self._logs:  # a stored state and samples since
            return found
        if not world.faults and not found <= stored.sequence <= found + len(world.cuts):
            raise PromiseBroken(f"found the state of commit {found}, and it says {stored}", world)
        if (stored.source == "factory") != (found == 0):
            raise PromiseBroken(f"found the state of commit {found}, and it says {stored}", world)
        return found

    def _floor(self, world: World, confirmed: int) -> int:
        """Return the oldest state that may be found: see the table in docs/device.md."""
        if self._logs and world.faults:
            return 0
        if all(fault.kind in SPARING for fault in world.faults):
            return confirmed
        if len(world.faults) == 1 and not world.cuts and not _repeats(world.faults[0]):
            return max(0, confirmed - 1)
        return 0

    def _live(self, world: World, at: int) -> None:
        """Liveness: nothing fails any more."""
        device = self.device
        device.heal()
        device.power_on()
        at = self._check(world, 0, self._steps)
        if at == self._steps:
            return
        waited = 0
        for good in self._go_on(at):
            waited += self._per
            if not good and waited >= ALIVE_WITHIN:
                raise PromiseBroken(f"no commit within {waited} samples", world)
        device.power_on()
        if device.read_state() != self.states[-1]:
            raise PromiseBroken("learned on to another state", world)


def _repeats(fault: Fault) -> bool:
    """Tell whether one fault can do damage to one record after another."""
    return fault.kind == "misdirected" and fault.permanent


def summary(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Return sums over many worlds."""
    return {
        "worlds": len(outcomes),
        "cuts": sum(one.cuts for one in outcomes),
        "faults": sum(len(one.happened) for one in outcomes),
        "commits_refused": sum(one.refused for one in outcomes),
        "boots_with_an_older_state": sum(one.older for one in outcomes),
        "bytes_damaged": sum(one.damaged for one in outcomes),
    }
