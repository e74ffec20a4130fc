"""A chain of stages in front of a learner: verbs, files, and what a hostile reviewer tries."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quant.errors import (
    ConfigError,
    InputValueError,
    LabelError,
    ShapeError,
    StateFormatError,
)
from quant.stages import golden
from quant.stages.file import from_bytes, sha256, to_bytes
from quant.stages.native import NativeStages
from streamlearn import MesuClassifier, MesuRegressor
from streamlearn.chain import Bank, Chain, Delta, Stages, Standardise, Traces, Window


def chain(backend: Any = "c", learn_every: int = 1) -> Chain:
    window = Window(20, 7, ("a", "b"), magnitude=True)
    learner = MesuClassifier((window.n_features, 12, 3), classes=list("abc"), backend=backend)
    return Chain(learner, window, learn_every, backend)


def wave(t: int) -> tuple[np.ndarray, str]:
    which = t // 60 % 3
    return np.sin(np.array([t, t + 1]) * (0.2 + 0.3 * which)) + 0.1 * np.cos(t * t), "abc"[which]


def test_a_chain_goes_on_from_its_file_and_both_backends_have_one_state(tmp_path: Path) -> None:
    one, other = chain(), chain("numpy")
    right = []
    for t in range(500):
        x, y = wave(t)
        ahead = one.predict_one(x)
        found = one.test_then_learn_one(x, y), other.test_then_learn_one(x, y)
        assert found[0] == found[1] == ahead
        assert one.state_sha256 == other.state_sha256
        if ahead is not None and t > 300:
            right.append(ahead == y)
        if t == 222:
            one.save(tmp_path / "chain.sls")
            one = Chain.load(tmp_path / "chain.sls")
    assert np.mean(right) > 0.6  # a third by chance
    assert one.n_samples == 1 + (500 - 20) // 7
    again = copy.deepcopy(one)
    again.reset()
    assert again.state_sha256 != one.state_sha256
    assert Chain.from_bytes(one.to_bytes()).to_bytes() == one.to_bytes()
    assert one.labels == ("a", "b", "c")


def test_a_recording_is_its_windows() -> None:
    one = chain()
    x = np.array([wave(t)[0] for t in range(90)])
    one.learn_recording(x, "a")
    assert one.n_samples == 1 + 70 // 7
    rows = golden.recording(one.stages, x)
    one.reset()
    seen = []
    for row in x:
        found = one.features_one({"b": row[1], "a": row[0]})
        one.step(row)
        seen += [] if found is None else [found]
    assert np.array_equal(np.array(seen), rows)
    assert one.predict_recording(x) == "a"
    assert len(golden.recording(one.stages, x[:19])) == 0
    with pytest.raises(ShapeError, match="19 samples"):
        one.predict_recording(x[:19])


def test_a_refused_sample_changes_nothing() -> None:
    one = chain()
    one.learn_one([1, 2], None)
    before = one.state_sha256
    wrong: list[tuple[Any, Any, type[Exception], str]] = [
        ([1, np.nan], "a", InputValueError, "finite"),
        ([1, 1e39], None, InputValueError, "finite"),
        ([1, 2, 3], "a", ShapeError, "2 channels"),
        ({"a": 1, "c": 2}, "a", ShapeError, "expected"),
        (["x", 2], "a", InputValueError, "must be numbers"),
        ([1, 2], "d", LabelError, "unknown"),
    ]
    for x, y, error, says in wrong:
        with pytest.raises(error, match=says):
            one.learn_one(x, y)
        assert one.state_sha256 == before
    window = Window(4, 4, 1, ("mean", "sd"))
    number = Chain(MesuRegressor((2, 4, 1)), window)
    with pytest.raises(InputValueError, match="expected a number"):
        number.learn_one([1], "x")
    for t in range(40):
        number.learn_one([t % 7], float(t % 4))
    assert number.n_samples == 10
    with pytest.raises(LabelError, match="no label"):
        number.predict_recording(np.ones((9, 1)))


def test_files_that_are_cut_or_changed_are_refused() -> None:
    window = Stages(Window(20, 5, ("a", "b")))
    data = to_bytes(window)
    assert from_bytes(data) == window
    assert sha256(window) != sha256(Stages(Window(20, 6, ("a", "b"))))
    values = json.loads(data)
    for bad in (
        b"",
        data[:-9],
        b"[]",
        json.dumps({**values, "version": 2}).encode(),
        json.dumps({**values, "stages": 2}).encode(),
        json.dumps({**values, "stages": []}).encode(),
        json.dumps({**values, "stages": [{}]}).encode(),
        json.dumps({**values, "stages": [{**values["stages"][0], "n": 2}]}).encode(),
        json.dumps({**values, "stages": 2 * values["stages"]}).encode(),
        json.dumps({**values, "more": 2}).encode(),
        b" " * (1 << 21),
    ):
        with pytest.raises(StateFormatError):
            from_bytes(bad)
    whole = chain().to_bytes()
    head, _, image = whole.partition(b"\n")
    fields = json.loads(head)
    for bad in (
        b"",
        whole[:-1],
        head,
        image,
        whole.replace(b'"version": 1', b'"version": 2'),
        json.dumps({**fields, "state": ""}).encode() + b"\n" + image,
        json.dumps({**fields, "sha256": None}).encode() + b"\n" + image,
    ):
        with pytest.raises(StateFormatError):
            Chain.from_bytes(bad)
    state = window.start()
    for name, value in (("waiting", 0), ("waiting", 21), ("at", 20)):
        wrong = state.copy()
        wrong["window"][name] = value
        with pytest.raises(ShapeError, match="damaged"):
            window.state_from_bytes(wrong.tobytes())
    with pytest.raises(ShapeError, match="bytes"):
        window.state_from_bytes(b"12")
    state["window"]["sample"] = np.nan
    with pytest.raises(ShapeError, match="damaged"):
        window.state_from_bytes(state.tobytes())


def test_states_that_no_samples_lead_to_are_refused() -> None:
    front = Bank(100, 16, 4, 6, 5.0), Standardise(8), Delta(0.5, 4), Traces((0, 3), 5)
    stages = Stages(front, 1)
    start = stages.start()
    assert stages.state_from_bytes(start.tobytes()) == start
    for stage, field, value in (
        ("bank", "waiting", 17),
        ("bank", "at", 16),
        ("bank", "sample", np.inf),
        ("delta", "begun", 2),
        ("delta", "reference", 1),  # of a recording that has not begun
        ("traces", "begun", 2),
        ("traces", "waiting", 4),  # of a recording that has not begun
        ("traces", "waiting", 6),
        ("traces", "waiting", 0),
        ("traces", "exponent", 146),
        ("traces", "exponent", -109),
        ("traces", "trace", -(1 << 31)),
        ("standardise", "count", 9),
        ("standardise", "mean", 1),  # of nothing that was seen
    ):
        wrong = start.copy()
        wrong[stage][field] = value
        with pytest.raises(ShapeError, match=f"state of {stage}.*damaged"):
            stages.state_from_bytes(wrong.tobytes())
    begun = start.copy()
    begun["delta"]["begun"], begun["delta"]["reference"] = 1, (1 << 28) + 1
    with pytest.raises(ShapeError, match="state of delta"):
        stages.state_from_bytes(begun.tobytes())


def test_each_third_row_is_learned_and_a_file_knows_whose_turn_it_is(tmp_path: Path) -> None:
    one, every = chain(learn_every=3), chain()
    rows = 0
    for t in range(400):
        x, y = wave(t)
        label = None if t % 140 < 10 else y  # rows without a label are nobody's turn
        ahead = one.predict_one(x)
        assert one.test_then_learn_one(x, label) == ahead
        rows += ahead is not None and label is not None
        assert one.learner.n_samples == rows // 3
        every.learn_one(x, label)
        if t in (97, 104, 111):
            one.save(tmp_path / "chain")
            one = copy.deepcopy(Chain.load(tmp_path / "chain"))
    assert every.learner.n_samples == rows
    with pytest.raises(LabelError):
        one.learn_one(wave(400)[0], "d")


def test_every_change_of_a_file_is_seen() -> None:
    whole = chain(learn_every=5).to_bytes()
    head, _, image = whole.partition(b"\n")
    fields = json.loads(head)
    for name, value in (("learn_every", 4), ("passed", 1), ("more", 0)):
        with pytest.raises(StateFormatError):
            Chain.from_bytes(json.dumps({**fields, name: value}).encode() + b"\n" + image)
    for cut in range(0, len(whole), 97):
        with pytest.raises(StateFormatError):
            Chain.from_bytes(whole[:cut])
    for bad in (b"null\n", b"3\n", b"[[[[\n", b'{"format": 1}\n'):
        with pytest.raises(StateFormatError):
            Chain.from_bytes(bad + image)


@pytest.mark.parametrize("backend", ["c", "numpy"])
def test_signals_of_every_kind_pass_and_leave_a_finite_learner(backend: Any) -> None:
    largest = float(np.finfo(np.float32).max)
    stages = Stages((Delta(0.1, 3), Traces((0, 10), 3)), 2)
    one = Chain(
        MesuClassifier((8, 4, 2), classes=["a", "b"], backend=backend), stages, backend=backend
    )
    for values in ([0, 0], [largest, -largest], [-largest, largest], [1e-45, -0.0], [2**31, -1]):
        for _ in range(7):
            one.learn_one(values, "a")
    assert one.n_samples == 7 * 5 // 3
    assert np.isfinite([*one.learner.predict_proba_one([1.0] * 8).values()]).all()
    with pytest.raises(InputValueError):
        one.step([np.inf, 0])


def test_an_empty_recording_and_one_that_is_cut_teach_nothing() -> None:
    one = chain()
    before = one.learner.state_sha256
    one.learn_recording(np.zeros((0, 2)), "a")
    one.learn_recording(np.zeros((19, 2)), "a")
    assert one.learner.state_sha256 == before
    one.learn_recording(np.zeros((20, 2)), "a")  # nothing of the 19 is left
    assert one.n_samples == 1
    with pytest.raises(ShapeError):
        one.predict_recording(np.zeros((0, 2)))
    with pytest.raises(ShapeError):
        one.learn_recording(np.zeros(20), "a")
    with pytest.raises(InputValueError):
        one.learn_recording([[0, 0]] * 20 + [[0, np.nan]], "a")
    assert one.n_samples == 1


def test_standardised_events_are_the_same_in_any_unit_and_settle_on_a_sensor() -> None:
    rng = np.random.default_rng(3)
    wave = np.sin(np.arange(600) / 7) * (1 + (np.arange(600) > 300)) + rng.normal(size=600) / 9
    stages = Stages((Standardise(400), Delta(), Traces((2, 5), 4)), 1)
    plain, large = (
        NativeStages(stages).recording((wave * unit).astype(np.float32)[:, None])
        for unit in (1, 4096)
    )
    assert np.array_equal(plain, large)
    z = NativeStages(Stages(Standardise(400), 1)).recording((5 + wave * 1e-3).astype("f4")[:, None])
    assert abs(z[300:].mean()) < 0.1
    assert 1.2 < z[300:].std() < 1.6  # the wave grew twice as large
    chain = Chain(MesuClassifier((stages.n_features, 2), classes=range(2)), stages)
    chain.learn_recording(wave[:, None], 1)
    before = chain.settled()
    assert before.to_json()[0]["settled"] is not None
    assert chain.predict_recording(wave[:60, None] * 100) in (0, 1)
    chain.reset()  # a recording begins with what is known of the sensor
    assert chain.settled() == before == Stages.from_json(before.to_json())
    numpy = Chain(chain.learner, before, backend="numpy")
    fresh = Chain(chain.learner, before)
    rows = wave[:40, None].astype(np.float32)
    assert [numpy.step(row) for row in rows] == [fresh.step(row) for row in rows]
    assert numpy.state_sha256 == fresh.state_sha256 == _after(chain, rows)
    for wrong in ([[1, 2]], [[0], [0], [1 << 28], [0]], [[0.5], [0], [0], [0]], "abcd", [[0]] * 3):
        with pytest.raises(ConfigError, match="settled"):
            Standardise(400, 1, wrong)  # type: ignore[arg-type]


def _after(chain: Chain, rows: Any) -> str:
    for row in rows:
        chain.step(row)
    return chain.state_sha256
