"""The baselines' inner loops: plain Python that numba compiles, one sample at a time.

Weights of all layers lie in one flat array, layer by layer, ``[out, in]`` each; no biases.
``sizes`` is ``(n_features, hidden..., n_classes)``; hidden units are ReLU, the loss is the
cross-entropy of a softmax.

References
----------
SI: Zenke et al., arXiv 1703.04200. Online EWC: Schwarz et al., arXiv 1805.06370. BGD: Zeno et al.,
arXiv 1803.10123 (FOO-VB Diagonal: arXiv 2010.00373). Settings: those of Bonnet et al.,
arXiv 2504.13569.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

#: What :func:`learn_deterministic` does with a gradient.
SGD, ANCHORED, STREAM_EWC, SI = 0, 1, 2, 3


def learn_deterministic(
    sizes: Integers,
    rule: int,
    lr: np.float32,
    strength: np.float32,
    decay: np.float32,
    weights: Floats,
    importance: Floats,
    anchor: Floats,
    path: Floats,
    images: Floats,
    labels: Integers,
) -> None:
    """Learn every sample once, in order, in place.

    With g the gradient of the cross-entropy and G what the weight moves along, ``w -= lr G``:

    * ``SGD``: G = g.
    * ``ANCHORED``: G = g + strength·F·(w - w*), F and w* fixed (online EWC).
    * ``STREAM_EWC``: the same; then w* becomes the w before the step and F = decay·F + g².
    * ``SI``: G = g + 2 strength·F·(w - w*), and path += lr G².

    Parameters
    ----------
    sizes : int64[depth + 1]
    rule : int
        One of the four above.
    lr, strength, decay : float32
        Learning rate, the paper's λ or c, and γ.
    weights, importance, anchor, path : float32[n_weights]
        w, F, w* and SI's path integral; a rule leaves alone what it does not name.
    images : float32[n, n_features]
    labels : int64[n]
    """
    depth = len(sizes) - 1
    units = 0
    for layer in range(depth + 1):
        units += sizes[layer]
    act = np.zeros(units, np.float32)
    delta = np.zeros(units, np.float32)
    zero = np.float32(0)
    pull = strength * np.float32(2) if rule == SI else strength
    for n in range(len(labels)):
        src, off = 0, 0
        x = act[: sizes[0]]
        for i in range(sizes[0]):
            x[i] = images[n, i]
        for layer in range(depth):
            n_in, n_out = sizes[layer], sizes[layer + 1]
            x = act[src : src + n_in]
            for j in range(n_out):
                w = weights[off + j * n_in : off + (j + 1) * n_in]
                total = zero
                for i in range(n_in):
                    total += w[i] * x[i]
                if layer < depth - 1 and total < zero:
                    total = zero
                act[src + n_in + j] = total
            off += n_in * n_out
            src += n_in
        n_out = sizes[depth]
        top = act[src]
        for j in range(1, n_out):
            top = max(top, act[src + j])
        total = zero
        for j in range(n_out):
            delta[src + j] = np.exp(act[src + j] - top)
            total += delta[src + j]
        for j in range(n_out):
            delta[src + j] /= total
        delta[src + labels[n]] -= np.float32(1)
        for layer in range(depth - 1, -1, -1):
            n_in, n_out = sizes[layer], sizes[layer + 1]
            off -= n_in * n_out
            dst = src
            src -= n_in
            x = act[src : src + n_in]
            if layer > 0:
                below = delta[src : src + n_in]
                for i in range(n_in):
                    below[i] = zero
                for j in range(n_out):
                    w = weights[off + j * n_in : off + (j + 1) * n_in]
                    d = delta[dst + j]
                    for i in range(n_in):
                        below[i] += w[i] * d
                for i in range(n_in):
                    if x[i] <= zero:
                        below[i] = zero
            for j in range(n_out):
                start, stop = off + j * n_in, off + (j + 1) * n_in
                w = weights[start:stop]
                d = delta[dst + j]
                if rule == SGD:
                    if d != zero:
                        step = lr * d
                        for i in range(n_in):
                            w[i] -= step * x[i]
                    continue
                f, a = importance[start:stop], anchor[start:stop]
                if rule == ANCHORED:
                    for i in range(n_in):
                        w[i] -= lr * (d * x[i] + pull * f[i] * (w[i] - a[i]))
                elif rule == STREAM_EWC:
                    for i in range(n_in):
                        g = d * x[i]
                        before = w[i]
                        w[i] = before - lr * (g + pull * f[i] * (before - a[i]))
                        a[i] = before
                        f[i] = decay * f[i] + g * g
                else:
                    p = path[start:stop]
                    for i in range(n_in):
                        g = d * x[i] + pull * f[i] * (w[i] - a[i])
                        w[i] -= lr * g
                        p[i] += lr * g * g


def learn_bgd(
    sizes: Integers,
    lr: np.float32,
    mu: Floats,
    sigma: Floats,
    images: Floats,
    labels: Integers,
    epsilon: Floats,
) -> None:
    """Learn every sample once by BGD (FOO-VB Diagonal), in order, in place.

    Pre-activations are sampled, ``a = x·μ + ε √(x²·σ²)``, as in
    :mod:`streamlearn.rules.mesu.equations`; with g and g_σ the mean gradients
    over the draws and u = σ g_σ / 2:
    ``μ -= lr σ² g``, ``σ ← σ (√(1 + u²) - u)``.

    Parameters
    ----------
    sizes : int64[depth + 1]
    lr : float32
        The paper's η.
    mu, sigma : float32[n_weights]
    images : float32[n, n_features]
    labels : int64[n]
    epsilon : float32[n, n_draws, units]
        Standard normal; units counts all layers but the input.

    Notes
    -----
    Differs from the authors' code: they sample weights, and have the wrong sign before the root.
    """
    depth = len(sizes) - 1
    n_draws = epsilon.shape[1]
    zero, one, half = np.float32(0), np.float32(1), np.float32(0.5)
    share = one / np.float32(n_draws)
    units = 0
    for layer in range(1, depth + 1):
        units += sizes[layer]
    act = np.zeros((n_draws, units), np.float32)
    spread = np.zeros((n_draws, units), np.float32)
    delta = np.zeros((n_draws, units), np.float32)
    ratio = np.zeros((n_draws, units), np.float32)
    widest = 0
    for layer in range(depth):
        widest = max(widest, sizes[layer])
    g, q = np.zeros(widest, np.float32), np.zeros(widest, np.float32)
    for n in range(len(labels)):
        x = images[n]
        n_in, n_out = sizes[0], sizes[1]
        for j in range(n_out):
            m, s = mu[j * n_in : (j + 1) * n_in], sigma[j * n_in : (j + 1) * n_in]
            mean, variance = zero, zero
            for i in range(n_in):
                mean += m[i] * x[i]
                noise = s[i] * x[i]
                variance += noise * noise
            root = np.sqrt(variance)
            for k in range(n_draws):
                spread[k, j] = root
                act[k, j] = mean + root * epsilon[n, k, j]
        src, off = 0, n_in * n_out
        for layer in range(1, depth):
            n_in, n_out = sizes[layer], sizes[layer + 1]
            for k in range(n_draws):
                h = act[k, src : src + n_in]
                for i in range(n_in):
                    h[i] = max(h[i], zero)
                for j in range(n_out):
                    start, stop = off + j * n_in, off + (j + 1) * n_in
                    m, s = mu[start:stop], sigma[start:stop]
                    mean, variance = zero, zero
                    for i in range(n_in):
                        mean += m[i] * h[i]
                        noise = s[i] * h[i]
                        variance += noise * noise
                    root = np.sqrt(variance)
                    spread[k, src + n_in + j] = root
                    act[k, src + n_in + j] = mean + root * epsilon[n, k, src + n_in + j]
            src += n_in
            off += n_in * n_out
        n_out = sizes[depth]
        for k in range(n_draws):
            top = act[k, src]
            for j in range(1, n_out):
                top = max(top, act[k, src + j])
            total = zero
            for j in range(n_out):
                delta[k, src + j] = np.exp(act[k, src + j] - top)
                total += delta[k, src + j]
            for j in range(n_out):
                delta[k, src + j] *= share / total
            delta[k, src + labels[n]] -= share
        for layer in range(depth - 1, -1, -1):
            n_in, n_out = sizes[layer], sizes[layer + 1]
            for k in range(n_draws):
                for j in range(src, src + n_out):
                    root = spread[k, j]
                    ratio[k, j] = delta[k, j] * epsilon[n, k, j] / root if root > zero else zero
            off -= n_in * n_out
            dst = src
            if layer > 0:
                src -= n_in
                for k in range(n_draws):
                    h, below = act[k, src : src + n_in], delta[k, src : src + n_in]
                    for i in range(n_in):
                        below[i] = zero
                    for j in range(n_out):
                        start, stop = off + j * n_in, off + (j + 1) * n_in
                        m, s = mu[start:stop], sigma[start:stop]
                        d, r = delta[k, dst + j], ratio[k, dst + j]
                        for i in range(n_in):
                            below[i] += d * m[i] + h[i] * r * s[i] * s[i]
                    for i in range(n_in):
                        if h[i] <= zero:
                            below[i] = zero
            for j in range(n_out):
                start, stop = off + j * n_in, off + (j + 1) * n_in
                m, s = mu[start:stop], sigma[start:stop]
                if layer == 0:
                    d, r = zero, zero
                    for k in range(n_draws):
                        d += delta[k, j]
                        r += ratio[k, j]
                    if d == zero and r == zero:
                        continue
                    for i in range(n_in):
                        v = s[i] * s[i]
                        u = half * v * x[i] * x[i] * r
                        m[i] -= lr * v * d * x[i]
                        s[i] *= np.sqrt(one + u * u) - u
                    continue
                for i in range(n_in):
                    g[i], q[i] = zero, zero
                for k in range(n_draws):
                    h = act[k, src : src + n_in]
                    d, r = delta[k, dst + j], ratio[k, dst + j]
                    for i in range(n_in):
                        g[i] += d * h[i]
                        q[i] += r * h[i] * h[i]
                for i in range(n_in):
                    v = s[i] * s[i]
                    u = half * v * q[i]
                    m[i] -= lr * v * g[i]
                    s[i] *= np.sqrt(one + u * u) - u
