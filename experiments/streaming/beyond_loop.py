"""The loop of :mod:`experiments.streaming.beyond`: the binary rule with changes, for numba."""

from __future__ import annotations

import numpy as np

from experiments.data import Floats, Integers

#: Entries of the table of f, one for each 1/128 of a hidden weight's size, to 8.
N_F = 1024


def learn(
    share: Floats,
    share_output: Floats,
    clamp: float,
    clamp_output: float,
    fast: float,
    slow: float,
    keep: float,
    rates: tuple[float, float, float, float, float],
    seen: Floats,
    w1: Floats,
    twin: Floats,
    signs: Floats,
    w2: Floats,
    images: Floats,
    labels: Integers,
) -> None:
    """Learn every sample once, in place.

    Parameters
    ----------
    share, share_output : float32[N_F]
        What is let through of a step towards zero, by the hidden weight's size in 1/128.
    keep : float
        What a decay once in 1000 samples leaves of a hidden weight.
    rates : tuple
        Steps of both layers, window, skip and the logits' scale.
    seen, w1, slow, signs : float32[n_features, n_hidden]
        1 where a unit sees an input, hidden weights, their slow copies, and ``seen`` with the
        weights' signs.
    w2 : float32[n_classes, n_hidden]
    images : float32[n, n_features]
    labels : int64[n]
    """
    lr, lr_output, window, skip, scale = rates
    n_in, n_hidden = w1.shape
    n_out = len(w2)
    signs2 = np.where(w2 < 0, np.float32(-1), np.float32(1))
    a, g = np.zeros(n_hidden, np.float32), np.zeros(n_hidden, np.float32)
    size = np.zeros(n_hidden, np.float32)
    z = np.zeros(n_out)
    used, units = np.zeros(n_in, np.int64), np.zeros(n_hidden, np.int64)
    dense = seen.min() > 0
    for n in range(len(labels)):
        if keep < 1 and n % 1000 == 0:
            w1 *= keep
            w2 *= keep
        x = images[n]
        n_used = 0
        a[:] = 0
        size[:] = 0
        squares = np.float32(0)
        for i in range(n_in):
            v = x[i]
            if v != 0:
                used[n_used] = i
                n_used += 1
                squares += v * v
                row = signs[i]
                for j in range(n_hidden):
                    a[j] += v * row[j]
                if not dense:
                    for j in range(n_hidden):
                        size[j] += v * v * seen[i, j]
        if dense:
            size[:] = squares
        for k in range(n_out):
            votes = np.float32(0)
            for j in range(n_hidden):
                votes += -signs2[k, j] if a[j] < 0 else signs2[k, j]
            z[k] = votes
        z -= z.max()
        z = np.exp(z * scale)
        z /= z.sum()
        z[labels[n]] -= 1
        if np.abs(z).max() <= skip:
            continue
        n_units = 0
        for j in range(n_hidden):
            if abs(a[j]) <= window * np.sqrt(size[j]):
                below = 0.0
                for k in range(n_out):
                    below += z[k] * signs2[k, j]
                g[n_units] = below * lr
                units[n_units] = j
                n_units += 1
        for k in range(n_out):
            for j in range(n_hidden):
                step = z[k] * lr_output if a[j] < 0 else -z[k] * lr_output
                old = w2[k, j]
                if (step < 0) != (old < 0):
                    step *= share_output[int(abs(old) * 128)]
                new = min(max(old + step, -clamp_output), clamp_output)
                w2[k, j] = new
                signs2[k, j] = -1 if new < 0 else 1
        for q in range(n_used):
            i = used[q]
            v = x[i]
            for b in range(n_units):
                j = units[b]
                if seen[i, j] == 0:
                    continue
                step = -v * g[b]
                old = w1[i, j]
                if (step < 0) != (old < 0):
                    step *= share[int(abs(old) * 128)]
                new = old + step
                if slow > 0:
                    gap = new - twin[i, j]
                    new -= fast * gap
                    twin[i, j] += slow * gap
                new = min(max(new, -clamp), clamp)
                w1[i, j] = new
                signs[i, j] = -1 if new < 0 else 1
