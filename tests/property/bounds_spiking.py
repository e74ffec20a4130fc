"""Bounds of spiking layers: traces, membranes, and what passes a gate."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from bounds_sampling import PRE_ACTIVATION
from holding import Bounds

from quant import spiking
from quant.counters import Saturations
from quant.front_end import INPUT_FRAC_BITS, INPUT_MAX
from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.sampling.golden import DELTA_MAX
from quant.spiking import LEAK_MAX, LEAK_MIN, fields, golden, recurrence
from quant.state import init_state
from quant.tables import EPSILON

ONE = 1 << golden.TRACE_FRAC_BITS
#: What the largest value brings a trace; four events are less.
MOST = INPUT_MAX << golden.INPUT_SHIFT
IN, OUT, FULL = spiking.INPUT_TRACE_MAX, golden.TRACE_MAX, spiking.CHARGE_MAX
EPSILON_MAX = 741
#: What a chip takes for the distance of a charge's mean from the threshold, at most, in 2^-8.
APART_MAX = 1 << 14


def _kept(trace: int) -> int:
    """What the slowest leak leaves."""
    return int(golden.decay(np.array([trace]), LEAK_MAX)[0])


#: The largest deviation of a charge.
DEVIATION = math.isqrt(golden.VARIANCE_MAX) << 2

BOUNDS = Bounds(
    {
        "own": (recurrence.WHOLE, "uint8"),
        "apart": ((INPUT_MAX << golden.INPUT_SHIFT) + IN, "int32"),
        "arrived": (_kept(IN) + MOST, "int32"),
        "fired": (_kept(OUT) + ONE, "int32"),
        "membrane": (PRE_ACTIVATION + (OUT << golden.MEMBRANE_SHIFT), "int32"),
        "charge_left": (_kept(spiking.CHARGE_MAX) + spiking.CHARGE_MAX, "int32"),
        "charge": (spiking.CHARGE_MAX, "int32"),
        "variance_left": (_kept(_kept(golden.VARIANCE_MAX)) + golden.VARIANCE_MAX, "uint32"),
        "variance": (golden.VARIANCE_MAX, "int32"),
        "rooted": ((1 << 32) - 1, "uint32"),
        "deviation": (DEVIATION, "int32"),
        "silent": (7 * APART_MAX**2, "uint32"),
        "charged": (spiking.CHARGE_MAX + (DEVIATION * EPSILON_MAX + 8 >> 4), "int32"),
        "through": (DELTA_MAX * golden.GATE_MAX + 64, "int32"),
    }
)


def _format(kind: str, bits: int, smallest: int, largest: int) -> dict[str, str]:
    return {
        "type": kind,
        "fraction bits": str(bits),
        "smallest": str(smallest),
        "largest": str(largest),
    }


TABLES = {
    "format": {
        "reference": _format("int16", golden.TRACE_FRAC_BITS, -IN, IN),
        "input_trace": _format("int16", golden.TRACE_FRAC_BITS, -IN, IN),
        "reset": _format("int16", golden.TRACE_FRAC_BITS, 0, OUT),
        "output_trace": _format("int16", golden.TRACE_FRAC_BITS, 0, OUT),
        "charge_mean": _format("int32", 16, -FULL, FULL),
        "charge_variance": _format("int32", golden.VARIANCE_FRAC_BITS, 0, golden.VARIANCE_MAX),
        "deviation": _format("int32", 12, 0, DEVIATION),
        "arriving": _format("int16", golden.ARRIVING_FRAC_BITS, 0, 1 << golden.ARRIVING_FRAC_BITS),
        "gate": _format("uint8", golden.GATE_FRAC_BITS, 0, golden.GATE_MAX),
        "own_spikes": _format("uint8", INPUT_FRAC_BITS, 0, recurrence.WHOLE),
        "own_trace": _format("int16", golden.TRACE_FRAC_BITS, 0, OUT),
    },
    "field": {
        field.name: {}
        for field in fields((3, 4, 4), (4, 2, 2, 2), (8, 5), 4, "integer", True, True)
    },
}


def exercise() -> None:
    """Full traces under every leak, the largest pre-activations, thresholds from end to end."""
    config = MesuConfig(n_draws=2)
    ends = np.array([-INPUT_MAX, INPUT_MAX])
    for k in range(LEAK_MIN, LEAK_MAX + 1):
        spec = NetworkSpec((2, 2, 2), False, "none", leaks=(k, k))
        state = init_state(spec, config, "q16")
        for _ in range(300):
            old = state["input_trace"][0].astype(np.int64)
            BOUNDS.hold("arrived", golden.decay(old, k) + (ends << golden.INPUT_SHIFT))
            new, x = golden.arrive(spec, state, ends)
            assert np.abs(new["input_trace"]).max() <= IN
            assert np.abs(x).max() <= INPUT_MAX
            _put(state, new)
        for a in (np.full((2, 2), PRE_ACTIVATION), np.full((2, 2), -PRE_ACTIVATION)):
            for _ in range(80):
                old = state["output_trace"][0].astype(np.int64)
                BOUNDS.hold("fired", golden.decay(old, k) + ONE * (a[0, 0] > 0))
                resets = golden.decay(state["membrane_reset"][0].astype(np.int64), k)
                BOUNDS.hold("membrane", a.reshape(-1) - (resets << golden.MEMBRANE_SHIFT))
                left: dict[str, list[np.ndarray]] = {}
                x, _, gate = golden.fire(spec, state, 0, a, left)
                assert x.min() >= 0
                assert x.max() < 1 << 15
                assert gate.min() >= 0
                for name in ("membrane_reset", "output_trace"):
                    state[name][0] = left[name][0].reshape(-1)
        for _ in range(2000):  # every trace ends at 0
            _put(state, golden.arrive(spec, state, 0 * ends)[0])
        assert not state["input_trace"].any()
    _exercise_events(config)
    _exercise_charges(config)
    _exercise_own()
    threshold = np.full((2, 2), golden.THRESHOLD)
    gate = golden.fire(spec, init_state(spec, config, "q16"), 0, threshold, {})[2]
    assert gate.max() == golden.GATE_MAX
    BOUNDS.hold("through", DELTA_MAX * int(gate.max()) + 64)
    # the slowest trace of all fills to its end
    full = init_state(replace(spec, leaks=(LEAK_MAX, LEAK_MAX)), config, "q16")
    full["output_trace"] = OUT
    BOUNDS.hold("fired", golden.decay(full["output_trace"][0].astype(np.int64), LEAK_MAX) + ONE)
    full["input_trace"] = IN
    kept = golden.decay(full["input_trace"][0].astype(np.int64), LEAK_MAX)
    BOUNDS.hold("arrived", kept + MOST)


def _exercise_charges(config: MesuConfig) -> None:
    """Charges that are full already, and the most that arrives."""
    count = Saturations()
    for k in range(LEAK_MIN, LEAK_MAX + 1):
        spec = NetworkSpec((2, 2, 2), False, "none", leaks=(k, k))
        state = init_state(spec, config, "q16")
        for sign in (1, -1):
            state["charge_mean"], state["charge_variance"] = sign * FULL, golden.VARIANCE_MAX
            left = golden.decay(state["charge_mean"][0].astype(np.int64), k)
            BOUNDS.hold("charge_left", left + sign * FULL)
            kept = golden.decay(state["charge_variance"][0].astype(np.int64), k)
            BOUNDS.hold("variance_left", golden.decay(kept, k) + golden.VARIANCE_MAX)
            most = np.full((2, 1), sign * FULL), np.full((2, 1), golden.VARIANCE_MAX)
            left: dict[str, list[np.ndarray]] = {}
            mean, deviation = golden.charge(spec, state, 0, *most, left, count)
            BOUNDS.hold("charge", left["charge_mean"][0])
            BOUNDS.hold("variance", left["charge_variance"][0])
            BOUNDS.hold("deviation", deviation)
            BOUNDS.hold("charged", mean + (deviation * sign * EPSILON_MAX + 8 >> 4))
    assert count.activation == 4 * 2 * (LEAK_MAX - LEAK_MIN + 1)
    variances = np.array([0, 1, 2, 3, (1 << 30) - 1, 1 << 30, golden.VARIANCE_MAX])
    up = 32 - np.array([int(v).bit_length() for v in variances]) >> 1
    BOUNDS.hold("rooted", variances << 2 * up)
    assert ((variances << 2 * up) >= 1 << 30)[1:].all()
    found, exact = golden.deviation(variances), np.sqrt(variances / 2**20) * 2**12
    assert np.abs(found - exact).max() <= 4
    _exercise_silence()


def _exercise_silence() -> None:
    """Every distance: its largest mean with its largest variance does not fire, however drawn."""
    assert np.abs(np.array(EPSILON)).max() == EPSILON_MAX
    apart = np.arange(APART_MAX + 1)
    BOUNDS.hold("silent", 7 * apart**2)
    mean, variance = golden.THRESHOLD - 1 - (apart << 8), 7 * apart**2 >> 2
    drawn = mean + (golden.deviation(variance) * EPSILON_MAX + 8 >> 4)
    assert drawn.max() == golden.THRESHOLD - 1


def _put(state: np.ndarray, new: dict[str, np.ndarray]) -> None:
    for name, value in new.items():
        state[name][0] = value


def _exercise_own() -> None:
    """Units of which all draws fire at each step, and traces of them that are full."""
    for n_draws in (1, 3, 64):
        shares = golden.share(np.tri(n_draws + 1, n_draws, -1, np.int64), recurrence.WHOLE)
        BOUNDS.hold("own", shares)
        assert (np.diff(shares) >= 0).all()
    spec = NetworkSpec((2, 2, 2, 2), False, "none", leaks=(1, LEAK_MAX, 1), recurrent=True)
    state = init_state(spec, MesuConfig(n_draws=2), "q16")
    state["own_trace"], state["own_spikes"] = OUT, 1
    left = golden.decay(state["own_trace"][0].astype(np.int64), LEAK_MAX)
    BOUNDS.hold("fired", left + ONE)
    new: dict[str, list[np.ndarray]] = {"hidden_events": [0], "hidden_live_inputs": [0]}  # type: ignore[list-item]
    nothing = np.zeros((2, 2), np.int64)
    now, x = golden.with_own(spec, state, 1, nothing, nothing, new)
    assert new["own_trace"][0].max() == OUT
    assert x.max() < 1 << 15
    assert now.max() == 1 << golden.ARRIVING_FRAC_BITS


def _exercise_events(config: MesuConfig) -> None:
    rng = np.random.default_rng(0)
    for threshold in (1, 8, 127):
        spec = NetworkSpec((4, 2), False, "none", leaks=(1,), delta=(threshold, 0))
        state = init_state(spec, config, "q16")
        for t in range(400):
            z = np.array([INPUT_MAX, -INPUT_MAX]) * (1 if t // 100 % 2 else -1)
            z = z if t < 200 else rng.integers(-INPUT_MAX, INPUT_MAX + 1, 2)
            reference = state["delta_reference"][0].astype(np.int64)
            BOUNDS.hold("apart", (z << golden.INPUT_SHIFT) - reference)
            new, events = golden.send_on_delta(spec.delta, state, z)
            assert np.abs(new["delta_reference"]).max() <= IN
            assert events.min() >= 0
            assert events.max() <= 64
            _put(state, new)
