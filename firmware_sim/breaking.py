"""What can be made to fail in a simulated board: its power, and its flash."""

from __future__ import annotations

from collections.abc import Iterable

from .faults import Fault
from .peripherals import Hardware
from .power import Cut


class Breaking:
    """The part of `firmware_sim.machine.Machine` that lets things fail."""

    hardware: Hardware
    _cut: Cut | None = None

    def cut_power(self, cut: Cut) -> None:
        """Let the power go at a place that is still to come; what runs then raises `PowerLost`.

        Parameters
        ----------
        cut : Cut
        """
        self._cut = self.hardware.cells.cut = cut

    def add_faults(self, faults: Iterable[Fault]) -> None:
        """Let storage faults happen from now on, at places that are still to come.

        Parameters
        ----------
        faults : iterable of Fault
            Instead of those that were there. None at all: nothing fails, events are counted.
        """
        self.hardware.break_storage(tuple(faults))

    def heal(self) -> None:
        """Let no storage fault happen any more. What is damaged stays so until it is erased."""
        self.hardware.heal_storage()
