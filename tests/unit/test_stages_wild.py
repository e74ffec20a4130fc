"""Wild values at stages: a glitch as a sensor's first value, or a far too large one later."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx_steps import session
from test_onnx_stages import same

from export.graph.stages import stages_model
from quant.front_end.statistics import Statistics, bounded, first, follow
from quant.stages import golden
from quant.stages.native import NativeStages
from streamlearn.chain import Delta, Stages, Standardise, Traces

#: What a sensor says before it says 20, 21, …: each is followed by readings around 20.
STARTS = {
    "1e30": [1e30],
    "-3e38": [-3e38],
    "-9999": [-9999],
    "several times": [65535] * 5,
    "a wild second value": [20.3, 1e30],
    "after a constant": [20.3] * 50 + [-1e30],
    "twice the same after a constant": [20.3] * 50 + [1e9, 1e9],
    "a pulse in a constant": [20.3, 20.3, 1e30, 20.3, 20.3, 20.3],
}


def readings(n: int = 300, seed: int = 0) -> np.ndarray:
    return (20 + np.random.default_rng(seed).normal(size=(n, 1))).astype(np.float32)


def behind(start: list[float], again: int = 1) -> np.ndarray:
    begun = np.array(start, np.float32)[:, None]
    return np.concatenate([begun, np.repeat(readings(), again, axis=0)])


@pytest.mark.parametrize("again", [1, 3])
@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_a_wild_start_is_left_behind(start: list[float], again: int) -> None:
    stages = Stages(Standardise(4096), 1)
    x = behind(start, again)
    z = NativeStages(stages).recording(x)[len(start) :: again, 0]
    clean = NativeStages(stages).recording(readings())[:, 0]
    assert np.abs(z[60:] - clean[60:]).max() < 1
    assert 0.7 < z[60:].std() < 1.4
    assert golden.recording(stages, x)[len(start) :: again, 0].tobytes() == z.tobytes()


def test_without_a_wild_value_nothing_is_another() -> None:
    """Every bit is that of statistics that all values enter."""
    stage = Standardise(300, 5)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 5)).astype(np.float32) * [1, 1e-9, 1e9, 1, 0] + [0, 0, 0, 5, 7]
    x[:, 3] = np.round(x[:, 3])
    state, plain = np.zeros(1, stage.dtype), None
    for row in x.astype(np.float32):
        if plain is None:
            plain = first(row)
        else:
            away = np.minimum(abs(bounded(row, plain.exponent) - (plain.mean >> 16)), 1 << 21)
            held = (plain.variance > 0) & (away**2 > 64 * plain.variance)
            plain = follow(plain, row, held, 300)[0]
        golden.push(Stages(stage), found := _chained(state, stage), row)
        state = found["standardise"]
        assert _statistics(state) == [part.tolist() for part in plain[:3]]


def _chained(state: Any, stage: Standardise) -> Any:
    whole = np.zeros(1, [("standardise", stage.dtype)])
    whole["standardise"] = state
    return whole


def _statistics(state: Any) -> list[list[int]]:
    found = Statistics(
        (state["mean"][0].astype(np.int64) << 16) + state["low"][0],
        state["variance"][0],
        state["exponent"][0],
        state["count"],
    )
    return [part.tolist() for part in found[:3]]


def test_a_switch_and_a_counter_get_a_scale() -> None:
    """Two values only, or each value several times: no reading among them is wild."""
    t = np.arange(400)
    switch, counter = t // 3 % 2, t // 2 % 9
    pulses = (t % 7 == 3) * 1.0
    x = np.stack([switch, counter, pulses], 1).astype(np.float32)
    z = NativeStages(Stages(Standardise(64), 3)).recording(x)
    assert (z[100:].std(axis=0) > 0.7).all()
    assert (z[100:].std(axis=0) < 1.4).all()


@pytest.mark.parametrize("leaks", [(0,), (2, 5), (0, 7)])
@pytest.mark.parametrize("wild", [1e30, 5e6])
def test_a_trace_has_its_bits_again_when_the_wild_value_is_forgotten(
    leaks: tuple[int, ...], wild: float
) -> None:
    stages = Stages(Traces(leaks), 1)
    rng = np.random.default_rng(2)
    x = rng.normal(size=(90 << max(leaks), 1)).astype(np.float32)
    spoilt = np.concatenate([[[wild]], x]).astype(np.float32)
    found, clean = (NativeStages(stages).recording(rows) for rows in (spoilt, x))
    n = 8 << max(leaks)
    assert np.abs(found[-n:] - clean[-n:]).max() < 1e-3
    assert golden.recording(stages, spoilt).tobytes() == found.tobytes()


def test_events_come_back_after_a_wild_value() -> None:
    stages = Stages((Standardise(300), Delta(), Traces((2, 4))), 1)
    x = behind([1e30])
    found, clean = (NativeStages(stages).recording(rows) for rows in (x, readings()))
    assert np.abs(found[101:] - clean[100:]).mean() < 0.4 * clean[100:].mean()


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_the_graph_leaves_a_wild_start_too(start: list[float]) -> None:
    stages = Stages((Standardise(100), Traces((0, 3), 2)), 1)
    same(stages, behind(start)[: len(start) + 60], session(stages_model(stages)))


def test_the_graph_of_traces_has_finer_units_again() -> None:
    stages = Stages(Traces((0, 3)), 2)
    x = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    x[20, 0], x[100, 1], x[150] = 1e30, 1e6, 0
    same(stages, x, session(stages_model(stages)))
