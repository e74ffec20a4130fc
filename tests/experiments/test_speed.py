"""The study speed measures every engine, in turn, and its tables say what the rounds say."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from with_torch import torch

from experiments.speed import metaplastic as speed_metaplastic
from experiments.speed import pictures as speed_pictures
from experiments.speed import rounds as speed_rounds
from experiments.speed import sections as speed_sections
from experiments.speed import tables as speed_tables
from experiments.speed.contenders import ARITHMETICS, Contender, engines
from experiments.speed.names import (
    CALL,
    FACTORED,
    FLOAT,
    METAPLASTIC,
    PUBLISHED,
    PUBLISHED_ONE,
    TORCH_LOCAL,
    TORCH_PLAIN,
)

ROOT = Path(__file__).parents[2]
assert torch.get_num_threads() == 1
NETWORK = (20, 8, 3)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=400)
    x = rng.normal(size=(3, 20))[labels] + rng.normal(size=(400, 20)) / 2
    return x.astype(np.float32), labels


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(speed_sections, "NETWORKS", (NETWORK,))
    monkeypatch.setattr(speed_sections, "SPEED_DRAWS", (4,))
    monkeypatch.setattr(speed_rounds, "WARM_SAMPLES", 50)


def quiet(_):
    pass


def test_contenders_learn_in_turn_and_in_blocks_of_about_a_round(data):
    x, y = data
    seen = []

    def learner(name):
        def learn(images, labels):
            assert len(images) == len(labels)
            seen.append(name)

        return learn

    two = [Contender(name, "engine", learner(name)) for name in "ab"]
    rows = speed_sections.in_rounds(two, x, y, 3, 1e-4)
    assert seen[-6:] == ["a", "b", "b", "a", "a", "b"]
    assert [row["name"] for row in rows] == ["a", "b"]
    assert all(len(row["cpu_s"]) == len(row["wall_s"]) == 3 for row in rows)


def test_every_section_measures_every_engine(data):
    x, y = data
    names = {f"{a}, {'C' if b == 'c' else 'NumPy'}" for a, b, _ in engines(NETWORK, 4)}
    assert {name.split(",")[0] for name in names} == set(ARITHMETICS)
    on_chip = {name for name in names if name.endswith("C")}
    speed = speed_sections.measure_speed(x, y, 2, 1e-3, quiet)
    found = {row["name"] for row in speed}
    assert names | {TORCH_LOCAL, TORCH_PLAIN} < found
    assert {f"{name}, learn_one" for name in on_chip} < found
    assert all(value > 0 for row in speed for value in row["wall_s"])

    sizes = {row["arithmetic"]: row for row in speed_sections.measure_bytes()}
    for name, word in {"float64": 8, "float32": 4, "q16": 2}.items():
        # Two numbers a synapse; a word of classes taught; in q16 a byte for each row's exponent.
        layers, synapses = sizes[name]["layers"], sizes[name]["synapses"]
        wanted = 2 * word * synapses + 4 + (sum(layers[:-1]) if name == "q16" else 0)
        assert sizes[name]["synapse_bytes"] * synapses == pytest.approx(wanted, abs=1e-6)
    assert sizes["float64"]["scratch_bytes"] is None
    assert sizes["q16"]["scratch_bytes"] > 0

    zeros = speed_sections.measure_zeros(np.maximum(x, 0), x, y, 1, 1e-3, quiet)
    assert {row["share"] for row in zeros} > set(speed_sections.ZERO_SHARES)
    length = speed_sections.measure_length(x, y, 2, quiet)
    assert {row["name"] for row in length} == on_chip
    for row in length:
        assert row["finite"]
        assert row["accuracy"][1] > 60, "33 % is chance"
        assert all(0 < s < 2 for s in row["sigma"][-1])
    table = speed_tables.length_table({"length": length})
    assert all(f"| {name} | 0.00 million |" in table for name in on_chip)


def test_the_metaplastic_learner_is_measured_beside_what_learns_the_same(data, monkeypatch):
    pytest.importorskip("numba")
    x, y = np.maximum(data[0], 0), data[1]
    monkeypatch.setattr(speed_metaplastic, "NETWORKS", (NETWORK,))
    monkeypatch.setattr(speed_metaplastic, "COUNT_AFTER", 150)
    monkeypatch.setattr(speed_metaplastic, "COUNT_AFTER_PUBLISHED", 100)
    monkeypatch.setattr(speed_metaplastic, "COUNT_STEPS", 20)
    rows = speed_metaplastic.measure_metaplastic(x, y, 2, 1e-3, quiet)
    named = {row["name"]: row for row in rows}
    assert len(named) == len(rows) == 6
    assert all(value > 0 for row in rows for value in row["wall_s"])
    watched = [row for row in rows if row["name"] != CALL]
    assert {row["synapses"] for row in watched} == {20 * 8 + 8 * 3}
    assert "changed" not in named[CALL]
    for name in (PUBLISHED, PUBLISHED_ONE):
        assert named[name]["changing"] == 1, "momentum moves every weight at every step"
    binary = named[METAPLASTIC]
    assert 0 < binary["changed"] < named[FLOAT]["changed"]
    assert 0 < binary["changing"] <= 1


def test_every_contender_of_the_metaplastic_learner_learns(data):
    pytest.importorskip("numba")
    x, y = np.repeat(data[0], 5, axis=0), np.repeat(data[1], 5)
    order = np.random.default_rng(1).permutation(len(y))
    x, y = np.maximum(x[order], 0), y[order]
    for one in speed_metaplastic.contenders(NETWORK):
        before = [w.copy() for w in one.weights()] if one.weights else []
        one.learn(x[:37], y[:37])
        if one.batch > 37:  # a batch that is not full changes nothing yet
            assert all(np.array_equal(a, b) for a, b in zip(before, one.weights(), strict=True))
        for start in range(37, len(y), 31):
            one.learn(x[start : start + 31], y[start : start + 31])
        if not one.weights:
            continue
        w1, w2 = one.weights()
        if len(w1) != NETWORK[0]:
            w1, w2 = w1.T, w2.T
        if "float" in one.group:
            z = np.maximum(x @ w1, 0) @ w2
        else:
            sign = [np.where(w < 0, -1.0, 1.0) for w in (w1, w2)]
            a = x @ sign[0]
            if one.group == "published":
                a = a - a.mean(axis=0 if one.batch > 1 else 1, keepdims=True)
            z = np.where(a < 0, -1, 1) @ sign[1]
            if one.batch > 1:
                z = (z - z.mean(axis=0)) / z.std(axis=0)
        assert np.mean(z.argmax(axis=1) == y) > 0.6, f"{one.name}: 33 % is chance"


def test_a_state_that_broke_is_said():
    spec, config = speed_sections.setting(NETWORK, 10)
    for name, value in (("sigma", np.nan), ("sigma", 0.0), ("mu", np.inf)):
        state = speed_sections.init_state(spec, config, "float32", 0)
        row = {"finite": True, "sigma": [], "mu": []}
        speed_sections._look(state, row)
        assert row["finite"]
        state[name][0, 3] = value
        speed_sections._look(state, row)
        assert not row["finite"]


def row(name, cpu, **more):
    return {"name": name, "group": "engine", "block": 9, "cpu_s": cpu, "wall_s": cpu, **more}


SECTIONS = ("speed", "bytes", "width", "draws", "zeros", "metaplastic", "length")
ORIGIN = dict.fromkeys(
    ("command", "date", "machine", "python", "numpy", "torch", "kernel", "load", "load_after",
     "seconds"), "x")  # fmt: skip


def record():
    """A made-up run: float32 20 µs, a noisy minute in the second round, PyTorch 15 times that."""
    net = {"layers": [784, 50, 10], "n_draws": 10}
    noise = np.array([1.0, 3.0, 1.0])
    some = [
        row("float32, C", (20e-6 * noise).tolist()),
        row("q16, C", (10e-6 * noise).tolist()),
        row(TORCH_LOCAL, (100e-6 * noise).tolist()),
        row(TORCH_PLAIN, (320e-6 * noise).tolist()),
    ]
    kinds = ((0.0, "erased", 1.0), (0.81, "pixels", 0.25))
    return {
        "speed": [{**one, **net} for one in (*some, row(FACTORED, (8e-6 * noise).tolist()))],
        "bytes": [
            {**net, "arithmetic": "q16", "synapses": 39700, "state_bytes": 158816,
             "synapse_bytes": 4.0, "scratch_bytes": 15088}
        ],
        "width": [{**one, "at": at} for at in (16, 50) for one in some],
        "draws": [{**one, "at": at} for at in (1, 10) for one in some],
        "zeros": [
            {**one, "layers": [784, 50, 10], "data": data, "share": share,
             "cpu_s": [factor * value for value in one["cpu_s"]]}
            for share, data, factor in kinds for one in some
        ],
        "metaplastic": [
            row(METAPLASTIC, (20e-6 * noise).tolist(), layers=[784, 50, 10],
                batch=1, synapses=39700, changed=397.0, changing=0.25),
            row(CALL, (50e-6 * noise).tolist(), layers=[784, 50, 10], batch=1),
        ],
        "length": [
            row("q16, C", [12e-6] * 9, accuracy=[90.0] * 9, sigma=[[0.1, 0.2]] * 9,
                mu=[[1.0, 2.0]] * 9, finite=False, saturations={"mu": 0, "rho": 1234})
        ],
        "origin": dict.fromkeys(SECTIONS, ORIGIN),
    }  # fmt: skip


def test_tables_say_what_the_rounds_say():
    made = record()
    assert "| float32, C | 50,000 | 50,000 | 50,000 | 5.0 |" in speed_tables.speed_table(made)
    bar = speed_tables.bar_table(made)
    assert "| ≥ 60,000 samples/s | 50,000 samples/s | missed |" in bar
    assert "tuned | ≥ 15 × | 5.00 × | missed |" in bar
    assert "plain | ≥ 15 × | 16.00 × | reached |" in bar
    assert "| q16 against float32 | ≥ 1 × | 2.00 × | reached |" in bar
    assert "| q16 factored against float32 | ≥ 1 × | 2.50 × | reached |" in bar
    assert "| ≥ 3 × | 4.00 × | reached |" in bar
    assert "| 158,816 | 15,088 | 4.38 |" in speed_tables.bytes_table(made)
    assert "| 16 | 20.0 | 10.0 | 100.0 | 320.0 | 5.0 | 10.0 | 0.31 |" in speed_tables.width_table(
        made
    )
    pixels = "| 50, MNIST's pixels in [0, 1] | 81 % | 5.0 | 2.5 | 25.0 | 80.0 | 4.0 |"
    assert pixels in speed_tables.zeros_table(made)
    binary = speed_tables.metaplastic_table(made)
    assert "| 50,000 | 50,000 | 50,000 | 1.0 | 397 | 1.00 | 25 |" in binary
    assert "| 20,000 | 20,000 | 20,000 | 2.5 | – | – | – |" in binary
    length = speed_tables.length_table(made)
    assert "| NO | 1,234 rho |" in length
    costs = np.array([99.0] * 5 + [8.0, 9, 10, 11, 12])
    assert speed_tables._trend(np.arange(10.0), costs) == "+10.00 ± 0.00 %"
    assert speed_tables._trend(np.arange(9.0), np.ones(9)) == "–"
    for draw in speed_pictures.PICTURES.values():
        assert ElementTree.fromstring(draw(made)).tag.endswith("svg")


def test_parts_of_other_runs_are_named():
    made = record()
    assert speed_tables.origin(made).count("\n") == 1
    made["origin"] = {**made["origin"], "length": {**ORIGIN, "date": "later"}}
    text = speed_tables.origin(made)
    assert text.startswith("* speed, bytes, width, draws, zeros, metaplastic: `x` on x")
    assert "\n* length: `x` on later" in text


def test_the_document_has_a_place_for_every_table_and_picture():
    text = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    for name in speed_tables.TABLES:
        assert f"<!-- figure: speed/{name}.md -->" in text
    for name in speed_pictures.PICTURES:
        assert f"results/speed/{name}.svg" in text
