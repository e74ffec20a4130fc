"""The binarized network's runs: they stop and go on to the same bits, and measure what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from with_torch import torch

from experiments.loop.runs import read_log
from experiments.metaplastic import importance as bnn_importance
from experiments.metaplastic.nets import TorchLearner, make_learner
from experiments.metaplastic.runs import ImportanceRun, PermutedRun, StreamRun
from experiments.metaplastic.settings import RECIPES, SUBSETS, BnnSetting
from streamlearn.errors import ConfigError, DivergedError
from streamlearn.torch import binary_mlp

LAYERS = (16, 12, 12, 3)


class Blobs:
    """Three classes in 16 pixels: 400 training and 300 test images."""

    def __getitem__(self, name: str) -> tuple[Any, ...]:
        rng = np.random.default_rng(0)
        means = rng.random((3, 16))

        def some(n: int) -> tuple[np.ndarray, np.ndarray]:
            labels = rng.integers(3, size=n)
            return (means[labels] + rng.normal(size=(n, 16)) / 3).astype(np.float32), labels

        return (*some(400), *some(300))


def make(kind: Any, algorithm: str, epochs: int = 5, seed: int = 0) -> Any:
    return kind("x", BnnSetting(algorithm, LAYERS, epochs=epochs), seed)


def without_time(record: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in record.items() if k not in ("train_s", "sessions")}


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [
        (PermutedRun, "m1.35"),
        (PermutedRun, "ewc"),
        (PermutedRun, "random"),
        (StreamRun, "m2.5"),
        (StreamRun, "m0-all"),
        (ImportanceRun, "m1.35"),
    ],
)
def test_a_run_that_stopped_ends_like_one_that_did_not(
    tmp_path: Any, kind: Any, algorithm: str
) -> None:
    run = make(kind, algorithm)
    whole = run.execute(3, Blobs(), tmp_path / "a", tmp_path / "aw")
    seen = []

    def stop(task: int, newest: float) -> None:
        seen.append((task, newest))
        if task == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.execute(3, Blobs(), tmp_path / "b", tmp_path / "bw", stop)
    assert read_log(run.log(tmp_path / "b"))["tasks_done"] == 2
    parts = run.execute(3, Blobs(), tmp_path / "b", tmp_path / "bw")
    assert [session["from_task"] for session in parts["sessions"]] == [0, 2]
    assert without_time(parts) == without_time(whole)
    assert run.execute(3, Blobs(), tmp_path / "b", tmp_path / "bw") == parts
    assert parts["newest"][1] == [seen[1][1]]
    with (
        np.load(run.checkpoint(tmp_path / "aw")) as a,
        np.load(run.checkpoint(tmp_path / "bw")) as b,
    ):
        assert set(a.files) == set(b.files) > {"record"}
        assert all(a[n].tobytes() == b[n].tobytes() for n in set(a.files) - {"record"})


def test_permuted_tasks_are_measured_with_one_state_and_with_their_own(tmp_path: Any) -> None:
    record = make(PermutedRun, "m0").execute(3, Blobs(), tmp_path, tmp_path)
    assert list(record["windows"]) == ["1", "2", "3"]
    last = record["windows"]["3"]
    assert {len(values) for name, values in last.items()} == {3}
    assert last["present"][-1] == last["own"][-1], "the newest task's state is the present one"
    assert last["present"][:-1] != last["own"][:-1]
    assert last["present_batch"] != last["present"]
    assert record["newest"][-1] == [last["present"][-1]]
    assert record["newest"][0][0] > 60, "a third is chance"
    assert len(record["magnitude"]) == 3
    with pytest.raises(ConfigError, match="other settings"):
        PermutedRun("x", BnnSetting("m0", LAYERS, epochs=5), 0, 200).execute(
            1, Blobs(), tmp_path, tmp_path
        )


def test_every_recipe_learns_something_else(tmp_path: Any) -> None:
    found = {}
    for name in RECIPES:
        run = make(PermutedRun, name, epochs=12)
        record = run.execute(2, Blobs(), tmp_path, tmp_path)
        assert record["newest"][0][0] > 60
        found[name] = tuple(record["magnitude"][-1])
    assert len(set(found.values())) == len(found)
    other = make(PermutedRun, "m0", seed=1).execute(1, Blobs(), tmp_path, tmp_path)
    assert other["magnitude"][0] != found["m0"]


class Spy:
    """What the runs give a learner to learn."""

    def __init__(self) -> None:
        self.calls: list[tuple[np.ndarray, int]] = []

    def learn(self, x: np.ndarray, y: np.ndarray, epochs: int, seed: tuple[int, ...]) -> None:
        assert len(x) == len(y)
        assert len(seed) == 3
        self.calls.append((x, epochs))


def test_subsets_are_all_training_images_once_and_at_once_is_as_many_samples() -> None:
    sets = Blobs()["mnist"]
    parts, at_once = Spy(), Spy()
    run, whole = make(StreamRun, "m0", epochs=20), make(StreamRun, "m0-all", epochs=20)
    for task in range(run.until(999)):
        run.learn(parts, sets, task)
    for task in range(whole.until(999)):
        whole.learn(at_once, sets, task)
    assert len(parts.calls) == SUBSETS
    rows = np.concatenate([x for x, _ in parts.calls])
    assert sorted(map(bytes, rows)) == sorted(map(bytes, sets[0]))
    totals = [sum(len(x) * epochs for x, epochs in spy.calls) for spy in (parts, at_once)]
    assert totals[0] == totals[1] == 20 * 400


def test_importance_of_a_bin_that_is_switched_as_a_whole() -> None:
    net = binary_mlp(LAYERS, generator=torch.Generator().manual_seed(0))
    x, y, _, _ = (torch.from_numpy(values) for values in Blobs()["mnist"])
    before = {name: value.clone() for name, value in net.state_dict().items()}
    found = bnn_importance.importance(net, x, y, 0)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert found == bnn_importance.importance(net, x, y, 0), "a seed's choices are the same"
    weight = net[3].weight.detach()
    one = next(b for b in found["layers"][1]["bins"] if b["bin"] == 4)
    top = float(weight.abs().max())
    inside = (weight.abs() / top * 15).long() == 4
    assert one["weights"] == one["switched"] == int(inside.sum()) > 1

    def measured() -> tuple[float, float]:
        with torch.no_grad():
            z = net(x)
            right = (z.argmax(-1) == y).double().mean()
            return float(torch.nn.functional.cross_entropy(z, y)), 100 * float(right)

    base = measured()
    with torch.no_grad():
        net[3].weight[inside] *= -1
    after = measured()
    assert found["loss"] == pytest.approx(base[0], rel=1e-5)
    assert one["loss"][0] == pytest.approx((after[0] - base[0]) / one["switched"], abs=1e-6)
    assert one["loss"][1] < 1e-9, "there is one choice"
    assert one["accuracy"][0] == pytest.approx(base[1] - after[1], abs=1e-3)
    assert sum(b["weights"] for b in found["layers"][0]["bins"]) == 16 * 12


def test_a_network_that_diverged_is_said_to_have() -> None:
    learner = TorchLearner(LAYERS, RECIPES["m0"], 0, True)
    x, y, _, _ = Blobs()["mnist"]
    with pytest.raises(DivergedError, match="no longer finite"):
        learner.learn(x * np.float32(np.inf), y, 1, (0,))


def test_a_last_batch_of_one_row_is_left_out() -> None:
    learner = make_learner(BnnSetting("m0", LAYERS), 0, affine=False)
    x, y, _, _ = Blobs()["mnist"]
    learner.learn(x[:101], y[:101], 1, (0,))
    assert not any("1.weight" in name for name in learner.arrays()), "no scale without affine"
