"""Bounds of what stages share: sums of a frame, and what differs from its mean."""

from __future__ import annotations

import numpy as np
from bounds_window import signals
from holding import Bounds

from quant.stages import signal
from quant.stages.signal import DEVIATION_BITS, VALUE_BITS, WAVE_FRAC_BITS, WAVE_ONE
from quant.stages.window import N_MAX

END, SMALL = 1 << VALUE_BITS, 1 << DEVIATION_BITS

BOUNDS = Bounds({"total": (N_MAX * END, "int32"), "apart": (2 * END, "int32")})


def _format(kind: str, bits: str, largest: int) -> dict[str, str]:
    return {
        "type": kind,
        "fraction bits": bits,
        "smallest": str(-largest),
        "largest": str(largest),
    }


TABLES = {
    "format": {
        "value": _format("int32", "exponent", END),
        "deviation": _format("int32", "exponent - down", SMALL),
        "wave": _format("int16", str(WAVE_FRAC_BITS), WAVE_ONE),
    }
}


def exercise() -> None:
    """The longest frame and short ones, of the largest values there are and the least."""
    for n in (N_MAX, 100, 7):
        found = signals(n)
        for scale in (2.0**127, 1.0, 1 - 2.0**-24, 2.0**-125):
            x = np.asarray(found / np.abs(found).max(axis=0) * scale, np.float32)
            q, _ = signal.scaled(x, -2)
            assert np.abs(q).max() <= END
            BOUNDS.hold_partial_sums("total", q, 0)
            _, apart, down = signal.apart_from_mean(q, 0)
            BOUNDS.hold("apart", apart)
            assert np.abs(signal.rounded(apart, down)).max() <= SMALL
        assert np.abs(signal.wave(n)).max() <= WAVE_ONE
    trace = np.array([1, -1, 2**31 - 1, -(2**31 - 1)])
    for k in range(16):
        left = signal.decay(trace, k)
        assert (np.abs(left) < np.abs(trace)).all()
