"""Settings of stages and chains that are refused, and numbers of NumPy, which are taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quant.errors import ConfigError
from quant.stages.file import from_bytes, to_bytes
from quant.stages.window import FEATURES
from streamlearn import MesuClassifier, SpikingClassifier
from streamlearn.chain import Bank, Chain, Delta, Stages, Traces, Window


def test_what_is_no_window_is_refused() -> None:
    for given, says in (
        ({"n": 3}, "from 4 to 1024"),
        ({"hop": 0}, "from 1 to 65535"),
        ({"channels": 0}, "their number, 1 to 64"),
        ({"channels": 65}, "their number, 1 to 64"),
        ({"channels": []}, "different names"),
        ({"channels": ["a", "a"]}, "different names"),
        ({"channels": ["magnitude"]}, "different names"),
        ({"channels": "abc"}, "or their names"),
        ({"channels": 9, "magnitude": True}, "1 to 8"),
        ({"channels": [*"abcdefghi"], "magnitude": True}, "1 to 8"),
        ({"magnitude": 1}, "True or False"),
        ({"features": []}, "expected different names"),
        ({"features": ["median"]}, "expected different names"),
        ({"features": "mean"}, "expected names"),
        ({"edges": [1]}, "two rising numbers"),
        ({"edges": [3, 2]}, "two rising numbers"),
        ({"edges": [1, 12]}, "1 to 11"),
        ({"edges": [1, 2.5]}, "whole numbers"),
    ):
        values: dict[str, Any] = {"n": 20, "hop": 5, "channels": 2, **given}
        with pytest.raises(ConfigError, match=says):
            Window(**values)
    assert Window(20, 5, 1, ("bands", "mean")).features == ("mean", "bands")
    assert set(Window(20, 5, 1).features) == set(FEATURES)
    window = Window(20, 5, 2)
    for learner, says in (
        (MesuClassifier((3, 2)), "gives 28 features, the learner takes 3"),
        (SpikingClassifier((3, 2)), "gives 28 features, the learner takes"),
        (None, "expected a learner"),
    ):
        with pytest.raises(ConfigError, match=says):
            Chain(learner, window)
    with pytest.raises(ConfigError, match="backend"):
        Chain(MesuClassifier((28, 2)), window, 1, "gpu")  # type: ignore[arg-type]


def test_what_is_no_stage_is_refused() -> None:
    wrong: list[tuple[Any, dict[str, Any], str]] = [
        (Delta, {"threshold": 0}, "expected a number from"),
        (Delta, {"threshold": np.nan}, "expected a number from"),
        (Delta, {"threshold": np.inf}, "expected a number from"),
        (Delta, {"threshold": True}, "expected a number from"),
        (Delta, {"threshold": "1"}, "expected a number from"),
        (Delta, {"threshold": []}, "or one for each channel"),
        (Delta, {"threshold": [1, 2, 3], "channels": 2}, "3 numbers for 2 channels"),
        (Delta, {"threshold": 1, "rest": [0], "channels": 2}, "1 numbers for 2 channels"),
        (Delta, {"threshold": 1, "leak": 16}, "from 0 to 15"),
        (Delta, {"threshold": 1, "channels": 257}, "1 to 256"),
        (Traces, {"leaks": ()}, "expected whole numbers"),
        (Traces, {"leaks": "12"}, "expected whole numbers"),
        (Traces, {"leaks": (1, 11)}, "from 0 to 10"),
        (Traces, {"leaks": (1, 1)}, "different numbers"),
        (Traces, {"leaks": (1,), "hop": 0}, "from 1 to 65535"),
        (Traces, {"leaks": range(11), "channels": 400}, "4096 at most"),
        (Bank, {"rate": 0, "n": 80, "hop": 80}, "rate=0"),
        (Bank, {"rate": 8000, "n": 15, "hop": 80}, "from 16 to 512"),
        (Bank, {"rate": 8000, "n": 80, "hop": 80, "bands": 65}, "from 1 to 64"),
        (Bank, {"rate": 8000, "n": 80, "hop": 80, "highest": 4001}, "highest=4001"),
        (Bank, {"rate": 8000, "n": 80, "hop": 80, "lowest": 3950}, "less than highest"),
        (Bank, {"rate": 8000, "n": 80, "hop": 80, "lowest": 99.99, "highest": 100}, "hundredth"),
        (Bank, {"rate": 8000, "n": 80, "hop": 80, "quiet": 0}, "quiet=0"),
        (Window, {"n": 8, "hop": 8, "features": [["mean"]]}, "expected different names"),
        (Stages, {"stages": Window(9, 9, 2), "channels": 3}, "leave its"),
        (Bank, {"rate": 8000, "n": 80, "hop": 80, "channels": 9}, "1 to 8"),
        (Stages, {"stages": ()}, "one or more"),
        (Stages, {"stages": (1,)}, "expected a stage or a list"),
        (Stages, {"stages": (Delta(1.0), Delta(2.0)), "channels": 1}, "each of them once"),
        (Stages, {"stages": Delta(1.0)}, "does not know its channels"),
        (Stages, {"stages": (Delta(1.0, channels=2), Traces((1,), channels=3))}, "leave its"),
        (Stages, {"stages": Window(9, 9, ("a", "b")), "channels": ("a", "c")}, "leave its"),
    ]
    for kind, settings, says in wrong:
        with pytest.raises(ConfigError, match=says):
            kind(**settings)
    for every in (0, 1.5, True, "2", 1 << 16, Delta(1.0)):
        with pytest.raises(ConfigError, match="learn_every"):
            Chain(MesuClassifier((2, 2)), Delta(1.0, channels=1), every)  # type: ignore[arg-type]


def test_stages_outside_of_a_list_are_refused() -> None:
    for channels in (None, 2):
        for first in (Window(9, 9, channels), [Window(9, 9, channels)], []):
            with pytest.raises(ConfigError, match="all stages in one list"):
                Stages(first, Traces((1,)))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="all stages in one list"):
        Stages(stages=Window(9, 9), channels=Traces((1,)))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"learn_every=Traces\("):
        Chain(MesuClassifier((28, 2)), Window(9, 9, 2), Traces((1,)))  # type: ignore[arg-type]


@pytest.mark.parametrize("channels", [True, 1.5, np.nan, "ab", b"ab", {"a", "b"}, object(), Traces])
@pytest.mark.parametrize("known", [None, 2])
def test_channels_that_are_neither_a_number_nor_names_are_refused(
    known: int | None, channels: Any
) -> None:
    with pytest.raises(ConfigError, match="expected their number, 1 to 64, or their names"):
        Stages(Window(9, 9, known), channels)


def test_channels_may_be_given_to_a_stage_that_has_the_same() -> None:
    cases: list[tuple[Any, Any]] = [(2, 2), (2, ["x0", "x1"]), (["a", "b"], 2), (["0"], [0])]
    for known, given in cases:
        assert Stages(Window(9, 9, known), given).stages == (Window(9, 9, known),)


@pytest.mark.parametrize("huge", [10**400, -(10**400), 10**5000], ids=["400", "-400", "5000"])
def test_whole_numbers_that_no_float_holds_are_refused(huge: int) -> None:
    wrong: list[tuple[Any, dict[str, Any]]] = [
        (Bank, {"rate": huge, "n": 80, "hop": 80}),
        (Bank, {"rate": 8000, "n": 80, "hop": 80, "lowest": huge}),
        (Bank, {"rate": 8000, "n": huge, "hop": 80}),
        (Delta, {"threshold": huge}),
        (Delta, {"rest": [huge]}),
        (Window, {"n": 8, "hop": 8, "channels": huge}),
        (Traces, {"leaks": (huge,)}),
        (Traces, {"leaks": huge}),
    ]
    for kind, settings in wrong:
        with pytest.raises(ConfigError):
            kind(**settings)


def test_numbers_of_numpy_are_numbers() -> None:
    whole = np.int64(8)
    stages = Stages(
        (
            Bank(np.float32(100), whole * 2, whole, np.int32(3), np.float64(5)),
            Delta(np.array([0.5, 1, 2]), np.int8(3), np.array(0.25)),
            Traces(np.arange(3).tolist(), np.uint16(2)),
        ),
        np.int64(1),
    )
    assert from_bytes(to_bytes(stages)) == stages
    window = Stages(Window(whole, whole, edges=[whole // 8, whole // 4]), whole // 4)
    assert from_bytes(to_bytes(window)) == window
