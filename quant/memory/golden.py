"""The memory in float32: a streaming linear discriminant analysis, and its pool with the network.

With phi the columns of a sample (:mod:`quant.memory.features`), P the inverse of I plus the summed
within-class covariance, m_k the mean of a class and w_k = P m_k (Haykin, Adaptive Filter Theory,
ch. 10; Hayes and Kanan, arXiv 1909.01520, without the shrinkage)::

    log p_own(k) = T (t + 1) (w_k . phi - w_k . m_k / 2) - log sum
    log p(k) = a log p_net(k) + b log p_own(k) - log sum

    u = phi - m_y, q = 1 - 1/n_y, g = P (u + dither), s = 1 / (1 + q u . g)
    P -= q s g g^T;  w_k -= q s (g . m_k) g;  w_y += s g / n_y;  m_y += u / n_y

Dither of ±2^-7 adds 2^-14 to the covariance's diagonal with each sample: a ridge that grows with
t, so that P keeps its condition. One column of every w_k is computed anew with each sample, so that
w never drifts from P m. Order of the operations: NUMBERS.md. C counterpart: ``kernel/float32``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from quant import noise
from quant.integers import Int64
from quant.layout import State
from quant.memory.features import columns_of, learn_scale
from quant.memory.real import F, Real, clamp, exp, in_order, log
from quant.network import NetworkSpec
from quant.tables import EXP2

#: Log-probabilities of network and memory are at least log 1e-4.
LOG_MIN = -9.2103404
#: What the scores of an LDA, and of the nearest mean, are multiplied by: both would be too sure.
TEMPERATURE = {"lda": 0.7, "mean": 0.15}
RATE, EXPONENT_MAX = 0.01, 2.0
#: Of the exponential mean that says whether pool or network is right more often: 512 samples. Two
#: of them more, and the network answers.
LEAD_RATE, LEAD_MIN = 1 / 512, -2 / 512
DITHER = 2.0**-7
#: Then the covariance stays: a sample would change it by less than float32 can tell.
UPDATES_MAX = 1 << 20
SCORE_MIN = -60.0

Bool = npt.NDArray[np.bool_]


@dataclass
class Answer:
    """What the memory says of one sample.

    Attributes
    ----------
    columns : float32[columns]
    candidates : bool[classes]
        Classes taught so far; all, as long as there is none.
    net, own : float32[classes]
        Log-probabilities of network and memory, at least :data:`LOG_MIN`.
    pooled : float32[classes]
        Log-probabilities of their product with the exponents.
    trusted : bool
        Whether the pool has been right about as often as the network lately, or more often.
    """

    columns: Real
    candidates: Bool
    net: Real
    own: Real
    pooled: Real
    trusted: bool

    def _only(self, logs: Real) -> npt.NDArray[np.float64]:
        return np.where(self.candidates, logs, -np.inf).astype(np.float64)

    @property
    def logits(self) -> npt.NDArray[np.float64]:
        """Log-probabilities of the answer, ``float64[classes]``, -inf if never taught."""
        return self._only(self.pooled if self.trusted else self.net)

    @property
    def recalled(self) -> npt.NDArray[np.float64]:
        """Log-probabilities of the memory alone."""
        return self._only(self.own)


def network_logits(outputs: Int64, log2_temperature: int) -> Real:
    """Return a network's mean logits, each less the largest, divided by a temperature.

    Parameters
    ----------
    outputs : int64[classes, draws]
        Q.16.
    log2_temperature : int
        Q15.16; 2 to the power of minus this comes from a table of 256 steps.
    """
    sums = outputs.sum(axis=1)
    unit = logit_unit(outputs.shape[1], log2_temperature)
    found: Real = (sums - sums.max()).astype(np.float32) * unit
    return found


def logit_unit(n_draws: int, log2_temperature: int) -> Any:
    """Return the real number of one unit of a sum of logits, divided by a temperature."""
    whole = -log2_temperature + 65535 >> 16
    part = F(EXP2[(whole << 16) + log2_temperature >> 8]) * F(2.0 ** (whole - 15))
    return F(1 / 65536) / F(n_draws) * part


def score_unit(spec: NetworkSpec, state: State) -> Any:
    """Return what the sums of a score are multiplied by."""
    if spec.memory == "mean":
        return F(TEMPERATURE["mean"])
    return F(int(state["memory_updates"][0]) + 1) * F(TEMPERATURE["lda"])


def trusted(state: State) -> bool:
    """Return whether the pool answers, or the network alone."""
    return bool(state["memory_lead"][0] >= F(LEAD_MIN))


def taught(state: State) -> Bool:
    """Return which classes may be answered: those taught; all, as long as there is none."""
    seen: Bool = state["memory_seen"][0] > 0
    return seen if seen.any() else np.ones(len(seen), bool)


def _best(logs: Real, candidates: Bool) -> int:
    return int(np.argmax(np.where(candidates, logs, -np.inf)))


def log_softmax(scores: Real, candidates: Bool, low: float) -> Real:
    """Log-softmax over the candidates, summed in their order; at least ``low``."""
    shifted: Real = clamp(scores - scores[_best(scores, candidates)], SCORE_MIN, 0)
    total = in_order(np.where(candidates, exp(shifted), F(0)))
    found: Real = np.maximum(shifted - log(total), F(low))
    return found


def forward(spec: NetworkSpec, state: State, x: npt.NDArray[Any], net: Real) -> Answer:
    """Answer one sample; the state stays as it is.

    Parameters
    ----------
    spec : NetworkSpec
    state : State
    x : float[n_features]
        Raw and finite.
    net : float32[classes]
        The network's mean logits, each less the largest of all.
    """
    phi, k = columns_of(spec, state, x), spec.n_classes
    candidates, own = taught(state), np.zeros(k, np.float32)
    if state["memory_seen"][0].any():
        means = state["memory_mean"][0].reshape(k, -1)
        weights = means if spec.memory == "mean" else state["memory_weight"][0].reshape(k, -1)
        sums = in_order(weights * (phi - F(0.5) * means))
        own = log_softmax(sums * score_unit(spec, state), candidates, LOG_MIN)
    else:
        net = own  # before anything was taught all classes are alike
    net = log_softmax(net, candidates, LOG_MIN)
    a, b = state["memory_net"][0], state["memory_own"][0]
    pooled = log_softmax(a * net + b * own, candidates, SCORE_MIN)
    return Answer(phi, candidates, net, own, pooled, trusted(state))


def learn(
    spec: NetworkSpec, state: State, x: npt.NDArray[Any], answer: Answer, target: int
) -> None:
    """Learn one sample, in place; ``n_samples`` is that before it."""
    if state["memory_seen"][0, target]:
        _learn_pool(state, answer, target)
    _learn_class(spec, state, answer.columns, target)
    if spec.front_end != "none":
        learn_scale(state, x)


def _learn_pool(state: State, answer: Answer, target: int) -> None:
    """A step of both exponents up the gradient of log p(target), and who is right."""
    p = np.where(answer.candidates, exp(answer.pooled), F(0))
    for name, logs in (("memory_net", answer.net), ("memory_own", answer.own)):
        step = F(RATE) * (logs[target] - in_order(p * logs))
        state[name] = clamp(state[name][0] + step, 0, EXPONENT_MAX)
    right = _best(answer.pooled, answer.candidates) == target
    other = _best(answer.net, answer.candidates) == target
    lead = state["memory_lead"][0]
    state["memory_lead"] = lead + (F(int(right) - int(other)) - lead) * F(LEAD_RATE)


def _learn_class(spec: NetworkSpec, state: State, phi: Real, target: int) -> None:
    k, d = spec.n_classes, len(phi)
    seen, means = state["memory_seen"][0], state["memory_mean"][0].reshape(k, d)
    first = seen[target] == 0
    seen[target] = min(int(seen[target]) + 1, 0xFFFFFFFF)
    if first:
        means[target] = phi
    else:
        deviation, rate = phi - means[target], F(1) / F(seen[target])
        if spec.memory == "lda" and int(state["memory_updates"][0]) < UPDATES_MAX:
            _learn_covariance(state, means, deviation, rate, target)
        means[target] += deviation * rate
    if spec.memory == "lda":
        weights = state["memory_weight"][0].reshape(k, d)
        if first:
            weights[target] = _times_inverse(state, phi)
        column = int(state["n_samples"][0]) % d
        row = _row(state, column, d)
        weights[seen > 0, column] = in_order(row * means)[seen > 0]


def _learn_covariance(
    state: State, means: Real, deviation: Real, rate: np.float32, target: int
) -> None:
    """One sample into the inverse by the formula of Sherman and Morrison, and into the weights."""
    k, d = means.shape
    key = noise.sample_key(int(state["seed"][0]), int(state["n_samples"][0]))
    words = noise.words(key, noise.STREAM_MEMORY_DITHER, (d + 31) // 32)[:, None]
    bits = (words >> np.arange(32, dtype=np.uint32) & np.uint32(1)).ravel()[:d]
    u = deviation + np.where(bits == 1, F(DITHER), F(-DITHER))
    g, q = _times_inverse(state, u), F(1) - rate
    h = F(1) + q * in_order(g * u)
    r = q / h
    rows, columns = np.tril_indices(d)
    state["memory_inverse"][0] -= (r * g)[rows] * g[columns]
    weights = state["memory_weight"][0].reshape(k, d)
    seen = state["memory_seen"][0] > 0
    moved = weights - (r * in_order(g * means))[:, None] * g
    weights[seen] = moved[seen]
    weights[target] += (rate / h) * g
    state["memory_updates"] += 1


def _row(state: State, row: int, d: int) -> Real:
    """One row of the symmetric inverse."""
    at = np.arange(d)
    low, high = np.minimum(at, row), np.maximum(at, row)
    found: Real = state["memory_inverse"][0, high * (high + 1) // 2 + low]
    return found


def _times_inverse(state: State, x: Real) -> Real:
    """The symmetric inverse times a vector, each sum from its first column to its last."""
    d = len(x)
    full = np.empty((d, d), np.float32)
    lower = np.tril_indices(d)
    full[lower] = state["memory_inverse"][0]
    full.T[lower] = state["memory_inverse"][0]
    return in_order(full * x)
