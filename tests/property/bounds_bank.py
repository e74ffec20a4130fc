"""Bounds of a bank of filters: the parts of a spectrum, powers and energies."""

from __future__ import annotations

import numpy as np
from bounds_window import signals
from holding import Bounds

from quant.stages import signal
from quant.stages.bank import N_MAX, WEIGHT_FRAC_BITS, Bank, golden
from quant.stages.signal import DEVIATION_BITS, LOG_FRAC_BITS, WAVE_FRAC_BITS, WAVE_ONE, wave

END, SMALL, ONE = 1 << golden.PART_BITS, 1 << DEVIATION_BITS, 1 << WEIGHT_FRAC_BITS
LAST = 1 << golden.LAST_BITS
#: Half a sum of two parts, and half of what a turn of two such sums adds, rounded.
SPECTRUM = LAST + int(np.sqrt(2) * LAST) + 1
POWER = 2 * SPECTRUM**2
#: A triangle's weights: half its width, and its peak.
WEIGHTS = (N_MAX // 4 + 1) * ONE
ENERGY = (N_MAX // 2 + 1) * ONE * POWER
NOISE = 3 * N_MAX << WEIGHT_FRAC_BITS - 3
#: A part, and what three turned ones add, rounded.
PART = END + 3 * (int(np.sqrt(2) * END) + 1)

BOUNDS = Bounds(
    {
        "windowed": (SMALL * WAVE_ONE, "int32"),
        "turned": (2 * END * WAVE_ONE + (1 << WAVE_FRAC_BITS - 1), "int32"),
        "halved": (4 * LAST * WAVE_ONE + (1 << WAVE_FRAC_BITS), "int32"),
        "power": (POWER, "uint32"),
        "energy_low": (0xFFFF * WEIGHTS, "uint32"),
        "energy_high": ((POWER >> 16) * WEIGHTS, "uint32"),
        "energy": (ENERGY, "uint64"),
        "total": (ENERGY + (NOISE << golden.QUIET_SHIFT_MAX) + golden.FLOOR, "uint64"),
    }
)


def _format(kind: str, bits: str, smallest: int, largest: int) -> dict[str, str]:
    return {
        "type": kind,
        "fraction bits": bits,
        "smallest": str(smallest),
        "largest": str(largest),
    }


TABLES = {
    "format": {
        "hann": _format("int16", str(WAVE_FRAC_BITS), 0, WAVE_ONE),
        "part": _format("int32", "exponent - down - lost", -PART, PART),
        "weight": _format("uint16", str(WEIGHT_FRAC_BITS), 0, ONE),
        "logarithm": _format(
            "int32", str(LOG_FRAC_BITS), -384 << LOG_FRAC_BITS, 384 << LOG_FRAC_BITS
        ),
    }
}


def exercise() -> None:
    """The longest frame and short ones, of the largest values there are and the least."""
    for n in (N_MAX, 200, 17):
        found = signals(n)
        bank = Bank(8000, n, 1, 24, channels=1)
        assert 0 <= bank.hann.min() <= bank.hann.max() <= WAVE_ONE
        assert 0 <= bank.weights.min() <= bank.weights.max() <= ONE
        for scale in (2.0**127, 1.0, 2.0**-125):
            x = np.asarray(found / np.abs(found).max(axis=0) * scale, np.float32)
            _hold(bank, x.T[:, :, None])
    BOUNDS.hold("windowed", SMALL * WAVE_ONE)
    corners = np.array([END, -END, END - 1, 0])
    re, im = (part.ravel() for part in np.meshgrid(corners, corners))
    for c, s in wave(N_MAX):
        BOUNDS.hold("turned", re * c + im * s + (1 << WAVE_FRAC_BITS - 1))
        turned = signal.rounded(re * c + im * s, WAVE_FRAC_BITS)
        assert 3 * np.abs(turned).max() + END <= PART
        doubled = 2 * (re * c + im * s) * LAST // END
        BOUNDS.hold("halved", doubled + (1 << WAVE_FRAC_BITS))
    re, im = (part * SPECTRUM // END for part in (re, im))
    BOUNDS.hold("power", re**2 + im**2)
    everything = Bank(8000, N_MAX, 1, 1, 1e-3, 4000.0, channels=1)
    for bank in (everything, Bank(8000, N_MAX, 1, 2, 1e-3, channels=1)):
        for most, name in ((0xFFFF, "energy_low"), (POWER >> 16, "energy_high")):
            BOUNDS.hold(name, most * bank.weights.sum(axis=1))
    power = np.full((1, N_MAX // 2 + 1), POWER)
    BOUNDS.hold("energy", power @ everything.weights.T)
    BOUNDS.hold("total", power @ everything.weights.T + (NOISE << golden.QUIET_SHIFT_MAX))


def _hold(bank: Bank, x: np.ndarray) -> None:
    q, _ = signal.scaled(np.moveaxis(x, -1, -2), -1)
    _, apart, down = signal.apart_from_mean(q, -1)
    small = signal.rounded(apart, down)
    BOUNDS.hold("windowed", small * bank.hann)
    power, lost = golden.spectrum(bank, signal.rounded(small * bank.hann, WAVE_FRAC_BITS))
    assert lost.min() >= 0
    BOUNDS.hold("power", power)
    BOUNDS.hold("energy", power @ bank.weights.T)
    for quiet in (2.0**-60, 1.0, 2.0**60):
        said = golden.features(Bank(8000, bank.n, 1, 24, quiet=quiet, channels=1), x)
        assert np.isfinite(said).all()
        assert np.abs(said).max() <= 384
