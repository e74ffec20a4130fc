"""What learners cost on simulated boards, by name."""

from __future__ import annotations

from experiments.catalogue import Runnable
from experiments.device import flags, instructions, metaplastic, power_cuts, size, tracked

STUDIES = (instructions.STUDY, metaplastic.STUDY, size.STUDY, flags.STUDY, power_cuts.STUDY)
EXPERIMENTS: dict[str, Runnable] = {
    **{study.name: study for study in STUDIES},
    tracked.NAME: tracked.Tracked(),
}
