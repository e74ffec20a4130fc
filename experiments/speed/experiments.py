"""The speed of every engine, by name."""

from __future__ import annotations

from experiments.catalogue import Runnable
from experiments.speed import command, run_speed

EXPERIMENTS: dict[str, Runnable] = {study.name: study for study in (command.STUDY, run_speed.STUDY)}
