"""Prequential regression on the bundled stream: MESU beside SGD and River's regressors.

Each learner is tested on a sample, then learns it. Standard deviations of learners that give none
are the root mean square of their last 300 errors.
"""

from __future__ import annotations

import argparse
import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from time import perf_counter
from typing import Any

import numpy as np

from experiments.mesu.regressors import (
    Floats,
    MeanSoFar,
    NoChange,
    River,
    RunningMean,
    SgdMlp,
    river_models,
)
from experiments.needs import require
from experiments.options import add_limit, add_seeds, seeds_of
from experiments.study import Record, Study, say
from experiments.tables import cell, markdown
from streamlearn import MesuRegressor
from streamlearn.evaluation import RegressionMetrics
from streamlearn.streams import TargetStream, load_gas_concentration

#: Samples at the start that the likelihood and the coverage leave out: there is no scale yet.
WARM_UP = 50
HIDDEN = (32,)
DEEPER = (32, 32)
LEARNING_RATES = (0.001, 0.003, 0.006, 0.01, 0.015)


@dataclass(frozen=True)
class Scores:
    """Of one run: errors, against two guesses, and what the deviations are worth."""

    mae: float
    rmse: float
    skill_no_change: float
    skill_mean: float
    nll: float
    within_50: float
    within_90: float
    within_95: float
    seconds: float


FIGURES = tuple(field.name for field in fields(Scores))


def score(y: Floats, mean: Floats, sd: Floats, seconds: float) -> Scores:
    """Compare predictions with targets; the likelihood and the coverage after the warm-up."""
    if not np.isfinite(mean).all():  # a learning rate that diverges
        return Scores(**{**dict.fromkeys(FIGURES, math.nan), "seconds": seconds})
    predicted = np.column_stack([mean, sd, np.zeros(len(sd))])
    whole = RegressionMetrics().update_many(y, predicted)
    late = RegressionMetrics().update_many(y[WARM_UP:], predicted[WARM_UP:])
    return Scores(
        whole.mae,
        whole.rmse,
        whole.skill_no_change,
        whole.skill_mean,
        -late.log_likelihood,
        late.coverage(0.5),
        late.coverage(0.9),
        late.coverage(0.95),
        seconds,
    )


def run_mesu(stream: TargetStream, hidden: tuple[int, ...] = HIDDEN, **settings: Any) -> Scores:
    """A regressor over the stream."""
    learner = MesuRegressor((stream.n_features, *hidden, 1), **settings)
    begin = perf_counter()
    found = [learner.test_then_learn_one(x, y) for x, y in stream]
    seconds = perf_counter() - begin
    mean, sd = np.array([(p.mean, p.sd) for p in found]).T
    return score(stream.y, mean, sd, seconds)


def run_other(stream: TargetStream, learner: Any) -> Scores:
    """A learner without spreads: that of a sample comes from the 300 errors before it."""
    means, sds = [], []
    errors: deque[float] = deque(maxlen=300)
    begin = perf_counter()
    for x, y in stream:
        means.append(learner.predict_one(x))
        sds.append(np.sqrt(np.mean(np.square(errors))) if errors else np.inf)
        learner.learn_one(x, y)
        errors.append(y - means[-1])
    seconds = perf_counter() - begin
    return score(stream.y, np.array(means), np.array(sds), seconds)


def measure(options: argparse.Namespace) -> Record:
    """Run every learner over every order of the stream; River's over one.

    Raises
    ------
    MissingError
        If River is not installed, and --quick not given.
    """
    if not options.quick:
        require(("river",), who="regression without --quick")
    streams = {s: load_gas_concentration(s, options.limit_samples) for s in seeds_of(options)}
    rows: list[Record] = []

    def note(name: str, runs: Sequence[Scores]) -> None:
        say(name)
        rows.append({"learner": name, "runs": [asdict(one) for one in runs]})

    for arithmetic in ("q16", "float32") if options.short else ("q16", "float32", "float64"):
        found = [run_mesu(one, arithmetic=arithmetic, seed=s) for s, one in streams.items()]
        note(f"MESU 32, {arithmetic}", found)
    note("MESU 32, q16, 4 draws", [run_mesu(x, n_draws=4, seed=s) for s, x in streams.items()])
    found = [run_mesu(one, step="adaptive", seed=s) for s, one in streams.items()]
    note("MESU 32, q16, adaptive step", found)
    note("MESU 32-32, q16", [run_mesu(one, DEEPER, seed=s) for s, one in streams.items()])
    for name, hidden in (("32", HIDDEN), ("32-32", DEEPER)):
        for lr in LEARNING_RATES:
            with np.errstate(all="ignore"):  # too large a rate diverges: that is data
                found = [
                    run_other(one, SgdMlp((one.n_features, *hidden, 1), lr, s))
                    for s, one in streams.items()
                ]
            note(f"SGD {name}, lr {lr:g}", found)
    for name, guess in (
        ("no change", NoChange),
        ("mean so far", MeanSoFar),
        ("mean of the last 300", RunningMean),
    ):
        note(name, [run_other(one, guess()) for one in streams.values()])
    if not options.quick:
        first = next(iter(streams.values()))
        for name, make in river_models():
            if "linear" in name or not options.short:
                note(name, [run_other(first, River(make()))])
    return {"seeds": list(streams), "rows": rows}


def tables(record: Record) -> Mapping[str, str]:
    """Return the one table: means over the runs, which ± are over."""
    rows = []
    for row in record["rows"]:
        of = {key: [run[key] for run in row["runs"]] for key in row["runs"][0]}
        mean = {key: float(np.mean(values)) for key, values in of.items()}
        rows.append(
            [
                row["learner"],
                str(len(row["runs"])),
                cell(of["mae"], 4) if math.isfinite(mean["mae"]) else "diverges",
                f"{mean['rmse']:.4f}",
                f"{mean['skill_no_change']:.3f}",
                f"{mean['skill_mean']:.3f}",
                f"{mean['nll']:.3f}",
                *(f"{100 * mean[f'within_{level}']:.1f}" for level in (50, 90, 95)),
                f"{mean['seconds']:.1f}",
            ]
        )
    head = ["learner", "seeds", "MAE", "RMSE", "skill, no change", "skill, mean", "NLL"]
    return {"table": markdown([*head, "% in 50", "% in 90", "% in 95", "seconds"], rows)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options; a seed is an order of the stream too."""
    add_seeds(parser, 3)
    parser.add_argument("--quick", action="store_true", help="MESU and SGD only")
    parser.add_argument(
        "--short", action="store_true", help="without float64, and of River linear models only"
    )
    add_limit(parser, 100, "of the stream")


STUDY = Study("regression", measure, tables, add_options)
