"""``bnn-quadratic``: a quadratic loss of binary weights (paper, figure 5a, b), in NumPy.

``L(W) = ½ (W - W*)ᵀ H (W - W*)``; the hidden weights follow ``W_h -= lr H (sign(W_h) - W*)``.
Where W* lies outside the cube of the binary weights, a hidden weight has nowhere to settle and
diverges; the paper's claim is that it does so the faster, the more its binary weight matters.

That relation is exact. With W_b = sign(W_h) and drift_i one step of W_h,i, switching W_b,i adds

    ΔL_i = 2 H_ii - 2 W_b,i (H (W_b - W*))_i = 2 H_ii + (2/lr) W_b,i drift_i

to the loss; so over any stretch of steps in which W_h,i keeps its sign, the mean importance is

    mean ΔL_i = 2 H_ii + (2/lr) · (growth of |W_h,i| a step).

References
----------
Laborieux et al., arXiv 2003.03533.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.loop.experiment import MANY
from experiments.loop.runs import Record, Report, Run, Setting, resume, save, tasks_done

Floats = npt.NDArray[np.float64]

#: Which part of the figure an algorithm's name stands for.
ALGORITHMS = ("two-weights", "500-weights")
#: Of the magnitudes, of equal width between 0 and the largest.
BINS = 15


@dataclass(frozen=True)
class Problem:
    """A quadratic loss and a descent on it.

    Attributes
    ----------
    h : float64[d, d]
        H, symmetric and positive.
    target : float64[d]
        W*.
    start : float64[d]
        W_h before the first step.
    lr : float
    n_steps : int
    """

    h: Floats
    target: Floats
    start: Floats
    lr: float
    n_steps: int


def two_weights() -> Problem:
    """The paper's figure 5a: the numbers that its seed gives."""
    h = np.array([[2.4047, 0.2158], [0.2158, 0.7733]])
    return Problem(h, np.array([1.5, 0.5]), np.array([0.01, 0.02]), 0.35, 500)


def many_weights(seed: int, d: int = 500) -> Problem:
    """The paper's figure 5b: W* in ±4, curvatures in 10.5 to 29.5, axes in any direction."""
    rng = np.random.default_rng((seed, 9))
    axes, triangle = np.linalg.qr(rng.standard_normal((d, d)))
    axes *= np.sign(np.diag(triangle))  # so that the axes are uniform on the orthogonal group
    curvature = 20 + 19 * (rng.random(d) - 0.5)
    h = (axes * curvature) @ axes.T
    target = rng.uniform(-4, 4, d)
    return Problem((h + h.T) / 2, target, 0.01 * rng.standard_normal(d), 0.01, 1000)


def signs(hidden: Floats) -> Floats:
    """Return the binary weights, +1 at 0."""
    return np.where(hidden >= 0, 1.0, -1.0)


def descend(problem: Problem) -> Floats:
    """Return the hidden weights before every step and after the last, ``[n_steps + 1, d]``."""
    path = np.empty((problem.n_steps + 1, len(problem.start)))
    path[0] = problem.start
    for step in range(problem.n_steps):
        gradient = problem.h @ (signs(path[step]) - problem.target)
        path[step + 1] = path[step] - problem.lr * gradient
    return path


def loss(problem: Problem, weights: Floats) -> float:
    """Return L of (binary) weights."""
    apart = weights - problem.target
    return float(apart @ problem.h @ apart / 2)


def importances(problem: Problem, hidden: Floats) -> Floats:
    """Return ΔL of switching each binary weight alone, ``float64[d]``."""
    binary = signs(hidden)
    force = problem.h @ (binary - problem.target)
    found: Floats = 2 * np.diag(problem.h) - 2 * binary * force
    return found


def relation(problem: Problem, path: Floats, since: int) -> tuple[Floats, Floats, npt.NDArray[Any]]:
    """Return both sides of the relation over the steps from `since` on.

    Returns
    -------
    mean_importance : float64[d]
        Mean of ΔL over the states ``path[since:-1]``.
    growth : float64[d]
        Growth of \\|W_h\\| a step.
    steady : bool[d]
        Which weights kept their sign, so that ``mean_importance`` is 2 H_ii + (2/lr) growth.
    """
    mean = np.mean([importances(problem, hidden) for hidden in path[since:-1]], axis=0)
    binary = signs(path[since:])
    steady = (binary == binary[0]).all(axis=0)
    growth = (np.abs(path[-1]) - np.abs(path[since])) / (len(path) - 1 - since)
    return mean, growth, steady


class QuadraticRun(Run):
    """One descent; it has one task and no data."""

    @property
    def name(self) -> str:
        """See :attr:`Run.name`."""
        return f"{self.setting.algorithm}-seed{self.seed}"

    def identity(self) -> Record:
        """See :meth:`Run.identity`."""
        return {"version": 1, "seed": self.seed, "algorithm": self.setting.algorithm}

    def until(self, n_tasks: int) -> int:
        """See :meth:`Run.until`."""
        return min(n_tasks, 1)

    def load(self) -> None:
        """Return nothing: there is no data."""

    def execute(
        self, n_tasks: int, data: Any, results: Path, work: Path, report: Report | None = None
    ) -> Record:
        """Descend, measure, write the log: :func:`measure_two` or :func:`measure_many`.

        Raises
        ------
        ConfigError
            If the log is that of another run.
        """
        del data, n_tasks
        tasks_done(self, results)
        record = resume(self, Nothing(), results, work)
        if record["tasks_done"]:
            return record
        measure = measure_two if self.setting.algorithm == ALGORITHMS[0] else measure_many
        record["windows"]["1"] = measure(self.seed)
        record["tasks_done"] = 1
        record["sessions"].append({"numpy": np.__version__})
        save(self, Nothing(), record, results, work)
        if report is not None:
            report(1, float("nan"))  # there is no accuracy
        return record


class Nothing:
    """The checkpoint of a run that cannot be stopped half way."""

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return nothing."""
        return {}

    def restore(self, arrays: Any) -> None:
        """Put nothing back."""


def _rounded(values: Floats) -> list[float]:
    return [float(f"{value:.5g}") for value in values.tolist()]


def measure_two(seed: int) -> dict[str, Any]:
    """Return the path ``[2][501]`` and how each of the two weights ends; no seed is in it."""
    del seed
    problem = two_weights()
    path = descend(problem)
    mean, growth, steady = relation(problem, path, 1)
    return {
        "path": [_rounded(column) for column in path.T],
        "target": problem.target.tolist(),
        "growth": _rounded(growth),
        "steady": steady.tolist(),
        "predicted": _rounded(2 * np.diag(problem.h) + 2 / problem.lr * growth),
        "importance": _rounded(mean),
    }


def measure_many(seed: int) -> dict[str, Any]:
    """Return magnitude and importance after the last step, and the relation over the last half."""
    problem = many_weights(seed)
    path = descend(problem)
    mean, growth, steady = relation(problem, path, problem.n_steps // 2)
    predicted = 2 * np.diag(problem.h) + 2 / problem.lr * growth
    final, magnitude = importances(problem, path[-1]), np.abs(path[-1])
    slope, offset = np.polyfit(growth[steady], mean[steady], 1)
    bin_of = np.minimum((magnitude / magnitude.max() * BINS).astype(int), BINS - 1)
    bins = [
        [number, len(inside), float(np.mean(inside)), float(np.std(inside))]
        for number in range(BINS)
        if len(inside := final[bin_of == number])
    ]
    return {
        "magnitude": _rounded(magnitude / magnitude.max()),
        "importance": _rounded(final),
        "growth": _rounded(growth),
        "mean_importance": _rounded(mean),
        "steady": int(steady.sum()),
        "outside": int((np.abs(problem.target) > 1).sum()),
        "steady_outside": int((steady & (np.abs(problem.target) > 1)).sum()),
        "bins": [[b[0], b[1], *_rounded(np.array(b[2:]))] for b in bins],
        "correlation": round(float(np.corrcoef(magnitude, final)[0, 1]), 4),
        "correlation_steady": round(float(np.corrcoef(growth[steady], mean[steady])[0, 1]), 4),
        "slope": float(f"{slope:.6g}"),
        "offset": float(f"{offset:.6g}"),
        "lr": problem.lr,
        "largest_error": float(f"{np.abs(mean - predicted)[steady].max():.2g}"),
        "importances_below_zero": int((final < 0).sum()),
    }


def quadratic_settings(algorithm: str) -> list[tuple[str, Setting, int]]:
    """Two weights have one start; 500 have one per seed."""
    n_seeds = 1 if algorithm == ALGORITHMS[0] else MANY
    return [("bnn-quadratic", Setting(algorithm), n_seeds)]
