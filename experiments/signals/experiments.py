"""The experiments of this folder."""

from __future__ import annotations

from experiments.catalogue import Runnable
from experiments.signals import cost, digits, fronts, live, machine, windows

EXPERIMENTS: dict[str, Runnable] = {
    one.STUDY.name: one.STUDY for one in (windows, fronts, live, digits, machine, cost)
}
