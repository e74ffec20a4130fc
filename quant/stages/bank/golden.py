"""Log band energies in integers: the golden model, which the C kernel equals bit for bit.

Every format and bound: NUMBERS.md beside this file. C counterpart: ``kernel/sl_bank.c``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quant.front_end.statistics import without_subnormals
from quant.integers import Int64
from quant.layout import State
from quant.stages import frames
from quant.stages.bank import WEIGHT_FRAC_BITS, Bank
from quant.stages.signal import (
    LOG_FRAC_BITS,
    WAVE_FRAC_BITS,
    apart_from_mean,
    bit_length,
    log2,
    real,
    rounded,
    scaled,
    wave,
)

Float32 = npt.NDArray[np.float32]

#: Bits of a spectrum's largest part, before each step of the transform and at its end.
PART_BITS = 15
#: The least energy, which covers what rounding leaves: of 16 in units of a power.
FLOOR = 16 << WEIGHT_FRAC_BITS
#: From here on what is quiet is all that there is.
QUIET_SHIFT_MAX = 30


def features(bank: Bank, samples: Float32) -> Float32:
    """Return the log2 energies of frames.

    Parameters
    ----------
    bank : Bank
    samples : float32[..., n, channels]
        Raw and finite, the oldest first.

    Returns
    -------
    float32[..., n_features]
    """
    x = without_subnormals(np.asarray(samples, np.float32))
    q, exponent = scaled(np.moveaxis(x, -1, -2), -1)  # [..., channels, n]
    _, apart, down = apart_from_mean(q, -1)
    wide = rounded(apart, down) * bank.hann
    power, lost = spectrum(bank, rounded(wide, WAVE_FRAC_BITS))
    found = logarithms(bank, power, exponent[..., 0] - down[..., 0] - lost)
    return found.reshape(*x.shape[:-2], bank.n_features)


def spectrum(bank: Bank, frame: Int64) -> tuple[Int64, Int64]:
    """Return the powers at frequencies from 0 to half the rate, and the bits that parts lost.

    Decimation in time, radix 2, a common shift of all parts before each step.
    """
    size, turn = bank.size, wave(bank.size)
    width = size.bit_length() - 1
    order = [int(f"{i:0{width}b}"[::-1], 2) for i in range(size)]
    re = np.zeros((*frame.shape[:-1], size), np.int64)
    re[..., : bank.n] = frame
    re, im = re[..., order], np.zeros_like(re)
    lost = np.zeros(frame.shape[:-1], np.int64)
    half = 1
    while half < size:
        re, im, lost = narrowed(re, im, lost)
        shape = (*frame.shape[:-1], size // (2 * half), 2, half)
        re, im = re.reshape(shape), im.reshape(shape)
        c, s = turn[:: size // (2 * half)][:half].T
        tr = rounded(re[..., 1, :] * c + im[..., 1, :] * s, WAVE_FRAC_BITS)
        ti = rounded(im[..., 1, :] * c - re[..., 1, :] * s, WAVE_FRAC_BITS)
        re = np.stack([re[..., 0, :] + tr, re[..., 0, :] - tr], axis=-2)
        im = np.stack([im[..., 0, :] + ti, im[..., 0, :] - ti], axis=-2)
        re, im = (part.reshape(*frame.shape[:-1], size) for part in (re, im))
        half *= 2
    re, im, lost = narrowed(re, im, lost)
    ends = slice(0, size // 2 + 1)
    return re[..., ends] ** 2 + im[..., ends] ** 2, lost


def narrowed(re: Int64, im: Int64, lost: Int64) -> tuple[Int64, Int64, Int64]:
    """Return both parts with 15 bits at most, and the bits that were lost so far."""
    most = np.maximum(np.abs(re).max(axis=-1), np.abs(im).max(axis=-1))
    down = np.maximum(bit_length(most) - PART_BITS, 0)
    each = down[..., None]
    return rounded(re, each), rounded(im, each), lost + down


def logarithms(bank: Bank, power: Int64, exponent: Int64) -> Float32:
    """Return log2 of the bands' energies, of powers in units of 2^(-2 exponent)."""
    energy = power @ bank.weights.T
    noise = 3 * bank.n << WEIGHT_FRAC_BITS - 3  # of white noise under the window, of deviation 1
    up = (2 * (bank.quiet_bits + exponent))[..., None]
    floor = np.where(
        up >= 0,
        np.int64(noise) << np.clip(up, 0, QUIET_SHIFT_MAX),
        np.int64(noise) >> np.clip(-up, 0, 62),
    )
    all_quiet = up > QUIET_SHIFT_MAX
    total = np.where(all_quiet, noise, energy + floor + FLOOR)
    units = np.where(all_quiet, 2 * bank.quiet_bits, -2 * exponent[..., None])
    return real(log2(total) + (units - WEIGHT_FRAC_BITS << LOG_FRAC_BITS), LOG_FRAC_BITS)


def look(bank: Bank, state: State, x: Float32) -> Float32 | None:
    """Return the features of the frame that a sample ends, or None if it ends none."""
    return frames.look(bank, state, x, features)


push = frames.push


def recording(bank: Bank, x: Float32) -> Float32:
    """Return the features of all frames of a recording, ``float32[frames, n_features]``."""
    return frames.recording(bank, x, features)
