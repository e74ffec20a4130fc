"""MESU with one hidden layer in floats, and each quantisation of q16's last layer by itself.

Layer 0 is in floats always. What a part does to the last layer is what NUMBERS.md of the rule says.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: The parts, in the order of the flags, and what each does.
PARTS = {
    "activations": "hidden activations in 8 fraction bits, cut",
    "inputs": "inputs of a step in 8 bits, their squares in 8 bits, cut",
    "deviation": "deviations of pre-activations in 12 fraction bits, cut",
    "softmax": "softmax by table, probabilities in 16 bits, cut",
    "gradients": "gradients and a row's steps in 11 to 17 bits, rounded",
    "mu": "μ in whole LSB, dithered",
    "sigma": "σ² in whole LSB of its row, dithered",
    "square": "the square of a step of σ² in whole LSB, cut",
}
(_ACTIVATIONS, _INPUTS, _DEVIATION, _SOFTMAX, _GRADIENTS, _MU, _SIGMA, _SQUARE) = range(8)
TINY = 1e-30


def learn_block(
    on: Integers, mu1: Floats, sigma1: Floats, mu2: Doubles, v2: Doubles, exponent: Integers,
    limits: Integers, mu_frac_bits: int, constants: Doubles, gains: Integers, table: Doubles,
    sweep: int, n_samples: int, images: Floats, labels: Integers,
    epsilon1: Floats, epsilon2: Floats, u: Doubles,
) -> None:  # fmt: skip
    """Learn every sample once, in place.

    Parameters
    ----------
    on : int64[8]
        Whether each of :data:`PARTS` is switched on.
    mu1, sigma1 : float32[n_in, n_hidden]
    mu2, v2 : float64[n_hidden, n_out]
        μ and σ² of the last layer.
    exponent : int64[n_hidden]
        Of each row of the last layer: an LSB of σ² is 2^(exponent - 15).
    limits : int64[2]
        The least and the largest exponent.
    mu_frac_bits : int
        Of the last layer.
    constants : float64[4]
        lr of μ and of σ over the draws, negative; pull of μ and of σ per swept row.
    gains : int64[4]
        Mantissa and exponent of the gain of μ and of the gain of σ.
    table : float64[256]
        2^-(k/256) in 16 bits.
    sweep, n_samples : int
    images, labels : float32[n, n_in], int64[n]
    epsilon1, epsilon2 : float32[n, S, n_hidden], float32[n, S, n_out]
    u : float64[n, n_hidden, n_out, 4]
        Dither, uniform in [0, 1).
    """
    n_in, n_hidden = mu1.shape
    n_out, n_draws = mu2.shape[1], epsilon1.shape[1]
    zero, one = np.float32(0), np.float32(1)
    mean, power = np.zeros(n_hidden, np.float32), np.zeros(n_hidden, np.float32)
    g1, q1 = np.zeros(n_hidden, np.float32), np.zeros(n_hidden, np.float32)
    h = np.zeros((n_draws, n_hidden), np.float64)
    step_x = np.zeros((n_draws, n_hidden), np.float64)
    square_x = np.zeros((n_draws, n_hidden), np.float64)
    d, r = np.zeros((n_draws, n_out)), np.zeros((n_draws, n_out))
    gd, gr = np.zeros((n_draws, n_out)), np.zeros((n_draws, n_out))
    z, s2 = np.zeros(n_out), np.zeros(n_out)
    spare = int(np.ceil(np.log2(n_draws)))
    for n in range(len(labels)):
        x, e1, e2 = images[n], epsilon1[n], epsilon2[n]
        mean[:], power[:] = zero, zero
        for i in range(n_in):
            v = x[i]
            if v != zero:
                for j in range(n_hidden):
                    mean[j] += v * mu1[i, j]
                    power[j] += v * v * (sigma1[i, j] * sigma1[i, j])
        largest = 0.0
        for j in range(n_hidden):
            power[j] = np.sqrt(max(power[j], np.float32(TINY)))
            g1[j], q1[j] = zero, zero
            for s in range(n_draws):
                h[s, j] = max(mean[j] + power[j] * e1[s, j], zero)
                largest = max(largest, h[s, j])
        frac = min(8, 14 - int(np.floor(np.log2(max(largest, TINY)))))
        if on[_ACTIVATIONS]:
            for s in range(n_draws):
                for j in range(n_hidden):
                    h[s, j] = np.floor(h[s, j] * 2.0**frac) * 2.0**-frac
        # What the steps take of the inputs.
        grid = int(np.floor(np.log2(max(largest, TINY)))) - 7  # an input's LSB: 2^grid
        grid = max(grid, -frac)
        for j in range(n_hidden):
            most = 0.0
            for s in range(n_draws):
                a = h[s, j]
                if on[_INPUTS]:
                    a = min(np.floor(a * 2.0**-grid + 0.5), 255.0) * 2.0**grid
                step_x[s, j] = a
                square_x[s, j] = a * a
                most = max(most, a)
            if on[_INPUTS] and most > 0:
                bits = int(np.floor(np.log2(most * most * 2.0 ** (-2 * grid)))) + 1
                cell = 2.0 ** (2 * grid + max(bits - 8, 0))
                for s in range(n_draws):
                    square_x[s, j] = np.floor(square_x[s, j] / cell) * cell
        for s in range(n_draws):
            z[:], s2[:] = 0.0, 0.0
            for j in range(n_hidden):
                a = h[s, j]
                if a > 0:
                    for k in range(n_out):
                        z[k] += a * mu2[j, k]
                        s2[k] += a * a * v2[j, k]
            for k in range(n_out):
                s2[k] = np.sqrt(s2[k])
                if on[_DEVIATION]:
                    s2[k] = np.floor(s2[k] * 4096.0) / 4096.0
                z[k] += s2[k] * e2[s, k]
            top = z.max()
            total = 0.0
            for k in range(n_out):
                if on[_SOFTMAX]:
                    t = min(np.floor((top - z[k]) * 1024.0), 16383.0)
                    octaves = int(np.floor(t * 23637.0 / 16384.0))
                    at = (octaves >> 2) & 255
                    d[s, k] = np.floor(table[at] * 2.0 ** -(octaves >> 10))
                else:
                    d[s, k] = np.exp(z[k] - top)
                total += d[s, k]
            for k in range(n_out):
                d[s, k] /= total
                if on[_SOFTMAX]:
                    d[s, k] = np.floor(d[s, k] * 65536.0) / 65536.0
            d[s, labels[n]] -= 1.0
            for k in range(n_out):
                r[s, k] = d[s, k] * e2[s, k] / s2[k] if s2[k] > 0 else 0.0
            for j in range(n_hidden):
                a = h[s, j]
                if a > 0:
                    b, c = 0.0, 0.0
                    for k in range(n_out):
                        b += d[s, k] * mu2[j, k]
                        c += r[s, k] * v2[j, k]
                    g1[j] += b + a * c
                    q1[j] += (b + a * c) * e1[s, j]
        # Gradients as the steps take them, times their gains.
        eg, eq = 0, 0
        most_d, most_r = 0.0, 0.0
        for s in range(n_draws):
            for k in range(n_out):
                gd[s, k], gr[s, k] = constants[0] * d[s, k], constants[1] * r[s, k]
                most_d, most_r = max(most_d, abs(d[s, k])), max(most_r, abs(r[s, k]))
        if on[_GRADIENTS]:
            if most_d > 0:
                shift = 14 - int(np.floor(np.log2(most_d * 2.0**20)))
                eg = shift + gains[1] - 19
                for s in range(n_draws):
                    for k in range(n_out):
                        a = np.floor(d[s, k] * 2.0 ** (20 + shift) + 0.5) * gains[0]
                        gd[s, k] = -np.floor(a / 2.0**19 + 0.5) * 2.0 ** -(20 + eg)
            if most_r > 0:
                shift = 14 - int(np.floor(np.log2(most_r * 2.0**16)))
                eq = shift + gains[3] - 20
                for s in range(n_draws):
                    for k in range(n_out):
                        a = np.floor(r[s, k] * 2.0 ** (16 + shift) + 0.5) * gains[2]
                        gr[s, k] = -np.floor(a / 2.0**20 + 0.5) * 2.0 ** -(16 + eq)
        for j in range(n_hidden):
            q1[j] = constants[1] * q1[j] / power[j]
            g1[j] = constants[0] * g1[j]
            most = 0.0
            for s in range(n_draws):
                most = max(most, step_x[s, j])
            if most == 0:
                continue
            bits = int(np.floor(np.log2(most * most * 2.0 ** (-2 * grid)))) + 1
            cut = max(bits - 8, 0)
            lsb = 2.0 ** (exponent[j] - 15)
            over = 0.0
            for k in range(n_out):
                g, q = 0.0, 0.0
                for s in range(n_draws):
                    g += gd[s, k] * step_x[s, j]
                    q += gr[s, k] * square_x[s, j]
                v = v2[j, k]
                rho = v / lsb
                if on[_GRADIENTS]:
                    cell = 2.0 ** (grid + spare + 2 - 20 - eg)
                    g = np.floor(g / cell + 0.5) * cell
                    cell = 2.0 ** (2 * grid + cut + spare + 1 - 16 - eq)
                    y = np.floor(q / cell + 0.5)
                    cell = cell * lsb * 32768.0  # a relative step that is one of R(rho, y)
                    relative = np.floor(rho * y / 32768.0 + 0.5) * cell
                else:
                    relative = v * q
                move = v * g
                if on[_MU]:
                    cell = 2.0**mu_frac_bits
                    move = np.floor(move * cell + u[n, j, k, 0]) / cell
                mu2[j, k] += move
                step = rho * relative
                if on[_SIGMA]:
                    step = np.floor(step + u[n, j, k, 1])
                step = min(max(step, -rho / 2), rho)
                square = step * step / (4 * rho)
                if on[_SQUARE]:
                    square = np.floor(square)
                elif on[_SIGMA]:
                    square = np.floor(square + u[n, j, k, 2])
                v2[j, k] = (rho + step + square) * lsb
                over = max(over, rho + step + square)
            while over > 16383 and exponent[j] < limits[1]:
                exponent[j] += 1
                over = over / 2
                if on[_SIGMA]:
                    for k in range(n_out):
                        rho = np.floor((v2[j, k] / lsb + 1) / 2)
                        v2[j, k] = rho * 2 * lsb
                    lsb = 2 * lsb
        for i in range(n_in):
            w = x[i]
            if w != zero:
                for j in range(n_hidden):
                    v = sigma1[i, j] * sigma1[i, j]
                    mu1[i, j] += w * v * g1[j]
                    c = min(max(w * w * v * q1[j], np.float32(-0.5)), one)
                    sigma1[i, j] += sigma1[i, j] * c * np.float32(0.5)
        for i in range(-(n_samples + n) % sweep, n_in, sweep):
            for j in range(n_hidden):
                v = sigma1[i, j] * sigma1[i, j]
                mu1[i, j] -= np.float32(constants[2]) * v * mu1[i, j]
                sigma1[i, j] += np.float32(0.5 * constants[3]) * sigma1[i, j] * (one - v)
        for j in range(-(n_in + n_samples + n) % sweep, n_hidden, sweep):
            lsb = 2.0 ** (exponent[j] - 15)
            most = 0.0
            for k in range(n_out):
                v = v2[j, k]
                move = -constants[2] * v * mu2[j, k]
                if on[_MU]:
                    cell = 2.0**mu_frac_bits
                    move = np.floor(move * cell + u[n, j, k, 3]) / cell
                mu2[j, k] += move
                step = v / lsb * constants[3] * (1 - v)
                if on[_SIGMA]:
                    step = np.floor(step + u[n, j, k, 3])
                v2[j, k] += step * lsb
                most = max(most, v2[j, k] / lsb)
            while most < 4096 and exponent[j] > limits[0]:
                exponent[j] -= 1
                most *= 2
