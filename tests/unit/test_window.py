"""Windows of a signal: golden, C, a reading by hand, equations in floats, chain and files."""

from __future__ import annotations

import copy
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.figures import RESULTS
from experiments.signals import cost
from experiments.study import read_record
from quant.errors import (
    ConfigError,
    InputValueError,
    LabelError,
    ShapeError,
    StateFormatError,
)
from quant.window import EDGES, FEATURES, golden
from quant.window.file import from_bytes, sha256, to_bytes
from quant.window.native import NativeWindow
from streamlearn import MesuClassifier, MesuRegressor, SpikingClassifier
from streamlearn.cli.board_costs import WINDOWS_FILE, window_instructions
from streamlearn.windows import Window, Windowed

WINDOWS: dict[str, Window] = {
    "a second of an accelerometer": Window(100, 50, 3, magnitude=True),
    "short, odd": Window(7, 3, 1),
    "shortest, with a gap": Window(4, 9, 2, magnitude=True),
    "longest": Window(1024, 700, 1),
    "bands of eight": Window(64, 64, 8, ("bands", "mean"), (1, 5, 33), True),
    "no bands": Window(50, 10, 2, ("rms", "crossings")),
}


def samples(window: Window, n: int, seed: int = 0) -> np.ndarray:
    """Noise, silence, constants and the ends of float32, in units of any size."""
    rng = np.random.default_rng(seed)
    found = np.zeros((n, window.n_channels), np.float32)
    for start in range(0, n, window.n):
        part = found[start : start + window.n]
        unit = np.float32(2.0 ** rng.integers(-126, 126))
        kind = start // window.n % 5
        if kind < 2:
            offset = (0, 1000)[kind]
            part[:] = ((rng.normal(size=part.shape) + offset) / 4000).astype(np.float32) * unit
        elif kind == 2:
            part[::3] = unit
        elif kind == 3:
            part[:] = rng.choice([-1, 1], part.shape) * np.finfo(np.float32).max
        else:
            part[:] = unit * rng.integers(-1, 2, window.n_channels)
    return found


@pytest.mark.parametrize("name", WINDOWS)
def test_c_has_the_golden_models_bits_and_state(name: str) -> None:
    window = WINDOWS[name]
    c, states = NativeWindow(window), [window.start(), window.start()]
    ends = 0
    for x in samples(window, 4 * window.n + window.hop):
        found = golden.look(window, states[0], x), c.look(states[1], x)
        assert (found[0] is None) == (found[1] is None)
        if found[0] is not None and found[1] is not None:
            ends += 1
            assert found[0].tobytes() == found[1].tobytes()
            assert np.isfinite(found[0]).all()
            assert len(found[0]) == window.n_features == len(set(window.feature_names))
        golden.push(window, states[0], x)
        c.push(states[1], x)
        assert states[0].tobytes() == states[1].tobytes()
    assert ends == 1 + (3 * window.n + window.hop) // window.hop


def by_hand(window: Window, x: np.ndarray) -> list[float]:
    """NUMBERS.md in whole numbers of Python, of one channel."""
    n = window.n
    largest = max(abs(float(v)) for v in x)
    e = 20 - int(np.frexp(largest)[1])

    def at(value: float) -> int:
        size = int(abs(value) * 2.0**e + 0.5)
        return -size if value < 0 else size

    def root(values: list[int]) -> tuple[int, int]:
        s = sum(v * v for v in values)
        up = (32 - s.bit_length()) // 2 * 2
        wide = s << up if up >= 0 else s >> -up
        return int(np.sqrt(wide // n)), up // 2

    q = [at(float(v)) for v in x]
    size = (abs(sum(q)) + n // 2) // n
    mean = -size if sum(q) < 0 else size
    apart = [v - mean for v in q]
    down = max(max(map(abs, apart)).bit_length() - 14, 0)
    deviation = [(v + (1 << down >> 1)) >> down for v in apart]
    sd, rms = root(deviation), root(q)
    found = [
        mean * 2.0**-e,
        sd[0] * 2.0 ** -(e - down + sd[1]),
        min(q) * 2.0**-e,
        max(q) * 2.0**-e,
        (max(q) - min(q)) * 2.0**-e,
        rms[0] * 2.0 ** -(e + rms[1]),
        float(sum((a > 0) != (b > 0) for a, b in pairwise(apart))),
    ]
    assert window.edges is not None
    for first, end in pairwise(window.edges):
        energy = (n * n << 14) >> (2 * down + 2)
        for k in range(first, end):
            for part in (0, 1):
                wave = [int(golden.wave(n)[k * i % n, part]) for i in range(n)]
                total = sum(a * b for a, b in zip(deviation, wave, strict=True))
                energy += (total + (1 << 14) >> 15) ** 2
        bits = energy.bit_length()
        lead = energy >> bits - 9 if bits >= 9 else energy << 9 - bits
        found.append((bits - 1 + lead / 256 - 1) - 2 * (e - down))
    return found


def test_golden_is_what_a_person_reads_in_the_document() -> None:
    window = Window(20, 1, 1)
    for seed in range(5):
        x = samples(window, 40, seed)[:20]
        x = x if np.abs(x).max() > 0 else x + np.float32(1.5)
        assert golden.features(window, x).tolist() == by_hand(window, x[:, 0])


def test_features_are_what_their_names_say_in_any_unit() -> None:
    rng = np.random.default_rng(1)
    window = Window(100, 50, ("a",), magnitude=True)
    t = np.arange(100) / 100
    x = 0.3 + 0.5 * np.sin(2 * np.pi * 5 * t) + 0.01 * rng.normal(size=100)
    named = dict(
        zip(
            window.feature_names,
            golden.features(window, x[:, None].astype(np.float32)),
            strict=True,
        )
    )
    expected = {
        "a mean": x.mean(),
        "a sd": x.std(),
        "a min": x.min(),
        "a max": x.max(),
        "a range": np.ptp(x),
        "a rms": np.sqrt((x**2).mean()),
        "magnitude mean": np.abs(x).mean(),
    }
    for name, value in expected.items():
        assert named[name] == pytest.approx(value, rel=2e-3), name
    assert named["a crossings"] == ((x[1:] > x.mean()) != (x[:-1] > x.mean())).sum()
    power = np.abs(np.fft.rfft(x)) ** 2
    assert window.edges == (*(edge for edge in EDGES if edge < 51), 51)
    for first, end in pairwise(window.edges):
        found = named[f"a band {first}"]
        assert found == pytest.approx(np.log2(power[first:end].sum()), abs=0.12)  # the chords
    unit = np.float32(1024)
    scaled = golden.features(window, (x.astype(np.float32) * unit)[:, None])
    for name, value in zip(window.feature_names, scaled, strict=True):
        if "band" in name:
            assert value == named[name] + 20
        else:
            assert value == named[name] * (1 if "crossings" in name else unit)


def test_silence_and_constants_stay_at_their_place() -> None:
    window = Window(32, 16, 1, ("sd", "crossings", "bands"))
    for value in (0.0, 1.0, -3e38, 1e-40):
        found = golden.features(window, np.full((32, 1), value, np.float32))
        assert found[:2].tolist() == [0, 0]
        assert len(set(found[2:].tolist())) == 1


def chain(backend: Any = "c") -> Windowed:
    window = Window(20, 7, ("a", "b"), magnitude=True)
    learner = MesuClassifier((window.n_features, 12, 3), classes=list("abc"), backend=backend)
    return Windowed(learner, window, backend)


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
            one = Windowed.load(tmp_path / "chain.sls")
    assert np.mean(right) > 0.6  # a third by chance
    assert one.n_samples == 1 + (500 - 20) // 7
    again = copy.deepcopy(one)
    again.reset()
    assert again.state_sha256 != one.state_sha256
    assert Windowed.from_bytes(one.to_bytes()).to_bytes() == one.to_bytes()
    assert one.labels == ("a", "b", "c")


def test_a_recording_is_its_windows() -> None:
    one = chain()
    x = np.array([wave(t)[0] for t in range(90)])
    one.learn_recording(x, "a")
    assert one.n_samples == 1 + 70 // 7
    rows = golden.recording(one.window, x)
    one.reset()
    seen = []
    for row in x:
        found = one.features_one({"b": row[1], "a": row[0]})
        one.step(row)
        seen += [] if found is None else [found]
    assert np.array_equal(np.array(seen), rows)
    assert one.predict_recording(x) == "a"
    assert len(golden.recording(one.window, x[:19])) == 0
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
        (["x", 2], "a", InputValueError, "no number"),
        ([1, 2], "d", LabelError, "unknown"),
    ]
    for x, y, error, says in wrong:
        with pytest.raises(error, match=says):
            one.learn_one(x, y)
        assert one.state_sha256 == before
    window = Window(4, 4, 1, ("mean", "sd"))
    number = Windowed(MesuRegressor((2, 4, 1)), window)
    with pytest.raises(InputValueError, match="expected a number"):
        number.learn_one([1], "x")
    for t in range(40):
        number.learn_one([t % 7], float(t % 4))
    assert number.n_samples == 10
    with pytest.raises(LabelError, match="no label"):
        number.predict_recording(np.ones((9, 1)))


def test_what_is_no_window_is_refused() -> None:
    for given, says in (
        ({"n": 3}, "from 4 to 1024"),
        ({"hop": 0}, "from 1 to 65535"),
        ({"channels": 0}, "different names"),
        ({"channels": ["a", "a"]}, "different names"),
        ({"channels": ["magnitude"]}, "different names"),
        ({"channels": "abc"}, "their number or their names"),
        ({"channels": 9, "magnitude": True}, "1 to 8"),
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
        (SpikingClassifier((2, 2)), "sense of time itself"),
        (None, "expected a learner"),
    ):
        with pytest.raises(ConfigError, match=says):
            Windowed(learner, window)
    with pytest.raises(ConfigError, match="backend"):
        Windowed(MesuClassifier((28, 2)), window, "gpu")  # type: ignore[arg-type]


def test_files_that_are_cut_or_changed_are_refused() -> None:
    window = Window(20, 5, ("a", "b"))
    data = to_bytes(window)
    assert from_bytes(data) == window
    assert sha256(window) != sha256(Window(20, 6, ("a", "b")))
    values = json.loads(data)
    for bad in (
        b"",
        data[:-9],
        b"[]",
        json.dumps({**values, "version": 2}).encode(),
        json.dumps({**values, "n": 2}).encode(),
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
            Windowed.from_bytes(bad)
    state = window.start()
    for name, value in (("waiting", 0), ("waiting", 21), ("at", 20)):
        wrong = state.copy()
        wrong[name] = value
        with pytest.raises(ShapeError, match="damaged"):
            window.state_from_bytes(wrong.tobytes())
    with pytest.raises(ShapeError, match="bytes"):
        window.state_from_bytes(b"12")
    state["sample"] = 0x7FC00000
    with pytest.raises(ShapeError, match="damaged"):
        window.state_from_bytes(state.tobytes())


def test_the_plan_of_boards_counts_what_was_recorded() -> None:
    recorded = cost.csv_of(read_record(RESULTS / "window-cost"))
    assert WINDOWS_FILE.read_text() == recorded
    window = cost.window()
    for row in recorded.splitlines()[1:]:
        core, *_, instructions = row.split(",")
        assert window_instructions(window, core) == int(instructions)
    assert window_instructions(window, "cortex-m7") == window_instructions(window, "cortex-m4f")
    short = Window(50, 25, 3, magnitude=True)
    assert window_instructions(short, "rv32imc") == window_instructions(window, "rv32imc") / 4
