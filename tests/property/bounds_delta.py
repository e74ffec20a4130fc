"""Bounds of send-on-delta: how far a value is from its reference, and how far that moves."""

from __future__ import annotations

import numpy as np
from holding import Bounds

from quant.stages.delta import EVENTS_MAX, REFERENCE_BITS, THRESHOLD_BITS, Delta, golden

END, MOST = 1 << REFERENCE_BITS, (1 << THRESHOLD_BITS) - 1

BOUNDS = Bounds({"apart": (2 * END, "int32"), "moved": (EVENTS_MAX * MOST, "int32")})


def _format(bits: str, smallest: int, largest: int) -> dict[str, str]:
    return {
        "type": "int32",
        "fraction bits": bits,
        "smallest": str(smallest),
        "largest": str(largest),
    }


TABLES = {
    "format": {
        "threshold": _format("exponent", 1 << THRESHOLD_BITS - 1, MOST),
        "reference": _format("exponent", -END, END),
        "events": _format("0", -EVENTS_MAX, EVENTS_MAX),
    }
}
#: The widest mantissa, the narrowest, and one that rounds up to the next power of two.
THRESHOLDS = (MOST * 2.0**-12, 2048 * 2.0**-12, (4096 - 2.0**-6) * 2.0**-12)


def exercise() -> None:
    """References from end to end, values at both ends and beyond, every leak."""
    ends = [-END, -END + 1, -1, 0, 1, END - 1, END]
    largest = float(np.finfo(np.float32).max)
    for threshold in THRESHOLDS:
        for leak in (0, 1, 5, 15):
            for rest in (0.0, 2.0**90, -(2.0**90)):
                delta = Delta(threshold, leak, rest, len(ends))
                m, e = delta.thresholds
                assert min(m) >= 2048
                assert max(m) <= MOST
                assert abs(m[0] * 2.0 ** -e[0] / threshold - 1) < 2.0**-12
                state = np.zeros(1, delta.dtype)
                state["begun"], state["reference"] = 1, ends
                for value in (-largest, -1.0, 0.0, 1.0, largest):
                    x = np.full(len(ends), value, np.float32)
                    n, reference = golden.step(delta, state, x)
                    q = golden.within(x, np.array(e), REFERENCE_BITS)
                    BOUNDS.hold("apart", q - np.array(ends))
                    BOUNDS.hold("apart", np.array(ends) - np.array(delta.rests))
                    BOUNDS.hold("moved", n * np.array(m))
                    assert np.abs(n).max() <= EVENTS_MAX
                    assert np.abs(reference).max() <= END
