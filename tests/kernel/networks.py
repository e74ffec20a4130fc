"""Networks and streams that the kernel goes through: every rule's own, and extreme ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.heads import HEADS
from quant.network import NetworkSpec
from quant.rule import RULES, Config
from quant.rules.bimu.config import BimuConfig
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.rules.metaplastic.config import MetaplasticConfig
from streamlearn.learners.loading import learner_class

FLOAT32_MAX = np.finfo(np.float32).max
LAST = {"categorical": 3, "gaussian": 1}
#: What a network may have beside its layers.
OPTIONS: dict[str, list[dict[str, Any]]] = {"categorical": [{"replay_bytes": 99}], "gaussian": []}


@dataclass(frozen=True)
class Case:
    """A network, its rule's settings, and what it is computed in."""

    spec: NetworkSpec
    config: Config
    arithmetic: str

    @property
    def given(self) -> tuple[NetworkSpec, Config, str]:
        return self.spec, self.config, self.arithmetic

    @property
    def integer(self) -> bool:
        return RULES[self.config.rule].arithmetics[self.arithmetic].golden is not None

    def __str__(self) -> str:
        usual = vars(type(self.config)())
        own = [f"{name}={v}" for name, v in vars(self.config).items() if usual[name] != v]
        spec = f"{self.spec}-{self.spec.front_end}-{'bias' if self.spec.bias else 'no_bias'}"
        if self.spec.memory:
            spec += f"-{self.spec.memory}-{self.spec.memory_features}"
        spec += f"-leaks={self.spec.leaks}-{self.spec.delta}" if self.spec.leaks else ""
        spec += "-recurrent" if self.spec.recurrent else ""
        spec += f"-averaged={self.spec.average_window}" if self.spec.average_window else ""
        own += [f"replay_bytes={self.spec.replay_bytes}"] if self.spec.replay_bytes else []
        return "-".join([self.config.rule, self.arithmetic, spec, *own])


def in_c(rule: str) -> list[str]:
    """Return the arithmetics of a rule that have a kernel."""
    return [name for name, kind in RULES[rule].arithmetics.items() if kind.kernel is not None]


def config_of(rule: str, head: str, settings: Mapping[str, Any]) -> Config:
    """Return the settings with which the rule's learner of that head starts."""
    learner = learner_class(rule, head)((5, 8, LAST[head]), **settings)
    return learner.config


def remembering() -> list[Case]:
    """Every rule in every arithmetic with a memory of inputs and random features; and the mean."""
    spec = NetworkSpec((5, 8, 3), memory="lda", memory_features=9)
    found = [
        Case(spec, config_of(rule, "categorical", {}), arithmetic)
        for rule in RULES
        if "categorical" in RULES[rule].heads
        for arithmetic in in_c(rule)
    ]
    return [*found, Case(replace(spec, memory="mean"), MesuConfig(), "q16")]


def defaults() -> list[Case]:
    """Every rule, head and variant in every arithmetic that has a kernel; and with a memory."""
    plain = [
        Case(
            NetworkSpec((5, 8, LAST[head]), head=head, **options),
            config_of(rule, head, settings),
            arithmetic,
        )
        for rule in RULES
        for head in RULES[rule].heads
        for options in ({}, *OPTIONS[head])
        for settings in ({}, *RULES[rule].variants.values())
        for arithmetic in in_c(rule)
    ]
    return [*plain, *remembering()]


#: Extreme settings, beside the defaults of every rule.
EXTREME: list[tuple[NetworkSpec, Config]] = [
    (NetworkSpec((5, 8, 3), front_end="none"), MesuConfig()),
    (NetworkSpec((5, 8, 3), front_end="none", memory="lda", memory_features=0), MesuConfig()),
    (NetworkSpec((37, 4, 2), memory="lda", memory_features=33), MesuConfig(n_draws=1)),
    (NetworkSpec((1, 2), memory="lda", memory_features=40), MesuConfig()),
    (NetworkSpec((70, 3), front_end="none", memory="mean", memory_features=5), MesuConfig()),
    (NetworkSpec((9, 30, 7), memory="lda", memory_features=9), MetaplasticConfig(window=4.0)),
    (NetworkSpec((5, 8, 3), front_end="frozen"), MesuConfig(front_end_window=8)),
    (NetworkSpec((4, 3), bias=False), MesuConfig(n_draws=1)),
    (
        NetworkSpec((6, 9, 7, 3), False, leaks=(3, 4, 1), delta=(8, 5)),
        MesuConfig(n_draws=4, sigma_init=2.0),
    ),
    (NetworkSpec((5, 8, 3), front_end="none", leaks=(6, 6)), MesuConfig(n_draws=9)),
    (NetworkSpec((10, 60, 3), leaks=(3, 4), delta=(8, 5), average_window=128), MesuConfig()),
    (
        NetworkSpec((6, 9, 7, 3), leaks=(3, 4, 1), delta=(8, 5), recurrent=True),
        MesuConfig(n_draws=3, sigma_init=2.0),
    ),
    (
        NetworkSpec((6, 9, 7, 3), leaks=(3, 4, 1), delta=(8, 5)),
        BimuConfig(threshold=1 / 64, lr=64.0),
    ),
    (NetworkSpec((5, 8, 3), False, "none", leaks=(6, 6)), BimuConfig(n_draws=9, threshold=0.2)),
    (
        NetworkSpec((6, 9, 7, 3), leaks=(3, 4, 1), delta=(8, 5), recurrent=True),
        BimuConfig(n_draws=3, threshold=1 / 64, lr=64.0),
    ),
    (
        NetworkSpec((6, 9, 7, 3), leaks=(3, 4, 1), delta=(8, 5), recurrent=True),
        MetaplasticConfig(window=1 / 64, lr=16.0, lr_output=16.0, skip=0.0),
    ),
    (NetworkSpec((4, 3), front_end="frozen", leaks=(1,), delta=(1, 0)), MesuConfig()),
    (NetworkSpec((3, 7, 6, 2)), MesuConfig(n_draws=3, memory_window=2000.0, sigma_prior=1.0)),
    (NetworkSpec((9, 5, 2), bias=False, front_end="none"), MesuConfig(n_draws=64, mu_prior=0.5)),
    (NetworkSpec((1, 1, 2)), MesuConfig(memory_window=float("inf"), front_end_window=2)),
    (NetworkSpec((300, 4, 3), front_end="none"), MesuConfig(lr_mu=50.0, lr_sigma=50.0)),
    (NetworkSpec((4, 1), front_end="none", head="gaussian"), MesuConfig(mu_init=1.0)),
    (NetworkSpec((3, 9, 6, 2)), MesuFactoredConfig(n_draws=3, memory_window=2000.0)),
    (
        NetworkSpec((9, 2), bias=False, front_end="none"),
        MesuFactoredConfig(n_draws=64, mu_prior=0.5, sweep=4),
    ),
    (NetworkSpec((300, 4, 3), front_end="none"), MesuFactoredConfig(lr_mu=50.0, lr_sigma=50.0)),
    (
        NetworkSpec((5, 8, 3), False, "none"),
        MetaplasticConfig(metaplasticity=0.0, metaplasticity_output=9.0, skip=0.0),
    ),
    (NetworkSpec((4, 3), False, "none"), MetaplasticConfig(lr_output=16.0, logit_scale=8.0)),
    (NetworkSpec((1, 1, 2), True, "none"), MetaplasticConfig(clamp=1 / 64, weight_init=0.0)),
    (NetworkSpec((3, 70, 41, 2), False), MetaplasticConfig(window=4.0, lr=4.0)),
    (
        NetworkSpec((300, 33, 5), True, "none"),
        MetaplasticConfig(skip=0.3, bias_input=7.9, calibration_window=64),
    ),
    (
        NetworkSpec((9, 300, 7), False, "none"),
        MetaplasticConfig(lr=16.0, lr_output=16.0, window=16.0, skip=0.0),
    ),
    # Blocks of 8, of 3 (several to a word) and of 1 unit; gates of one, two and ten words.
    (
        NetworkSpec((20, 64, 4), False, "none"),
        MetaplasticConfig(skip=0.0, window=2.0, n_blocks=8, n_active=2),
    ),
    (
        NetworkSpec((5, 99, 9, 3)),
        MetaplasticConfig(skip=0.0, window=2.0, n_blocks=33, n_active=20),
    ),
    (
        NetworkSpec((9, 300, 7), False, "none"),
        MetaplasticConfig(lr=16.0, window=16.0, skip=0.0, n_blocks=300, n_active=7),
    ),
]


def cases() -> list[Case]:
    """Return all of them."""
    extreme = [
        Case(spec, config, arithmetic)
        for spec, config in EXTREME
        for arithmetic in in_c(config.rule)
        if not spec.leaks or arithmetic in RULES[config.rule].spiking
        if not spec.recurrent or arithmetic in RULES[config.rule].recurrent
    ]
    return [*defaults(), *extreme]


def covering(many: list[Case]) -> list[Case]:
    """Return some of them, in which still occurs, at least once: every arithmetic, head, network
    and setting of every rule, and every option of a network in every arithmetic.
    """
    found, seen = [], set()
    for case in many:
        spec, rule = case.spec, case.config.rule
        option = (case.arithmetic, spec.front_end, spec.memory, spec.replay_bytes > 0)
        parts = {(rule, case.arithmetic), (rule, spec.head, spec.layers, str(case.config)), option}
        if not parts <= seen:
            found.append(case)
            seen |= parts
    return found


def absurd_stream(n_features: int, n: int, seed: int) -> npt.NDArray[np.float32]:
    """Any finite bit pattern: mixed scales, subnormals, both zeros, the largest, constants."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2**32, (n, n_features), np.uint32)
    bits[(bits >> 23 & 255) == 255] &= np.uint32(0xBFFFFFFF)
    x = bits.view(np.float32)
    calm = rng.normal(size=(n, n_features)).astype(np.float32) * np.float32(2)
    edge = rng.choice(
        np.array([0, -0.0, FLOAT32_MAX, -FLOAT32_MAX, 1e-45, 1.2e-38, 1, -1], np.float32),
        (n, n_features),
    )
    kind = rng.integers(0, 20, (n, n_features))
    x = np.where(kind < 2, x, np.where(kind < 4, edge, calm))
    assert np.isfinite(x).all()
    return x


def targets_of(spec: NetworkSpec, n: int, seed: int) -> npt.NDArray[Any]:
    """Return class indices, or absurd numbers, for ``n`` samples."""
    if HEADS[spec.head].target == "number":
        return absurd_stream(1, n, seed)[:, 0]
    return np.random.default_rng(seed).integers(0, spec.n_classes, n)
