"""The rivals learn what they are said to learn, and their tables say what was measured."""

from __future__ import annotations

import ast
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

import firmware_sim
from experiments.device.board import CORES_COUNTED
from experiments.speed import names
from experiments.speed import rounds as speed_rounds
from experiments.speed.contenders import start_of
from experiments.speed.rivals import along, board, host, tables
from experiments.speed.rivals.plain_c import FIXED, FLOAT, STEPS, PlainSgd

NETWORK, BINARY = (20, 8, 3), (20, 16, 3)


def quiet(_):
    pass


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=400)
    x = rng.normal(size=(3, 20))[labels] * 2 + rng.normal(size=(400, 20)) / 2
    return x.astype(np.float32), labels


@pytest.fixture
def small(monkeypatch):
    for module in (host, board):
        monkeypatch.setattr(module, "NETWORK", NETWORK)
        monkeypatch.setattr(module, "DRAWS", (2,))
        monkeypatch.setattr(module, "BINARY", BINARY)
    monkeypatch.setattr(along, "BINARY", BINARY)
    monkeypatch.setattr(along, "COUNTED", 10)
    monkeypatch.setattr(board, "COUNTED", 3)
    monkeypatch.setattr(speed_rounds, "WARM_SAMPLES", 50)


def sgd(weights, x, labels):
    """Plain SGD in NumPy, as the C says it."""
    w1, w2 = (w.copy() for w in weights)
    said = []
    for row, label in zip(x.astype(np.float64), labels, strict=True):
        a = np.maximum(row @ w1, 0)
        z = a @ w2
        said.append(int(z.argmax()))
        p = np.exp(z - z.max())
        p /= p.sum()
        p[label] -= 1
        g = (w2 @ p) * (a > 0)
        w2 -= np.outer(a, p) / STEPS
        w1 -= np.outer(row, g) / STEPS
    return [w1, w2], said


@pytest.mark.parametrize(("numbers", "tolerance"), [(FLOAT, 2e-5), (FIXED, 0.03)])
def test_plain_c_is_sgd(data, numbers, tolerance):
    x, y = data
    x = x * (np.random.default_rng(1).random(x.shape) < 0.7)
    loop = PlainSgd(NETWORK, numbers)
    expected, said = sgd(loop.weights, x, y)
    start = loop.weights
    predicted = np.concatenate([loop.learn(x[:150], y[:150]), loop.learn(x[150:], y[150:])])
    for found, wanted, before in zip(loop.weights, expected, start, strict=True):
        assert np.abs(wanted - before).max() > 0.1
        assert np.abs(found - wanted).max() < tolerance
    assert np.mean(predicted == said) > 0.97
    assert np.mean(predicted[200:] == y[200:]) > 0.8, "33 % is chance"


@pytest.mark.parametrize("numbers", [FLOAT, FIXED])
def test_plain_c_learns_on_a_chip_what_it_learns_here(data, numbers, tmp_path):
    x, y = data[0][:60], data[1][:60]
    loop = PlainSgd(NETWORK, numbers)
    loop.write_export(tmp_path / "e")
    for core in ("cortex-m0plus", "cortex-m4f"):
        chip = next(one for one in board.roomy_boards() if one.core.name == core)
        built = firmware_sim.build_firmware(
            tmp_path / "e", chip, tmp_path / core, warnings_are_errors=True
        )
        device = firmware_sim.Device(built)
        result = device.run_stream(x, y)
        here = PlainSgd(NETWORK, numbers)
        assert result.predictions.tolist() == here.learn(x, y).tolist()
        if numbers == FIXED:
            assert device.read_state() == here.state.tobytes()
        else:
            found = np.frombuffer(device.read_state(), "<f4")
            np.testing.assert_allclose(found, here.state, atol=1e-5)


def needs(name):
    package = {"torch.compile": "torch"}.get(name, name)
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


def loop_of(name):
    start = start_of(NETWORK, 4)
    if name == "numba":
        from experiments.speed.rivals.mesu_loop import NumbaLoop

        return NumbaLoop(*start)
    if name == "jax":
        from experiments.speed.rivals.jax_loop import JaxLoop

        return JaxLoop(*start)
    if name == "torch.compile":
        from experiments.speed.rivals.compiled_torch import CompiledLoop

        return CompiledLoop(*start, compiler="eager")
    from experiments.speed.torch_loops import LocalLoop

    return LocalLoop(*start)


def weights_of(loop):
    if hasattr(loop, "layers"):
        first, last = loop.layers
        both = (first.mu, first.sigma, last.mu, last.sigma)
        return [w.numpy().T.copy() for w in both]
    if hasattr(loop, "weights"):
        return [np.array(w) for w in loop.weights]
    return [loop.mu1, loop.sigma1, loop.mu2, loop.sigma2]


def before_and_after(name, x, y, noise):
    """The weights before and after the samples, with this noise."""
    loop = loop_of(name)
    before = [w.copy() for w in weights_of(loop)]
    if name.startswith("torch"):
        import torch

        with torch.inference_mode():
            loop.learn_with(torch.from_numpy(x), y.tolist(), tuple(map(torch.from_numpy, noise)))
    else:
        loop.learn_with(x, y, tuple(noise))
    return before, weights_of(loop)


def learned_in_blocks(name, x, y):
    loop = loop_of(name)
    for start in range(0, len(y), 37):
        loop.learn(x[start : start + 37], y[start : start + 37])
    return weights_of(loop)


def alone(function, *arguments):
    """In a process of its own: once JAX is imported, whoever forks is warned."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


@pytest.mark.parametrize("name", ["numba", "jax", "torch.compile"])
def test_every_mesu_is_the_loop_of_pytorch(data, name):
    """Which tests of its own hold to the equations; here with the same noise."""
    needs("torch")
    needs(name)
    x, y = data[0][:60] / 8, data[1][:60]
    x = x * (np.random.default_rng(1).random(x.shape) < 0.7)
    rng = np.random.default_rng(2)
    noise = [rng.standard_normal((len(y), 4, n), np.float32) for n in NETWORK[1:]]
    _, reference = before_and_after("torch", x, y, noise)
    start, learned = alone(before_and_after, name, x, y, noise)
    for found, wanted, before in zip(learned, reference, start, strict=True):
        assert np.abs(wanted - before).max() > 1e-3
        np.testing.assert_allclose(found, wanted, atol=2e-5)


@pytest.mark.parametrize("name", ["numba", "jax"])
def test_a_loop_that_draws_its_own_noise_learns(data, name):
    needs(name)
    x, y = data[0] / 8, data[1]
    mu1, _, mu2, _ = alone(learned_in_blocks, name, x, y)
    assert np.mean((np.maximum(x @ mu1, 0) @ mu2).argmax(axis=1) == y) > 0.8, "33 % is chance"


@pytest.mark.usefixtures("small")
def test_the_rivals_are_measured_in_turn(data, monkeypatch):
    x, y = data
    made = {name: ("numpy", lambda *_: lambda *_: None) for name in host.OPTIONAL}
    monkeypatch.setattr(host, "OPTIONAL", made)
    rows = host.measure_rivals(np.maximum(x, 0), x, y, 2, 1e-3, quiet)
    assert {(row["data"], row["n_draws"]) for row in rows} == {("dense", 2), ("pixels", 2)}
    found = {row["name"] for row in rows}
    assert {*made, names.SGD_C, names.SGD_FIXED, "MESU, q16, C", "MESU, float32, C"} < found
    assert any(name.startswith(names.METAPLASTIC) for name in found)
    assert all(len(row["cpu_s"]) == 2 for row in rows)
    table = tables.rivals_table({"rivals": rows})
    assert table.count("\n") == len(rows) + 5, "two tables and an empty line"
    assert "0 % zeros, S = 2" in table


@pytest.mark.usefixtures("small")
def test_what_is_missing_is_a_row_that_says_so(data, monkeypatch):
    def broken(*_):
        raise RuntimeError("no compiler\nof any kind")

    given = {names.NUMBA: ("surely_not_installed", broken), names.JAX: ("numpy", broken)}
    monkeypatch.setattr(host, "OPTIONAL", given)
    rows = host.measure_rivals(*[data[0]] * 2, data[1], 1, 1e-3, quiet)
    table = tables.rivals_table({"rivals": rows})
    assert f"| {names.NUMBA} | surely_not_installed is not installed | – | – | – |" in table
    assert "does not run here: RuntimeError: no compiler |" in table


@pytest.mark.usefixtures("small")
def test_every_core_is_counted(data, monkeypatch):
    x, y = data
    assert [one.core.name for one in board.roomy_boards()] == list(CORES_COUNTED)
    cores = ("cortex-m0plus", "cortex-m4f")
    two = [one for one in board.roomy_boards() if one.core.name in cores]
    kinds = [one for one in board.learners() if "factored" not in one.name]
    monkeypatch.setattr(board, "roomy_boards", lambda: two)
    monkeypatch.setattr(board, "learners", lambda: kinds)
    rows = board.measure_on_cores(np.maximum(x, 0), x, y, quiet, before=20)
    everywhere = {one.name for one in kinds if not one.needs_fpu}
    for core in cores:
        here = [row for row in rows if row["core"] == core]
        assert {row["name"] for row in here} >= everywhere
        for row in here:
            assert row["learn"]["dense"] > row["predict"]["dense"] > 500
            assert row["learn"]["dense"] > row["learn"]["pixels"]
            assert row["flash"] > row["code"] > 1000
    table = tables.cores_table({"cores": rows, "zero_share": 0.5})
    assert table.count("50 % zeros") == 2 * len(cores)


@pytest.mark.usefixtures("small")
def test_the_binary_learner_along_tasks(data):
    rows = along.measure_along(np.maximum(data[0], 0), data[1], quiet, 3)
    assert [row["task"] for row in rows] == [1, 2, 3]
    for row in rows:
        assert row["us"] > 0
        assert 0 <= row["changing"] <= 1
        assert row["learn_mean"] > row["predict_median"] > 100
    assert tables.along_table({"along": rows}).count("\n") == 5


def test_no_optional_package_is_imported_for_the_free_sections():
    """Nor for the list of experiments: only a maker imports what it needs."""
    for module in (host, board, along, tables):
        tree = ast.parse(Path(module.__file__).read_text("utf-8"))
        top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        text = " ".join(map(ast.unparse, top))
        assert not any(name in text for name in ("torch", "jax", "numba", "mesu_loop")), module
