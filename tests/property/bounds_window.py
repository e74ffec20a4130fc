"""Bounds of windows: sums over the longest window of the largest values."""

from __future__ import annotations

import numpy as np
from holding import Bounds

from quant.stages import signal
from quant.stages.signal import DEVIATION_BITS, VALUE_BITS, WAVE_FRAC_BITS, WAVE_ONE, wave
from quant.stages.window import MAGNITUDE_CHANNELS_MAX, N_MAX, Window, golden
from quant.stages.window.golden import SQUARED_BITS

END, SMALL = 1 << VALUE_BITS, 1 << DEVIATION_BITS
SUM = N_MAX * SMALL * WAVE_ONE + (1 << WAVE_FRAC_BITS - 1)
PART = SUM >> WAVE_FRAC_BITS
POWER = 2 * PART**2

BOUNDS = Bounds(
    {
        "range": (2 * END, "int32"),
        "squares": (N_MAX * END**2, "uint64"),
        "shifted": ((1 << 32) - 1, "uint32"),
        "wave_product": (SMALL * WAVE_ONE, "int32"),
        "wave_sum": (SUM, "int64"),
        "wave_part": (PART, "int64"),
        "power": (POWER, "uint64"),
        "energy": (N_MAX // 2 * POWER + (1 << 32), "uint64"),
        "squared": (MAGNITUDE_CHANNELS_MAX << 2 * SQUARED_BITS, "uint32"),
    }
)


def _format(kind: str, bits: str, largest: int) -> dict[str, str]:
    return {
        "type": kind,
        "fraction bits": bits,
        "smallest": str(-largest),
        "largest": str(largest),
    }


#: 64 · 256 of an energy, and twice the exponent of the least normal number.
TABLES = {
    "format": {
        "logarithm": _format("int32", str(signal.LOG_FRAC_BITS), 384 << signal.LOG_FRAC_BITS),
    }
}


def signals(n: int) -> np.ndarray:
    """Signals that go to the ends: constant, from end to end, and every wave as a square."""
    turn = wave(n)
    steps = np.arange(n)
    found = [np.ones(n), -np.ones(n), np.where(steps % 2, 1.0, -1.0), steps - n / 2]
    for k in (1, 2, 3, n // 4, n // 2):
        for part in (0, 1):
            found.append(np.where(turn[steps * k % n, part] >= 0, 1.0, -1.0))
    found.append(np.where(steps == 0, 1.0, 0.0))
    return np.stack(found, axis=1)


def exercise() -> None:
    """The longest window and a short one, of the largest values there are and the least."""
    for n in (N_MAX, 100, 7):
        found = signals(n)
        window = Window(n, 1, found.shape[1])
        for scale in (2.0**127, 1.0, 1 - 2.0**-24, 2.0**-125):
            x = np.asarray(found / np.abs(found).max(axis=0) * scale, np.float32)
            assert np.isfinite(golden.features(window, x)).all()
            _hold(window, signal.scaled(x, -2)[0])
    BOUNDS.hold("wave_product", SMALL * int(wave(N_MAX).max()))
    ends = np.full((N_MAX, MAGNITUDE_CHANNELS_MAX), np.float32(1 - 2.0**-24))
    q, _ = signal.scaled(ends, (-2, -1), SQUARED_BITS)
    BOUNDS.hold("squared", (q**2).sum(axis=-1))
    length, _ = golden._magnitude(ends)
    assert length.max() <= END
    longest = Window(N_MAX, 1, MAGNITUDE_CHANNELS_MAX, magnitude=True)
    assert np.isfinite(golden.features(longest, ends)).all()
    for scale in (np.finfo(np.float32).max, np.finfo(np.float32).tiny):
        logs = golden.features(Window(N_MAX, 1, 1, ("bands",)), signals(N_MAX)[:, 2:3] * scale)
        assert np.abs(logs).max() <= 384


def _hold(window: Window, q: np.ndarray) -> None:
    n = window.n
    assert np.abs(q).max() <= END
    _, apart, down = signal.apart_from_mean(q, 0)
    BOUNDS.hold("range", q.max(axis=0) - q.min(axis=0))
    BOUNDS.hold_partial_sums("squares", q**2, 0)
    small = signal.rounded(apart, down)
    assert np.abs(small).max() <= SMALL
    for values in (q, small):
        square = (values**2).sum(axis=0)
        up = (32 - signal.bit_length(square)) & ~1
        wide = np.where(up >= 0, square << np.maximum(up, 0), square >> np.maximum(-up, 0))
        BOUNDS.hold("shifted", wide)
    energy = np.zeros(q.shape[1], np.int64) + ((n * n << 14) >> 2)
    for k in range(1, n // 2 + 1):
        products = small[:, :, None] * wave(n)[np.arange(n) * k % n][:, None]
        BOUNDS.hold("wave_product", products)
        half = 1 << WAVE_FRAC_BITS - 1
        BOUNDS.hold("wave_sum", np.cumsum(products, axis=0) + half)
        part = (products.sum(axis=0) + half) >> WAVE_FRAC_BITS
        BOUNDS.hold("wave_part", part)
        power = (part**2).sum(axis=-1)
        BOUNDS.hold("power", power)
        energy += power
        BOUNDS.hold("energy", energy)
