"""The table of docs/regression.md: prequential regression on the bundled stream.

``python benchmarks/regression.py [--seeds 3] [--quick]``: each learner is tested on a sample, then
learns it. Spreads of learners that give none are the root mean square of their last 300 errors.
"""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np

from streamlearn import MesuRegressor
from streamlearn.baselines.standardizer import RunningStandardizer
from streamlearn.streams import TargetStream, load_gas_concentration

#: Samples at the start that the likelihood and the coverage leave out: there is no scale yet.
WARM_UP = 50
HIDDEN = (32,)
DEEPER = (32, 32)
LEARNING_RATES = (0.001, 0.003, 0.006, 0.01, 0.015)


class SgdMlp:
    """ReLU network, squared error, batch size 1, plain SGD, behind MESU's own front ends."""

    def __init__(self, layers: Sequence[int], lr: float, seed: int) -> None:
        rng = np.random.Generator(np.random.PCG64(seed))
        self.lr = lr
        self.inputs = RunningStandardizer(layers[0])
        self.target = RunningStandardizer(1, window=1000)
        self.weights = [
            rng.normal(0, np.sqrt(2 / fan_in), (fan_out, fan_in))
            for fan_in, fan_out in pairwise(layers)
        ]
        self.biases = [np.zeros(fan_out) for fan_out in layers[1:]]

    def predict_one(self, x: np.ndarray) -> float:
        """Return the target in its units."""
        m = self._forward(self.inputs.standardize(x))[-1][0]
        return float(self.target.mean[0] + np.sqrt(self.target.variance[0]) * m)

    def learn_one(self, x: np.ndarray, y: float) -> None:
        """One step of SGD."""
        z = self.target.update(np.array([y]))
        activations = self._forward(self.inputs.update(x))
        delta = activations[-1] - z
        for k in reversed(range(len(self.weights))):
            below = (delta @ self.weights[k]) * (activations[k] > 0)
            self.weights[k] -= self.lr * np.outer(delta, activations[k])
            self.biases[k] -= self.lr * delta
            delta = below

    def _forward(self, z: np.ndarray) -> list[np.ndarray]:
        activations = [z]
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            a = weight @ activations[-1] + bias
            activations.append(a if k == len(self.weights) - 1 else np.maximum(a, 0))
        return activations


class River:
    """A River regressor."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict_one(self, x: np.ndarray) -> float:
        """Return the prediction, 0 where there is none yet."""
        return float(self.model.predict_one(dict(enumerate(x.tolist()))) or 0)

    def learn_one(self, x: np.ndarray, y: float) -> None:
        """Learn one sample."""
        self.model.learn_one(dict(enumerate(x.tolist())), y)


class RunningMean:
    """Predicts the mean of the last samples: what a learner has to beat."""

    def __init__(self) -> None:
        self.last: deque[float] = deque(maxlen=300)

    def predict_one(self, _: np.ndarray) -> float:
        """Return the mean."""
        return float(np.mean(self.last)) if self.last else 0.0

    def learn_one(self, _: np.ndarray, y: float) -> None:
        """Note one target."""
        self.last.append(y)


@dataclass(frozen=True)
class Scores:
    """Of one run: mean absolute and root mean square error, and what the spreads are worth."""

    mae: float
    rmse: float
    nll: float
    within_68: float
    within_95: float
    seconds: float


def score(y: np.ndarray, mean: np.ndarray, sd: np.ndarray, seconds: float) -> Scores:
    """Compare predictions with targets; the likelihood and the coverage after the warm-up."""
    error = np.abs(y - mean)[1:]
    z = (np.abs(y - mean) / sd)[WARM_UP:]
    nll = 0.5 * z**2 + np.log(sd[WARM_UP:]) + 0.5 * np.log(2 * np.pi)
    # The two-sided quantiles of a Gaussian.
    within = [float(np.mean(z < quantile)) for quantile in (0.99446, 1.95996)]
    rmse = float(np.sqrt(np.mean(error**2)))
    return Scores(float(error.mean()), rmse, float(nll.mean()), *within, seconds)


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


def river_models() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Name and maker of River's regressors, each behind a scaler."""
    names = ("linear_model", "neighbors", "optim", "preprocessing", "tree", "forest")
    linear, neighbors, optim, preprocessing, tree, forest = (
        import_module(f"river.{name}") for name in names
    )

    def scaled(model: Any) -> Any:
        return preprocessing.StandardScaler() | model

    for k in (1, 3):
        yield (
            f"River {k}-NN of 500",
            lambda k=k: scaled(
                neighbors.KNNRegressor(n_neighbors=k, engine=neighbors.LazySearch(window_size=500))
            ),
        )
    for lr in (0.0001, 0.0003):
        yield (
            f"River linear, lr {lr:g}",
            lambda lr=lr: scaled(
                linear.LinearRegression(optimizer=optim.SGD(lr), intercept_lr=0.01)
            ),
        )
    yield "River PA, C 0.01", lambda: scaled(linear.PARegressor(C=0.01))
    yield "River Hoeffding tree", lambda: scaled(tree.HoeffdingTreeRegressor())
    yield (
        "River adaptive Hoeffding tree",
        lambda: scaled(tree.HoeffdingAdaptiveTreeRegressor(seed=0)),
    )
    yield "River ARF, 10 trees", lambda: scaled(forest.ARFRegressor(n_models=10, seed=0))


def show(name: str, runs: list[Scores]) -> None:
    """Print one row: means over the runs."""
    fields = ("mae", "rmse", "nll", "within_68", "within_95", "seconds")
    mae, rmse, nll, low, high, seconds = (
        float(np.mean([getattr(one, field) for one in runs])) for field in fields
    )
    spread = f" ± {np.std([one.mae for one in runs], ddof=1):.4f}" if len(runs) > 1 else ""
    print(
        f"| {name} | {len(runs)} | {mae:.4f}{spread} | {rmse:.4f} | {nll:.3f} | {100 * low:.1f} | "
        f"{100 * high:.1f} | {seconds:.1f} |",
        flush=True,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="of the order and of the start")
    parser.add_argument("--quick", action="store_true", help="MESU and SGD only")
    options = parser.parse_args()
    streams = [load_gas_concentration(seed) for seed in range(options.seeds)]
    print("| learner | seeds | MAE | RMSE | NLL | % in 68 | % in 95 | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    pairs = list(enumerate(streams))
    for arithmetic in ("q16", "float32", "float64"):
        runs = [run_mesu(one, arithmetic=arithmetic, seed=s) for s, one in pairs]
        show(f"MESU 32, {arithmetic}", runs)
    show("MESU 32, q16, 4 draws", [run_mesu(one, n_draws=4, seed=s) for s, one in pairs])
    show("MESU 32-32, q16", [run_mesu(one, DEEPER, seed=s) for s, one in pairs])
    for name, hidden in (("32", HIDDEN), ("32-32", DEEPER)):
        for lr in LEARNING_RATES:
            with np.errstate(all="ignore"):  # too large a rate diverges: that is data
                runs = [
                    run_other(one, SgdMlp((one.n_features, *hidden, 1), lr, s)) for s, one in pairs
                ]
            show(f"SGD {name}, lr {lr:g}", runs)
    show("mean of the last 300", [run_other(one, RunningMean()) for one in streams])
    if not options.quick:
        for name, make in river_models():
            show(name, [run_other(streams[0], River(make()))])


if __name__ == "__main__":
    main()
