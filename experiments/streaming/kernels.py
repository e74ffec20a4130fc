"""Inner loops of the streaming comparison, for numba: inputs are mostly zeros, and cost nothing.

Weights are ``[in, out]`` here, a row an input, because only the rows of nonzero inputs are read and
moved. One hidden layer, no biases, one sample at a time. Compile with
:func:`experiments.compiler.compiled`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def learn_mlp(lr: np.float32, w1: Floats, w2: Floats, images: Floats, labels: Integers) -> None:
    """Learn every sample once, in place: ReLU, softmax, cross-entropy, plain SGD.

    Parameters
    ----------
    lr : float32
    w1 : float32[n_features, n_hidden]
    w2 : float32[n_hidden, n_classes]
    images : float32[n, n_features]
    labels : int64[n]
    """
    n_in, n_hidden = w1.shape
    n_out = w2.shape[1]
    zero = np.float32(0)
    a, g = np.zeros(n_hidden, np.float32), np.zeros(n_hidden, np.float32)
    z = np.zeros(n_out, np.float32)
    used = np.zeros(n_in, np.int64)
    for n in range(len(labels)):
        x = images[n]
        n_used = 0
        a[:] = zero
        for i in range(n_in):
            v = x[i]
            if v != zero:
                used[n_used] = i
                n_used += 1
                w = w1[i]
                for j in range(n_hidden):
                    a[j] += v * w[j]
        z[:] = zero
        for j in range(n_hidden):
            a[j] = max(a[j], zero)
            if a[j] > zero:
                for k in range(n_out):
                    z[k] += a[j] * w2[j, k]
        top = z.max()
        total = zero
        for k in range(n_out):
            z[k] = np.exp(z[k] - top)
            total += z[k]
        for k in range(n_out):
            z[k] = lr * z[k] / total
        z[labels[n]] -= lr
        for j in range(n_hidden):
            g[j] = zero
            if a[j] > zero:
                for k in range(n_out):
                    g[j] += z[k] * w2[j, k]
                    w2[j, k] -= a[j] * z[k]
        for q in range(n_used):
            v, w = x[used[q]], w1[used[q]]
            for j in range(n_hidden):
                w[j] -= v * g[j]


def learn_metaplastic(
    m: float,
    m_output: float,
    clamp: float,
    lr: float,
    lr_output: float,
    window: float,
    skip: float,
    logit_scale: float,
    shift: float,
    gates: Doubles,
    n_active: int,
    w1: Doubles,
    w2: Doubles,
    images: Floats,
    labels: Integers,
) -> None:
    """Learn every sample once, in place.

    :func:`streamlearn.rules.metaplastic.equations.update`, compiled.

    Parameters
    ----------
    m, m_output, clamp, window, skip, logit_scale : float
        As in :class:`quant.rules.metaplastic.config.MetaplasticConfig`.
    lr, lr_output : float
        What a gradient of 1 moves a weight by.
    shift : float
        What a gradient by the hidden units is divided by.
    gates : float64[n_features, n_blocks]
        The hidden units are so many blocks of equal size; of a sample only those are active whose
        gates answer it most strongly, the others are 0 and learn nothing.
    n_active : int
        Active blocks; all of them, and no gates, is the published rule.
    w1 : float64[n_features, n_hidden]
    w2 : float64[n_hidden, n_classes]
    images : float32[n, n_features]
    labels : int64[n]
    """
    n_in, n_hidden = w1.shape
    n_out = w2.shape[1]
    a, g = np.zeros(n_hidden), np.zeros(n_hidden)
    z = np.zeros(n_out)
    used, units = np.zeros(n_in, np.int64), np.zeros(n_hidden, np.int64)
    n_blocks = gates.shape[1]
    n_units_a_block = n_hidden // max(n_blocks, 1)
    answers = np.zeros(n_blocks)
    on = np.ones(n_hidden, np.bool_)
    scale = logit_scale / np.sqrt(n_active * n_units_a_block if n_blocks else n_hidden)
    for n in range(len(labels)):
        x = images[n]
        n_used, size = 0, 0.0
        a[:] = 0.0
        for i in range(n_in):
            v = np.float64(x[i])
            if v != 0.0:
                used[n_used] = i
                n_used += 1
                size += v * v
                w = w1[i]
                for j in range(n_hidden):
                    a[j] += -v if w[j] < 0.0 else v
        if n_blocks:
            answers[:] = 0.0
            for q in range(n_used):
                v = np.float64(x[used[q]])
                for e in range(n_blocks):
                    answers[e] += v * gates[used[q], e]
            on[:] = False
            for _ in range(n_active):
                block = int(np.argmax(answers))
                answers[block] = -np.inf
                on[block * n_units_a_block : (block + 1) * n_units_a_block] = True
        z[:] = 0.0
        for j in range(n_hidden):
            if not on[j]:
                continue
            for k in range(n_out):
                z[k] += 1.0 if (a[j] < 0.0) == (w2[j, k] < 0.0) else -1.0
        top = z.max()
        total = 0.0
        for k in range(n_out):
            z[k] = np.exp((z[k] - top) * scale)
            total += z[k]
        largest = 0.0
        for k in range(n_out):
            z[k] = z[k] / total - (1.0 if k == labels[n] else 0.0)
            largest = max(largest, abs(z[k]))
        if largest <= skip:
            continue
        limit = window * np.sqrt(size)
        n_units = 0
        for j in range(n_hidden):
            if on[j] and abs(a[j]) <= limit:
                below = 0.0
                for k in range(n_out):
                    below += -z[k] if w2[j, k] < 0.0 else z[k]
                if below != 0.0:
                    g[n_units] = below * lr / shift
                    units[n_units] = j
                    n_units += 1
        for j in range(n_hidden):
            if not on[j]:
                continue
            for k in range(n_out):
                step = z[k] * lr_output if a[j] < 0.0 else -z[k] * lr_output
                old = w2[j, k]
                if (step < 0.0) != (old < 0.0):
                    t = np.tanh(m_output * abs(old))
                    step *= 1.0 - t * t
                w2[j, k] = min(max(old + step, -clamp), clamp)
        for q in range(n_used):
            v, w = np.float64(x[used[q]]), w1[used[q]]
            for b in range(n_units):
                step = -v * g[b]
                old = w[units[b]]
                if (step < 0.0) != (old < 0.0):
                    t = np.tanh(m * abs(old))
                    step *= 1.0 - t * t
                w[units[b]] = min(max(old + step, -clamp), clamp)
