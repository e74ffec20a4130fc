"""Stages of a front end: golden model and C, readings by hand, and equations in floats."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from stage_chains import CHAINS, samples

from experiments.figures import RESULTS
from experiments.signals import cost
from experiments.study import read_record
from quant.stages import STAGES, golden, signal
from quant.stages.bank import golden as bank_golden
from quant.stages.delta import golden as delta_golden
from quant.stages.native import NativeStages
from quant.stages.traces import golden as traces_golden
from quant.stages.window import EDGES
from quant.stages.window import golden as window_golden
from streamlearn.chain import Bank, Delta, Stages, Traces, Window
from streamlearn.cli.board_costs import STAGES_FILE, stage_instructions


def test_every_stage_is_among_the_chains() -> None:
    assert {one.name for chain in CHAINS.values() for one in chain.stages} == {*STAGES}


@pytest.mark.parametrize("name", CHAINS)
def test_c_has_the_golden_models_bits_and_state(name: str) -> None:
    stages = CHAINS[name]
    c, states = NativeStages(stages), [stages.start(), stages.start()]
    n = 3000 if name == "longest" else 900
    x = samples(stages.n_channels, n, part_of=min(1024, max(37, stages.hop)))
    rows = []
    for t, row in enumerate(x):
        found = golden.look(stages, states[0], row), c.look(states[1], row)
        assert (found[0] is None) == (found[1] is None)
        if found[0] is not None and found[1] is not None:
            rows.append(found[0])
            assert found[0].tobytes() == found[1].tobytes()
            assert np.isfinite(found[0]).all()
            assert len(found[0]) == stages.n_features == len(set(stages.feature_names))
        golden.push(stages, states[0], row)
        c.push(states[1], row)
        assert states[0].tobytes() == states[1].tobytes()
        if t % 50 == 0:  # no stage refuses where it came to
            assert stages.state_from_bytes(states[0].tobytes()) == states[0]
    whole = golden.recording(stages, x)
    assert whole.tobytes() == np.array(rows).tobytes() == c.recording(x).tobytes()
    assert len(rows) > 1
    assert Stages.from_json(json.loads(json.dumps(stages.to_json()))) == stages


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
                wave = [int(signal.wave(n)[k * i % n, part]) for i in range(n)]
                total = sum(a * b for a, b in zip(deviation, wave, strict=True))
                energy += (total + (1 << 14) >> 15) ** 2
        bits = energy.bit_length()
        lead = energy >> bits - 9 if bits >= 9 else energy << 9 - bits
        found.append((bits - 1 + lead / 256 - 1) - 2 * (e - down))
    return found


def test_golden_is_what_a_person_reads_in_the_document() -> None:
    window = Window(20, 1, 1)
    for seed in range(5):
        x = samples(1, 40, seed, 20)[20 * (seed % 2) :][:20]
        x = x if np.abs(x).max() > 0 else x + np.float32(1.5)
        assert window_golden.features(window, x).tolist() == by_hand(window, x[:, 0])


def test_features_are_what_their_names_say_in_any_unit() -> None:
    rng = np.random.default_rng(1)
    window = Window(100, 50, ("a",), magnitude=True)
    t = np.arange(100) / 100
    x = 0.3 + 0.5 * np.sin(2 * np.pi * 5 * t) + 0.01 * rng.normal(size=100)
    named = dict(
        zip(
            window.feature_names,
            window_golden.features(window, x[:, None].astype(np.float32)),
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
    scaled = window_golden.features(window, (x.astype(np.float32) * unit)[:, None])
    for name, value in zip(window.feature_names, scaled, strict=True):
        if "band" in name:
            assert value == named[name] + 20
        else:
            assert value == named[name] * (1 if "crossings" in name else unit)


def test_silence_and_constants_stay_at_their_place() -> None:
    window = Window(32, 16, 1, ("sd", "crossings", "bands"))
    for value in (0.0, 1.0, -3e38, 1e-40):
        found = window_golden.features(window, np.full((32, 1), value, np.float32))
        assert found[:2].tolist() == [0, 0]
        assert len(set(found[2:].tolist())) == 1


def test_events_are_whole_thresholds_and_a_level_leaks_back() -> None:
    ramp = (0.55 * np.arange(40)[:, None] ** 1.2).astype(np.float32)
    delta = Delta(2.0, 0, channels=1)
    found = delta_golden.recording(delta, np.concatenate([ramp, ramp[::-1]]))
    assert found[0].tolist() == [0, 0]
    assert (found.max(axis=1) == found.sum(axis=1)).all()
    steps = np.cumsum(found[:, 0] - found[:, 1])
    assert np.abs(2.0 * steps - np.concatenate([ramp, ramp[::-1]])[:, 0]).max() < 2
    level = np.full((200, 1), 5.0, np.float32)
    still = delta_golden.recording(Delta(0.1, 3, 1.0, 1), level)
    assert still[100:, 0].mean() == pytest.approx((5 - 1) / 8 / 0.1, rel=0.05)
    assert not still[:, 1].any()
    assert not delta_golden.recording(Delta(0.1, 3, 5.0, 1), level).any()
    jump = delta_golden.recording(
        Delta(1.0, 0, channels=1), np.array([[0], [1e9], [0]], np.float32)
    )
    assert jump.tolist() == [[0, 0], [127, 0], [0, 127]]


def test_a_trace_is_a_leaky_mean_of_its_channel() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2)) * [1e-3, 1e6]
    traces = Traces((0, 2, 5), 4, ("a", "b"))
    found = traces_golden.recording(traces, x.astype(np.float32))
    means = np.repeat(x[:1].T, 3, axis=1)
    expected = []
    for t, row in enumerate(x):
        for j, k in enumerate(traces.leaks):
            means[:, j] += (row - means[:, j]) / 2**k
        if (t + 1) % 4 == 0:
            expected.append(means.copy().reshape(-1))
    assert traces.feature_names[:3] == ("a leak 0", "a leak 2", "a leak 5")
    unit = np.repeat([1e-3, 1e6], 3)
    np.testing.assert_allclose(found / unit, np.array(expected) / unit, atol=3e-5)
    constant = traces_golden.recording(Traces((5,), 1, 1), np.full((500, 1), 0.3, np.float32))
    assert constant.tolist() == [[pytest.approx(0.3, rel=1e-5)]] * 500


def test_a_bank_is_the_energies_of_a_spectrum_in_any_unit() -> None:
    rng = np.random.default_rng(2)
    t = np.arange(200) / 8000
    bank = Bank(8000, 200, 80, quiet=2.0**-12, channels=1)
    hann = bank.hann / 32767
    for level in (1.0, 0.01, 30000.0):
        x = level * (np.sin(2 * np.pi * 700 * t) + 0.1 * rng.normal(size=200) + 3)
        found = bank_golden.features(bank, x[:, None].astype(np.float32))
        power = np.abs(np.fft.rfft((x - x.mean()) * hann, 256)) ** 2
        energy = bank.weights / 256 @ power + 2.0**-24 * (hann**2).sum()
        np.testing.assert_allclose(found, np.log2(energy), atol=0.15)
        assert 600 < float(bank.feature_names[found.argmax()].split()[-2]) < 800
    silent = [
        bank_golden.features(bank, np.full((200, 1), value, np.float32))
        for value in (0.0, 1.0, -3e38, 1e-40)
    ]
    noise = 2.0**-24 * (hann**2).sum()
    np.testing.assert_allclose(silent[0], np.log2(noise), atol=0.15)
    assert np.ptp(silent[0]) == 0
    assert np.abs(silent[1] - silent[0]).max() < 0.2
    louder = Bank(8000, 200, 80, quiet=1.0, channels=1)
    x = np.rint(1000 * rng.normal(size=(200, 1))).astype(np.float32)
    low, high = (bank_golden.features(louder, x * np.float32(2.0**k)) for k in (0, 10))
    np.testing.assert_allclose(high - low, 20, atol=0.02)


def test_the_plan_of_boards_counts_what_was_recorded() -> None:
    recorded = cost.csv_of(read_record(RESULTS / "stage-cost"))
    assert STAGES_FILE.read_text() == recorded
    counted = cost.STAGES
    for row in recorded.splitlines()[1:]:
        core, stage, _, instructions = row.split(",")
        assert round(stage_instructions(counted[stage], core)) == int(instructions)
    assert {row.split(",")[1] for row in recorded.splitlines()[1:]} == {*STAGES}
    window = Window(100, 50, 4)
    whole = stage_instructions(Stages(window), "rv32imc")
    assert stage_instructions(Stages(Window(50, 25, 4)), "rv32imc") == whole / 4
    assert stage_instructions(Stages(window), "cortex-m7") == stage_instructions(
        Stages(window), "cortex-m4f"
    )
    events = Stages((Delta(1.0), Traces((2, 4), 10)), 3)
    alone = stage_instructions(Stages(Delta(1.0, channels=3)), "rv32imc")
    traces = stage_instructions(Stages(Traces((2, 4), 10, 6)), "rv32imc")
    assert stage_instructions(events, "rv32imc") == 10 * alone + traces
