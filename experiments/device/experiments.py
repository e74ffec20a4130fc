"""What learners cost on simulated boards, by name."""

from __future__ import annotations

from experiments.catalogue import Runnable
from experiments.device import instructions, metaplastic, size

EXPERIMENTS: dict[str, Runnable] = {
    study.name: study for study in (instructions.STUDY, metaplastic.STUDY, size.STUDY)
}
