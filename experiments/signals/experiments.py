"""The experiments of this folder."""

from __future__ import annotations

from experiments.catalogue import Runnable
from experiments.signals import cost, digits, fronts, machine, windows

EXPERIMENTS: dict[str, Runnable] = {
    one.name: one for one in (windows.STUDY, fronts.STUDY, digits.STUDY, machine.STUDY, cost.STUDY)
}
