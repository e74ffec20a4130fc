"""The graph of a chain of stages: every feature and the state, as golden and C have them."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from newest_opset import newest_opset
from onnx.reference import ReferenceEvaluator
from onnx_steps import State, run_of, session, sha256, start_of
from stage_chains import CHAINS, samples

from export import write_export
from export.graph.stages import stages_model
from quant.stages import STAGES, golden
from quant.stages.native import NativeStages
from streamlearn import MesuClassifier, MesuRegressor
from streamlearn.chain import Bank, Chain, Delta, Stages, Standardise, Traces, Window

#: One of each stage, to be put in any order.
EACH = {
    "bank": Bank(8000, 16, 5, 3, quiet=2.0**-8),
    "delta": Delta(0.3, 3),
    "standardise": Standardise(40),
    "traces": Traces((0, 2, 5), 2),
    "window": Window(6, 4, features=("sd", "bands")),
}
PAIRS = [*permutations(EACH, 2)]


def flat(stages: Stages, state: Any) -> State:
    """A state of a chain as inputs of its graph."""
    return {
        field.name: np.array(state[one.name][field.name[len(one.name) + 1 :]][0])
        for one in stages.stages
        for field in stages.layout
        if field.name.startswith(f"{one.name}_")
    }


def run(runtime: Any, x: Any, state: State) -> tuple[Any, Any, State]:
    """Features, whether they came, and the new state."""
    found = run_of(runtime, {"x": x, **state})
    return found["features"], found["ready"], {n: found[f"{n}_next"] for n in state}


def same(stages: Stages, x: Any, runtime: Any) -> None:
    """Golden, C and the graph over one recording and the beginning of a next one."""
    states, c = [stages.start(), stages.start()], NativeStages(stages)
    features, ready, after = run(runtime, x, flat(stages, states[0]))
    rows = []
    for t, row in enumerate(x):
        found = golden.look(stages, states[0], row)
        assert ready[t] == (found is not None)
        expected = np.zeros(stages.n_features, np.float32) if found is None else found
        assert features[t].tobytes() == expected.tobytes()
        if found is not None:
            rows.append(found)
        golden.push(stages, states[0], row)
    assert c.run(states[1], x).tobytes() == np.array(rows, np.float32).tobytes()
    for state in states:
        expected_state = flat(stages, state)
        assert all(after[name].tobytes() == expected_state[name].tobytes() for name in after)
    assert len(rows) > 1


def test_every_stage_is_among_them() -> None:
    assert {*EACH} == {*STAGES}


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_has_every_bit_and_the_state(name: str) -> None:
    stages = CHAINS[name]
    n = 3000 if name == "longest" else 900
    x = samples(stages.n_channels, n, part_of=min(1024, max(37, stages.hop)))
    same(stages, x, session(stages_model(stages)))


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_each_pair_of_stages(pair: tuple[str, str]) -> None:
    stages = Stages([EACH[name] for name in pair], 2)
    same(stages, samples(2, 250, 7, part_of=23), session(stages_model(stages)))


@pytest.mark.parametrize("name", EACH)
def test_each_stage_in_a_newer_opset_and_in_the_reference(name: str) -> None:
    stages = Stages(EACH[name], 2)
    x, state = samples(2, 90, 3, part_of=17), flat(stages, stages.start())
    expected = run(session(stages_model(stages)), x, state)
    newer = run(session(stages_model(stages, newest_opset())), x, state)
    slow = run(ReferenceEvaluator(stages_model(stages)), x, state)
    for found in (newer, slow):
        assert found[0].tobytes() == expected[0].tobytes()
        assert np.array_equal(found[1], expected[1])
        assert all(found[2][n].tobytes() == expected[2][n].tobytes() for n in state)


def test_one_by_one_is_the_block_and_what_is_not_finite_changes_nothing() -> None:
    stages = Stages((EACH["window"], EACH["delta"]), 2)
    runtime, x = session(stages_model(stages)), samples(2, 60, 1, part_of=11)
    whole = run(runtime, x, flat(stages, stages.start()))
    state = flat(stages, stages.start())
    for t, row in enumerate(x):
        for bad in (np.nan, np.inf, -np.inf):
            spoilt = row.copy()
            spoilt[t % 2] = bad
            features, ready, kept = run(runtime, spoilt[None], state)
            assert ready.tolist() == [-1]
            assert not features.any()
            assert all(kept[name].tobytes() == state[name].tobytes() for name in state)
        features, ready, state = run(runtime, row[None], state)
        assert ready[0] == whole[1][t]
        assert features.tobytes() == whole[0][t : t + 1].tobytes()
    assert all(state[name].tobytes() == whole[2][name].tobytes() for name in state)


TYPES = {"uint32_t": np.uint32, "int32_t": np.int32, "float": np.float32}


@pytest.mark.parametrize("kind", [MesuClassifier, MesuRegressor])
def test_raw_samples_through_an_export_end_in_the_state_of_the_chain(
    kind: Any, tmp_path: Path
) -> None:
    stages = Stages((Standardise(60), Delta(), Traces((1, 3), 5)), ("u", "v"))
    known = stages.start()
    golden.push(stages, known, np.array([1, 2], np.float32))
    golden.push(stages, known, np.array([3, -2], np.float32))
    stages = stages.settled(known)
    layers = (stages.n_features, 6, 3 if kind is MesuClassifier else 1)
    learner = kind(layers, **({"classes": range(3)} if kind is MesuClassifier else {}))
    write_export(learner, tmp_path / "export", stages=stages)
    manifest = json.loads((tmp_path / "export" / "manifest.json").read_text())["stages"]
    start = {
        field["name"]: np.full(field["shape"], field["start"], TYPES[field["type"]])
        for field in manifest["state_fields"]
    }
    assert sum(value.nbytes for value in start.values()) == manifest["state_bytes"]
    begun = flat(stages, stages.start())
    assert all(start[name].tobytes() == begun[name].tobytes() for name in begun)
    rng = np.random.default_rng(0)
    y = np.arange(90) // 15 % 3
    x = np.sin(np.arange(90)[:, None] * (0.2 + y[:, None])) + rng.normal(size=(90, 2)) / 9
    x = x.astype(np.float32)
    front, back = (
        onnxruntime.InferenceSession(tmp_path / "export" / name, providers=["CPUExecutionProvider"])
        for name in ("stages.onnx", "learn_block.onnx")
    )
    rows, ready, _ = run(front, x, start)
    came = ready == 1
    target = "label" if kind is MesuClassifier else "target"
    labels = y.astype(np.int64 if target == "label" else np.float32)
    found = run_of(back, {"x": rows[came], target: labels[came], **start_of(learner)})
    chain = Chain(learner, stages)
    for row, label in zip(x, labels.tolist(), strict=True):
        chain.learn_one(row, label)
    assert chain.n_samples == came.sum() == 18
    after = {name: found[f"{name}_next"] for name in start_of(learner)}
    assert sha256(learner, after) == learner.state_sha256
