"""The loop of a float network with a penalty, for numba; a row of zero inputs costs nothing.

A weight of which the input is 0 is only pulled towards its anchor, and its distance shrinks by the
same factor each time. So a row catches up with all those samples when its input next is not 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


def catch_up(
    k: int,
    rate: np.float32,
    pull: np.float32,
    with_path: bool,
    w: Floats,
    importance: Floats,
    anchor: Floats,
    path: Floats,
    work: Floats,
) -> None:
    """Take k steps ``w -= rate·pull·F·(w - w*)``; ``path += rate·(pull·F·(w - w*))²`` in each.

    Parameters
    ----------
    k : int
    rate, pull : float32
    with_path : bool
        Whether there is a path.
    w, importance, anchor, path : float32[n]
    work : float32[3, n]
        Overwritten.
    """
    one = np.float32(1)
    base, power, steps = work[0], work[1], work[2]
    top = 1
    while top * 2 <= k:
        top *= 2
    for j in range(len(w)):
        base[j] = one - rate * pull * importance[j]
        power[j] = one
        steps[j] = np.float32(0)
    while top > 0:
        if with_path:
            for j in range(len(w)):
                steps[j] *= one + power[j] * power[j]
        for j in range(len(w)):
            power[j] *= power[j]
        if k & top:
            if with_path:
                for j in range(len(w)):
                    steps[j] += power[j] * power[j]
            for j in range(len(w)):
                power[j] *= base[j]
        top //= 2
    for j in range(len(w)):
        apart = w[j] - anchor[j]
        if with_path:
            force = pull * importance[j] * apart
            path[j] += rate * force * force * steps[j]
        w[j] = anchor[j] + apart * power[j]


def learn_penalised(
    catch_up: Callable[..., None],
    rate: np.float32,
    pull: np.float32,
    with_path: bool,
    first: tuple[Floats, Floats, Floats, Floats],
    second: tuple[Floats, Floats, Floats, Floats],
    images: Floats,
    labels: Integers,
) -> None:
    """Learn every sample once, in place: ``G = g + pull·F·(w - w*)``, ``w -= rate·G``.

    Parameters
    ----------
    catch_up : callable
        The function above, compiled like this one.
    rate : float32
        The learning rate.
    pull : float32
        λ of online EWC; 2 c of SI.
    with_path : bool
        Whether ``path += rate·G²``, as SI has it.
    first, second : tuple of float32[in, out]
        Of both layers: weights, F, w* and the path.
    images : float32[n, n_features]
    labels : int64[n]
    """
    w1, f1, a1, p1 = first
    w2, f2, a2, p2 = second
    n_in, n_hidden = w1.shape
    n_out = w2.shape[1]
    zero = np.float32(0)
    h, g = np.zeros(n_hidden, np.float32), np.zeros(n_hidden, np.float32)
    z = np.zeros(n_out, np.float32)
    work = np.zeros((3, n_hidden), np.float32)
    used, since = np.zeros(n_in, np.int64), np.zeros(n_in, np.int64)
    pulled = np.zeros(n_in, np.bool_)
    for i in range(n_in):
        pulled[i] = pull > zero and f1[i].max() > zero
    for n in range(len(labels)):
        x = images[n]
        n_used = 0
        h[:] = zero
        for i in range(n_in):
            v = x[i]
            if v != zero:
                used[n_used] = i
                n_used += 1
                if pulled[i] and since[i] < n:
                    catch_up(n - since[i], rate, pull, with_path, w1[i], f1[i], a1[i], p1[i], work)
                since[i] = n + 1
                w = w1[i]
                for j in range(n_hidden):
                    h[j] += v * w[j]
        z[:] = zero
        for j in range(n_hidden):
            h[j] = max(h[j], zero)
            if h[j] > zero:
                for k in range(n_out):
                    z[k] += h[j] * w2[j, k]
        top = z.max()
        total = zero
        for k in range(n_out):
            z[k] = np.exp(z[k] - top)
            total += z[k]
        for k in range(n_out):
            z[k] /= total
        z[labels[n]] -= np.float32(1)
        for j in range(n_hidden):
            g[j] = zero
            if h[j] > zero:
                for k in range(n_out):
                    g[j] += z[k] * w2[j, k]
            for k in range(n_out):
                step = h[j] * z[k] + pull * f2[j, k] * (w2[j, k] - a2[j, k])
                w2[j, k] -= rate * step
                if with_path:
                    p2[j, k] += rate * step * step
        for q in range(n_used):
            i = used[q]
            v = x[i]
            w, f, a, p = w1[i], f1[i], a1[i], p1[i]
            if with_path:
                for j in range(n_hidden):
                    step = v * g[j] + pull * f[j] * (w[j] - a[j])
                    w[j] -= rate * step
                    p[j] += rate * step * step
            else:
                for j in range(n_hidden):
                    w[j] -= rate * (v * g[j] + pull * f[j] * (w[j] - a[j]))
    for i in range(n_in):
        if pulled[i] and since[i] < len(labels):
            left = len(labels) - since[i]
            catch_up(left, rate, pull, with_path, w1[i], f1[i], a1[i], p1[i], work)
