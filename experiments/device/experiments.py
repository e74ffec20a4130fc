"""What learners cost on simulated boards, by name."""

from __future__ import annotations

from experiments.catalogue import Runnable
from experiments.device import (
    builds,
    flags,
    hostile,
    instructions,
    metaplastic,
    parts,
    power_cuts,
    size,
    tracked,
)

STUDIES = (
    instructions.STUDY,
    metaplastic.STUDY,
    size.STUDY,
    flags.STUDY,
    power_cuts.STUDY,
    hostile.STUDY,
    parts.STUDY,
    builds.STUDY,
)
EXPERIMENTS: dict[str, Runnable] = {
    **{study.name: study for study in STUDIES},
    tracked.NAME: tracked.Tracked(),
}
