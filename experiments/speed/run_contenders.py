"""What ``run-speed`` measures: streamlearn, River, and a loop of one's own."""

from __future__ import annotations

import csv
import gc
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from river import linear_model, multiclass, preprocessing, stream

from experiments.errors import ExperimentError
from experiments.speed.run_speed import FEW, OURS
from experiments.study import say
from streamlearn import MesuClassifier
from streamlearn import cli as command_line
from streamlearn.baselines import SgdMlpClassifier

#: A file of so many times fewer rows tells what is paid once from what is paid for each row.
FEWER = 100
LAYERS, N_LEARNERS, N_SAMPLES = (19, 32, 3), 1000, 3000
SETTINGS = ((128, 32, 6, "float32"), (128, 32, 6, "q16"), (19, 32, 3, "q16"))
RIVER, LOOP = "River, logistic regression", "csv.reader and SGD in NumPy"
Contenders = dict[str, Callable[[], object]]


def river_model() -> Any:
    """Return River's pipeline for several classes: scaled, one against the rest."""
    classifier = multiclass.OneVsRestClassifier(linear_model.LogisticRegression())
    return preprocessing.StandardScaler() | classifier


def write_rows(file: Path, n: int) -> None:
    """Write rows of 19 features, standard normal about a place for each of 3 classes."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, n)
    x = rng.normal(size=(n, 19)) + 0.7 * labels[:, None]
    with file.open("w", encoding="utf-8", newline="") as to:
        writer = csv.writer(to)
        writer.writerow([*(f"f{i}" for i in range(19)), "label"])
        for values, label in zip(x, labels.tolist(), strict=True):
            writer.writerow([*(f"{v:.4f}" for v in values), f"c{label}"])


def of_rows(folder: Path, n: int) -> Contenders:
    """Return what learns a file, test then train."""
    file = folder / f"rows-{n}.csv"
    write_rows(file, n)

    def ours() -> None:
        given = ["run", "--stream", str(file), "--label", "label", "--quiet", "--force"]
        given += ["--classes", "c0,c1,c2", "--out", str(folder / "run")]
        if code := command_line.run(given):
            raise ExperimentError(f"streamlearn run ended with {code}")

    def river() -> None:
        model, right = river_model(), 0
        numbers: dict[Any, Any] = {f"f{i}": float for i in range(19)}
        for x, y in stream.iter_csv(str(file), target="label", converters=numbers):
            right += model.predict_one(x) == y
            model.learn_one(x, y)

    def loop() -> None:
        model, right, index = SgdMlpClassifier(LAYERS), 0, {"c0": 0, "c1": 1, "c2": 2}
        with file.open(encoding="utf-8", newline="") as source:
            rows = csv.reader(source)
            next(rows)
            for cells in rows:
                x, y = np.array(cells[:19], np.float32), index[cells[19]]
                right += model.predict_one(x) == y
                model.learn_one(x, y)

    return {OURS: ours, RIVER: river, LOOP: loop}


def of_samples(layers: tuple[int, ...], arithmetic: str) -> Contenders:
    """Return what learns samples that are in memory, one call each."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, layers[-1], N_SAMPLES).tolist()
    x: list[npt.NDArray[np.float32]] = [*rng.normal(size=(N_SAMPLES, layers[0])).astype(np.float32)]
    dicts = [dict(enumerate(row.tolist())) for row in x]
    given: Any = {"classes": range(layers[-1]), "arithmetic": arithmetic}
    ours, sgd, river = MesuClassifier(layers, **given), SgdMlpClassifier(layers), river_model()

    def learn(learner: Any, rows: list[Any]) -> None:
        learn_one = learner.learn_one
        for row, label in zip(rows, labels, strict=True):
            learn_one(row, label)

    return {
        OURS: lambda: learn(ours, x),
        RIVER: lambda: learn(river, dicts),
        "SGD in NumPy": lambda: learn(sgd, x),
    }


def of_learners() -> Contenders:
    """Return what makes a thousand learners."""
    return {
        OURS: lambda: [_new(seed) for seed in range(N_LEARNERS)],
        RIVER: lambda: [river_model() for _ in range(N_LEARNERS)],
        "SGD in NumPy": lambda: [SgdMlpClassifier(LAYERS, seed=i) for i in range(N_LEARNERS)],
    }


def _new(seed: int) -> MesuClassifier:
    return MesuClassifier(LAYERS, classes=range(3), seed=seed)


def timed(contenders: Contenders, rounds: int, unit: float) -> list[dict[str, Any]]:
    """Return the CPU times of each round, in units of so many seconds, after a warm-up."""
    found: list[dict[str, Any]] = [{"name": name, "times": []} for name in contenders]
    for time_of_round in range(rounds + 1):
        for row in found:
            gc.collect()
            start = time.process_time()
            contenders[row["name"]]()
            used = time.process_time() - start
            if time_of_round:
                row["times"].append(used / unit)
    return found


def bytes_each() -> dict[str, Any]:
    """Return the bytes of a state, and what a learner takes beside it once it has learned."""
    row = np.zeros(LAYERS[0], np.float32)
    _new(0).learn_one(row, 0).predict_one(row)  # what they share is there
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    learners = [_new(seed) for seed in range(N_LEARNERS)]
    for learner in learners:
        learner.learn_one(row, 0).predict_one(row)
    each = (tracemalloc.get_traced_memory()[0] - before) / N_LEARNERS
    tracemalloc.stop()
    state = learners[0].state.nbytes
    return {"name": "-".join(map(str, LAYERS)) + ", q16", "state": state,
            "beside": round(each - state)}  # fmt: skip


def measured(n_rows: int, rounds: int) -> dict[str, Any]:
    """Return every section of the result."""
    say(f"a file of {n_rows:,} rows, {rounds} rounds and a warm-up")
    n_few = max(10, n_rows // FEWER)
    with tempfile.TemporaryDirectory() as folder:
        whole, few = (of_rows(Path(folder), n) for n in (n_rows, n_few))
        both = {**whole, **{f"{name}, {FEW}": made for name, made in few.items()}}
        rows = timed(both, rounds, 1e-6)
    what = f"{n_rows:,} × 20, {'-'.join(map(str, LAYERS))}, q16"
    samples = []
    for *layers, arithmetic in SETTINGS:
        name = f"{'-'.join(map(str, layers))}, {arithmetic}"
        say(name)
        contenders = of_samples(tuple(int(n) for n in layers), str(arithmetic))
        found = timed(contenders, rounds, N_SAMPLES * 1e-6)
        samples += [{"what": name, **row} for row in found]
    learners = timed(of_learners(), rounds, N_LEARNERS * 1e-3)
    return {
        "n_rows": [n_rows, n_few],
        "rows": [{"what": what, **row} for row in rows],
        "samples": samples,
        "learners": [{"what": f"{N_LEARNERS:,} learners", **row} for row in learners],
        "bytes": [bytes_each()],
    }
