"""Settings of the streaming comparison: widths, constants, and what was tuned on validation.

The float network's rates and MESU's windows are the best of scans on 50,000 training images of ten
permuted tasks, tested on the other 10,000 (:mod:`experiments.streaming.tune`). Validation
images chose the values; docs/binarized.md has the scans, and says where test figures were known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

from experiments.loop.runs import Setting
from quant.network import NetworkSpec
from quant.noise import STREAM_GATE
from quant.rules.metaplastic.config import METAPLASTICITY, MetaplasticConfig

#: Counted up when a log of before says something else than a new one.
VERSION = 1
FOLDER = "streaming-pmnist"
N_FEATURES, N_CLASSES = 784, 10
WIDTHS = (512, 200, 1024)
#: After how many tasks all of them are tested, and of those in the table of twenty.
MILESTONES = (1, 6, 10, 20)
TESTED = (*MILESTONES, 50)
N_SEEDS = 3

#: For one task that never changes: wider, faster, and every error counts.
PLASTIC: dict[str, Any] = {
    "metaplasticity": METAPLASTICITY,
    "lr": 2.0,
    "window": 1.0,
    "skip": 0.047,
    "weight_init": 0.3125,
    "logit_scale": 1.0,
}
#: With gates fewer tasks share a unit, and a softer memory keeps as much.
GATED_METAPLASTICITY = 1.02
#: Blocks of hidden units and how many of them are active, by the algorithm's name: of the float
#: reference, and of all.
TWINS = {"twin": (0, 0), "gated-32-of-64": (64, 32), "gated-16-of-64": (64, 16)}
GATES = {"metaplastic": (0, 0)} | TWINS
GATES |= {f"{name}-q8": gates for name, gates in TWINS.items() if name != "twin"}
GATED_FOLDER = "streaming-gated"
#: MESU without a window of its own, and with :data:`HUNDRED_WINDOW`.
MESU_ALGORITHMS = ("mesu-q16", "mesu-q16-window")
#: The same stream for five times as long, at H = 512.
HUNDRED = "streaming-hundred"
N_HUNDRED = 100
LONG = (
    "metaplastic",
    "gated-32-of-64-q8",
    "gated-16-of-64-q8",
    "no-memory",
    "mlp",
    "ewc-online",
    "si",
    *MESU_ALGORITHMS,
)
#: Ten tasks: in the paper's table of windows the best for the newest five, at 256 hidden units.
HUNDRED_WINDOW = 6e5

#: MESU takes four bytes per synapse: a quarter of the hidden units has the same bytes of state.
MESU_SHARE = 4
MESU_DRAWS = 10
#: Best average accuracy over ten tasks, by the width that it stands beside.
MESU_WINDOW = {200: 1.2e6, 512: 1e15, 1024: 1e15}
MLP_LR = {200: 0.003, 512: 0.003, 1024: 0.003}
#: The float network with a penalty, which is told where a task ends: λ and γ, or c.
PENALTIES = {"ewc-online": (8.0, 1.0), "si": (0.03, 0.0)}
PENALTY_WIDTHS = (512,)


@dataclass(frozen=True)
class StreamingSetting(Setting):
    """What a run is besides its seed.

    Parameters
    ----------
    algorithm : str
        A key of :data:`experiments.streaming.learners.LEARNERS`.
    layers : tuple of int
        Of the learner itself.
    width : int
        Hidden units of the metaplastic network that it stands beside.
    lr : float
        Learning rate of the float network.
    n_blocks, n_active : int
        Blocks of hidden units, and how many are active in a sample; 0 blocks: all units do.
    strength, decay : float
        What protects a float network's weights: λ and γ of online EWC, c of SI.
    """

    width: int = 512
    lr: float = 0.0
    n_blocks: int = 0
    n_active: int = 0
    strength: float = 0.0
    decay: float = 0.0


def metaplastic_spec(setting: StreamingSetting) -> NetworkSpec:
    """Return the network: no biases, and pixels as they are."""
    return NetworkSpec(setting.layers, False, "none")


def metaplastic_config(setting: StreamingSetting) -> MetaplasticConfig:
    """Return the library's own defaults, without the memory where that is asked for."""
    if setting.algorithm == "no-memory":
        return MetaplasticConfig(metaplasticity=0.0, metaplasticity_output=0.0)
    if setting.algorithm == "plastic":
        return MetaplasticConfig(**PLASTIC)
    if setting.n_blocks:
        return MetaplasticConfig(
            metaplasticity=GATED_METAPLASTICITY,
            n_blocks=setting.n_blocks,
            n_active=setting.n_active,
        )
    return MetaplasticConfig(metaplasticity=METAPLASTICITY)


def constants(setting: StreamingSetting) -> dict[str, Any]:
    """Return everything that a run's log must agree with, besides layers and seed."""
    if setting.algorithm == "mlp":
        return {"lr": setting.lr}
    if setting.algorithm in PENALTIES:
        return {"lr": setting.lr, "strength": setting.strength, "decay": setting.decay}
    if setting.algorithm in MESU_ALGORITHMS:
        return {"memory_window": setting.memory_window, "n_draws": setting.n_draws}
    config = metaplastic_config(setting)
    names = ("metaplasticity", "metaplasticity_output", "clamp", "skip", "weight_init_output")
    sized = config.for_sizes(setting.layers)._asdict()
    gates = {"n_blocks": setting.n_blocks, "n_active": setting.n_active, "stream": STREAM_GATE}
    return {
        **(gates if setting.n_blocks else {}),
        **{name: getattr(config, name) for name in names},
        **{name: float(f"{value:.6g}") for name, value in sized.items()},
    }


def streaming_settings(algorithm: str) -> list[tuple[str, Setting, int]]:
    """Return one setting a width."""
    found: list[tuple[str, Setting, int]] = []
    penalty = PENALTIES.get(algorithm, (0.0, 0.0))
    for width in PENALTY_WIDTHS if algorithm in PENALTIES else WIDTHS:
        hidden = width // MESU_SHARE if algorithm == "mesu-q16" else width
        layers = (N_FEATURES, hidden, N_CLASSES)
        lr = MLP_LR[width] if algorithm in ("mlp", *PENALTIES) else 0.0
        window = MESU_WINDOW[width]
        setting = StreamingSetting(algorithm, layers, window, MESU_DRAWS, width, lr, 0, 0, *penalty)
        found.append((FOLDER, setting, N_SEEDS))
    return found


def gated_settings(algorithm: str) -> list[tuple[str, Setting, int]]:
    """Return the learner at H = 512, with so many of its blocks active in a sample."""
    n_blocks, n_active = GATES[algorithm]
    layers = (N_FEATURES, WIDTHS[0], N_CLASSES)
    window = MESU_WINDOW[WIDTHS[0]]
    setting = StreamingSetting(
        algorithm, layers, window, MESU_DRAWS, WIDTHS[0], 0.0, n_blocks, n_active
    )
    return [(GATED_FOLDER if n_blocks else FOLDER, setting, N_SEEDS)]


def hundred_settings(algorithm: str) -> list[tuple[str, Setting, int]]:
    """Return the learner at H = 512, in a folder of its own."""
    if algorithm == "mesu-q16-window":
        ((_, found, n_seeds),) = hundred_settings("mesu-q16")
        found = replace(found, algorithm=algorithm, memory_window=HUNDRED_WINDOW)
        return [(HUNDRED, found, n_seeds)]
    usual = gated_settings if algorithm in GATES else streaming_settings
    return [
        (HUNDRED, setting, n_seeds)
        for _, setting, n_seeds in usual(algorithm)
        if cast(StreamingSetting, setting).width == WIDTHS[0]
    ]
