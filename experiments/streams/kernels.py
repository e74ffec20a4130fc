"""Compiled loops of the baselines: test, then learn, row after row.

Plain Python for :func:`experiments.compiler.compiled`; a test holds them to
:class:`streamlearn.baselines.SgdMlpClassifier` and to a brute-force nearest neighbour.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from experiments.compiler import compiled

#: z is clipped there, as the learners' front end does.
LIMIT = 8.0


def run(kernel: Callable[..., None], *arguments: Any) -> None:
    """Run a loop, compiled."""
    compiled(kernel)(*arguments)


def standardise(
    x: Any, z: Any, mean: Any, variance: Any, count: Any, window: float, learn: bool
) -> None:
    """Standardise rows by running statistics that include the row (``RunningStandardizer``).

    Parameters
    ----------
    x, z : float64[n, d]
        ``z`` is written.
    mean, variance : float64[d]
        Changed if `learn`.
    count : int64[1]
    window : float
        In samples; infinite: statistics of everything so far.
    learn : bool
    """
    for t in range(x.shape[0]):
        rate = 1.0 / min(count[0] + 1.0, window)
        for i in range(x.shape[1]):
            delta = x[t, i] - mean[i]
            m = mean[i] + delta * rate
            v = variance[i] + (delta * (x[t, i] - m) - variance[i]) * rate
            z[t, i] = min(max((x[t, i] - m) / np.sqrt(v), -LIMIT), LIMIT) if v > 0 else 0.0
            if learn:
                mean[i] = m
                variance[i] = v
        if learn:
            count[0] += 1


def network(z: Any, y: Any, out: Any, w1: Any, b1: Any, w2: Any, b2: Any, lr: float) -> None:
    """Run a network with one hidden layer of ReLU by SGD; no hidden units: logistic regression.

    Parameters
    ----------
    z : float64[n, d]
        Standardised rows.
    y, out : int64[n]
        Labels, and predictions before each step, which are written.
    w1, b1, w2, b2 : float64[h, d], [h], [k, h] or [k, d], [k]
        Changed unless `lr` is 0.
    lr : float
    """
    hidden, classes = w1.shape[0], w2.shape[0]
    h = np.zeros(hidden)
    p = np.zeros(classes)
    back = np.zeros(hidden)
    for t in range(z.shape[0]):
        for j in range(hidden):
            total = b1[j]
            for i in range(z.shape[1]):
                total += w1[j, i] * z[t, i]
            h[j] = total if total > 0 else 0.0
        source = h if hidden > 0 else z[t]
        best = 0
        for k in range(classes):
            total = b2[k]
            for j in range(source.shape[0]):
                total += w2[k, j] * source[j]
            p[k] = total
            if p[k] > p[best]:
                best = k
        out[t] = best
        if lr == 0:
            continue
        top = p[best]
        total = 0.0
        for k in range(classes):
            p[k] = np.exp(p[k] - top)
            total += p[k]
        for j in range(hidden):
            back[j] = 0.0
        for k in range(classes):
            delta = p[k] / total - (1.0 if y[t] == k else 0.0)
            for j in range(hidden):
                back[j] += delta * w2[k, j]
            for j in range(source.shape[0]):
                w2[k, j] -= lr * delta * source[j]
            b2[k] -= lr * delta
        for j in range(hidden):
            if h[j] > 0:
                for i in range(z.shape[1]):
                    w1[j, i] -= lr * back[j] * z[t, i]
                b1[j] -= lr * back[j]


def nearest(
    z: Any,
    y: Any,
    out: Any,
    kept: Any,
    labels: Any,
    seen: Any,
    neighbours: int,
    balanced: bool,
    draws: Any,
    learn: bool,
) -> None:
    """Predict by the nearest kept rows, then keep the row.

    Parameters
    ----------
    z : float[n, d]
        Rows as they are kept: the distance is Euclid's.
    y, out : int64[n]
        Labels, and predictions, which are written.
    kept, labels : float[m, d], int64[m]
        The memory.
    seen : int64[k + 1]
        Samples of each class so far, and of all.
    neighbours : int
        A majority of so many decides, the nearest among equals.
    balanced : bool
        Keep as many of each class (Chrysakis and Moens, ICML 2020); else the newest.
    draws : float64[n, 2]
        Uniform numbers.
    learn : bool
    """
    classes, room = seen.shape[0] - 1, kept.shape[0]
    near = np.zeros(neighbours)
    who = np.zeros(neighbours, np.int64)
    votes = np.zeros(classes)
    held = np.zeros(classes, np.int64)
    for m in range(min(seen[classes], room)):
        held[labels[m]] += 1
    for t in range(z.shape[0]):
        filled = min(seen[classes], room)
        for a in range(neighbours):
            near[a] = np.inf
            who[a] = -1
        for m in range(filled):
            distance = 0.0
            for i in range(z.shape[1]):
                difference = z[t, i] - kept[m, i]
                distance += difference * difference
            if distance < near[neighbours - 1]:
                a = neighbours - 1
                while a > 0 and near[a - 1] > distance:
                    near[a] = near[a - 1]
                    who[a] = who[a - 1]
                    a -= 1
                near[a] = distance
                who[a] = labels[m]
        for k in range(classes):
            votes[k] = 0.0
        for a in range(neighbours):
            if who[a] >= 0:
                votes[who[a]] += 1.0 + 1e-3 * (neighbours - a)
        best = 0
        for k in range(classes):
            if votes[k] > votes[best]:
                best = k
        out[t] = best
        if not learn:
            continue
        label = y[t]
        place = -1
        if filled < room:
            place = filled
        elif not balanced:
            place = seen[classes] % room
        else:
            largest = 0
            for k in range(classes):
                if held[k] > held[largest]:
                    largest = k
            if held[label] < held[largest]:
                victim = largest
            elif draws[t, 0] * (seen[label] + 1.0) < held[label]:
                victim = label
            else:
                victim = -1
            if victim >= 0:
                nth = np.int64(draws[t, 1] * held[victim])
                for m in range(room):
                    if labels[m] == victim:
                        if nth == 0:
                            place = m
                            break
                        nth -= 1
        if place >= 0:
            if place < filled:
                held[labels[place]] -= 1
            for i in range(z.shape[1]):
                kept[place, i] = z[t, i]
            labels[place] = label
            held[label] += 1
        seen[label] += 1
        seen[classes] += 1
