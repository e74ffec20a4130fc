"""Runs stop and go on to the same bits, learn, are refused when they differ; tables, pictures."""

from __future__ import annotations

import gzip
import json
import multiprocessing
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from stopping import whole_and_stopped, without_time

from experiments.catalogue import load as find_experiment
from experiments.data import Images, Permutations, load_images, standardised
from experiments.loop import experiment as loop
from experiments.loop.runs import Setting, read_log
from experiments.loop.workers import ENGINES, execute_all
from experiments.mesu import measures as measured
from experiments.mesu.algorithms import ALGORITHMS
from experiments.mesu.evaluate import accuracy, full_measure, logits, unseen_entropies
from experiments.mesu.experiments import EXPERIMENTS
from experiments.mesu.runs import PermutedRun
from experiments.mesu.tables import NAMES, PUBLISHED
from streamlearn.cli import run as command_line
from streamlearn.errors import ConfigError, StreamFormatError
from streamlearn.streams import DataNotFoundError, load_fashion_mnist, load_mnist

pytest.importorskip("numba")

LAYERS = (16, 8, 3)
N_TRAIN = 2000


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    means = rng.normal(size=(3, 16))

    def some(n):
        labels = rng.integers(3, size=n)
        x = means[labels] + rng.normal(size=(n, 16)) / 2
        return standardised(x.astype(np.float32)), labels

    return Images(*some(N_TRAIN), *some(100), standardised(np.float32(rng.normal(size=(100, 16)))))


def make(algorithm, seed=0, **more):
    return PermutedRun("mesu-pmnist", Setting(algorithm, layers=LAYERS, **more), seed)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_run_that_stopped_ends_like_one_that_did_not(tmp_path, images, algorithm):
    run = make(algorithm)
    whole, half, parts = whole_and_stopped(run, images, tmp_path)
    assert half["tasks_done"] == 2
    assert [s["from_task"] for s in parts["sessions"]] == [0, 2]
    assert without_time(parts) == without_time(whole)
    assert read_log(run.log(tmp_path / "b")) == parts
    with (
        np.load(run.checkpoint(tmp_path / "aw")) as a,
        np.load(run.checkpoint(tmp_path / "bw")) as b,
    ):
        names = set(a.files) - {"record"}
        assert names
        assert all(a[name].tobytes() == b[name].tobytes() for name in names)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_learns(tmp_path, images, algorithm):
    record = make(algorithm).execute(6, images, tmp_path, tmp_path)
    assert record["newest"][-1][-1] > 70, "33 % is chance"
    assert [len(row) for row in record["newest"]] == [1, 2, 3, 4, 5, 6]
    assert len(record["all"]["6"]) == len(record["windows"]["6"]["auc"]) == 6
    assert run_size(tmp_path) < 200_000
    assert all(len(s) == (2 if algorithm.startswith("mesu") or algorithm == "bgd" else 0)
               for s in record["sigma"])  # fmt: skip


def run_size(folder):
    return max(path.stat().st_size for path in folder.rglob("*.json"))


def test_more_tasks_continue_and_fewer_do_nothing(tmp_path, images):
    run = make("sgd")
    run.execute(2, images, tmp_path, tmp_path)
    more = run.execute(3, images, tmp_path, tmp_path)
    assert more["tasks_done"] == 3
    assert list(more["all"]) == ["3"]
    assert run.execute(1, images, tmp_path, tmp_path) == more
    run.checkpoint(tmp_path).unlink()
    again = run.execute(3, images, tmp_path, tmp_path)
    assert without_time(again)["newest"] == more["newest"], "without a checkpoint, from the start"


def test_a_log_of_other_settings_is_refused(tmp_path, images):
    run = make("mesu")
    make("sgd").execute(1, images, tmp_path, tmp_path)
    other = replace(make("sgd"), limit=5)
    with pytest.raises(ConfigError, match="other settings"):
        other.execute(1, images, tmp_path, tmp_path)
    run.log(tmp_path).write_text("{}")
    with pytest.raises(StreamFormatError, match="is no log"):
        run.execute(1, images, tmp_path, tmp_path)


def test_names_say_what_differs():
    assert make("mesu", memory_window=1e15).name == "mesu-n1e15-h8-seed0"
    assert len(find_experiment("mesu-window").runs()) == 5 * 3 + 5


def test_experiments_refuse():
    pmnist = find_experiment("mesu-pmnist")
    with pytest.raises(ConfigError, match="'adam'"):
        pmnist.runs(["adam"])
    for seeds in ([], [-1], [1, 1]):
        with pytest.raises(ConfigError, match="seeds"):
            pmnist.runs(seeds=seeds)


def test_permuting_the_weights_is_permuting_the_pixels(images):
    rng = np.random.default_rng(1)
    weights = [
        rng.normal(size=(2, 16, 8)).astype(np.float32),
        rng.normal(size=(2, 8, 3)).astype(np.float32),
    ]
    order = Permutations(0, 16)[3]
    expected = np.maximum(images.test[:, order] @ weights[0], 0) @ weights[1]
    np.testing.assert_allclose(logits(weights, images.test, order), expected, rtol=1e-4, atol=1e-5)
    unseen = unseen_entropies(weights, images, 0)
    full = full_measure(weights, images, order, unseen)
    assert set(full) == {"accuracy", "auc", "auc_aleatoric", "auc_plain", "auc_unseen", "ece"}
    one = [w[:1] for w in weights]
    alone = full_measure(one, images, order, unseen_entropies(one, images, 0))
    assert alone["auc"] == alone["auc_aleatoric"], "one draw has no epistemic entropy"
    assert full["accuracy"] == accuracy(weights, images, order)
    log_softmax = expected - np.log(np.exp(expected).sum(axis=-1, keepdims=True))
    right = log_softmax.mean(axis=0).argmax(axis=1) == images.test_labels
    assert full["accuracy"] == pytest.approx(100 * right.mean())


def test_a_seeds_permutations_do_not_depend_on_the_order_of_asking():
    a, b = Permutations(2, 9), Permutations(2, 9)
    later = a[4]
    assert [b[t].tolist() for t in range(5)] == [a[t].tolist() for t in range(5)]
    assert later.tolist() == b[4].tolist()
    assert sorted(later) == list(range(9))
    assert Permutations(3, 9)[4].tolist() != later.tolist()


def test_the_authors_curve_leaves_out_the_newest_task_but_for_its_end():
    rows = [[float(10 * t + k) for k in range(max(0, t - 5), t + 1)] for t in range(8)]
    curve = measured.five_before({"newest": rows}, 8)
    states = [5, 6, 7]  # after tasks 6, 7 and 8: tasks t - 4 to t, for t = 5, 6, 7
    assert curve[:3] == [np.mean([10 * s + k for k in range(s - 5, s)]) for s in states]
    assert curve[3] == np.mean([70 + k for k in range(3, 8)])
    assert len(curve) == 4


def fake(algorithm, seed, tasks=40, shift=0.0):
    """A record as a run of so many tasks would write it."""
    newest = [[90.0 + shift - a for a in range(min(t, 5), -1, -1)] for t in range(tasks)]
    full = {
        "accuracy": [90 + shift - a for a in range(19, -1, -1)],
        "auc": [0.9] * 20,
        "auc_aleatoric": [0.8] * 20,
        "auc_plain": [0.7] * 20,
        "auc_unseen": [0.6] * 20,
        "ece": [0.1] * 20,
    }
    setting = {"algorithm": algorithm, "seed": seed, "layers": [784, 50, 10], "limit": None}
    return {
        "identity": {**setting, "memory_window": 3e5, "n_draws": 10, "version": 1},
        "tasks_done": tasks,
        "newest": newest,
        "sigma": [[0.1, 0.2]] * tasks,
        "train_s": [2.0] * tasks,
        "counters": {"mu": 3, "rho": 0},
        "windows": {str(t): full for t in range(20, tasks + 1, 20)},
        "all": {str(tasks): [50.0] * tasks},
    }


def test_the_table_has_means_and_spreads_of_those_who_got_furthest():
    records = [fake("mesu", 0), fake("mesu", 1, shift=1.0), fake("mesu", 2, tasks=25)]
    summary = measured.summarise(records)
    assert (summary.tasks, summary.seeds) == (40, (0, 1))
    assert summary.cell("last") == "90.50 ± 0.71"
    assert summary.cell("last5") == "88.50 ± 0.71"
    assert summary.cell("last20") == "81.00 ± 0.71"
    assert summary.cell("nothing") == "–"
    text = find_experiment("mesu-pmnist").table(records)
    means = "90.50 ± 0.71 | 88.50 ± 0.71 | 81.00 ± 0.71 | 50.00 ± 0.00"
    row = f"| MESU, float32 | ours | 40 × 2 | {means} |"
    assert row in text
    assert PUBLISHED["mesu"][0] in text
    assert measured.summarise([]) is None


@pytest.mark.parametrize(
    "name", [n for n, e in EXPERIMENTS.items() if getattr(e, "run_type", None) is PermutedRun]
)
@pytest.mark.parametrize("tasks", [20, 200])
def test_every_experiment_has_a_table_and_a_picture(name, tasks):
    experiment = EXPERIMENTS[name]
    records = [fake(a, seed, tasks) for a in experiment.algorithms for seed in (0, 1)]
    table = experiment.table(records)
    lines = [line for line in table.splitlines() if line]
    assert all(line.startswith("| ") and line.endswith(" |") for line in lines)
    assert f"{tasks} × 2" in table or name == "vanishing-plasticity"
    assert "| 3e5 | 50 |" in table or name != "mesu-window"
    first = table.split("\n\n", maxsplit=1)[0].splitlines()
    assert len(first) > 2
    assert len({line.count("|") for line in first}) == 1
    picture = experiment.picture(records)
    assert ElementTree.fromstring(picture).tag.endswith("svg")
    assert picture == experiment.picture(records), "equal bytes, so that a diff means a change"


def test_fixed_point_is_compared_on_common_seeds_and_tasks():
    records = [fake("mesu", 0, 40), fake("mesu", 1, 40, shift=5.0), fake("mesu-q16", 0, 60, -0.5)]
    text = find_experiment("fixed-point").table(records)
    assert "| MESU, q16 | 4 | 40 × 1 | 89.50 | -0.50 |" in text
    assert "3 mu" in text
    assert "\n| MESU, q16 | 1 | -0.50 | -0.50 | -0.50 |" in text


def test_fixed_point_is_compared_along_the_run_seed_by_seed():
    better = fake("mesu-q16", 1)
    better["windows"]["20"] = {**better["windows"]["20"], "accuracy": [92.0] * 20}
    records = [fake("mesu", 0), fake("mesu", 1), fake("mesu-q16", 0), better]
    text = find_experiment("fixed-point").table([*records, fake("mesu-factored-q16", 0, 10)])
    # After 20 tasks +2, +4 and +11.5 on the newest 1, 5 and 20, after 40 nothing; seed 0 is equal.
    assert "| MESU, q16 | 2 | +0.50 ± 0.71 | +1.00 ± 1.41 | +2.88 ± 4.07 |" in text
    assert "row · column, q16 | 1 |" not in text, "one that never was measured in full"


def test_every_algorithm_has_a_name():
    assert set(NAMES) == set(ALGORITHMS)


def mnist_or_skip():
    try:
        load_mnist("test")
        load_images(2)
    except StreamFormatError:
        pytest.skip("MNIST and CIFAR-10 are absent (set STREAMLEARN_DATA)")


def test_limits_are_refused():
    with pytest.raises(ConfigError, match="limit=1"):
        load_images(1)


def test_sgd_learns_digits(tmp_path):
    mnist_or_skip()
    images = load_images(3000)
    assert images.train.shape == images.test.shape == images.foreign.shape == (3000, 784)
    assert abs(images.train.mean()) < 1e-5
    assert images.test.std() == pytest.approx(1, abs=1e-5)
    record = PermutedRun("x", Setting("sgd"), 0, 3000).execute(1, images, tmp_path, tmp_path)
    assert record["newest"][0][0] > 80
    assert record["all"]["1"] == record["windows"]["1"]["accuracy"] == record["newest"][0]


@pytest.mark.parametrize(
    "engine",
    [pytest.param(name, marks=[pytest.mark.slow] if name == "ray" else []) for name in ENGINES],
)
def test_processes_do_what_one_does(tmp_path, engine):
    mnist_or_skip()
    if engine == "ray":
        pytest.importorskip("ray", reason="the extra sweep")

    execute = partial(execute_all, engine=engine)
    runs = [PermutedRun("x", Setting("sgd"), seed, 50) for seed in (0, 1, 2)]
    seen = []
    assert execute(runs, 2, tmp_path / "a", tmp_path / "aw", 2, seen.append) == []
    assert sorted((e.run.seed, e.tasks) for e in seen) == [
        (s, t) for s in (0, 1, 2) for t in (1, 2)
    ]
    images = load_images(50)
    for run in runs:
        alone = run.execute(2, images, tmp_path / "b", tmp_path / "bw")
        log = read_log(run.log(tmp_path / "a"))
        assert without_time(log)["sigma"] == without_time(alone)["sigma"]
        assert log["tasks_done"] == 2
    run = runs[0]
    run.log(tmp_path / "a").write_text("[]")
    failures = execute([run], 3, tmp_path / "a", tmp_path / "aw", 1, seen.append)
    assert len(failures) == 1
    assert "is no log" in failures[0]
    assert execute([], 3, tmp_path, tmp_path, 1, seen.append) == []


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGTERM")
def test_a_worker_that_somebody_ends_is_named(tmp_path):
    mnist_or_skip()

    def end_it(_):
        for worker in multiprocessing.active_children():
            worker.terminate()

    run = PermutedRun("x", Setting("sgd"), 0, 50)
    failures = execute_all([run], 100_000, tmp_path, tmp_path / "w", 1, end_it)
    assert failures == ["a worker process ended with exit code -15"]


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_a_command_that_is_killed_leaves_no_process_behind(tmp_path):
    mnist_or_skip()
    run = PermutedRun("mesu-pmnist", Setting("sgd"), 0, 50)
    options = ["--seed", "0", "--algorithms", "sgd", "--limit-samples", "50", "--tasks", "100000"]
    folders = ["--results", str(tmp_path), "--work", str(tmp_path / "w")]
    code = "import sys; from streamlearn.cli import run; sys.exit(run(sys.argv[1:]))"
    words = [sys.executable, "-c", code, "reproduce", "mesu-pmnist", *options, *folders]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            if run.log(tmp_path).exists():
                break
            time.sleep(0.1)
        assert process.poll() is None
    finally:
        process.kill()
    # the worker shares the pipe: it ends when both have
    assert process.communicate(timeout=30)[0] == b""
    done = read_log(run.log(tmp_path))["tasks_done"]
    time.sleep(0.5)
    assert read_log(run.log(tmp_path))["tasks_done"] == done


def test_the_command(tmp_path, capsys, monkeypatch):
    mnist_or_skip()
    results, work = str(tmp_path / "r"), str(tmp_path / "w")
    common = ["reproduce", "mesu-pmnist", "--algorithms", "sgd"]
    common += ["--results", results, "--work", work, "--limit-samples", "40"]
    one = [*common, "--seed", "0"]
    assert command_line([*one, "--tasks", "2"]) == 0
    out = capsys.readouterr()
    assert "| SGD | ours | 2 × 1 |" in out.out
    assert "sgd-seed0: 2 tasks" in out.err
    folder = tmp_path / "r" / "mesu-pmnist"
    assert {p.name for p in folder.iterdir()} == {"sgd-seed0.json", "table.md", "picture.svg"}
    assert ElementTree.parse(folder / "picture.svg").getroot().tag.endswith("svg")
    assert json.loads((folder / "sgd-seed0.json").read_text())["identity"]["limit"] == 40
    other = ["--seed", "1", "--tasks", "2"]  # a table is of all logs, whatever ran last
    assert command_line([*common, *other]) == 0
    assert "| SGD | ours | 2 × 2 |" in capsys.readouterr().out

    def nothing_left(runs, *_):
        assert not runs
        return []

    monkeypatch.setattr(loop, "execute_all", nothing_left)
    assert command_line([*common, "--seeds", "2", "--tasks", "2", "--quiet"]) == 0

    def press(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "execute_all", press)
    assert command_line([*one, "--tasks", "3"]) == 130
    assert "the same command goes on" in capsys.readouterr().err


def test_the_command_refuses(tmp_path, capsys):
    none = ["reproduce", "mesu-pmnist", "--results", str(tmp_path), "--report-only"]
    assert command_line(none) == 1
    assert "no run that was measured" in capsys.readouterr().err


def test_the_authors_foreign_images_where_they_are_at_hand(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    data = tmp_path / "data"
    for folder, prefix, low in (
        ("mnist", "train", 0), ("mnist", "t10k", 0), ("fashion_mnist", "t10k", 128)
    ):  # fmt: skip
        (data / folder).mkdir(parents=True, exist_ok=True)
        for kind, shown in (("images-idx3", (60, 28, 28)), ("labels-idx1", (60,))):
            values = rng.integers(low, 256, shown) if len(shown) > 1 else np.arange(60) % 10
            head = bytes([0, 0, 8, len(shown)]) + np.array(shown, ">u4").tobytes()
            file = gzip.compress(head + values.astype(np.uint8).tobytes(), mtime=0)
            (data / folder / f"{prefix}-{kind}-ubyte.gz").write_bytes(file)
    monkeypatch.setenv("STREAMLEARN_DATA", str(data))
    fashion = find_experiment("mesu-pmnist-fashion")
    (run,) = fashion.runs(["sgd"], [0], limit=50)
    images = run.load()
    raw = load_fashion_mnist("test").x[:50]
    assert np.array_equal(images.foreign, standardised(raw))
    with pytest.raises(DataNotFoundError, match="cifar10_gray28"):
        find_experiment("mesu-pmnist").runs(["sgd"], [0], limit=50)[0].load()
    record = run.execute(2, images, tmp_path, tmp_path / "work")
    assert run.log(tmp_path) == tmp_path / "mesu-pmnist-fashion" / "sgd-seed0.json"
    table = fashion.table([record])
    assert "AUC, 1, Fashion unpermuted" in table
    assert "CIFAR" not in table
