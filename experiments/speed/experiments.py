"""The speed of every engine, by name."""

from __future__ import annotations

from experiments.catalogue import Runnable
from experiments.speed.command import STUDY

EXPERIMENTS: dict[str, Runnable] = {STUDY.name: STUDY}
