"""Averaged weights where there are none: settings, rules and states that are refused."""

from __future__ import annotations

from typing import Any

import pytest

from quant.errors import ConfigError, ShapeError
from quant.network import NetworkSpec
from quant.rule import RULES
from quant.rules.bimu.config import BimuConfig
from quant.state import init_state, state_from_bytes
from streamlearn import SpikingClassifier

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"average_window": 100}, "average_window=100: expected 0 for no average, or a power of two"),
    ({"average_window": True}, "average_window=True: expected"),
    ({"average_window": 1 << 19}, "64 to 262144 learned steps"),
    ({"average_window": 128, "leaks": ()}, "only spiking networks have averaged weights"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        NetworkSpec(**{"layers": (4, 8, 2), "leaks": (3, 4), **given})


def test_other_rules_are_refused_with_a_sentence() -> None:
    spec = NetworkSpec((4, 8, 2), leaks=(3, 4), average_window=128)
    with pytest.raises(ConfigError, match=r"'bimu' in q8 has no averaged weights; .* mesu in q16"):
        init_state(spec, BimuConfig(threshold=0.2), "q8")
    with pytest.raises(ConfigError, match="average_window: the rule 'bimu' has no averaged"):
        SpikingClassifier((2, 8, 2), rule="bimu", average_window=128)
    assert SpikingClassifier((2, 8, 2), rule="bimu", average_window=0).rule == "bimu"
    nothings: list[Any] = [None, False, 0.0, ""]
    for nothing in nothings:
        with pytest.raises(ConfigError, match="average_window: the rule 'bimu' has no averaged"):
            SpikingClassifier((2, 8, 2), rule="bimu", average_window=nothing)


@pytest.mark.parametrize("arithmetic", RULES["mesu"].averages)
def test_a_state_of_the_other_kind_is_refused(arithmetic: str) -> None:
    learner, other = (
        SpikingClassifier((3, 16, 2), arithmetic=arithmetic, average_window=window)
        for window in (128, 0)
    )
    with pytest.raises(ShapeError, match="written for another network"):
        state_from_bytes(other.spec, other.config, arithmetic, learner.state.tobytes())
