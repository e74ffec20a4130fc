"""The published network's inner loop: plain Python that numba compiles, one sample at a time.

Linear, LayerNorm, gate, Linear, LayerNorm, softmax (arXiv 2605.30198), the pre-activations sampled.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

#: Rows are pulled to the prior once in so many samples, so many times as hard.
SWEEP = np.uint64(64)
#: Normal noise is read from a table of so many.
NORMALS = 1 << 16


def learn_bimu(
    constants: Floats,
    belief1: Floats,
    mean1: Floats,
    belief2: Floats,
    mean2: Floats,
    counts: Words,
    normals: Floats,
    epsilon1: Floats,
    epsilon2: Floats,
    images: Floats,
    labels: Integers,
) -> None:
    """Learn every sample once, in order, in place.

    Parameters
    ----------
    constants : float32[7]
        lr, lr_max, κ, likelihood, N, the largest \\|λ\\|, and the spacing of λ's grid, to which it
        is rounded at random; 0: real numbers.
    belief1, mean1 : float32[features, hidden]
        λ and tanh λ; pixels of 0 are skipped.
    belief2, mean2 : float32[hidden, classes]
    counts : uint64[2]
        The random state, not 0, and the samples learned.
    normals : float32[65536]
    epsilon1, epsilon2 : float32[draws, hidden], float32[draws, classes]
        Room for noise.
    images : float32[n, features]
    labels : int64[n]
    """
    lr, lr_max, kappa, likelihood, window, top, lsb = constants
    n_draws, n_hidden = epsilon1.shape
    n_classes = epsilon2.shape[1]
    word, one = counts[0], np.float32(1)
    half, two, tiny = np.float32(0.5), np.float32(2), np.float32(1e-5)
    calm = one / lr_max
    pull = np.float32(SWEEP) * kappa * lr_max / window
    most, low = np.float32(0.99999), np.uint64(0xFFFFFFFF)
    c0, c1, c2 = np.float32(135135), np.float32(17325), np.float32(378)
    c3, c4, c5 = np.float32(62370), np.float32(3150), np.float32(28)
    a = np.zeros((n_draws, n_hidden), np.float32)
    inverse = np.zeros(n_draws, np.float32)
    for sample in range(len(labels)):
        x = images[sample]
        total = np.zeros(n_hidden, np.float32)
        power = np.zeros(n_hidden, np.float32)
        for i in range(len(x)):
            if x[i] != 0:
                xi, square = x[i], x[i] * x[i]
                for j in range(n_hidden):
                    total[j] += xi * mean1[i, j]
                    power[j] += square * (one - mean1[i, j] * mean1[i, j])
        spread = np.sqrt(power) + tiny
        for s in range(n_draws):
            centre = np.float32(0)
            for j in range(n_hidden):
                word ^= word << np.uint64(13)
                word ^= word >> np.uint64(7)
                word ^= word << np.uint64(17)
                epsilon1[s, j] = normals[word >> np.uint64(48)]
                a[s, j] = total[j] + spread[j] * epsilon1[s, j]
                centre += a[s, j]
            centre /= n_hidden
            size = np.float32(0)
            for j in range(n_hidden):
                a[s, j] -= centre
                size += a[s, j] * a[s, j]
            inverse[s] = one / np.sqrt(size / n_hidden + tiny)
            for j in range(n_hidden):
                a[s, j] *= inverse[s]
        through_mean = np.zeros(n_hidden, np.float32)
        through_spread = np.zeros(n_hidden, np.float32)
        g_mean = np.zeros((n_hidden, n_classes), np.float32)
        g_spread = np.zeros((n_hidden, n_classes), np.float32)
        for s in range(n_draws):
            out = np.zeros(n_classes, np.float32)
            deviation = np.zeros(n_classes, np.float32)
            for i in range(n_hidden):
                if abs(a[s, i]) > one:
                    for k in range(n_classes):
                        out[k] += mean2[i, k]
                        deviation[k] += one - mean2[i, k] * mean2[i, k]
            deviation = np.sqrt(deviation) + tiny
            for k in range(n_classes):
                word ^= word << np.uint64(13)
                word ^= word >> np.uint64(7)
                word ^= word << np.uint64(17)
                epsilon2[s, k] = normals[word >> np.uint64(48)]
            out += deviation * epsilon2[s]
            out -= out.mean()
            last = one / np.sqrt((out * out).mean() + tiny)
            out *= last
            delta = np.exp(out - out.max())
            delta /= delta.sum()
            delta[labels[sample]] -= one
            delta = (delta - delta.mean() - out * (delta * out).mean()) * last
            noisy = delta * epsilon2[s] / deviation
            below = np.zeros(n_hidden, np.float32)
            for i in range(n_hidden):
                slope = np.float32(0)
                if abs(abs(a[s, i]) - one) < half:
                    slope = one if a[s, i] > 0 else -one
                is_open = abs(a[s, i]) > one
                for k in range(n_classes):
                    t = mean2[i, k]
                    if slope != 0:
                        below[i] += slope * t * delta[k]
                    if is_open:
                        below[i] += slope * (one - t * t) * noisy[k]
                        g_mean[i, k] += delta[k] / n_draws
                        g_spread[i, k] += noisy[k] / n_draws
            along = (below * a[s]).mean()
            below = (below - below.mean() - a[s] * along) * inverse[s] / n_draws
            through_mean += below
            through_spread += below * epsilon1[s] / spread
        for layer in range(2):
            beliefs, means = (belief1, mean1) if layer == 0 else (belief2, mean2)
            for i in range(len(beliefs)):
                pulled = (np.uint64(i) + counts[1]) % SWEEP == 0
                xi = x[i] if layer == 0 else one
                if xi == 0 and not pulled:
                    continue
                word ^= word << np.uint64(13)
                word ^= word >> np.uint64(7)
                word ^= word << np.uint64(17)
                row = word >> np.uint64(32)
                for j in range(beliefs.shape[1]):
                    t = means[i, j]
                    v = one - t * t
                    new = beliefs[i, j]
                    if xi != 0:
                        m = through_mean[j] if layer == 0 else g_mean[i, j]
                        n = through_spread[j] if layer == 0 else g_spread[i, j]
                        g = likelihood * v * xi * (m - t * xi * n)
                        new -= lr * g / (kappa * v + two * (g * t + abs(g)) + calm)
                    if pulled:
                        new -= new * min(pull * v, one)
                    if lsb > 0:
                        # 64 bits and a mask: numba makes 64 of 32 bits
                        hashed = ((row ^ np.uint64(j)) * np.uint64(0x9E3779B1)) & low
                        hashed = (
                            (hashed ^ (hashed >> np.uint64(15))) * np.uint64(0x85EBCA77)
                        ) & low
                        dither = np.float32(hashed >> np.uint64(8)) / np.float32(1 << 24)
                        new = np.floor(new / lsb + dither) * lsb
                    new = min(max(new, -top), top)
                    beliefs[i, j] = new
                    z = new * new  # tanh by a quotient of polynomials, to 1e-4 within 4
                    over = new * (c0 + z * (c1 + z * (c2 + z)))
                    under = c0 + z * (c3 + z * (c4 + z * c5))
                    means[i, j] = min(max(over / under, -most), most)
        counts[1] += np.uint64(1)
    counts[0] = word
