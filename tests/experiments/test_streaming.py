"""The streaming comparison: its compiled loops equal the reference, what it classifies too."""

from __future__ import annotations

import json
from dataclasses import replace
from statistics import mean

import numpy as np
import pytest

from experiments import compiler
from experiments.catalogue import load as find_experiment
from experiments.data import Digits, split_for_validation
from experiments.loop.runs import tasks_done
from experiments.streaming import kernels as streaming_kernels
from experiments.streaming import penalty_loop
from experiments.streaming.learners import (
    LEARNERS,
    MetaplasticLearner,
    TwinLearner,
)
from experiments.streaming.settings import (
    GATES,
    StreamingSetting,
    metaplastic_config,
    metaplastic_spec,
)
from quant.counters import Saturations
from quant.native import NativeKernel
from quant.rules.metaplastic.gates import active_units, gates_of
from quant.state import init_state
from streamlearn.errors import ConfigError
from streamlearn.rules.metaplastic import equations as metaplastic

LAYERS = (784, 24, 10)
WITH_GATES = StreamingSetting("gated-16-of-64", LAYERS, width=24, n_blocks=8, n_active=2)


def setting(algorithm: str, **more) -> StreamingSetting:
    return StreamingSetting(algorithm, LAYERS, 6e5, 2, 24, **more)


@pytest.fixture
def digits():
    """Images of which a fifth of the pixels is not zero; a class brightens its own pixels."""
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 10, 400)
    images = np.where(rng.random((400, 784)) < 0.1, rng.random((400, 784)), 0)
    for n, label in enumerate(labels):
        images[n, 78 * label : 78 * label + 40] = 0.75
    x = images.astype(np.float32)
    return Digits(x[:300], labels[:300], x[300:], labels[300:])


@pytest.fixture(params=["python", "numba"])
def compiled(request, monkeypatch):
    if request.param == "python":
        monkeypatch.setattr(compiler, "compiled", lambda function: function)
    else:
        pytest.importorskip("numba")


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("gates", [False, True])
def test_the_compiled_twin_is_the_reference(gates, digits):
    chosen = WITH_GATES if gates else setting("twin")
    learner, spec, config = (
        TwinLearner(chosen, 5),
        metaplastic_spec(chosen),
        metaplastic_config(chosen),
    )
    assert config.n_blocks == (8 if gates else 0)
    state = init_state(spec, config, "float64", 5)
    before = learner.w1.copy()
    for x, y in zip(digits.train[:40], digits.train_labels[:40], strict=True):
        found = metaplastic.forward(spec, config, state, x.astype(np.float64), Saturations())
        metaplastic.update(spec, config, state, found, int(y), Saturations())
    learner.learn(digits.train[:40], digits.train_labels[:40])
    expected = state["hidden_weight"][0]
    assert np.any(learner.w1 != before)
    np.testing.assert_allclose(
        np.concatenate([learner.w1.ravel(), learner.w2.ravel()]), expected, rtol=1e-9, atol=1e-12
    )


@pytest.mark.usefixtures("compiled")
def test_all_blocks_active_is_the_rule_without_gates(digits):
    plain = TwinLearner(setting("twin"), 1)
    gated = TwinLearner(setting("twin", n_blocks=8, n_active=8), 1)
    gated._config = replace(plain._config, n_blocks=8, n_active=8)
    for learner in (plain, gated):
        learner.learn(digits.train[:30], digits.train_labels[:30])
    np.testing.assert_array_equal(plain.w1, gated.w1)
    np.testing.assert_array_equal(plain.w2, gated.w2)


@pytest.mark.usefixtures("compiled")
def test_units_that_take_no_part_do_not_learn(digits):
    learner = TwinLearner(WITH_GATES, 1)
    w1, w2 = learner.w1.copy(), learner.w2.copy()
    gates = gates_of(metaplastic_spec(WITH_GATES), metaplastic_config(WITH_GATES))
    for x, y in zip(digits.train[:20], digits.train_labels[:20], strict=True):
        active = active_units(gates, 1, x)
        assert active.sum() == 6
        learner.learn(x[None], np.array([y]))
        off = ~active
        np.testing.assert_array_equal(learner.w1[:, off], w1[:, off])
        np.testing.assert_array_equal(learner.w2[off], w2[off])
        w1, w2 = learner.w1.copy(), learner.w2.copy()


@pytest.mark.usefixtures("compiled")
def test_the_float_network_follows_its_gradient(digits):
    rng = np.random.default_rng(0)
    w1 = rng.normal(0, 0.1, (784, 6)).astype(np.float32)
    w2 = rng.normal(0, 0.5, (6, 10)).astype(np.float32)
    x, y, lr = digits.train[:1], digits.train_labels[:1], 0.05

    def loss(a, b):
        z = np.maximum(x[0].astype(np.float64) @ a, 0) @ b
        return np.log(np.sum(np.exp(z - z.max()))) + z.max() - z[y[0]]

    expected = []
    for name, w in (("w1", w1), ("w2", w2)):
        gradient = np.zeros(w.shape)
        for index in np.ndindex(w.shape):
            moved = [w1.astype(np.float64), w2.astype(np.float64)]
            at = moved[0] if name == "w1" else moved[1]
            at[index] += 1e-5
            above = loss(*moved)
            at[index] -= 2e-5
            gradient[index] = (above - loss(*moved)) / 2e-5
        expected.append(w - lr * gradient)
    compiler.compiled(streaming_kernels.learn_mlp)(np.float32(lr), w1, w2, x, y)
    np.testing.assert_allclose(w1, expected[0], atol=2e-6)
    np.testing.assert_allclose(w2, expected[1], atol=2e-6)


def penalised_by_hand(learner, lr, images, labels):
    """The penalty's step on every weight and sample, in float64."""
    kept = {name: values.astype(np.float64) for name, values in learner.arrays().items()}
    for x, y in zip(images.astype(np.float64), labels, strict=True):
        hidden = np.maximum(x @ kept["w1"], 0)
        z = hidden @ kept["w2"]
        delta = np.exp(z - z.max()) / np.exp(z - z.max()).sum() - np.eye(10)[y]
        below = np.where(hidden > 0, kept["w2"] @ delta, 0)
        gradients = np.outer(x, below), np.outer(hidden, delta)
        for layer, (name, gradient) in enumerate(zip(("w1", "w2"), gradients, strict=True)):
            apart = kept[name] - kept[f"anchor{layer}"]
            step = gradient + float(learner._pull) * kept[f"importance{layer}"] * apart
            kept[name] -= lr * step
            kept[f"path{layer}"] += lr * step**2
    return kept


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("algorithm", ["ewc-online", "si"])
def test_a_penalty_acts_on_rows_of_zero_inputs_too(algorithm, digits):
    lr = np.float32(0.05)
    learner = LEARNERS[algorithm](setting(algorithm, lr=0.05, strength=3.0, decay=1.0), 5)
    learner.learn(digits.train[:60], digits.train_labels[:60])
    for name in ("importance0", "importance1"):
        assert learner._kept[name].max() > 0
        learner._kept[name] *= 0.1 / learner._kept[name].max()
    images, labels = digits.train[60:100].copy(), digits.train_labels[60:100]
    images[3:30, :400] = 0
    expected = penalised_by_hand(learner, float(lr), images, labels)
    before = learner.arrays()
    layers = [
        [learner.w1, *(learner._kept[f"{name}0"] for name in ("importance", "anchor", "path"))],
        [learner.w2, *(learner._kept[f"{name}1"] for name in ("importance", "anchor", "path"))],
    ]
    learn = compiler.compiled(penalty_loop.learn_penalised)
    catch_up = compiler.compiled(penalty_loop.catch_up)
    learn(catch_up, lr, learner._pull, algorithm == "si", *map(tuple, layers), images, labels)
    found = learner.arrays()
    names = ["w1", "w2"] + (["path0", "path1"] if algorithm == "si" else [])
    for name in names:
        scale = np.abs(expected[name] - before[name]).max()
        assert scale > 0
        np.testing.assert_allclose(found[name], expected[name], atol=2e-4 * scale)


@pytest.mark.parametrize("gates", [{}, {"n_blocks": 8, "n_active": 4}])
def test_classes_of_many_images_are_what_the_kernel_predicts(gates, digits):
    chosen = setting("metaplastic", **gates)
    learner = MetaplasticLearner(chosen, 2)
    learner.learn(digits.train, digits.train_labels)
    found = learner.classify(digits.test, (0,))
    kernel = NativeKernel(metaplastic_spec(chosen), metaplastic_config(chosen), "q8")
    each = [kernel.predict(learner._state, x)[0] for x in digits.test]
    assert found.tolist() == each
    assert np.mean(found == digits.test_labels) > 0.5


def test_gated_runs_are_of_every_engine_and_lie_apart():
    runs = {
        run.setting.algorithm: run for run in find_experiment("streaming-gated").runs(None, [0])
    }
    assert set(runs) == set(GATES)
    for algorithm, run in runs.items():
        config = metaplastic_config(run.streaming)
        assert (config.n_blocks, config.n_active) == GATES[algorithm]
        assert run.folder == ("streaming-gated" if config.n_blocks else "streaming-pmnist")
        kind = MetaplasticLearner if algorithm.endswith(("q8", "metaplastic")) else TwinLearner
        assert LEARNERS[algorithm] is kind
        assert run.identity().get("n_active", 0) == config.n_active


@pytest.mark.parametrize(
    "algorithm",
    ["metaplastic", "no-memory", "twin", "mlp", "ewc-online", "si", "mesu-q16", "mesu-q16-window"],
)
def test_what_was_taken_out_goes_on_to_the_same_weights(algorithm, digits):
    if algorithm in ("twin", "mlp", "ewc-online", "si"):
        pytest.importorskip("numba")
    one = setting(algorithm, lr=0.01, strength=2.0, decay=0.5)
    straight, first = LEARNERS[algorithm](one, 4), LEARNERS[algorithm](one, 4)
    straight.learn(digits.train[:60], digits.train_labels[:60])
    straight.learn(digits.train[60:120], digits.train_labels[60:120])
    first.learn(digits.train[:60], digits.train_labels[:60])
    second = LEARNERS[algorithm](one, 9)
    second.restore(first.arrays())
    second.learn(digits.train[60:120], digits.train_labels[60:120])
    for name, values in straight.arrays().items():
        np.testing.assert_array_equal(values, second.arrays()[name])
    assert straight.bytes() > 0


def test_validation_images_are_training_images_that_do_not_train(digits):
    split = split_for_validation(digits, 100)
    assert (len(split.train), len(split.test)) == (200, 100)
    np.testing.assert_array_equal(np.concatenate([split.train, split.test]), digits.train)


def test_a_run_tests_all_tasks_after_the_first_and_the_last(tmp_path, digits):
    experiment = find_experiment("streaming-pmnist")
    run = next(r for r in experiment.runs(["metaplastic"], [0]) if r.setting.width == 200)
    record = run.execute(2, digits, tmp_path / "results", tmp_path / "work")
    assert [len(record["windows"][n]["accuracy"]) for n in ("1", "2")] == [1, 2]
    assert run.execute(2, digits, tmp_path / "results", tmp_path / "work") == record
    longer = run.execute(3, digits, tmp_path / "results", tmp_path / "work")
    assert longer["windows"]["2"] == record["windows"]["2"]
    assert longer["tasks_done"] == tasks_done(run, tmp_path / "results") == 3
    table = experiment.table([longer])
    only = mean(longer["windows"]["1"]["accuracy"])
    assert f"{only:.2f} (1)" in table
    assert "784-200-10" in table
    assert experiment.picture([longer]).startswith("<?xml")


def test_a_log_with_other_constants_is_refused(tmp_path, digits):
    experiment = find_experiment("streaming-pmnist")
    run = next(r for r in experiment.runs(["mlp"], [0]) if r.setting.width == 200)
    log = run.log(tmp_path)
    log.parent.mkdir()
    log.write_text(json.dumps({"tasks_done": 1, "identity": run.identity() | {"lr": 0.5}}))
    with pytest.raises(ConfigError, match="other settings"):
        run.execute(1, digits, tmp_path, tmp_path)
