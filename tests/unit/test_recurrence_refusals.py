"""What recurrent connections of spiking layers refuse, with a sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import quant.rule
from quant.errors import ConfigError, ShapeError
from quant.network import NetworkSpec
from quant.rule import RULES
from quant.rules.bimu.config import BimuConfig
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.state import init_state, state_from_bytes
from streamlearn import SpikingClassifier

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"recurrent": 1}, "recurrent=1: expected True or False"),
    ({"recurrent": True, "layers": (4, 2), "leaks": (3,)}, "no hidden units"),
    ({"recurrent": True, "leaks": ()}, "only a spiking network is"),
    ({"recurrent": True, "layers": (65535, 2, 2)}, "expected 65535 together"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        NetworkSpec(**{"layers": (4, 8, 2), "leaks": (3, 4), **given})


def test_other_rules_and_arithmetics_are_refused_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = NetworkSpec((4, 8, 2), leaks=(3, 4), recurrent=True)
    only = replace(RULES["mesu"], recurrent=("q16",))
    monkeypatch.setattr(quant.rule, "RULES", {**RULES, "mesu": only})
    with pytest.raises(ConfigError, match=r"'mesu' in float32 has no.*, mesu in q16, metaplastic"):
        init_state(spec, MesuConfig(), "float32")
    for config, arithmetic in ((BimuConfig(threshold=0.2), "q16"), (MesuFactoredConfig(), "q16")):
        with pytest.raises(ConfigError, match="has no spiking layers"):
            init_state(spec, config, arithmetic)
    with pytest.raises(ConfigError, match="'bimu' in q16 has no spiking layers"):
        SpikingClassifier((2, 8, 2), rule="bimu", arithmetic="q16", recurrent=True)


@pytest.mark.parametrize("arithmetic", RULES["mesu"].recurrent)
def test_a_state_of_the_other_kind_is_refused(arithmetic: str) -> None:
    learner, other = (
        SpikingClassifier((3, 8, 2), recurrent=r, arithmetic=arithmetic) for r in (True, False)
    )
    with pytest.raises(ShapeError, match="written for another network"):
        state_from_bytes(other.spec, other.config, arithmetic, learner.state.tobytes())


@pytest.mark.parametrize(
    ("arithmetic", "field", "value", "says"),
    [
        ("q16", "own_spikes", 17, "own_spikes from 0 to 17"),
        ("float32", "own_spikes", 1.5, "own_spikes from 0.0 to 1.5"),
        ("float32", "own_spikes", -0.5, "own_spikes from -0.5"),
        ("float32", "own_trace", -1.0, "own_trace from -1"),
    ],
)
def test_a_state_out_of_its_range_is_refused(
    arithmetic: str, field: str, value: float, says: str
) -> None:
    learner = SpikingClassifier((3, 8, 5, 2), recurrent=True, arithmetic=arithmetic)
    bad = learner.state
    bad[field][0, 2] = value
    with pytest.raises(ShapeError, match=says):
        state_from_bytes(learner.spec, learner.config, arithmetic, bad.tobytes())
    with pytest.raises(ShapeError, match=says):
        learner.state = bad
