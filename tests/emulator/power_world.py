"""A run that commits often, its power cut where a schedule says, and what must hold afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import firmware_sim_helpers as helpers

import firmware_sim as fs
from firmware_sim.power import Cut

EVERY, COMMITS = 2, 5
SAMPLES = EVERY * COMMITS


class World:
    """One firmware, one stream with a commit after every second sample, run once without a cut.

    Attributes
    ----------
    operations, instructions : int
        Of that run, from the first sample on.
    """

    def __init__(self, firmware: fs.Firmware, n_features: int = 8, n_classes: int = 3) -> None:
        self.device = fs.Device(firmware)
        xs, ys = helpers.make_stream(SAMPLES, n_features, n_classes)
        self._samples = list(zip(xs, ys.tolist(), strict=True))
        #: What is in flash after so many commits.
        self.states = [self.device.read_state()]
        operations, instructions = self.device.flash_operations, self.device.instructions_total
        self._go_on(0, note=True)
        self.operations = self.device.flash_operations - operations
        self.instructions = self.device.instructions_total - instructions
        assert len(set(self.states)) == COMMITS + 1

    def _go_on(self, commits: int, note: bool = False) -> None:
        for number in range(commits, COMMITS):
            for x, y in self._samples[number * EVERY : (number + 1) * EVERY]:
                self.device.learn(x, y)
            self._reached = number
            self.device.commit()
            self._reached = number + 1
            if note:
                self.states.append(self.device.read_state())

    def survives(self, cuts: Iterable[Cut]) -> None:
        """Cut the power of a fresh board, boot, and again; then let it finish.

        Safety: after each cut the state is that of the last commit that was confirmed, or of the
        one that was going on, and the device says which. Liveness: without cuts it then learns the
        rest and ends with the bits of a run that was never cut.
        """
        device = self.device
        device.reflash()
        commits = 0
        for cut in cuts:
            self._reached = commits
            device.cut_power(cut)
            with suppress(fs.PowerLost):
                self._go_on(commits)
            commits = self._reached
            device.power_on()
            state, stored = device.read_state(), device.stored()
            assert state in self.states, f"{cut}: a state that was never committed"
            found = self.states.index(state)
            assert found in (commits, commits + 1), f"{cut}: {commits} commits, found {found}"
            assert stored.sequence == found, f"{cut}: says {stored}"
            assert (stored.source == "factory") == (found == 0), f"{cut}: says {stored}"
            commits = found
        self._go_on(commits)
        assert device.read_state() == self.states[-1]
        device.power_on()
        assert device.read_state() == self.states[-1]
        assert device.stored().sequence == COMMITS
