"""What MESU's regressor is compared with: SGD, River's regressors, the mean of the last samples."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from streamlearn.baselines.standardizer import RunningStandardizer

Floats = npt.NDArray[Any]


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

    def predict_one(self, x: Floats) -> float:
        """Return the target in its units."""
        m = self._forward(self.inputs.standardize(x))[-1][0]
        return float(self.target.mean[0] + np.sqrt(self.target.variance[0]) * m)

    def learn_one(self, x: Floats, y: float) -> None:
        """One step of SGD."""
        z = self.target.update(np.array([y]))
        activations = self._forward(self.inputs.update(x))
        delta = activations[-1] - z
        for k in reversed(range(len(self.weights))):
            below = (delta @ self.weights[k]) * (activations[k] > 0)
            self.weights[k] -= self.lr * np.outer(delta, activations[k])
            self.biases[k] -= self.lr * delta
            delta = below

    def _forward(self, z: Floats) -> list[Floats]:
        activations = [z]
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            a = weight @ activations[-1] + bias
            activations.append(a if k == len(self.weights) - 1 else np.maximum(a, 0))
        return activations


class River:
    """A River regressor."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict_one(self, x: Floats) -> float:
        """Return the prediction, 0 where there is none yet."""
        return float(self.model.predict_one(dict(enumerate(x.tolist()))) or 0)

    def learn_one(self, x: Floats, y: float) -> None:
        """Learn one sample."""
        self.model.learn_one(dict(enumerate(x.tolist())), y)


class NoChange:
    """Predicts the target before; 0 before the first."""

    def __init__(self) -> None:
        self.before = 0.0

    def predict_one(self, _: Floats) -> float:
        """Return it."""
        return self.before

    def learn_one(self, _: Floats, y: float) -> None:
        """Note one target."""
        self.before = y


class MeanSoFar:
    """Predicts the mean of all targets before; 0 before the first."""

    def __init__(self) -> None:
        self.n, self.mean = 0, 0.0

    def predict_one(self, _: Floats) -> float:
        """Return the mean."""
        return self.mean

    def learn_one(self, _: Floats, y: float) -> None:
        """Note one target."""
        self.n += 1
        self.mean += (y - self.mean) / self.n


class RunningMean:
    """Predicts the mean of the last samples: what a learner has to beat."""

    def __init__(self) -> None:
        self.last: deque[float] = deque(maxlen=300)

    def predict_one(self, _: Floats) -> float:
        """Return the mean."""
        return float(np.mean(self.last)) if self.last else 0.0

    def learn_one(self, _: Floats, y: float) -> None:
        """Note one target."""
        self.last.append(y)


def river_models() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Name and maker of River's regressors, each behind a scaler."""
    names = ("linear_model", "neighbors", "optim", "preprocessing", "tree", "forest")
    linear, neighbors, optim, preprocessing, tree, forest = (
        import_module(f"river.{name}") for name in names
    )

    def scaled(model: Any) -> Any:
        return preprocessing.StandardScaler() | model

    def nearest(k: int) -> Any:
        engine = neighbors.LazySearch(window_size=500)
        return scaled(neighbors.KNNRegressor(n_neighbors=k, engine=engine))

    def line(lr: float) -> Any:
        return scaled(linear.LinearRegression(optimizer=optim.SGD(lr), intercept_lr=0.01))

    for k in (1, 3):
        yield f"River {k}-NN of 500", partial(nearest, k)
    for lr in (0.0001, 0.0003):
        yield f"River linear, lr {lr:g}", partial(line, lr)
    yield "River PA, C 0.01", lambda: scaled(linear.PARegressor(C=0.01))
    yield "River Hoeffding tree", lambda: scaled(tree.HoeffdingTreeRegressor())
    yield (
        "River adaptive Hoeffding tree",
        lambda: scaled(tree.HoeffdingAdaptiveTreeRegressor(seed=0)),
    )
    yield "River ARF, 10 trees", lambda: scaled(forest.ARFRegressor(n_models=10, seed=0))
