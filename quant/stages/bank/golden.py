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

#: Bits of the largest part before each step of the transform that turns, and at its end.
PART_BITS, LAST_BITS = 15, 14
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

    The real points are half as many complex ones, of which the transform takes four at a time
    (and two, if that is left, in its first step).
    """
    half = bank.size // 2
    points = np.zeros((*frame.shape[:-1], 2 * half), np.int64)
    points[..., : bank.n] = frame
    re, im = points[..., ::2, None], points[..., 1::2, None]  # [..., transforms, their length]
    lost = np.zeros(frame.shape[:-1], np.int64)
    if half.bit_length() % 2 == 0:
        re, im = (_joined([x[0] + x[1], x[0] - x[1]]) for x in (_parts(re, 2), _parts(im, 2)))
    while re.shape[-2] > 1:
        re, im, lost = narrowed(re, im, lost, PART_BITS)
        re, im = _fourfold(bank, re, im)
    re, im, lost = narrowed(re, im, lost, LAST_BITS)
    return _powers(bank, re[..., 0, :], im[..., 0, :]), lost


def _parts(x: Int64, n: int) -> Int64:
    """Return the first, second, … transforms of those that are joined."""
    shape = (*x.shape[:-2], n, x.shape[-2] // n, x.shape[-1])
    return np.moveaxis(x.reshape(shape), -3, 0)


def _joined(parts: list[Int64]) -> Int64:
    """Return transforms whose frequencies lie one part after the other."""
    both = np.stack(parts, axis=-2)
    return both.reshape(*both.shape[:-2], -1)


def _turned(re: Int64, im: Int64, turn: Int64, bits: int) -> tuple[Int64, Int64]:
    c, s = turn[..., 0], turn[..., 1]
    return rounded(re * c + im * s, bits), rounded(im * c - re * s, bits)


def _fourfold(bank: Bank, re: Int64, im: Int64) -> tuple[Int64, Int64]:
    """Join four transforms at a time; the first frequency is not turned."""
    length, turn = re.shape[-1], wave(bank.size)
    (a, *re_of), (b, *im_of) = _parts(re, 4), _parts(im, 4)
    at = np.arange(length) * (bank.size // (4 * length))
    for t in (1, 2, 3):
        found = _turned(re_of[t - 1], im_of[t - 1], turn[t * at], WAVE_FRAC_BITS)
        re_of[t - 1][..., 1:], im_of[t - 1][..., 1:] = (part[..., 1:] for part in found)
    (r1, r2, r3), (i1, i2, i3) = re_of, im_of
    even, odd = (a + r2, b + i2), (a - r2, b - i2)
    plus, minus = (r1 + r3, i1 + i3), (r1 - r3, i1 - i3)
    return (
        _joined([even[0] + plus[0], odd[0] + minus[1], even[0] - plus[0], odd[0] - minus[1]]),
        _joined([even[1] + plus[1], odd[1] - minus[0], even[1] - plus[1], odd[1] + minus[0]]),
    )


def narrowed(re: Int64, im: Int64, lost: Int64, bits: int) -> tuple[Int64, Int64, Int64]:
    """Return both parts with so many bits at most, and the bits that were lost so far."""
    size = np.maximum(np.where(re < 0, ~re, re), np.where(im < 0, ~im, im)).max(axis=(-1, -2))
    down = np.maximum(bit_length(size) - bits, 0)
    each = down[..., None, None]
    return rounded(re, each), rounded(im, each), lost + down


def _powers(bank: Bank, re: Int64, im: Int64) -> Int64:
    """Return the powers of the real points of which these are the transform, two by two."""
    half, turn = bank.size // 2, wave(bank.size)
    k = np.arange(1, half // 2)
    mirrored = half - k
    even = rounded(re[..., k] + re[..., mirrored], 1), rounded(im[..., k] - im[..., mirrored], 1)
    odd = im[..., k] + im[..., mirrored], re[..., mirrored] - re[..., k]
    tr, ti = _turned(*odd, turn[k], WAVE_FRAC_BITS + 1)
    found = np.zeros((*re.shape[:-1], half + 1), np.int64)
    found[..., k] = (even[0] + tr) ** 2 + (even[1] + ti) ** 2
    found[..., mirrored] = (even[0] - tr) ** 2 + (even[1] - ti) ** 2
    found[..., 0] = (re[..., 0] + im[..., 0]) ** 2
    found[..., half] = (re[..., 0] - im[..., 0]) ** 2
    found[..., half // 2] = re[..., half // 2] ** 2 + im[..., half // 2] ** 2
    return found


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
