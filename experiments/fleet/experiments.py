"""Experiments with fleets by name."""

from __future__ import annotations

from experiments.catalogue import Runnable
from experiments.fleet import merging, overhead

EXPERIMENTS: dict[str, Runnable] = {study.name: study for study in (merging.STUDY, overhead.STUDY)}
