"""What spiking learners refuse, with a sentence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from quant.errors import ConfigError, LabelError, ShapeError
from quant.network import NetworkSpec
from quant.rules.bimu.config import BimuConfig
from quant.rules.multilevel.config import MultilevelConfig
from quant.state import init_state
from streamlearn import SpikingClassifier


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"leaks": (3,)}, "expected 2 numbers, one per layer"),
        ({"leaks": (3, 7)}, "whole numbers from 1 to 6"),
        ({"leaks": ()}, "one number for each layer"),
        ({"leaks": 3}, "expected a list or tuple"),
        ({"threshold": 0.0}, "threshold=0.0: expected 1/16 to 7.94, or None"),
        ({"threshold": 7.98}, "threshold=7.98: expected 1/16 to 7.94, or None"),
        ({"threshold": "much"}, "expected 1/16 to 7.94, or None"),
        ({"threshold": True}, "threshold=True: expected 1/16 to 7.94, or None"),
        ({"threshold": math.inf}, "expected 1/16 to 7.94, or None"),
        ({"drift": 9}, "drift=9: expected 1 to 8, or 0"),
        ({"drift": None}, "drift=None: expected 1 to 8, or 0"),
        ({"drift": 2.5, "threshold": None}, "drift=2.5: expected 1 to 8, or 0"),
        ({"threshold": 10**400}, "expected 1/16 to 7.94, or None"),
        ({"leaks": np.array(3)}, "expected a list or tuple"),
        ({"classes": np.array(3)}, "expected a list or tuple"),
        ({"mu_frac_bits": np.array(12)}, "mu_frac_bits=array.12.: expected 6 to 15"),
        ({"front_end_ranges": [(0, 10**400)] * 3}, "front_end_ranges=.*of each feature"),
        ({"rule": ["bimu"]}, "spiking layers learn by"),
        ({"rule": np.array(["bimu", "mesu"])}, "spiking layers learn by"),
        ({"rule": "multilevel"}, "learn by 'bimu' or 'mesu' or 'metaplastic' so far"),
        (
            {"rule": "bimu", "arithmetic": "q16"},
            "there are bimu in q8 or float32 or float64, mesu in q16 or float32 or float64",
        ),
        ({"rule": "bimu", "unit_threshold": 0.01}, "a spiking unit fires at 0.015625 or above"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(given: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        SpikingClassifier((3, 8, 2), **given)


def test_parts_that_a_spiking_network_has_not_are_refused() -> None:
    for more in ({"memory": "lda"}, {"replay_bytes": 200}):
        with pytest.raises(ConfigError, match="has none yet"):
            NetworkSpec((4, 8, 2), leaks=(3, 4), **more)
    with pytest.raises(ConfigError, match="predicts a class"):
        NetworkSpec((4, 8, 1), leaks=(3, 4), head="gaussian")
    with pytest.raises(ConfigError, match="two inputs; give an even number"):
        NetworkSpec((5, 8, 2), leaks=(3, 4), delta=(8, 5))
    with pytest.raises(ConfigError, match="give leaks as well"):
        NetworkSpec((4, 8, 2), delta=(8, 5))
    with pytest.raises(ConfigError, match="'multilevel' in q8 has no spiking layers"):
        init_state(NetworkSpec((4, 8, 2), leaks=(3, 4)), MultilevelConfig(), "q8")
    refused: tuple[dict[str, Any], ...] = (
        {"cuts": 5},
        {"gather": 4},
        {"sides": 2},
        {"radial": 1.0},
    )
    for given in refused:
        with pytest.raises(ConfigError, match=f"{next(iter(given))}=.*; take"):
            init_state(NetworkSpec((4, 8, 2), leaks=(3, 4)), BimuConfig(**given), "q8")
    learner = SpikingClassifier((3, 8, 2))
    with pytest.raises(LabelError, match="no label is known"):
        learner.predict_recording(np.zeros((3, 3)))
    for every in (0, 2.5, "2", True):
        with pytest.raises(ConfigError, match="expected 1 or more"):
            learner.learn_recording(np.zeros((3, 3)), "a", every=every)  # type: ignore[arg-type]
    learner.learn_recording(np.zeros((3, 3)), "a")
    with pytest.raises(ShapeError, match="0 steps"):
        learner.predict_recording(np.zeros((0, 3)))
    with pytest.raises(ShapeError):
        learner.step([1.0])
