"""A spiking learner behind stages: each row that comes is a step of its time."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from quant.errors import InputValueError, LabelError, ShapeError
from quant.stages.native import NativeStages
from streamlearn import SpikingClassifier
from streamlearn.chain import Chain, Stages, Traces, Window

STAGES = {
    "traces": Stages(Traces((0, 2, 4)), 2),
    "window": Stages(Window(8, 4, features=("mean", "sd")), 2),
}


def made(stages: Stages) -> SpikingClassifier:
    return SpikingClassifier((stages.n_features, 24, 2), classes=range(2), seed=4)


def signals(n: int) -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    turns = np.cumsum(rng.normal(size=(n, 60, 2)), axis=1)
    return list(turns.astype(np.float32))


@pytest.mark.parametrize("name", STAGES)
def test_rows_are_steps_of_a_learner_that_takes_them_itself(name: str) -> None:
    """What a chain does is what the learner does with the rows that the stages make."""
    stages = STAGES[name]
    chain, alone = Chain(made(stages), stages), made(stages)
    engine, state = NativeStages(stages), stages.start()
    spoke = 0
    for at, signal in enumerate(signals(4)):
        chain.reset()
        alone.reset()
        stages.reset(state)
        for t, values in enumerate(signal):
            row = engine.look(state, values)
            engine.push(state, values)
            label = at % 2 if t % 3 else None
            ahead = chain.predict_one(values)
            said = chain.test_then_learn_one(values, label)
            assert said == ahead
            if row is None:
                assert said is None
            elif label is None:
                assert said == alone.step(row)
            else:
                assert said == alone.test_then_learn_one(row, label)
            assert chain.learner.state.tobytes() == alone.state.tobytes()
        spoke += int(alone.activity.events[1] > 0)
    assert spoke, "hidden units fire, or this compares nothing"


def test_what_is_refused_leaves_stages_and_learner_as_they_were() -> None:
    stages = STAGES["window"]
    chain = Chain(made(stages), stages)
    (signal,) = signals(1)
    before = chain.learn_recording(signal, 1) and chain.state_sha256
    with pytest.raises(InputValueError, match=r"x\[0\] is nan: expected a finite float32"):
        chain.learn_one([np.nan, 0], 1)
    with pytest.raises(LabelError, match="unknown"):
        chain.learn_recording(signal, 7)
    with pytest.raises(ShapeError, match="too short for a row"):
        chain.predict_recording(signal[:3])
    assert chain.state_sha256 == before


def test_a_row_that_is_not_learned_is_a_step_too() -> None:
    stages = STAGES["traces"]
    chain, alone = Chain(made(stages), stages, learn_every=5), made(stages)
    (signal,) = signals(1)
    rows = NativeStages(stages).run(stages.start(), signal)
    chain.learn_recording(signal, 1)
    alone.learn_recording(rows, 1, every=5)
    assert alone.n_samples == chain.n_samples == 12
    assert alone.state.tobytes() == chain.learner.state.tobytes()


def test_a_whole_recording_is_asked_without_a_trace_of_it() -> None:
    stages = STAGES["traces"]
    chain = Chain(made(stages), stages)
    first, second = signals(2)
    chain.learn_recording(first, 0)
    before = chain.state_sha256
    rows = NativeStages(stages).run(stages.start(), second)
    assert chain.predict_recording(second) == chain.learner.predict_recording(rows)
    assert chain.state_sha256 == before
    other = Chain.from_bytes(chain.to_bytes())
    third = copy.deepcopy(chain)
    for one in (chain, other, third):
        one.learn_recording(second, 1)
    assert chain.state_sha256 == other.state_sha256 == third.state_sha256
    assert chain.state_sha256 != before


def pickled(chain: Chain) -> Any:
    return pickle.loads(pickle.dumps(chain))


@pytest.mark.parametrize("backend", ["c", "numpy"])
@pytest.mark.parametrize("twice", [copy.deepcopy, pickled])
def test_a_copy_goes_on_by_itself(twice: Callable[[Chain], Chain], backend: Any) -> None:
    chain = Chain(made(STAGES["window"]), STAGES["window"], 3, backend)
    signal = signals(1)[0]
    for values in signal[:34]:  # in the middle of a row, one labelled row since one was learned
        chain.learn_one(values, 1)
    before = chain.state_sha256
    other = twice(chain)
    assert (other.state_sha256, other.learn_every, other._backend) == (before, 3, backend)
    said = [other.test_then_learn_one(values, 1) for values in signal[34:]]
    assert chain.state_sha256 == before, "they share nothing"
    assert [chain.test_then_learn_one(values, 1) for values in signal[34:]] == said
    assert chain.to_bytes() == other.to_bytes()
    assert chain._lock is not other._lock
