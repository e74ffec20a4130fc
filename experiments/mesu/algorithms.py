"""The algorithms of the comparison, each at the authors' settings, behind one set of verbs."""

from __future__ import annotations

from collections.abc import Callable

from experiments.loop.runs import Setting
from experiments.mesu import kernels
from experiments.mesu.baselines import BgdLearner, Deterministic, DeterministicLearner
from experiments.mesu.learners import MesuLearner
from experiments.mesu.sampled import SampledLearner
from experiments.mesu.task_learner import TaskLearner


def _deterministic(config: Deterministic) -> Callable[[Setting, int], TaskLearner]:
    return lambda setting, seed: DeterministicLearner(setting, seed, config)


#: The baselines by name.
COMPILED: dict[str, Callable[[Setting, int], TaskLearner]] = {
    "bgd": BgdLearner,
    "si": _deterministic(Deterministic(kernels.SI, strength=1e-4)),
    "ewc-online": _deterministic(Deterministic(kernels.ANCHORED, strength=2.0, decay=0.2)),
    "ewc-stream": _deterministic(Deterministic(kernels.STREAM_EWC, strength=5.0, decay=0.2)),
    "sgd": _deterministic(Deterministic(kernels.SGD)),
}
#: Every algorithm by name: what makes its learner from a setting and a seed.
ALGORITHMS: dict[str, Callable[[Setting, int], TaskLearner]] = {
    "mesu": lambda setting, seed: MesuLearner(setting, seed, "float32"),
    "mesu-q16": lambda setting, seed: MesuLearner(setting, seed, "q16"),
    "mesu-factored": lambda setting, seed: MesuLearner(setting, seed, "float32", factored=True),
    "mesu-factored-q16": lambda setting, seed: MesuLearner(setting, seed, "q16", factored=True),
    "mesu-weights": lambda setting, seed: SampledLearner(setting, seed, "weights"),
    "mesu-noisy": lambda setting, seed: SampledLearner(setting, seed, "noisy"),
    **COMPILED,
}
