"""Bounds of leaky traces: the fullest trace of each leak, and what is said of it."""

from __future__ import annotations

import numpy as np
from holding import Bounds

from quant.stages.signal import VALUE_BITS, rounded
from quant.stages.traces import COARSEST, FINEST, LEAK_MAX, UNUSED_BITS, Traces, golden

END = 1 << VALUE_BITS
FULL = END << LEAK_MAX

BOUNDS = Bounds({"trace": (FULL, "int32"), "said": (END, "int32")})


def _format(bits: str, smallest: int, largest: int) -> dict[str, str]:
    return {
        "type": "int32",
        "fraction bits": bits,
        "smallest": str(smallest),
        "largest": str(largest),
    }


TABLES = {
    "format": {
        "exponent": _format("0", COARSEST, FINEST),
        "trace": _format("exponent", -FULL, FULL),
    }
}


def exercise() -> None:
    """Full traces of every leak, with the largest value that there is, the least, and steps up."""
    leaks = tuple(range(LEAK_MAX + 1))
    traces = Traces(leaks, 1, 2)
    largest, least = np.finfo(np.float32).max, np.finfo(np.float32).tiny
    for values in ((largest, -largest), (least, -least), (1 - 2.0**-24, 2.0**-20)):
        x = np.array(values, np.float32)
        state = np.zeros(1, traces.dtype)
        traces.reset(state)
        golden.push(traces, state, x)
        sign = np.sign(x).astype(np.int64)[:, None]
        state["trace"] = (sign * END << np.array(leaks))[None]
        for later in (x, x, -x, x / 3, np.zeros(2, np.float32)):
            exponent, trace = golden.step(traces, state, later)
            BOUNDS.hold("trace", trace)
            BOUNDS.hold("said", rounded(trace, np.array(leaks)))
            golden.push(traces, state, later)
            traces.check(state)
            assert exponent.min() >= COARSEST
            assert np.isfinite(golden.look(traces, state, later)).all()
    assert int(exponent.max()) <= FINEST
    small = END >> UNUSED_BITS
    for sign in (1, -1):  # finer units, of the fullest traces that have them
        state["begun"], state["exponent"] = 1, COARSEST
        state["trace"] = (sign * ((small << np.array(leaks)) - 1))[None, None]
        exponent, trace = golden.step(traces, state, np.full(2, sign, np.float32))
        assert exponent.tolist() == [COARSEST + UNUSED_BITS] * 2
        BOUNDS.hold("trace", trace)
        BOUNDS.hold("said", rounded(trace, np.array(leaks)))
    tall = np.zeros(1, traces.dtype)
    traces.reset(tall)
    for value in (least, 1.0, largest):  # coarser and coarser
        golden.push(traces, tall, np.full(2, value, np.float32))
        traces.check(tall)
    assert int(tall["exponent"].min()) == COARSEST
