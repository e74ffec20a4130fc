"""The quadratic binary task, exactly; tables and pictures of the binarized network."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from experiments.catalogue import load as find_experiment
from experiments.loop.runs import Setting
from experiments.metaplastic.quadratic import (
    Problem,
    QuadraticRun,
    descend,
    importances,
    loss,
    many_weights,
    measure_many,
    relation,
    signs,
    two_weights,
)
from experiments.metaplastic.runs import PermutedRun, Sets, StreamRun
from experiments.metaplastic.settings import ALL, SUBSETS, BnnSetting
from streamlearn.cli import run as command_line
from streamlearn.errors import ConfigError

# -- the quadratic task --------------------------------------------------------------------------


def small(seed, d=30):
    problem = many_weights(seed, d)
    return Problem(problem.h, problem.target, problem.start, problem.lr, 300)


@pytest.mark.parametrize("seed", range(3))
def test_importance_is_what_the_switch_adds_to_the_loss(seed):
    problem = small(seed)
    for hidden in descend(problem)[[0, 7, 300]]:
        found = importances(problem, hidden)
        for i, value in enumerate(found):
            switched = signs(hidden)
            switched[i] *= -1
            added = loss(problem, switched) - loss(problem, signs(hidden))
            assert value == pytest.approx(added, abs=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_importance_is_linear_in_the_speed_of_divergence(seed):
    """One step: ΔL = 2 H_ii + (2/lr) W_b drift. Many: the same with the growth of a kept sign."""
    problem = small(seed)
    path = descend(problem)
    diagonal = np.diag(problem.h)
    for step in (0, 5, 150, 299):
        drift = path[step + 1] - path[step]
        expected = 2 * diagonal + 2 / problem.lr * signs(path[step]) * drift
        np.testing.assert_allclose(importances(problem, path[step]), expected, rtol=0, atol=1e-10)
    for since in (0, 100):
        mean, growth, steady = relation(problem, path, since)
        assert 5 < steady.sum() < len(steady), "some diverge and some do not"
        expected = 2 * diagonal + 2 / problem.lr * growth
        np.testing.assert_allclose(mean[steady], expected[steady], rtol=0, atol=1e-10)
        assert np.abs(mean - expected)[~steady].max() > 1, "it holds for nothing else"


def test_a_weight_whose_optimum_is_outside_the_cube_diverges():
    problem = two_weights()
    path = descend(problem)
    assert path.shape == (501, 2)
    np.testing.assert_allclose(
        path[1], problem.start - 0.35 * problem.h @ (np.array([1.0, 1.0]) - problem.target)
    )
    assert path[-1, 0] > 100
    assert np.abs(path[:, 1]).max() < 1
    assert len(set(signs(path[100:, 1]))) == 2


def test_the_problem_is_the_papers():
    problem = many_weights(0)
    curvatures = np.linalg.eigvalsh(problem.h)
    assert curvatures[0] >= 10.5
    assert curvatures[-1] <= 29.5
    assert curvatures.std() > 4
    assert np.array_equal(problem.h, problem.h.T)
    assert 3.9 < np.abs(problem.target).max() <= 4
    found = measure_many(0)
    assert found["slope"] == pytest.approx(2 / problem.lr, rel=0.01)
    assert found["correlation"] > 0.9
    assert sum(count for _, count, _, _ in found["bins"]) == 500


def test_the_command_needs_no_data_and_runs_once(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("STREAMLEARN_DATA", raising=False)
    common = ["reproduce", "bnn-quadratic", "--results", str(tmp_path), "--work", str(tmp_path)]
    assert command_line([*common, "--seeds", "2"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n| 0 | ") == out.count("\n| 1 | 3") == 1
    assert "| 1 | 1.5 | diverges |" in out
    folder = tmp_path / "bnn-quadratic"
    log = folder / "500-weights-seed0.json"
    before = log.stat().st_mtime_ns
    assert command_line([*common, "--seeds", "2"]) == 0
    assert log.stat().st_mtime_ns == before
    assert ElementTree.parse(folder / "picture.svg").getroot().tag.endswith("svg")
    assert log.stat().st_size < 30_000
    assert command_line([*common, "--full"]) == 2, "it has the paper's size already"
    assert "unrecognized arguments: --full" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="has the paper's size already"):
        find_experiment("bnn-quadratic").runs(full=True)
    run = QuadraticRun("bnn-quadratic", Setting("500-weights"), 0)
    assert run.until(200) == 1
    assert run.execute(1, None, tmp_path, tmp_path) == json.loads(log.read_text())


# -- runs, without PyTorch -----------------------------------------------------------------------


def test_sizes_and_names():
    for name in ("bnn-pmnist", "bnn-stream", "bnn-importance"):
        experiment = find_experiment(name)
        runs = [*experiment.runs(), *experiment.runs(full=True)]
        assert len({run.name for run in runs}) == len(runs)
        assert all(isinstance(run, experiment.run_type) for run in runs)
    (full,) = find_experiment("bnn-pmnist").runs(["m1.35"], [0], full=True)
    assert full.name == "m1.35-h4096-4096-e40-seed0"
    assert full.until(6) == 6
    both = [StreamRun("x", BnnSetting(a, (784, 9, 10), epochs=20), 0) for a in ("m0", "m0" + ALL)]
    assert [run.until(60) for run in both] == [60, 20]
    assert [run.until(3) for run in both] == [3, 3]
    fashion = StreamRun("x", BnnSetting("m0", (784, 9, 10), epochs=20, data="fashion-mnist"), 0)
    assert fashion.name == "m0-fashion-mnist-h9-e20-seed0"


def test_fashion_is_added_where_it_is_at_hand(tmp_path, monkeypatch):
    monkeypatch.setenv("STREAMLEARN_DATA", str(tmp_path))
    stream = find_experiment("bnn-stream")
    assert {run.setting.data for run in stream.runs()} == {"mnist"}
    (tmp_path / "fashion_mnist").mkdir()
    assert {run.setting.data for run in stream.runs()} == {"mnist", "fashion-mnist"}
    monkeypatch.setenv("STREAMLEARN_DATA", str(tmp_path / "nowhere"))
    assert {run.setting.data for run in stream.runs()} == {"mnist"}


def test_refusals():
    with pytest.raises(ConfigError, match="limit=99: expected 100 samples or more"):
        PermutedRun("x", BnnSetting("m0"), 0, 99).load()
    assert isinstance(PermutedRun("x", BnnSetting("m0"), 0, 100).load(), Sets)


# -- tables and pictures -------------------------------------------------------------------------


def fake(run, windows, newest):
    return {
        "identity": run.identity(),
        "tasks_done": len(newest),
        "sessions": [{"from_task": 0, "device": "cpu"}],
        "newest": [[value] for value in newest],
        "train_s": [30.0] * len(newest),
        "windows": windows,
    }


def permuted_record(run, tasks=6, shift=0.0):
    states = ("present", "own", "present_batch", "own_batch")
    rows = {s: [50.0 + 5 * k + t + shift for t in range(tasks)] for k, s in enumerate(states)}
    early = {s: rows[s][:2] for s in states[:2]}
    return fake(run, {"2": early, str(tasks): rows}, [90.0] * tasks)


def stream_record(run, shift=0.0):
    n = run.until(SUBSETS)
    return fake(
        run, {str(n): {"newest": 80.0, "train": 99.0}}, [70 + t / 10 + shift for t in range(n)]
    )


def importance_record(run):
    bins = [
        {
            "bin": b,
            "weights": 900 - 90 * b,
            "switched": 300 if b < 6 else 20,
            "loss": [b * 1e-6, 1e-7],
            "accuracy": [b * 0.5, 0.1],
        }
        for b in (0, 2, 5, 9)
    ]
    layers = [{"largest": 15.0, "bins": bins}] * 3
    window = {"loss": 0.1, "accuracy": 97.0, "layers": layers}
    return fake(run, {str(run.until(99)): window}, [95.0] * run.until(99))


def checked(experiment, records):
    table = experiment.table(records)
    for block in table.split("\n\n"):
        lines = [line for line in block.splitlines() if line]
        assert all(line.startswith("| ") and line.endswith(" |") for line in lines)
        assert len({line.count("|") for line in lines}) == 1
    picture = experiment.picture(records)
    assert ElementTree.fromstring(picture).tag.endswith("svg")
    assert picture == experiment.picture(records), "equal bytes, so that a diff means a change"
    return table


def test_the_permuted_table():
    experiment = find_experiment("bnn-pmnist")
    runs = [*experiment.runs(seeds=[0]), *experiment.runs(["m0"], [1])]
    table = checked(experiment, [permuted_record(run, shift=2.0 * run.seed) for run in runs])
    assert (
        "| m = 0 | 784-512-512-10 | 5 | 6 × 2 | 53.50 ± 1.41 | 51.00 ± 1.41 | 58.50 ± 1.41 "
        "| 56.00 ± 1.41 | 56.00 ± 1.41 | 63.50 ± 1.41 | 68.50 ± 1.41 |"
    ) in table
    assert "| random consolidation | 784-512-512-10 | 5 | 6 × 1 | 52.50 | 50.00 |" in table
    assert "| 6 × 1 | 3.0 | 10,000 | cpu |" in table
    half = permuted_record(runs[0])
    del half["windows"]["6"]
    assert "| 2 × 1 | 50.50 |" in checked(experiment, [half])
    wide = experiment.runs(["m0"], [0], full=True)
    both = checked(experiment, [permuted_record(runs[0]), permuted_record(wide[0])])
    assert "784-4096-4096-10 | 40 |" in both


def test_the_stream_table():
    experiment = find_experiment("bnn-stream")
    runs = [run for run in experiment.runs(seeds=[0]) if run.setting.data == "mnist"]
    table = checked(experiment, [stream_record(run) for run in runs])
    row = "| m = 0 | mnist | 784-512-512-10 | 60 × 1 | 75.90 | 99.00 | 20 × 1 | 71.90 | 99.00 |"
    assert f"{row} +4.00 |" in table
    alone = checked(experiment, [stream_record(runs[0])])
    assert "| 0 × 0 | – | – | – |" in alone
    went_on = stream_record(runs[0])  # measured after three subsets, then continued and stopped
    went_on["windows"] = {"3": {"train": 98.0}}
    stopped = checked(experiment, [went_on])
    assert "| 3 × 1 | 70.20 | 98.00 |" in stopped


def test_the_importance_table():
    experiment = find_experiment("bnn-importance")
    table = checked(experiment, [importance_record(run) for run in experiment.runs(seeds=[0, 1])])
    row = "| m = 1.35 | 784-1024-1024-10, 10 epochs, 2 seeds | 2 |"
    assert f"{row} largest | 5 to 6 | 450 | 300 | 5 ± 0.1 | 2.50 ± 0.10 |" in table
    assert f"{row} smallest | 0 to 1 | 900 | 300 | 0 ± 0.1 | 0.00 ± 0.10 |" in table
    assert table.count("\n") == 2 + 2 * 9
